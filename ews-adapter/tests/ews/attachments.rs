//! Attachments, between a mailbox of the built-in Exchange and files in memory.

use crate::script::*;
use crate::series::{date, mondays, named};
use crate::sim::*;
use exchange_sim::Seed;
use items::Event;
use items::attachment::{Attachment, Data};
use items::field::Name;
use std::collections::BTreeSet;
use std::sync::Arc;
use sync_core::ids::RemoteId;
use sync_core::port::{
    Failure, Files, MemoryFiles, Place, Probed, Remote, Target, WriteOp, Written,
};

const ANNA: &str = "anna@contoso.example";

/// A mailbox, and the files that its attachments lie in.
struct Desk {
    world: World,
    files: MemoryFiles,
}

impl Desk {
    async fn new() -> Self {
        let mut world = World::new(Seed::Empty).await;
        let files = MemoryFiles::default();
        world.change_remote(|remote| remote.with_files(Arc::new(files.clone())));
        Self { world, files }
    }

    fn keep(&self, bytes: &[u8]) -> Data {
        let mut digest = digester().file();
        digest.update(bytes);
        let digest = digest.finish();
        let mut intake = self.files.begin().unwrap();
        intake.write(bytes).unwrap();
        intake.finish(&digest).unwrap();
        Data::Bytes { digest, size: bytes.len() as u64 }
    }

    fn file(&self, name: &str, bytes: &[u8]) -> Attachment {
        Attachment {
            name: name.into(),
            media_type: None,
            content_id: None,
            inline: false,
            data: self.keep(bytes),
        }
    }

    fn bytes(&self, attachment: &Attachment) -> Vec<u8> {
        let Data::Bytes { digest, size } = &attachment.data else { panic!("{attachment:?}") };
        let bytes = self.files.read(digest, 0, usize::MAX).unwrap();
        assert_eq!(bytes.len() as u64, *size);
        bytes
    }

    /// What is attached, and whether that can't be written.
    async fn attached(&self, id: &RemoteId) -> (Vec<Attachment>, bool) {
        let sighted = self.world.found(id).await;
        let is_fixed = sighted.rendition.fixed.contains(&Name::Attachments.field());
        (event_of(&sighted).attachments.unwrap(), is_fixed)
    }

    /// Attaches by hand.
    async fn by_hand(&self, item: &RemoteId, attachments: &str) {
        let create = format!(
            "<m:CreateAttachment><m:ParentItemId Id=\"{}\"/><m:Attachments>{attachments}\
             </m:Attachments></m:CreateAttachment>",
            item.as_str()
        );
        self.world.soap(ANNA, &create).await;
    }

    /// The operations since this was asked last that aren't mere reads of items.
    fn operations(&self) -> Vec<&'static str> {
        let all = ["GetAttachment", "CreateAttachment", "DeleteAttachment", "UpdateItem"];
        let requests = self.world.wire.take();
        let of = |request: &String| {
            all.into_iter().find(|operation| request.contains(&format!("<m:{operation}")))
        };
        requests.iter().filter_map(of).collect()
    }
}

fn attaching(item: &Written, attachments: &[Attachment]) -> WriteOp {
    let patch = Event { attachments: Some(attachments.to_vec()), ..Event::default() };
    let (id, if_match) = (item.id.clone(), item.version.clone());
    WriteOp::Update { id, if_match, patch: patch.to_canonical() }
}

fn keys(attachments: &[Attachment]) -> Vec<String> {
    let mut keys: Vec<_> = attachments.iter().map(Attachment::key).collect();
    keys.sort();
    keys
}

fn names(attachments: &[Attachment]) -> Vec<&str> {
    attachments.iter().map(|one| one.name.as_str()).collect()
}

#[tokio::test]
async fn attachments_come_back_as_they_were_written() {
    let desk = Desk::new().await;
    let item = desk.world.create(1, &timed()).await.unwrap();
    assert_eq!(desk.attached(&item.id).await, (vec![], false));
    let long: Vec<u8> = (0..2_000_000_u32).map(|n| (n % 251) as u8).collect();
    let picture = Attachment {
        media_type: Some("image/png".into()),
        content_id: Some("pic1@x".into()),
        inline: true,
        ..desk.file("p.png", b"\x89PNG")
    };
    let wanted = [
        desk.file("Grüße & \"<so>\".txt", b"hello"),
        picture.clone(),
        desk.file("empty", b""),
        desk.file("long.bin", &long),
        desk.file("twice.txt", b"x"),
        desk.file("twice.txt", b"x"),
        Attachment {
            media_type: Some("message/rfc822".into()),
            ..desk.file("AW_ Plan.eml", b"Subject: Plan\r\n\r\nhi")
        },
    ];
    desk.operations();
    let written = desk.world.write(2, attaching(&item, &wanted)).await.unwrap();
    // The long one travels alone; the stamp is the last of them.
    let made = ["CreateAttachment", "CreateAttachment", "CreateAttachment", "UpdateItem"];
    assert_eq!(desk.operations(), made);
    let sighted = desk.world.found(&item.id).await;
    assert_eq!(sighted.stamp, Some(stamp(2)));
    assert_eq!(sighted.rendition.version, written.version);
    let read = event_of(&sighted).attachments.unwrap();
    assert_eq!(keys(&read), keys(&wanted));
    let read_picture = read.iter().find(|one| one.name == "p.png").unwrap();
    assert_eq!(read_picture, &picture);
    assert_eq!(desk.operations(), [""; 0], "what we made ourselves isn't read again");

    // Whoever never saw it reads the same.
    let mut other = Desk { files: MemoryFiles::default(), ..desk };
    other.world.change_remote(|remote| remote.with_files(Arc::new(other.files.clone())));
    let (read, is_fixed) = other.attached(&item.id).await;
    assert_eq!((keys(&read), is_fixed), (keys(&wanted), false));
    assert_eq!(other.operations(), ["GetAttachment"; 3]);
    let read_long = read.iter().find(|one| one.name == "long.bin").unwrap();
    assert!(other.bytes(read_long) == long);
    other.attached(&item.id).await;
    assert_eq!(other.operations(), [""; 0]);
    other.world.nobody_was_mailed();
}

#[tokio::test]
async fn only_what_differs_is_written() {
    let desk = Desk::new().await;
    let item = desk.world.create(1, &timed()).await.unwrap();
    let (a, b) = (desk.file("a", b"1"), desk.file("b", b"2"));
    let item = desk.world.write(2, attaching(&item, &[a.clone(), b.clone(), b.clone()])).await;
    let item = item.unwrap();
    desk.operations();
    let other = desk.file("a", b"3");
    let wanted = [other, b];
    let item = desk.world.write(3, attaching(&item, &wanted)).await.unwrap();
    assert_eq!(desk.operations(), ["DeleteAttachment", "CreateAttachment", "UpdateItem"]);
    assert_eq!(keys(&desk.attached(&item.id).await.0), keys(&wanted));
    let item = desk.world.write(4, attaching(&item, &wanted)).await.unwrap();
    assert_eq!(desk.operations(), ["UpdateItem"]);
    desk.world.write(5, attaching(&item, &[])).await.unwrap();
    assert_eq!(desk.operations(), ["DeleteAttachment", "UpdateItem"]);
    assert_eq!(desk.attached(&item.id).await, (vec![], false));
    assert_eq!(desk.world.found(&item.id).await.stamp, Some(stamp(5)));
}

#[tokio::test]
async fn every_request_about_attachments_is_valid() {
    let desk = Desk::new().await;
    let item = desk.world.create(1, &timed()).await.unwrap();
    let odd = Attachment {
        media_type: Some("\u{1}<&>".into()),
        content_id: Some("a\"b@<x>".into()),
        inline: true,
        ..desk.file("\u{1}]]>&<", b"1")
    };
    let nameless = desk.file("", b"");
    let item = desk.world.write(2, attaching(&item, &[odd.clone(), nameless])).await.unwrap();
    assert_eq!(names(&desk.attached(&item.id).await.0), ["]]>&<", "attachment"]);
    desk.world.write(3, attaching(&item, &[odd])).await.unwrap();
    let other = Desk { files: MemoryFiles::default(), ..desk };
    let mut world = other.world;
    world.change_remote(|remote| remote.with_files(Arc::new(other.files)));
    let (there, _, _) = world.pull(None).await;
    let ids: Vec<_> = there.into_keys().collect();
    world.remote.fetch(&world.calendar, &ids).await.unwrap();
    let requests = world.wire.take();
    for operation in ["GetAttachment", "CreateAttachment", "DeleteAttachment"] {
        assert!(requests.iter().any(|r| r.contains(&format!("<m:{operation}"))), "{operation}");
    }
    validate(&requests);
}

#[tokio::test]
async fn what_others_attached_is_read() {
    let desk = Desk::new().await;
    let item = desk.world.create(1, &timed()).await.unwrap();
    let file = |name: &str| {
        format!(
            "<t:FileAttachment><t:Name>{name}</t:Name><t:Content>b25l</t:Content>\
             </t:FileAttachment>"
        )
    };
    let attachments = [
        file("..\\..\\windows\\a.txt"),
        file("a&#x9;b/.."),
        "<t:ItemAttachment><t:Name>AW: Plan A/B</t:Name><t:Message><t:Subject>inner</t:Subject>\
         <t:Body BodyType=\"Text\">hi there</t:Body></t:Message></t:ItemAttachment>"
            .to_owned(),
        "<t:ItemAttachment><t:Name>lunch</t:Name><t:CalendarItem><t:Subject>Lunch</t:Subject>\
         <t:Start>2027-02-01T10:00:00Z</t:Start><t:End>2027-02-01T11:00:00Z</t:End>\
         </t:CalendarItem></t:ItemAttachment>"
            .to_owned(),
    ];
    desk.by_hand(&item.id, &attachments.concat()).await;
    let (read, is_fixed) = desk.attached(&item.id).await;
    assert!(!is_fixed);
    assert_eq!(names(&read), ["a.txt", "attachment", "AW: Plan A_B.eml", "lunch.ics"]);
    assert_eq!(desk.bytes(&read[0]), b"one");
    assert_eq!(read[2].media_type.as_deref(), Some("message/rfc822"));
    assert!(String::from_utf8(desk.bytes(&read[2])).unwrap().contains("hi there"));
    assert_eq!(read[3].media_type.as_deref(), Some("text/calendar"));
    assert!(desk.bytes(&read[3]).starts_with(b"BEGIN:VCALENDAR"));
    assert_eq!(desk.attached(&item.id).await.0, read, "the second time from our files");
    assert_eq!(desk.operations(), ["GetAttachment"]);

    // Written to another item they are files of the same names, and the same.
    let copy = desk.world.create(2, &Event { uid: None, ..timed() }).await.unwrap();
    let copy = desk.world.write(3, attaching(&copy, &read)).await.unwrap();
    assert_eq!(keys(&desk.attached(&copy.id).await.0), keys(&read));
}

#[tokio::test]
async fn links_are_read_and_not_made() {
    let desk = Desk::new().await;
    let item = desk.world.create(1, &timed()).await.unwrap();
    desk.world.wire.rewrite(|request, answer| {
        let list = "<t:Attachments><t:ReferenceAttachment><t:AttachmentId Id=\"r\"/>\
                    <t:Name>Plan.docx</t:Name><t:AttachLongPathName>https://x.example/p?a=1\
                    </t:AttachLongPathName></t:ReferenceAttachment></t:Attachments><t:Culture>";
        match request.contains("item:Attachments") {
            true => answer.replacen("<t:Culture>", list, 1).replacen(
                "<t:Importance>",
                &format!("{}<t:Importance>", list.trim_end_matches("<t:Culture>")),
                1,
            ),
            false => answer,
        }
    });
    let (read, is_fixed) = desk.attached(&item.id).await;
    assert_eq!(read[0].data, Data::Link("https://x.example/p?a=1".into()));
    assert_eq!((names(&read), is_fixed), (vec!["Plan.docx"], false));
    // It may stay where it is.
    desk.world.write(2, attaching(&item, &read)).await.unwrap();
    desk.world.wire.rewrite(|_, answer| answer);
    let copy = desk.world.create(3, &Event { uid: None, ..timed() }).await.unwrap();
    let refused = desk.world.write(4, attaching(&copy, &read)).await;
    let Err(Failure::Permanent(trouble)) = refused else { panic!("{refused:?}") };
    assert_eq!(trouble.code, "attachment-is-link");
}

#[tokio::test]
async fn one_that_cannot_be_read_leaves_the_others() {
    type Breaking = fn(String) -> String;
    let broken: [(&str, Breaking); 5] = [
        ("corrupt", |answer| answer.replace("<t:Content>dHdv</t:Content>", "")),
        ("no base64", |answer| answer.replace("dHdv", "dH=v")),
        ("refused", |answer| {
            let end = "</m:GetAttachmentResponseMessage>";
            let refuse = |message: &str| match message.split_once("<m:GetAttachmentResponseMessage")
            {
                Some((head, inside)) if inside.contains("dHdv") => {
                    head.to_owned() + &error("GetAttachment", "ErrorCannotOpenFileAttachment")
                }
                Some(_) | None => message.to_owned(),
            };
            answer.split_inclusive(end).map(refuse).collect()
        }),
        ("too large", |answer| {
            let at = answer.rfind("<t:Size>");
            let end = answer.rfind("</t:Size>");
            match (at, end) {
                (Some(at), Some(end)) => {
                    format!("{}<t:Size>67108865{}", &answer[..at], &answer[end..])
                }
                _ => answer,
            }
        }),
        ("unpadded", |answer| answer.replace("dHdv", "dHc")),
    ];
    for (what, breaking) in broken {
        let desk = Desk::new().await;
        let item = desk.world.create(1, &timed()).await.unwrap();
        let file = |name: &str, content: &str| {
            format!(
                "<t:FileAttachment><t:Name>{name}</t:Name><t:Content>{content}</t:Content>\
                 </t:FileAttachment>"
            )
        };
        desk.by_hand(&item.id, &(file("a", "b25l") + &file("b", "dHdv"))).await;
        desk.world.wire.rewrite(move |request, answer| {
            match request.contains("<m:GetAttachment>") || what == "too large" {
                true => breaking(answer),
                false => answer,
            }
        });
        let (read, is_fixed) = desk.attached(&item.id).await;
        if what == "unpadded" {
            assert_eq!((names(&read), is_fixed), (vec!["a", "b"], false));
            assert_eq!(desk.bytes(&read[1]), b"tw");
            continue;
        }
        assert_eq!((names(&read), is_fixed), (vec!["a"], true), "{what}");
        desk.operations();
        let now = Written { version: None, ..item };
        let refused = desk.world.write(2, attaching(&now, &read)).await;
        let Err(Failure::Permanent(trouble)) = refused else { panic!("{what} {refused:?}") };
        assert_eq!(trouble.code, "field-fixed", "{what}");
        assert!(desk.operations().iter().all(|operation| *operation == "GetAttachment"));
    }
}

#[tokio::test]
async fn what_passes_holds_up_the_read() {
    let desk = Desk::new().await;
    let item = desk.world.create(1, &timed()).await.unwrap();
    let content = "<t:FileAttachment><t:Name>a</t:Name><t:Content>b25l</t:Content>\
                   </t:FileAttachment>";
    desk.by_hand(&item.id, content).await;
    for what in ["drop-before", "drop-after", "truncate", "busy", "throttle", "html"] {
        desk.world.fault("GetAttachment", what);
        let read =
            desk.world.remote.fetch(&desk.world.calendar, std::slice::from_ref(&item.id)).await;
        let passes = matches!(read, Err(Failure::Transient(_) | Failure::Throttled { .. }));
        assert!(passes, "{what} {read:?}");
    }
    assert_eq!(names(&desk.attached(&item.id).await.0), ["a"]);
}

#[tokio::test]
async fn a_write_that_was_cut_short_is_not_done_and_can_be_done_again() {
    // What a write asks for, in its order.
    let requests = [
        ("GetItem", 1),
        ("DeleteAttachment", 1),
        ("CreateAttachment", 1),
        ("CreateAttachment", 2),
        ("GetItem", 2),
        ("UpdateItem", 1),
    ];
    for what in ["drop-before", "drop-after", "truncate", "busy"] {
        for (at, (operation, nth)) in requests.into_iter().enumerate() {
            let desk = Desk::new().await;
            let world = &desk.world;
            let item = world.create(1, &timed()).await.unwrap();
            let old = [desk.file("a", b"1"), desk.file("b", b"2")];
            let item = world.write(2, attaching(&item, &old)).await.unwrap();
            let large = desk.file("large", &vec![7; 1_100_000]);
            let wanted = [old[1].clone(), desk.file("a", b"3"), large, desk.file("c", b"4")];
            let rule = serde_json::json!({
                "match": {"service": "ews", "operation": operation, "nth": nth}, "do": what
            });
            world.control("POST", "/faults", &rule.to_string());
            let cut = world.write(3, attaching(&item, &wanted)).await;
            // That nothing happened is said as long as nothing was sent that changes anything.
            let nothing_happened =
                matches!(cut, Err(Failure::Throttled { .. } | Failure::Transient(_)));
            let in_doubt = matches!(cut, Err(Failure::InDoubt(_)));
            let is_known = at == 0 || at == 1 && what == "busy";
            assert!(if is_known { nothing_happened } else { in_doubt }, "{what} {at} {cut:?}");
            let arrived = operation == "UpdateItem" && matches!(what, "drop-after" | "truncate");
            let expected = match arrived {
                true => Probed::Applied { id: item.id.clone(), place: Place::Folder },
                false => Probed::NotApplied,
            };
            assert_eq!(world.probe(3, Target::Update(item.id.clone())).await, expected);
            let version = world.found(&item.id).await.rendition.version.clone();
            let now = Written { version, ..item };
            let written = world.write(4, attaching(&now, &wanted)).await.unwrap();
            assert_eq!(keys(&desk.attached(&now.id).await.0), keys(&wanted), "{what} {at}");
            assert_eq!(world.found(&now.id).await.rendition.version, written.version);
            world.nobody_was_mailed();
        }
    }
}

#[tokio::test]
async fn nobody_elses_edit_is_overwritten() {
    for before in ["<m:CreateAttachment>", "<m:UpdateItem "] {
        for is_attachment in [true, false] {
            let desk = Desk::new().await;
            let item = desk.world.create(1, &timed()).await.unwrap();
            let (sim, calendar) = (desk.world.sim.clone(), desk.world.calendar.clone());
            let theirs = desk.file("theirs", b"theirs");
            let files = Arc::new(desk.files.clone());
            let op = match is_attachment {
                true => attaching(&Written { version: None, ..item.clone() }, &[theirs]),
                false => {
                    let patch = Event { subject: Some("theirs".into()), ..Event::default() };
                    let patch = patch.to_canonical();
                    WriteOp::Update { id: item.id.clone(), if_match: None, patch }
                }
            };
            let transport = Arc::new(exchange_sim::SimTransport::new(sim));
            let config = config_of(exchange_sim::DEFAULT_PASSWORD);
            let other = ews_adapter::EwsRemote::new(config, transport, digester());
            let other = other.with_files(files);
            desk.world.wire.before(before, async move {
                let write = sync_core::port::Write { folder: calendar, stamp: stamp(7), op };
                other.write(&[write]).await.remove(0).unwrap();
            });
            let ours = desk.file("ours", b"ours");
            let stale = desk.world.write(2, attaching(&item, &[ours])).await;
            assert!(matches!(stale, Err(Failure::Stale(_))), "{before} {stale:?}");
            let sighted = desk.world.found(&item.id).await;
            assert_ne!(sighted.stamp, Some(stamp(2)));
            let event = event_of(&sighted);
            match is_attachment {
                true => {
                    let attachments = event.attachments.unwrap();
                    assert!(names(&attachments).contains(&"theirs"), "{before}");
                }
                false => assert_eq!(event.subject.as_deref(), Some("theirs")),
            }
        }
    }
}

#[tokio::test]
async fn what_exchange_does_not_take_is_refused_before_anything_is_sent() {
    let desk = Desk::new().await;
    let item = desk.world.create(1, &timed()).await.unwrap();
    let item = desk.world.write(2, attaching(&item, &[desk.file("a", b"1")])).await.unwrap();
    desk.operations();
    let sized = |size: u64| {
        let mut digest = digester().file();
        digest.update(&size.to_be_bytes());
        let data = Data::Bytes { digest: digest.finish(), size };
        Attachment { data, ..desk.file("b", b"") }
    };
    for (attachment, code) in [
        (sized(45 * 1024 * 1024 + 1), "attachment-too-large"),
        (sized(7), "attachment-not-kept"),
        (desk.file(&"ä".repeat(256), b"x"), "attachment-name-too-long"),
        (
            Attachment { data: Data::Link("https://x.example".into()), ..desk.file("b", b"") },
            "attachment-is-link",
        ),
    ] {
        let wanted = [desk.file("good", b"good"), attachment];
        let refused = desk.world.write(3, attaching(&item, &wanted)).await;
        let Err(Failure::Permanent(trouble)) = refused else { panic!("{refused:?}") };
        assert_eq!(trouble.code, code);
        assert_eq!(desk.operations(), [""; 0]);
    }
    let refused = desk.world.write(3, attaching(&item, &[sized(50_000_000)])).await;
    let detail = refused.unwrap_err().trouble().detail.clone();
    assert!(detail.contains("50000000") && detail.contains("47185920"), "{detail}");
    assert_eq!(names(&desk.attached(&item.id).await.0), ["a"]);
}

#[tokio::test]
async fn occurrences_and_attachments_can_be_written_as_one() {
    let desk = Desk::new().await;
    let item = desk.world.create(1, &mondays(4)).await.unwrap();
    let wanted = [(date("2027-02-08"), named("x"))];
    let patch = Event {
        occurrences: Some(wanted.into()),
        attachments: Some(vec![desk.file("a", b"1")]),
        ..Event::default()
    };
    let (id, if_match) = (item.id.clone(), item.version);
    let op = WriteOp::Update { id, if_match, patch: patch.to_canonical() };
    let written = desk.world.write(2, op).await.unwrap();
    let sighted = desk.world.found(&item.id).await;
    let event = event_of(&sighted);
    assert_eq!(event.occurrences, patch.occurrences);
    assert_eq!(keys(&event.attachments.unwrap()), keys(&patch.attachments.unwrap()));
    assert_eq!((sighted.stamp, sighted.rendition.version), (Some(stamp(2)), written.version));
    // The occurrence, and the stamp.
    assert_eq!(desk.operations().iter().filter(|o| **o == "UpdateItem").count(), 2);
}

#[tokio::test]
async fn without_files_there_are_no_attachments() {
    let desk = Desk::new().await;
    let field = Name::Attachments.field();
    let with = desk.world.remote.capabilities();
    assert!(with.fields.contains(&field));
    assert_eq!(with.late.get(&field), Some(&BTreeSet::new()));
    let mut world = desk.world;
    world.change_remote(|remote| remote);
    let without = world.remote.capabilities();
    assert!(!without.fields.contains(&field) && !without.late.contains_key(&field));
    let item = world.create(1, &timed()).await.unwrap();
    assert_eq!(event_of(&*world.found(&item.id).await).attachments, None);
    assert!(!world.wire.take().concat().contains("item:Attachments"));
    let refused = world.write(2, attaching(&item, &[])).await;
    assert!(matches!(refused, Err(Failure::Permanent(_))), "{refused:?}");
}

#[tokio::test]
async fn a_file_edited_in_place_is_read_again() {
    let desk = Desk::new().await;
    let item = desk.world.create(1, &timed()).await.unwrap();
    let item = desk.world.write(2, attaching(&item, &[desk.file("a", b"1")])).await.unwrap();
    let before = desk.attached(&item.id).await.0;
    // Outlook saves into the attachment: the id stays.
    desk.world.wire.rewrite(|_, answer| {
        let modified = "<t:LastModifiedTime>2031-01-01T00:00:00</t:LastModifiedTime><t:IsInline>";
        let answer = answer.replace("<t:Content>MQ==", "<t:Content>Mg==");
        match answer.split_once("<t:FileAttachment>") {
            Some((head, list)) => {
                let parts: Vec<&str> = list.splitn(2, "<t:LastModifiedTime>").collect();
                match parts[..] {
                    [before, after] => {
                        let after = after.split_once("<t:IsInline>").unwrap().1;
                        format!("{head}<t:FileAttachment>{before}{modified}{after}")
                    }
                    _ => answer.clone(),
                }
            }
            None => answer,
        }
    });
    let after = desk.attached(&item.id).await.0;
    assert_ne!(keys(&before), keys(&after));
    assert_eq!(desk.bytes(&after[0]), b"2");
}
