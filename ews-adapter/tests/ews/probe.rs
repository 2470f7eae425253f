//! Finding out what became of writes in doubt.

use crate::script::*;
use sync_core::port::{Failure, Place, Probe, Probed, Remote, Target};

fn probe(n: u64, target: Target) -> Probe {
    Probe { folder: folder(), stamp: stamp(n), target }
}

fn property(value: &str) -> String {
    format!(
        "<t:ExtendedProperty><t:ExtendedFieldURI PropertySetId=\"e0b26d46-6b7c-4c5a-9f0e-5d1c2b7a9e31\" \
         PropertyName=\"evensync-s1\" PropertyType=\"String\"/><t:Value>{value}</t:Value>\
         </t:ExtendedProperty>"
    )
}

fn found(items: &[(&str, u64)]) -> String {
    let item = |(id, n): &(&str, u64)| {
        let stamp = property(&stamp(*n).to_string());
        format!("<t:CalendarItem><t:ItemId Id=\"{id}\" ChangeKey=\"k\"/>{stamp}</t:CalendarItem>")
    };
    let items: String = items.iter().map(item).collect();
    let root = "<m:RootFolder TotalItemsInView=\"1\" IncludesLastItemInRange=\"true\">";
    success("FindItem", &format!("{root}<t:Items>{items}</t:Items></m:RootFolder>"))
}

#[tokio::test]
async fn creates_are_searched_for_and_the_trash_counts_last() {
    let answer = [found(&[("a", 1), ("b", 2)]), found(&[("a2", 1), ("c", 3)])].concat();
    let script = Script::replies([ok(response("FindItem", &answer))]);
    let probes: Vec<_> = (1..5).map(|n| probe(n, Target::Create)).collect();
    let probed = remote(&script).probe(&probes).await.unwrap();
    let applied = |id: &str, place| Probed::Applied { id: id.into(), place };
    assert_eq!(
        probed,
        [
            applied("a", Place::Folder),
            applied("b", Place::Folder),
            applied("c", Place::Trash),
            Probed::NotApplied
        ]
    );
    let request = &script.requests()[0];
    assert!(request.contains("<t:Or>") && request.contains("deleteditems"), "{request}");
}

#[tokio::test]
async fn many_creates_take_few_searches() {
    let script = Script::new(|_| ok(response("FindItem", &found(&[]).repeat(2))));
    let probes: Vec<_> = (0..45).map(|n| probe(n, Target::Create)).collect();
    let probed = remote(&script).probe(&probes).await.unwrap();
    assert_eq!(probed, vec![Probed::NotApplied; 45]);
    assert_eq!(script.requests().len(), 3);
    assert!(remote(&script).probe(&[]).await.unwrap().is_empty());
}

#[tokio::test]
async fn items_that_are_known_are_asked_first() {
    let parent = format!("<t:ParentFolderId Id=\"{FOLDER}\"/>");
    let script = Script::new(move |request| {
        if request.contains("<m:FindItem ") {
            assert!(
                request.contains(&stamp(3).to_string()) && request.contains(&stamp(4).to_string())
            );
            return ok(response("FindItem", &[found(&[]), found(&[("moved", 3)])].concat()));
        }
        let read = |id: &String| {
            let marks = match id.as_str() {
                "mine" => property(&stamp(1).to_string()),
                "older" => property(&stamp(99).to_string()),
                "broken" => property("nonsense"),
                "kept" => String::new(),
                _ => return error("GetItem", "ErrorItemNotFound"),
            };
            success("GetItem", &item(id, "k", &format!("{parent}{marks}")))
        };
        ok(response("GetItem", &item_ids(request).iter().map(read).collect::<String>()))
    });
    let update = |n, id: &str| probe(n, Target::Update(id.into()));
    let delete = |n, id: &str| probe(n, Target::Delete(id.into()));
    let probed = remote(&script)
        .probe(&[
            update(1, "mine"),
            update(2, "older"),
            update(3, "gone3"),
            update(4, "gone4"),
            delete(5, "kept"),
            delete(6, "gone6"),
            update(7, "broken"),
        ])
        .await
        .unwrap();
    let applied = |id: &str, place| Probed::Applied { id: id.into(), place };
    assert_eq!(
        probed,
        [
            applied("mine", Place::Folder),
            Probed::NotApplied,
            applied("moved", Place::Trash),
            Probed::NotApplied,
            Probed::NotApplied,
            applied("gone6", Place::Trash),
            Probed::NotApplied,
        ]
    );
    assert_eq!(script.requests().len(), 2);
}

#[tokio::test]
async fn a_probe_that_gets_no_answer_says_nothing() {
    let script =
        Script::new(|_| ok(response("FindItem", &error("FindItem", "ErrorServerBusy").repeat(2))));
    let failure = remote(&script).probe(&[probe(1, Target::Create)]).await.unwrap_err();
    assert!(matches!(failure, Failure::Throttled { .. }), "{failure:?}");
    let script = Script::new(|_| ok(response("GetItem", &error("GetItem", "ErrorAccessDenied"))));
    let failure = remote(&script).probe(&[probe(1, Target::Delete("x".into()))]).await.unwrap_err();
    assert!(matches!(failure, Failure::Unauthorized(_)), "{failure:?}");
}
