//! Faults on demand.

use crate::*;

fn inject(sim: &Server, fault: serde_json::Value) {
    let request = Request::post("http://sim.example/sim/faults")
        .body(fault.to_string().into())
        .expect("a request");
    assert_eq!(sim.handle(request).status().map(|status| status / 100), Some(2));
}

#[test]
fn busy_is_a_fault_and_throttling_an_error_of_each_item() {
    let sim = sim();
    let id = item_id(&create_event(&sim, LUNCH));
    let two = format!(
        "<m:GetItem><m:ItemShape><t:BaseShape>IdOnly</t:BaseShape></m:ItemShape><m:ItemIds>{id}{id}</m:ItemIds></m:GetItem>"
    );
    inject(
        &sim,
        serde_json::json!({"match": {"service": "ews", "operation": "GetItem"}, "do": "busy", "seconds": 1.5}),
    );
    let busy = fault(&sim, &two);
    assert!(
        busy.contains("a:ErrorServerBusy<")
            && busy.contains(r#"<t:Value Name="BackOffMilliseconds">1500<"#),
        "{busy}"
    );
    inject(
        &sim,
        serde_json::json!({"match": {"service": "ews", "operation": "GetItem"}, "do": "throttle", "seconds": 5}),
    );
    let throttled = call(&sim, &two);
    assert_eq!(throttled.matches("<m:ResponseCode>ErrorServerBusy<").count(), 2, "{throttled}");
    assert!(throttled.contains(r#"<t:Value Name="BackOffMilliseconds">5000<"#), "{throttled}");
    assert!(call(&sim, &two).contains("NoError"));
}

#[test]
fn dropped_answers_leave_the_work_done_or_not() {
    let sim = sim();
    for (kind, wanted) in [("drop-before", 0), ("drop-after", 1)] {
        inject(
            &sim,
            serde_json::json!({"match": {"operation": "CreateItem", "mailbox": ANNA}, "do": kind}),
        );
        let (status, _) = post(&sim, &basic(ANNA), &envelope("", &create_request(LUNCH)));
        assert_eq!(status, 0);
        assert_eq!(sync(&sim, "", 512).matches("<t:Create>").count(), wanted, "{kind}");
    }
}
