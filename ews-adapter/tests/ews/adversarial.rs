//! Hostile answers that real servers gave, each with what is expected of us.

use crate::script::*;
use items::Timing;
use items::attachment::Data;
use std::sync::Arc;
use sync_core::port::{Failure, Fetched, Files, MemoryFiles, Remote};

/// Files about exports and notification streams, which this adapter doesn't read.
const ELSEWHERE: [&str; 2] = ["08-stream-concatenated.bin", "14-export-truncated.xml"];
const HERE: [&str; 14] = [
    "01-charref-c0.xml",
    "02-raw-c0-bytes.xml",
    "04-unpadded-base64.xml",
    "05-tz-utc-uri.xml",
    "06-tz-localised-id.xml",
    "07a-tz-odd-id.xml",
    "07b-tz-odd-id.xml",
    "09-serverbusy-in-message.xml",
    "10-serverbusy-fault-http500.xml",
    "12-getitem-mixed-batch.xml",
    "15-calendar-no-uid.xml",
    "16-attachment-naive-datetime.xml",
    "18-not-xml-login-page.html",
    "19-bom-prefixed.xml",
];

fn bytes(file: &str) -> Option<Vec<u8>> {
    shared(&format!("adversarial/{file}")).map(|path| std::fs::read(path).unwrap())
}

async fn fetch(body: Vec<u8>, n: usize) -> Result<Vec<Fetched>, Failure> {
    remote(&Script::replies([ok(body)])).fetch(&folder(), &ids(n)).await
}

#[test]
fn every_file_of_the_manifest_is_looked_at() {
    let Some(manifest) = bytes("MANIFEST.csv") else { return };
    let manifest = String::from_utf8(manifest).unwrap();
    for file in manifest.lines().skip(1).filter_map(|line| line.split(',').next()) {
        assert!(HERE.contains(&file) || ELSEWHERE.contains(&file), "{file}");
    }
}

/// The message of a file as a calendar item, so that its subject is read.
fn as_event(mut body: Vec<u8>) -> Vec<u8> {
    for (from, to) in [
        (&b"t:Message>"[..], &b"t:CalendarItem>"[..]),
        (b"</t:CalendarItem>", b"<t:Start>2026-11-25T08:00:00Z</t:Start><t:End>2026-11-25T09:00:00Z</t:End></t:CalendarItem>"),
    ] {
        while let Some(at) = body.windows(from.len()).position(|w| w == from) {
            let done = from.starts_with(b"</") && body[..at].ends_with(b"</t:End>");
            if done {
                break;
            }
            body.splice(at..at + from.len(), to.iter().copied());
        }
    }
    body
}

#[tokio::test]
async fn illegal_characters_do_not_lose_the_item() {
    for (file, subject) in [
        ("01-charref-c0.xml", "found CASEBRS  CAIXA"),
        ("02-raw-c0-bytes.xml", "found AB"),
        ("19-bom-prefixed.xml", "not-an-event"),
    ] {
        let Some(body) = bytes(file) else { return };
        let body = if file.starts_with("19") { body } else { as_event(body) };
        let fetched = fetch(body, 1).await.unwrap();
        assert_eq!(words(&fetched), [subject], "{file}");
    }
}

#[tokio::test]
async fn odd_zones_keep_their_names_and_instants() {
    for (file, zone) in [
        ("05-tz-utc-uri.xml", "tzone://Microsoft/Utc"),
        ("06-tz-localised-id.xml", "Mitteleuropäische Zeit"),
        ("07a-tz-odd-id.xml", "Customized Time Zone"),
        ("07b-tz-odd-id.xml", "(GMT+01:00) Amsterdam, Berlin, Berne, Rome, Stockholm, Vienne"),
    ] {
        let Some(body) = bytes(file) else { return };
        let fetched = fetch(body.clone(), 1).await.unwrap();
        let Fetched::Found(sighted) = &fetched[0] else { panic!("{file}: {fetched:?}") };
        let zone = Some(zone.to_owned());
        let expected = Timing::Timed {
            start: 1_714_132_800,
            end: 1_714_136_400,
            start_zone: zone.clone(),
            end_zone: zone,
        };
        assert_eq!(event_of(sighted).timing, Some(expected), "{file}");
    }
}

#[tokio::test]
async fn a_localised_zone_is_told_from_its_definition() {
    let Some(body) = bytes("06-tz-localised-id.xml") else { return };
    let body = String::from_utf8(body)
        .unwrap()
        .replace("2024-04-26T12:00:00Z", "2024-04-25T22:00:00Z")
        .replace(
            "2024-04-26T13:00:00Z</t:End>",
            "2024-04-26T22:00:00Z</t:End><t:IsAllDayEvent>true</t:IsAllDayEvent>",
        );
    let fetched = fetch(body.into_bytes(), 1).await.unwrap();
    let Fetched::Found(sighted) = &fetched[0] else { panic!("{fetched:?}") };
    let Some(Timing::AllDay { start, end, .. }) = event_of(sighted).timing else { panic!() };
    assert_eq!((start.to_string(), end.to_string()), ("2024-04-26".into(), "2024-04-27".into()));
}

#[tokio::test]
async fn busy_servers_are_left_alone_as_long_as_they_ask() {
    let Some(in_message) = bytes("09-serverbusy-in-message.xml") else { return };
    let Some(in_fault) = bytes("10-serverbusy-fault-http500.xml") else { return };
    for (reply, ms) in [(ok(in_message), 5000), (status(500, &[], in_fault), 297_749)] {
        let failure = remote(&Script::replies([reply])).pull(&folder(), None).await.unwrap_err();
        assert!(matches!(failure, Failure::Throttled { after_ms: Some(wait), .. } if wait == ms));
    }
}

#[tokio::test]
async fn one_bad_item_does_not_lose_the_others() {
    let Some(body) = bytes("12-getitem-mixed-batch.xml") else { return };
    let last = ok(response("GetItem", &error("GetItem", "ErrorItemNotFound")));
    let script = Script::replies([ok(body), last]);
    let fetched = remote(&script).fetch(&folder(), &ids(4)).await.unwrap();
    assert_eq!(
        words(&fetched),
        ["not-an-event", "missing", "ErrorMimeContentConversionFailed", "missing"]
    );
    assert_eq!(item_ids(&script.requests()[1]), ["id3"]);
}

#[tokio::test]
async fn an_empty_uid_is_none() {
    let Some(body) = bytes("15-calendar-no-uid.xml") else { return };
    let fetched = fetch(body, 1).await.unwrap();
    let Fetched::Found(sighted) = &fetched[0] else { panic!("{fetched:?}") };
    assert_eq!(event_of(sighted).uid, None);
}

#[tokio::test]
async fn an_attachment_without_padding_zone_and_manners_is_a_file() {
    let Some(content) = bytes("04-unpadded-base64.xml") else { return };
    let Some(listed) = bytes("16-attachment-naive-datetime.xml") else { return };
    let listed = String::from_utf8(as_event(listed)).unwrap();
    let listed = listed.replace("<t:Name>a<", "<t:Name>../../etc/x&#x11;.txt<");
    let files = MemoryFiles::default();
    let script = Script::replies([ok(listed), ok(content)]);
    let remote = remote(&script).with_files(Arc::new(files.clone()));
    let fetched = remote.fetch(&folder(), &ids(1)).await.unwrap();
    let Fetched::Found(sighted) = &fetched[0] else { panic!("{fetched:?}") };
    let attachments = event_of(sighted).attachments.unwrap();
    assert_eq!(attachments[0].name, "x.txt");
    let Data::Bytes { digest, size: 17 } = &attachments[0].data else { panic!("{attachments:?}") };
    assert_eq!(files.read(digest, 0, 99).unwrap(), b"hello attachment!");
    assert!(sighted.rendition.fixed.is_empty());
}

#[tokio::test]
async fn a_login_page_is_no_empty_answer() {
    let Some(body) = bytes("18-not-xml-login-page.html") else { return };
    let script = Script::replies([ok(body)]);
    let failure = remote(&script).pull(&folder(), None).await.unwrap_err();
    assert_eq!(failure.trouble().code, "not-soap");
    assert!(matches!(failure, Failure::Transient(_)));
}

#[tokio::test]
async fn no_file_makes_it_panic() {
    for file in HERE.iter().chain(&ELSEWHERE) {
        let Some(body) = bytes(file) else { return };
        for n in 0..3 {
            let remote = remote(&Script::new({
                let body = body.clone();
                move |_| ok(body.clone())
            }));
            let remote = remote.with_files(Arc::new(MemoryFiles::default()));
            let _ = remote.fetch(&folder(), &ids(n)).await;
            let _ = remote.pull(&folder(), None).await;
            let _ = remote.folders().await;
        }
    }
}
