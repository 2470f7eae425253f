//! Requests that Evolution sent to Exchange 2007 SP1 and 2010 SP2, replayed in the order in which
//! they were sent: the answers have the same elements, codes, messages and kinds of values.
//!
//! The ids in the requests are those of the recorded servers. Whatever an answer names, ours names
//! at the same place, and later requests are translated by that.

use crate::tree::Node;
use crate::*;
use std::collections::BTreeMap;
use std::collections::BTreeSet;

/// Where the answers to some requests differ, and why that is right or not yet otherwise.
struct Difference {
    /// `SERVER/SCENARIO/NUMBER`, the number that of the request.
    exchanges: &'static [&'static str],
    /// Parts of the paths that only the recorded answer has.
    recorded: &'static [&'static str],
    /// Parts of the paths that only our answer has.
    ours: &'static [&'static str],
    reason: &'static str,
}

const DIFFERENCES: &[Difference] = &[
    Difference {
        exchanges: &["Exchange2007_SP1/create_folder_with_invalid_distinguished_parent_id/01"],
        recorded: &["envelope:Header", "/:faultcode = soap11:Client", "/errors:"],
        ours: &[
            "/types:MessageXml",
            "/errors:Message = ",
            "/:faultcode = a:ErrorSchemaValidation",
            "@xml:lang",
        ],
        reason: "Exchange 2007 words faults in its own way; Exchange 2010 words them as we do",
    },
    Difference {
        exchanges: &["Exchange2007_SP1/create_folder_with_invalid_non_distinguished_parent_id/01"],
        recorded: &[
            "/messages:MessageText = No mailbox with such guid.",
            "/messages:ResponseCode = ErrorNonExistentMailbox",
            "/messages:MessageXml",
        ],
        ours: &[
            "/messages:MessageText = The specified parent folder could not be found.",
            "/messages:ResponseCode = ErrorParentFolderNotFound",
        ],
        reason: "Exchange 2010 answers as we do",
    },
    Difference {
        exchanges: &[
            "Exchange2007_SP1/move_folder_to_msgfolderroot/03",
            "Exchange2007_SP1/move_folder_to_valid_folder/03",
        ],
        recorded: &["/types:PermissionSet"],
        ours: &[],
        reason: "not modelled: a colleague whom the owner shows a folder",
    },
];

/// One request and what the server answered.
struct Exchange {
    name: String,
    sent: u64,
    request: String,
    status: u16,
    /// Nothing where the server refused the connection's credentials.
    response: Option<String>,
}

fn recorded(server: &str) -> Vec<Exchange> {
    let scenarios = shared("recordings/exchange-2007-2010").join(server).join("camel/folder");
    let mut exchanges = Vec::new();
    for scenario in std::fs::read_dir(scenarios).expect("a directory") {
        let scenario = scenario.expect("an entry").path();
        let text = |name: String| std::fs::read_to_string(scenario.join(name)).ok();
        for number in (1..).step_by(2) {
            let Some(head) = text(format!("{number:02}-request.http.txt")) else { break };
            let answer = text(format!("{:02}-response.http.txt", number + 1)).expect("an answer");
            let title = scenario.file_name().expect("a name").to_string_lossy();
            exchanges.push(Exchange {
                name: format!("{server}/{title}/{number:02}"),
                sent: between(&head, "Timestamp: ", "\n").trim().parse().expect("seconds"),
                request: text(format!("{number:02}-request.xml")).expect("a request"),
                status: between(&answer, "HTTP/1.1 ", " ").parse().expect("a status"),
                response: text(format!("{:02}-response.xml", number + 1)),
            });
        }
    }
    exchanges.sort_by(|a, b| (a.sent, &a.name).cmp(&(b.sent, &b.name)));
    exchanges
}

/// Sends everything; gives the name of each exchange whose answer has another shape, with both
/// sides of the difference.
fn replay(server: &str) -> BTreeMap<String, (BTreeSet<String>, BTreeSet<String>)> {
    let sim = sim();
    sim.with(|world| {
        let mailbox = world.mailbox_mut(ANNA).expect("the mailbox");
        mailbox.settings.ews_version = Some(server.to_owned());
    });
    let mut ours_by_theirs: BTreeMap<String, String> = BTreeMap::new();
    let mut differences = BTreeMap::new();
    for exchange in recorded(server) {
        let mut request = exchange.request.clone();
        for (theirs, ours) in &ours_by_theirs {
            request = request.replace(&format!("\"{theirs}\""), &format!("\"{ours}\""));
        }
        let authorization = if exchange.status == 401 { String::new() } else { basic(ANNA) };
        let (status, answer) = post(&sim, &authorization, &request);
        assert_eq!(status, exchange.status, "{}: {answer}", exchange.name);
        let Some(response) = exchange.response else { continue };
        sim.answers.borrow_mut().push(answer.clone());
        let (theirs, ours) = (Node::parse(&response), Node::parse(&answer));
        for (theirs, ours) in theirs.identified().iter().zip(ours.identified()) {
            for name in ["Id", "ChangeKey"] {
                if let (Some(theirs), Some(ours)) = (theirs.attribute(name), ours.attribute(name)) {
                    ours_by_theirs.insert(theirs.to_owned(), ours.to_owned());
                }
            }
        }
        let (theirs, ours) = (theirs.shape(), ours.shape());
        let missing: BTreeSet<String> = theirs.difference(&ours).cloned().collect();
        let added: BTreeSet<String> = ours.difference(&theirs).cloned().collect();
        if !missing.is_empty() || !added.is_empty() {
            differences.insert(exchange.name, (missing, added));
        }
    }
    differences
}

#[test]
fn recorded_requests_get_answers_of_the_recorded_shape() {
    if !has_reference("recordings") {
        return;
    }
    let mut found = replay("Exchange2007_SP1");
    found.append(&mut replay("Exchange2010_SP2"));
    for difference in DIFFERENCES {
        for exchange in difference.exchanges {
            let sides = found.remove(*exchange);
            let (recorded, ours) = sides.unwrap_or_else(|| panic!("{exchange} differs no more"));
            assert_covered(&recorded, difference.recorded, difference.reason);
            assert_covered(&ours, difference.ours, difference.reason);
        }
    }
    assert!(found.is_empty(), "{found:#?}");
}

/// Every path is accounted for by a part, and every part is needed.
fn assert_covered(paths: &BTreeSet<String>, parts: &[&str], reason: &str) {
    for path in paths {
        assert!(parts.iter().any(|part| path.contains(part)), "{path} isn't due to: {reason}");
    }
    for part in parts {
        assert!(paths.iter().any(|path| path.contains(part)), "{part} is not among {paths:#?}");
    }
}
