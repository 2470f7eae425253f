//! Which version a request may target, and which one an answer states.

use crate::*;
use exchange_sim::Profile;

fn targeting(sim: &Server, version: &str, operation: &str) -> (u16, String) {
    let body = envelope("", operation)
        .replace("Version=\"Exchange2013_SP1\"", &format!("Version=\"{version}\""));
    post(sim, &basic(ANNA), &body)
}

const INBOX: &str = r#"<m:GetFolder><m:FolderShape><t:BaseShape>IdOnly</t:BaseShape></m:FolderShape><m:FolderIds><t:DistinguishedFolderId Id="inbox"/></m:FolderIds></m:GetFolder>"#;
const READ: &str = r#"<m:MarkAllItemsAsRead><m:ReadFlag>true</m:ReadFlag><m:SuppressReadReceipts>true</m:SuppressReadReceipts><m:FolderIds><t:DistinguishedFolderId Id="inbox"/></m:FolderIds></m:MarkAllItemsAsRead>"#;

#[test]
fn servers_know_their_versions() {
    for (profile, newest, taken, refused) in [
        (Profile::ExchangeOnline, "V2018_01_08", "V2_22", "Exchange2020"),
        (Profile::Exchange2019, "V2017_07_11", "V2017_07_11", "V2018_01_08"),
    ] {
        let sim = sim_with(|config| config.profile = profile);
        let (status, answer) = targeting(&sim, taken, INBOX);
        assert_eq!(status, 200, "{answer}");
        assert!(answer.contains(&format!(r#"Version="{newest}""#)), "{answer}");
        let (status, answer) = targeting(&sim, refused, INBOX);
        assert_eq!(status, 500, "{answer}");
        assert!(answer.contains("ErrorInvalidServerVersion"), "{answer}");
    }
}

#[test]
fn a_mailbox_may_lie_on_an_older_server() {
    let sim = sim_with(|config| config.mailboxes.retain(|login| login.address == BEN));
    let body =
        format!(r#"{{"address": "{ANNA}", "password": "secret", "version": "Exchange2010_SP2"}}"#);
    let request = Request::post("http://sim/sim/mailboxes").body(body.into()).expect("a request");
    assert_eq!(sim.handle(request).status(), Some(201));
    assert_eq!(targeting(&sim, "Exchange2013", INBOX).0, 500);
    let (status, answer) = targeting(&sim, "Exchange2010_SP1", INBOX);
    assert_eq!(status, 200, "{answer}");
    assert!(answer.contains(r#"MajorVersion="14""#), "{answer}");
    assert!(answer.contains(r#"Version="Exchange2010_SP2""#), "{answer}");
    // The other mailbox is not concerned.
    assert_eq!(post(&sim, &basic(BEN), &envelope("", INBOX)).0, 200);
}

#[test]
fn operations_need_the_version_that_brought_them() {
    let sim = sim();
    assert_eq!(targeting(&sim, "Exchange2013", READ).0, 200);
    let (status, answer) = targeting(&sim, "Exchange2010_SP2", READ);
    assert_eq!(status, 500);
    assert!(answer.contains("ErrorIncorrectSchemaVersion"), "{answer}");
}

#[test]
fn there_are_no_lists_of_rooms_or_people() {
    let sim = sim();
    let rooms = call(&sim, "<m:GetRoomLists/>");
    assert!(rooms.contains("<m:RoomLists/>"), "{rooms}");
    let list = call(
        &sim,
        &format!(
            "<m:ExpandDL><m:Mailbox><t:EmailAddress>{BEN}</t:EmailAddress></m:Mailbox></m:ExpandDL>"
        ),
    );
    assert!(list.contains("ErrorNameResolutionNoResults"), "{list}");
}
