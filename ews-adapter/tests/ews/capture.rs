//! Captured answers of real servers, and Microsoft's published examples.

use crate::script::*;
use items::people::Meeting;
use items::recurrence::{End, Pattern, Weekday};
use items::{Body, Event, Importance, Recurrence, Reminder, Rule, Sensitivity, ShowAs, Timing};
use std::collections::{BTreeMap, BTreeSet};
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
                    series += usize::from(event.is_series());
                }
                Fetched::Outside => {
                    let kinds = ["Occurrence", "Exception"];
                    let kinds = kinds.map(|kind| format!("<t:CalendarItemType>{kind}<"));
                    assert!(kinds.iter().any(|kind| text.contains(kind)), "{}", file.display());
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

/// Elements of a recorded series that no event holds: the mailbox's own, and what follows from
/// others.
const NOT_HELD: [&str; 40] = [
    "ItemId",
    "ParentFolderId",
    "ItemClass",
    "DateTimeReceived",
    "Size",
    "IsSubmitted",
    "IsDraft",
    "IsFromMe",
    "IsResend",
    "IsUnmodified",
    "DateTimeSent",
    "DateTimeCreated",
    "ResponseObjects",
    "ReminderDueBy",
    "DisplayCc",
    "DisplayTo",
    "HasAttachments",
    "Culture",
    "EffectiveRights",
    "LastModifiedName",
    "LastModifiedTime",
    "IsAssociated",
    "WebClientReadFormQueryString",
    "ConversationId",
    "DateTimeStamp",
    "IsMeeting",
    "IsCancelled",
    "IsRecurring",
    "MeetingRequestWasSent",
    "IsResponseRequested",
    "CalendarItemType",
    "MyResponseType",
    "Organizer",
    "Duration",
    "TimeZone",
    "AppointmentSequenceNumber",
    "AppointmentState",
    "FirstOccurrence",
    "LastOccurrence",
    "IsOnlineMeeting",
];

#[tokio::test]
async fn a_recorded_series_is_read_without_loss() {
    let path = "recordings/exchange-online-2020-2025/CalendarTest.testRecurringEventSupport/05-other-response.xml";
    let Some(path) = shared(path) else { return };
    let fetched = read(&path).await.unwrap();
    let Fetched::Found(sighted) = &fetched[0] else { panic!("{fetched:?}") };
    let days = [Weekday::Wednesday].into();
    let pattern = Pattern::Weekly { interval: 1, days, first_day: Weekday::Sunday };
    let (start, end) = (1_751_450_400, 1_751_454_000);
    let uid = "040000008200E00074C5B7101A82E008000000001AF45EF9C7EDDB01000000000000000010000000\
               F73231FC2ADB164D941E037E14477E38";
    let expected = Event {
        uid: Some(uid.into()),
        subject: Some("Weekly Team Meeting".into()),
        body: Some(Body::default()),
        location: Some("Conference Room A".into()),
        timing: Some(Timing::Timed { start, end, start_zone: None, end_zone: None }),
        recurrence: Some(Recurrence::Rule(Rule { pattern, end: End::Count(4) })),
        occurrences: Some(BTreeMap::new()),
        categories: Some(vec![]),
        reminder: Some(Reminder::Before(15)),
        show_as: Some(ShowAs::Busy),
        sensitivity: Some(Sensitivity::Normal),
        importance: Some(Importance::Normal),
        meeting: Some(Meeting::default()),
        attendees: Some(vec![]),
        attachments: None,
    };
    assert_eq!(event_of(sighted), expected);

    // What else the server says of it is not for an event to hold.
    let text = std::fs::read_to_string(&path).unwrap();
    let item = text.split("<t:CalendarItem>").nth(1).unwrap();
    let held = [
        "Subject",
        "Sensitivity",
        "Body",
        "Importance",
        "ReminderIsSet",
        "ReminderMinutesBeforeStart",
        "UID",
        "Start",
        "End",
        "IsAllDayEvent",
        "LegacyFreeBusyStatus",
        "Location",
        "Recurrence",
    ];
    let known: BTreeSet<&str> = held.into_iter().chain(NOT_HELD).collect();
    let children: BTreeSet<&str> = children(item).into_iter().collect();
    let unknown: Vec<_> = children.difference(&known).collect();
    assert!(children.len() > 40 && unknown.is_empty(), "{unknown:?}");
}

/// The names of an element's children, by the text that follows its start tag.
fn children(text: &str) -> Vec<&str> {
    let (mut names, mut depth) = (Vec::new(), 0_usize);
    for tag in text.split('<').skip(1) {
        let name = tag.trim_start_matches("t:").split([' ', '>', '/']).next().unwrap();
        match tag.strip_prefix('/') {
            Some(_) if depth == 0 => break,
            Some(_) => depth -= 1,
            None => {
                names.extend((depth == 0).then_some(name));
                depth += usize::from(!tag.split('>').next().unwrap().ends_with('/'));
            }
        }
    }
    names
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
