//! SyncFolderItems.

use crate::*;

#[test]
fn changes_come_newest_first_in_pages() {
    let sim = sim();
    let ids: Vec<String> = (0..5)
        .map(|n| item_id(&create_event(&sim, &format!("<t:Subject>{n}</t:Subject>"))))
        .collect();
    sim.advance(jiff::SignedDuration::from_secs(5));
    let mut state = String::new();
    let mut seen = Vec::new();
    loop {
        let page = sync(&sim, &state, 2);
        state = element(&page, "m:SyncState").to_owned();
        seen.extend(
            page.split("<t:Create>").skip(1).map(|part| between(part, "Id=\"", "\"").to_owned()),
        );
        if element(&page, "m:IncludesLastItemInRange") == "true" {
            break;
        }
    }
    let expected: Vec<&str> = ids.iter().rev().map(|id| between(id, "Id=\"", "\"")).collect();
    assert_eq!(seen, expected);
    let quiet = sync(&sim, &state, 512);
    assert!(quiet.contains("<m:Changes/>"), "{quiet}");
}

#[test]
fn every_kind_of_change() {
    let sim = sim_with(|config| config.profile = exchange_sim::Profile::Exchange2019);
    let first = item_id(&create_event(&sim, LUNCH));
    let second = item_id(&create_event(&sim, LUNCH));
    let state = element(&sync(&sim, "", 512), "m:SyncState").to_owned();
    let updated = item_id(&update(
        &sim,
        &first,
        "NeverOverwrite",
        &set("item:Subject", "<t:Subject>x</t:Subject>"),
    ));
    call(
        &sim,
        &format!(
            r#"<m:DeleteItem DeleteType="MoveToDeletedItems" SendMeetingCancellations="SendToNone"><m:ItemIds>{second}</m:ItemIds></m:DeleteItem>"#
        ),
    );
    let third = item_id(&create_event(&sim, LUNCH));
    let page = sync(&sim, &state, 512);
    assert!(page.contains(&format!("<t:Update><t:CalendarItem>{updated}")), "{page}");
    assert!(
        page.contains(&format!("<t:Delete><t:ItemId Id=\"{}\"/>", between(&second, "Id=\"", "\""))),
        "{page}"
    );
    assert!(page.contains(&format!("<t:Create><t:CalendarItem>{third}")), "{page}");
    // A state may be used again: a client that crashed repeats its round.
    assert_eq!(sync(&sim, &state, 512).matches("ItemId").count(), page.matches("ItemId").count());
}

#[test]
fn the_cloud_touches_new_items_once_more() {
    let sim = sim();
    let id = item_id(&create_event(&sim, LUNCH));
    let state = element(&sync(&sim, "", 512), "m:SyncState").to_owned();
    sim.advance(jiff::SignedDuration::from_secs(2));
    let page = sync(&sim, &state, 512);
    assert!(page.contains("<t:Update>"), "{page}");
    let stale =
        update(&sim, &id, "NeverOverwrite", &set("item:Subject", "<t:Subject>x</t:Subject>"));
    assert!(stale.contains("ErrorIrresolvableConflict"), "{stale}");
}

#[test]
fn states_are_bound_and_may_expire() {
    let sim = sim();
    let state = element(&sync(&sim, "", 512), "m:SyncState").to_owned();
    let refused = |state: &str| {
        let page = sync(&sim, state, 512);
        assert!(
            page.contains("ErrorInvalidSyncStateData")
                && page.contains("<m:SyncState/><m:IncludesLastItemInRange>true<"),
            "{page}"
        );
    };
    refused("H4sIAAA=");
    refused(&state[..state.len() - 4]);
    let inbox = call(
        &sim,
        &format!(
            r#"<m:SyncFolderItems><m:ItemShape><t:BaseShape>IdOnly</t:BaseShape></m:ItemShape><m:SyncFolderId><t:DistinguishedFolderId Id="inbox"/></m:SyncFolderId><m:SyncState>{state}</m:SyncState><m:MaxChangesReturned>9</m:MaxChangesReturned></m:SyncFolderItems>"#
        ),
    );
    assert!(inbox.contains("ErrorInvalidSyncStateData"), "{inbox}");
    sim.with(|world| world.mailbox_mut(ANNA).expect("there").expire_cursors());
    refused(&state);
}

#[test]
fn delivery_is_at_least_once() {
    let sim = sim_with(|config| config.repeat_one_in = 1);
    for n in 0..6 {
        create_event(&sim, &format!("<t:Subject>{n}</t:Subject>"));
    }
    let (mut state, mut seen) = (String::new(), Vec::new());
    loop {
        let page = sync(&sim, &state, 2);
        state = element(&page, "m:SyncState").to_owned();
        seen.extend(page.split("<t:ItemId Id=\"").skip(1).map(|part| part[..152].to_owned()));
        if element(&page, "m:IncludesLastItemInRange") == "true" {
            break;
        }
    }
    let told = seen.len();
    seen.sort();
    seen.dedup();
    assert_eq!(seen.len(), 6);
    assert!(told > 6, "{told}");
}
