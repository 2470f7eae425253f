//! Autodiscover in its three notations.

use base64::Engine;
use exchange_sim::{Config, Reply, Sim};
use std::collections::BTreeSet;

fn ask(method: &str, path: &str, body: &str, signed_in: bool) -> (u16, String) {
    let sim = Sim::new(Config::default()).expect("a simulator");
    let (user, password) = sim.with(|world| {
        let mailbox = world.mailboxes.values().next().expect("a mailbox");
        (mailbox.address.clone(), mailbox.password.clone())
    });
    let fill = |text: &str| text.replace("USER", &user);
    let mut request =
        http::Request::builder().method(method).uri(fill(path)).header("Host", "sim.example:81");
    if signed_in {
        let pair = base64::engine::general_purpose::STANDARD.encode(format!("{user}:{password}"));
        request = request.header("Authorization", format!("Basic {pair}"));
    }
    match sim.handle(request.body(fill(body).into()).expect("a request")) {
        Reply::Respond { response, .. } => {
            (response.status().as_u16(), String::from_utf8_lossy(response.body()).into_owned())
        }
        Reply::Close => panic!("closed"),
    }
}

const URL: &str = "http://sim.example:81/EWS/Exchange.asmx";

fn pox(address: &str) -> String {
    format!(
        "<Autodiscover xmlns='http://schemas.microsoft.com/exchange/autodiscover/outlook/requestschema/2006'><Request><EMailAddress>{address}</EMailAddress><AcceptableResponseSchema>http://schemas.microsoft.com/exchange/autodiscover/outlook/responseschema/2006a</AcceptableResponseSchema></Request></Autodiscover>"
    )
}

#[test]
fn plain_xml() {
    let path = "/Autodiscover/Autodiscover.xml";
    assert_eq!(ask("POST", path, &pox("USER"), false).0, 401);
    let (status, body) = ask("POST", path, &pox("USER"), true);
    assert!(status == 200 && body.matches(&format!("EwsUrl>{URL}<")).count() == 2, "{body}");
    let (_, body) = ask("POST", path, &pox("nobody@x.example"), true);
    assert!(body.contains("ErrorCode>500<"), "{body}");
    assert!(ask("POST", path, "<", true).1.contains("ErrorCode>600<"));
}

#[test]
fn soap() {
    let body = "<s:Envelope xmlns:s='http://schemas.xmlsoap.org/soap/envelope/' xmlns='http://schemas.microsoft.com/exchange/2010/Autodiscover'><s:Body><GetUserSettingsRequestMessage><Request><Users><User><Mailbox>USER</Mailbox></User><User><Mailbox>no@x.example</Mailbox></User></Users><RequestedSettings><Setting>ExternalEwsUrl</Setting><Setting>Odd</Setting></RequestedSettings></Request></GetUserSettingsRequestMessage></s:Body></s:Envelope>";
    assert_eq!(ask("POST", "/autodiscover/autodiscover.svc", body, false).0, 401);
    let (status, answer) = ask("POST", "/autodiscover/autodiscover.svc", body, true);
    assert_eq!(status, 200, "{answer}");
    for part in [URL, "InvalidUser", "SettingIsNotAvailable"] {
        assert!(answer.contains(part), "{answer}");
    }
}

#[test]
fn json() {
    let path = "/autodiscover/autodiscover.json";
    let (status, body) = ask("GET", &format!("{path}/v1.0/USER?Protocol=EWS"), "", false);
    assert!(status == 200 && body.contains(URL), "{body}");
    let (status, body) = ask("GET", &format!("{path}?Email=USER&Protocol=odd"), "", false);
    assert!(status == 400 && body.contains("InvalidProtocol"), "{body}");
    assert_eq!(ask("GET", &format!("{path}/v1.0/no@x.example?Protocol=EWS"), "", false).0, 404);
}

/// What printed answers have and ours lack, and why.
const LACKING: &[(&str, &str)] = &[
    ("PublicFolderServer", "no public folders"),
    ("EcpDeliveryReportUrlFragment", "no pages for people"),
    ("EcpTextMessagingUrlFragment", "no pages for people"),
    ("EcpPublishingUrlFragment", "no pages for people"),
    ("EcpUrl", "no pages for people"),
    ("OWAUrl", "no pages for people"),
    ("Internal", "no pages for people"),
    ("GroupingInformation", "no other site"),
    ("AD", "no directory service"),
    ("UMUrl", "no telephony"),
    ("OABUrl", "no address book"),
];

/// The names of all elements, and of the settings told.
fn names(document: &str) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for part in document.split('<').skip(1) {
        let (tag, text) = part.split_once('>').unwrap_or((part, ""));
        let name = tag.split([' ', '/', '\n']).next().unwrap_or_default();
        let name = name.rsplit(':').next().unwrap_or_default();
        names.insert(if name == "Name" { text.to_owned() } else { name.to_owned() });
    }
    names
}

#[test]
fn the_documented_requests_get_what_the_pages_print() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/exchange/ews/examples");
    if !std::path::Path::new(folder).exists() {
        assert_ne!(std::env::var("CI").as_deref(), Ok("true"), "{folder} is missing");
        println!("skipped: {folder} is missing");
        return;
    }
    let read =
        |name: &str| std::fs::read_to_string(format!("{folder}/{name}.xml")).expect("a file");
    let mut unused: BTreeSet<&str> = LACKING.iter().map(|(name, _)| *name).collect();
    // The printed answers to the others are redirections, which nobody needs here.
    for (request, response) in [
        ("AutodiscoverPOX-1", "AutodiscoverPOX-2"),
        ("AutodiscoverPOX-2", "AutodiscoverPOX-2"),
        ("AutodiscoverPOX-3", "AutodiscoverPOX-3"),
        ("GetUserSettings-1", "GetUserSettings-2"),
        ("GetUserSettings-3", "GetUserSettings-4"),
        ("GetUserSettings-4", "GetUserSettings-4"),
        ("GetUserSettings-5", "GetUserSettings-5"),
    ] {
        let (path, tag) = match request.starts_with("Autodiscover") {
            true => ("/autodiscover/autodiscover.xml", "EMailAddress>"),
            false => ("/autodiscover/autodiscover.svc", "Mailbox>"),
        };
        let body = read(&format!("{request}-request"));
        let address = body.split(tag).nth(1).and_then(|rest| rest.split('<').next());
        let body = body.replace(address.expect("an address"), "USER");
        let (status, answer) = ask("POST", path, &body, true);
        assert_eq!(status, 200, "{request}: {answer}");
        let ours = names(&answer);
        for name in names(&read(&format!("{response}-response"))) {
            let known = LACKING.iter().find(|(known, _)| name.starts_with(known));
            match known {
                _ if ours.contains(&name) || name.starts_with('?') => {}
                Some((known, _)) => _ = unused.remove(known),
                None => panic!("{request}: {name} is missing in {answer}"),
            }
        }
    }
    assert!(unused.is_empty(), "lacking no more: {unused:?}");
}
