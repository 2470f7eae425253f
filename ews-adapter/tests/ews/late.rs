//! Writing occurrences while the connection breaks, others write, and the server has its whims.

use crate::script::*;
use crate::series::*;
use crate::sim::*;
use ews_adapter::EwsRemote;
use exchange_sim::{DEFAULT_PASSWORD, Seed, SimTransport};
use items::Occurrence;
use std::sync::Arc;
use sync_core::port::{Failure, Place, Probed, Remote, Target, Write, Written};

/// Lets somebody give a series other occurrences just before our next request with this text.
fn somebody_writes(world: &World, before: &str, item: &Written, occurrences: &Wanted) {
    let sim = Arc::new(SimTransport::new(world.sim.clone()));
    let theirs = EwsRemote::new(config_of(DEFAULT_PASSWORD), sim, digester());
    let write = Write {
        folder: world.calendar.clone(),
        stamp: stamp(7),
        op: late(&Written { version: None, ..item.clone() }, occurrences),
    };
    world.wire.before(before, async move {
        theirs.write(&[write]).await.remove(0).unwrap();
    });
}

#[tokio::test]
async fn a_write_that_was_cut_short_is_not_done_and_can_be_done_again() {
    let wanted = set(&[
        ("2027-02-08", Occurrence::Deleted),
        ("2027-02-15", named("a")),
        ("2027-02-22", moved("2027-02-22T15:00:00")),
    ]);
    for what in ["drop-before", "drop-after", "truncate", "busy"] {
        // The requests that change something: one deletion, two changes, the stamp.
        for nth in 1..=4 {
            let world = World::new(Seed::Empty).await;
            let series = mondays(6);
            let item = world.create(1, &series).await.unwrap();
            let (operation, nth) =
                if nth == 1 { ("DeleteItem", 1) } else { ("UpdateItem", nth - 1) };
            let rule = serde_json::json!({
                "match": {"service": "ews", "operation": operation, "nth": nth}, "do": what
            });
            world.control("POST", "/faults", &rule.to_string());
            let cut = world.write(2, late(&item, &wanted)).await;
            let is_doubtful = matches!(cut, Err(Failure::InDoubt(_)));
            let is_throttled = matches!(cut, Err(Failure::Throttled { .. }));
            // That nothing happened is said of the first one only.
            let expected = if what == "busy" && operation == "DeleteItem" {
                is_throttled
            } else {
                is_doubtful
            };
            assert!(expected, "{what} {nth} {cut:?}");

            let probed = world.probe(2, Target::Update(item.id.clone())).await;
            let arrived = nth == 3 && matches!(what, "drop-after" | "truncate");
            let place = Place::Folder;
            let expected = match arrived {
                true => Probed::Applied { id: item.id.clone(), place },
                false => Probed::NotApplied,
            };
            assert_eq!(probed, expected, "{what} at the {nth}. {operation}");
            let now = current(&world, &item.id).await;
            if now.version != item.version {
                let stale = world.write(3, late(&item, &wanted)).await;
                assert!(matches!(stale, Err(Failure::Stale(_))), "{stale:?}");
            }
            give(&world, 4, &now, &series, &wanted).await;
            world.nobody_was_mailed();
        }
    }
}

#[tokio::test]
async fn nobody_elses_edit_is_overwritten() {
    let wanted = set(&[("2027-02-08", Occurrence::Deleted), ("2027-02-15", named("ours"))]);
    for before in ["<m:DeleteItem ", "<m:UpdateItem "] {
        for edit in [set(&[("2027-02-15", named("theirs"))]), set(&[("2027-02-22", named("x"))])] {
            let world = World::new(Seed::Empty).await;
            let item = world.create(1, &mondays(6)).await.unwrap();
            // Somebody writes while we do.
            somebody_writes(&world, before, &item, &edit);
            let stale = world.write(2, late(&item, &wanted)).await;
            assert!(matches!(stale, Err(Failure::Stale(_))), "{before} {edit:?} {stale:?}");
            let (event, ..) = standing(&world, &item.id).await;
            for (date, occurrence) in edit {
                let there = &event.occurrences.as_ref().unwrap()[&date];
                assert_eq!(*there, occurrence, "{before}");
            }
        }
    }
}

#[tokio::test]
async fn what_somebody_else_deleted_is_deleted() {
    let world = World::new(Seed::Empty).await;
    let series = mondays(6);
    let item = world.create(1, &series).await.unwrap();
    let deleted = set(&[("2027-02-08", Occurrence::Deleted)]);
    somebody_writes(&world, "<m:DeleteItem ", &item, &deleted);
    let mut wanted = deleted;
    wanted.insert(date("2027-02-15"), Occurrence::Deleted);
    let item = give(&world, 2, &item, &series, &wanted).await;
    let more = set(&[("2027-02-22", Occurrence::Deleted)]);
    somebody_writes(&world, "<m:UpdateItem ", &item, &more);
    wanted.insert(date("2027-02-22"), named("too late"));
    let written = world.write(3, late(&item, &wanted)).await.unwrap();
    assert_eq!(written.version, None, "this isn't what stands there");
    let (event, _, stamped) = standing(&world, &item.id).await;
    wanted.insert(date("2027-02-22"), Occurrence::Deleted);
    assert_eq!(meaning(&event), meaning(&with(&series, wanted)));
    assert_eq!(stamped, Some(stamp(3)));
}

#[tokio::test]
async fn a_version_that_is_not_the_masters_is_found_out() {
    // The second one is well-formed, and of another version.
    for key in ["", " ChangeKey=\"DwAAABYAAADwSoBO6tE6QZYs8Ixm76GUAAAzNjiB\""] {
        let world = World::new(Seed::Empty).await;
        let series = mondays(6);
        let item = world.create(1, &series).await.unwrap();
        world.wire.rewrite(move |request, answer| {
            if !request.contains("<t:OccurrenceItemId ") || !request.contains("<m:UpdateItem ") {
                return answer;
            }
            match answer.split_once(" ChangeKey=\"") {
                Some((before, rest)) => {
                    let (_, after) = rest.split_once('"').expect("its end");
                    format!("{before}{key}{after}")
                }
                None => answer,
            }
        });
        let wanted = set(&[
            ("2027-02-08", named("a")),
            ("2027-02-15", named("b")),
            ("2027-02-22", Occurrence::Deleted),
        ]);
        give(&world, 2, &item, &series, &wanted).await;
    }
}
