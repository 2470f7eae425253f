//! Reading the exceptions of series from scripted answers.

use crate::script::*;
use chrono::NaiveDate;
use items::Occurrence;
use sync_core::port::{Fetched, Remote};

/// A series of every day with exceptions whose ids these are.
fn scripted(id: &str, exceptions: &[&str]) -> String {
    let modified = exceptions.iter().zip(2..).map(|(exception, day)| {
        format!(
            "<t:Occurrence><t:ItemId Id=\"{exception}\"/><t:Start>2027-02-0{day}T09:00:00Z</t:Start>\
             <t:End>2027-02-0{day}T10:00:00Z</t:End>\
             <t:OriginalStart>2027-02-0{day}T09:00:00Z</t:OriginalStart></t:Occurrence>"
        )
    });
    let modified: String = modified.collect();
    let inside = format!(
        "<t:Subject>series</t:Subject><t:Start>2027-02-01T09:00:00Z</t:Start>\
         <t:End>2027-02-01T10:00:00Z</t:End><t:CalendarItemType>RecurringMaster\
         </t:CalendarItemType><t:Recurrence><t:DailyRecurrence><t:Interval>1</t:Interval>\
         </t:DailyRecurrence><t:NoEndRecurrence><t:StartDate>2027-02-01Z</t:StartDate>\
         </t:NoEndRecurrence></t:Recurrence><t:ModifiedOccurrences>{modified}\
         </t:ModifiedOccurrences>"
    );
    success("GetItem", &item(id, "k", &inside))
}

fn scripted_exception(id: &str) -> String {
    let inside = format!(
        "<t:Subject>{id}</t:Subject><t:Start>2027-02-02T09:00:00Z</t:Start>\
         <t:End>2027-02-02T10:00:00Z</t:End><t:CalendarItemType>Exception</t:CalendarItemType>"
    );
    success("GetItem", &item(id, "k", &inside))
}

#[tokio::test]
async fn a_series_of_which_an_exception_cannot_be_read_is_unreadable() {
    let script = Script::new(|request| {
        let answer = |id: &String| match id.as_str() {
            "id0" => scripted(id, &["a", "gone", "b"]),
            "id1" => scripted(id, &["c"]),
            "id2" => scripted(id, &["corrupt"]),
            "id3" => scripted_exception(id),
            "gone" => error("GetItem", "ErrorItemNotFound"),
            "corrupt" => error("GetItem", "ErrorCorruptData"),
            id => scripted_exception(id),
        };
        ok(response("GetItem", &item_ids(request).iter().map(answer).collect::<String>()))
    });
    let fetched = remote(&script).fetch(&folder(), &ids(4)).await.unwrap();
    let expected = ["occurrence-missing", "found series", "ErrorCorruptData", "outside"];
    assert_eq!(words(&fetched), expected);
    let Fetched::Found(sighted) = &fetched[1] else { panic!("{fetched:?}") };
    let occurrences = event_of(sighted).occurrences.unwrap();
    let Occurrence::Changed(own) = &occurrences[&"2027-02-02".parse::<NaiveDate>().unwrap()] else {
        panic!()
    };
    assert_eq!(own.subject.as_deref(), Some("c"));
    assert_eq!(script.requests().len(), 2);
}

#[tokio::test]
async fn exceptions_are_read_in_parts_that_the_server_can_answer_for() {
    let script = Script::new(|request| match item_ids(request) {
        ids if ids.len() > 10 => status(500, &[], fault("ErrorTimeoutExpired", None)),
        ids => {
            let answer = |id: &String| match id.strip_prefix("id") {
                Some(n) => scripted(id, &[&*format!("a{n}"), &*format!("b{n}"), &*format!("c{n}")]),
                None => scripted_exception(id),
            };
            ok(response("GetItem", &ids.iter().map(answer).collect::<String>()))
        }
    });
    let fetched = remote(&script).fetch(&folder(), &ids(10)).await.unwrap();
    for (n, fetched) in fetched.iter().enumerate() {
        let Fetched::Found(sighted) = fetched else { panic!("{fetched:?}") };
        let occurrences = event_of(sighted).occurrences.unwrap().into_values();
        let subjects: Vec<_> = occurrences
            .map(|occurrence| match occurrence {
                Occurrence::Changed(own) => own.subject.unwrap(),
                Occurrence::Deleted => panic!("none is deleted"),
            })
            .collect();
        assert_eq!(subjects, [format!("a{n}"), format!("b{n}"), format!("c{n}")]);
    }
}
