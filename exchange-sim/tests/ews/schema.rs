//! Answers to documented requests, held against Microsoft's schema.

use crate::*;
use exchange_sim::Profile;

/// Answers that break the schema as real ones do.
const INVALID: &[(&str, &str)] = &[(
    "GetServerTimeZones",
    "without full data the zones have no periods, as recorded from Exchange Online in 2020",
)];

#[test]
fn answers_to_documented_requests_are_valid() {
    if !has_reference("examples") || !has_xmllint() {
        return;
    }
    for profile in [Profile::ExchangeOnline, Profile::Exchange2019] {
        let sim = sim_with(|config| config.profile = profile);
        let (mut names, mut answers) = (Vec::new(), Vec::new());
        for entry in std::fs::read_dir(shared("examples")).expect("a directory") {
            let path = entry.expect("an entry").path();
            let name = path.file_name().expect("a name").to_string_lossy().into_owned();
            let body = std::fs::read_to_string(&path).expect("a file");
            if name.ends_with("-request.xml") && body.contains("Envelope") {
                // The documentation prints namespaces as https:// in places.
                let body = body.replace("https://schemas.", "http://schemas.");
                let (status, answer) = post(&sim, &basic(ANNA), &body);
                assert!(status == 200 || status == 500, "{name}: {status}");
                names.push(name);
                answers.push(answer);
            }
        }
        assert!(names.len() > 150, "{names:?}");
        for ((name, answer), complaint) in names.iter().zip(&answers).zip(lint(&answers)) {
            let expected = INVALID.iter().any(|(operation, _)| name.starts_with(operation));
            assert!(complaint.is_empty() || expected, "{name}: {complaint}\n{answer}");
        }
    }
}
