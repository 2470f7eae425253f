//! EWS's budget over time; what counts at a time needs sockets (tests/server).

use crate::{ANNA, BEN, basic, envelope, post, sim_with};
use exchange_sim::{EwsPolicy, Throttle};
use jiff::SignedDuration;

const GET_FOLDER: &str = "<m:GetFolder><m:FolderShape><t:BaseShape>IdOnly</t:BaseShape></m:FolderShape>\
                          <m:FolderIds><t:DistinguishedFolderId Id=\"inbox\"/></m:FolderIds></m:GetFolder>";

#[test]
fn who_spends_too_much_waits_as_long_as_the_server_says() {
    let sim = sim_with(|config| {
        config.throttle = Throttle::Graph2026;
        config.ews_policy = EwsPolicy {
            burst_ms: 1_000,
            cutoff_ms: 1_000,
            recharge_ms: 36_000,
            request_ms: 90,
            part_ms: 10,
            ..EwsPolicy::default()
        };
    });
    let ask = |user: &str| post(&sim, &basic(user), &envelope("", GET_FOLDER));
    for _ in 0..20 {
        assert_eq!(ask(ANNA).0, 200);
    }
    let (status, body) = ask(ANNA);
    assert_eq!(status, 500);
    assert!(body.contains("<e:ResponseCode") && body.contains(">ErrorServerBusy<"), "{body}");
    let (_, hint) = body.split_once("Name=\"BackOffMilliseconds\">").expect("a hint");
    let wait: i64 = hint.split('<').next().expect("a number").parse().expect("a number");
    assert_eq!(wait, 9_000, "{body}");
    // The other mailbox has a budget of its own.
    assert_eq!(ask(BEN).0, 200);
    // The hint is what one more request takes.
    sim.advance(SignedDuration::from_millis(wait));
    assert_eq!([ask(ANNA).0, ask(ANNA).0], [200, 500]);
}
