//! Captured answers of real servers, and Microsoft's published examples.

use crate::script::*;
use items::{Reminder, ShowAs, Timing};
use std::path::{Path, PathBuf};
use sync_core::port::{Fetched, Remote};

fn xml_files(dir: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            xml_files(&path, found);
        } else if path.extension().is_some_and(|e| e == "xml") {
            found.push(path);
        }
    }
}

/// What reading a captured GetItem answer gives; `None` for other answers.
async fn read(path: &Path) -> Option<Vec<Fetched>> {
    let text = std::fs::read_to_string(path).ok()?;
    if !text.contains("GetItemResponse>") && !text.contains(":GetItemResponse ") {
        return None;
    }
    // Microsoft's examples print the namespaces with https, which no server sends.
    let text = text.replace("\"https://schemas.", "\"http://schemas.");
    let messages = text.matches("<m:GetItemResponseMessage ").count();
    // Recordings lie in folders of their own; take the folder that the item says.
    let parent = text.split("ParentFolderId Id=\"").nth(1).and_then(|p| p.split('"').next());
    let folder = sync_core::ids::FolderId::from(parent.unwrap_or("AAMk"));
    remote(&Script::replies([ok(text.clone())])).fetch(&folder, &ids(messages)).await.ok()
}

#[tokio::test]
async fn recorded_calendar_items_are_read() {
    let Some(dir) = shared("recordings") else { return };
    let mut files = Vec::new();
    xml_files(&dir, &mut files);
    let (mut found, mut series) = (0, 0);
    for file in files {
        let text = std::fs::read_to_string(&file).unwrap_or_default();
        let Some(fetched) = read(&file).await else { continue };
        for fetched in fetched.iter().filter(|_| text.contains("<t:CalendarItem>")) {
            match fetched {
                Fetched::Found(sighted) => {
                    let event = event_of(sighted);
                    assert!(event.uid.is_some() && event.timing.is_some(), "{}", file.display());
                    assert!(
                        sighted.rendition.version.is_some()
                            && sighted.rendition.edited_ms.is_some()
                    );
                    found += 1;
                }
                Fetched::Unreadable(trouble) if trouble.code == "series-not-supported" => {
                    series += 1
                }
                other => panic!("{}: {other:?}", file.display()),
            }
        }
    }
    assert!(found >= 1 && series >= 1, "{found} events, {series} series");
}

#[tokio::test]
async fn a_recorded_event_is_read_whole() {
    let path = "recordings/exchange-online-2020-2025/CalendarTest.testGetCalendarItem/05-GetItem-response.xml";
    let Some(path) = shared(path) else { return };
    let fetched = read(&path).await.unwrap();
    let Fetched::Found(sighted) = &fetched[0] else { panic!("{fetched:?}") };
    let event = event_of(sighted);
    assert_eq!(event.subject.as_deref(), Some("Test Get Item 2"));
    assert_eq!(event.reminder, Some(Reminder::Before(15)));
    assert_eq!(event.show_as, Some(ShowAs::Busy));
    assert_eq!(event.location.as_deref(), Some(""));
    let (start, end) = (1_435_737_600, 1_435_741_200);
    assert_eq!(event.timing, Some(Timing::Timed { start, end, start_zone: None, end_zone: None }));
    assert_eq!(sighted.rendition.edited_ms, Some(1_599_747_314_000));
    assert_eq!(sighted.stamp, None);
}

#[tokio::test]
async fn published_examples_are_read_or_refused() {
    let Some(dir) = shared("examples") else { return };
    let mut files = Vec::new();
    xml_files(&dir, &mut files);
    let mut pages = 0;
    for file in files.iter().filter(|f| f.to_string_lossy().ends_with("-response.xml")) {
        let text = std::fs::read(file).unwrap();
        let text =
            String::from_utf8_lossy(&text).replace("\"https://schemas.", "\"http://schemas.");
        let remote = remote(&Script::new(move |_| ok(text.clone())));
        for n in 0..3 {
            let _ = remote.fetch(&folder(), &ids(n)).await;
        }
        pages += usize::from(remote.pull(&folder(), None).await.is_ok());
        let _ = remote.folders().await;
    }
    assert!(pages >= 1);
}
