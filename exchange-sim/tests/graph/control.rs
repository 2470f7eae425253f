//! What the control API refuses.

use crate::harness::{ANNA, Graph};
use serde_json::{Value, json};

#[test]
fn what_can_not_work_is_refused_with_the_reason() {
    let graph = Graph::new();
    let refused = |path: &str, body: Value, status: u16, reason: &str| {
        let answer = graph.control("POST", path, body.clone());
        assert_eq!(answer.status, status, "{body}: {}", answer.json);
        let error = answer.json["error"].as_str().unwrap_or_default();
        assert!(error.contains(reason), "{body}: {error}");
    };
    let good = json!({"match": {"mailbox": ANNA}, "do": "busy"});
    refused("/faults", json!([good, {"do": "explode"}]), 400, "fault 2: unknown variant `explode`");
    refused("/faults", json!([good, {"do": "busy", "times": 0}]), 400, "fault 2: 'times'");
    refused("/faults", json!({"match": {"nth": 0}, "do": "busy"}), 400, "'nth'");
    refused("/faults", json!({"match": {"mailbox": "x@y"}, "do": "busy"}), 400, "no mailbox 'x@y'");
    refused("/faults", json!({"match": {"operation": "Do"}, "do": "busy"}), 400, "'Do'");
    refused("/faults", json!({"do": "delay-after", "seconds": 1e300}), 400, "'seconds'");
    graph.sim.with(|world| assert!(world.faults.is_empty(), "a bad list adds nothing"));
    refused("/advance", json!({"seconds": -1}), 400, "negative");
    for seconds in [1e12, 1e300] {
        refused("/advance", json!({"seconds": seconds}), 400, "no further than 9000-01-01");
    }
    let mailbox = |address: &str, password: &str| json!({"address": address, "password": password});
    refused("/mailboxes", mailbox(&ANNA.to_uppercase(), "other"), 409, "already");
    for address in ["@", "a b@x", "nobody"] {
        refused("/mailboxes", mailbox(address, "secret"), 400, "no mail address");
    }
    refused("/mailboxes", mailbox("new@contoso.example", ""), 400, "password");
}
