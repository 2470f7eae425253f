//! The EWS face, driven with requests as the documentation words them.

mod attachments;
mod availability;
mod budget;
mod export;
mod faults;
mod finding;
mod folder_properties;
mod folders;
mod items;
mod meetings;
mod messages;
mod mime;
mod notifications;
mod online;
mod recorded;
mod requests;
mod schema;
mod series;
mod shapes;
mod sign_in;
mod syncing;
mod tree;
mod versions;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use exchange_sim::Config;
use exchange_sim::Login;
use exchange_sim::Reply;
use exchange_sim::Sim;
use http::Request;
use std::cell::RefCell;
use std::ops::Deref;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering;

const ANNA: &str = "anna@contoso.example";
const BEN: &str = "ben@contoso.example";
const PASSWORD: &str = "secret";

fn shared(path: &str) -> PathBuf {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/exchange/ews")).join(path)
}

/// Whether the reference material is there; where it must be and is not, the test fails.
fn has_reference(path: &str) -> bool {
    let there = shared(path).exists();
    assert!(there || std::env::var("CI").as_deref() != Ok("true"), "reference missing: {path}");
    if !there {
        println!("skipped: no reference material at {path}");
    }
    there
}

fn has_xmllint() -> bool {
    let there = Command::new("xmllint").arg("--version").output().is_ok();
    assert!(there || std::env::var("CI").as_deref() != Ok("true"), "xmllint missing");
    if !there {
        println!("skipped: xmllint is not installed");
    }
    there
}

/// A server that holds its own answers against Microsoft's schema when a test is over.
struct Server {
    sim: Sim,
    answers: RefCell<Vec<String>>,
}

impl Deref for Server {
    type Target = Sim;

    fn deref(&self) -> &Sim {
        &self.sim
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let answers = self.answers.take();
        if std::thread::panicking() || !has_reference("validate.sh") || !has_xmllint() {
            return;
        }
        for (answer, complaint) in answers.iter().zip(lint(&answers)) {
            assert!(complaint.is_empty(), "{complaint}\n{answer}");
        }
    }
}

fn sim() -> Server {
    sim_with(|_| {})
}

fn sim_with(change: impl FnOnce(&mut Config)) -> Server {
    let login =
        |address: &str| Login { address: address.to_owned(), password: PASSWORD.to_owned() };
    let mut config =
        Config { mailboxes: vec![login(ANNA), login(BEN)], repeat_one_in: 0, ..Config::default() };
    change(&mut config);
    let sim = Sim::new(config).expect("nothing to load");
    Server { sim, answers: RefCell::default() }
}

fn envelope(header: &str, operation: &str) -> String {
    format!(
        r#"<?xml version="1.0" encoding="utf-8"?><soap:Envelope xmlns:soap="http://schemas.xmlsoap.org/soap/envelope/" xmlns:t="http://schemas.microsoft.com/exchange/services/2006/types" xmlns:m="http://schemas.microsoft.com/exchange/services/2006/messages"><soap:Header><t:RequestServerVersion Version="Exchange2013_SP1"/>{header}</soap:Header><soap:Body>{operation}</soap:Body></soap:Envelope>"#
    )
}

fn post(sim: &Server, authorization: &str, body: &str) -> (u16, String) {
    let request = Request::post("http://sim.example/ews/exchange.asmx")
        .header("Content-Type", "text/xml; charset=utf-8")
        .header("Authorization", authorization)
        .body(body.to_owned().into())
        .expect("a request");
    match sim.handle(request) {
        Reply::Respond { response, .. } => {
            let text = String::from_utf8(response.body().to_vec()).expect("UTF-8");
            if response.status() == 200 || response.status() == 500 {
                assert_eq!(response.headers()["content-type"], "text/xml; charset=utf-8");
            }
            (response.status().as_u16(), text)
        }
        Reply::Close => (0, String::new()),
    }
}

fn basic(user: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{user}:{PASSWORD}")))
}

/// Sends an operation as Anna; the answer must be valid by Microsoft's schema.
fn call(sim: &Server, operation: &str) -> String {
    call_with(sim, "", operation)
}

fn call_with(sim: &Server, header: &str, operation: &str) -> String {
    let (status, body) = post(sim, &basic(ANNA), &envelope(header, operation));
    assert_eq!(status, 200, "{body}");
    sim.answers.borrow_mut().push(body.clone());
    body
}

fn fault(sim: &Server, operation: &str) -> String {
    let (status, body) = post(sim, &basic(ANNA), &envelope("", operation));
    assert_eq!(status, 500, "{body}");
    sim.answers.borrow_mut().push(body.clone());
    body
}

/// What xmllint has to say against each document, nothing where it is valid.
fn lint(documents: &[String]) -> Vec<String> {
    static RUN: AtomicUsize = AtomicUsize::new(0);
    let run = RUN.fetch_add(1, Ordering::Relaxed);
    let place =
        Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("ews-{}-{run}", std::process::id()));
    std::fs::create_dir_all(&place).expect("a directory");
    let files: Vec<PathBuf> =
        (0..documents.len()).map(|number| place.join(format!("{number}.xml"))).collect();
    for (file, document) in files.iter().zip(documents) {
        std::fs::write(file, document).expect("written");
    }
    let output = Command::new("sh")
        .arg(shared("validate.sh"))
        .args(["-e", "exo"])
        .args(&files)
        .output()
        .expect("sh runs");
    std::fs::remove_dir_all(&place).expect("removed");
    let report = String::from_utf8_lossy(&output.stderr).into_owned();
    let said = |file: &PathBuf| {
        let name = file.display().to_string();
        let lines: Vec<&str> = report
            .lines()
            .filter(|line| line.starts_with(&name) && !line.ends_with(" validates"))
            .collect();
        lines.join("\n")
    };
    files.iter().map(said).collect()
}

/// The text between the first `before` and the next `after`.
fn between<'a>(text: &'a str, before: &str, after: &str) -> &'a str {
    let start = text.find(before).unwrap_or_else(|| panic!("no {before} in {text}")) + before.len();
    let end = text[start..].find(after).unwrap_or_else(|| panic!("no {after}")) + start;
    &text[start..end]
}

fn element<'a>(text: &'a str, name: &str) -> &'a str {
    between(text, &format!("<{name}>"), &format!("</{name}>"))
}

/// The first `ItemId` element.
fn item_id(text: &str) -> String {
    format!("<t:ItemId {}/>", between(text, "<t:ItemId ", "/>"))
}

fn create_event(sim: &Server, inner: &str) -> String {
    call(sim, &create_request(inner))
}

fn create_request(inner: &str) -> String {
    format!(
        r#"<m:CreateItem SendMeetingInvitations="SendToNone"><m:Items><t:CalendarItem>{inner}</t:CalendarItem></m:Items></m:CreateItem>"#
    )
}

const LUNCH: &str = "<t:Subject>Lunch</t:Subject><t:Start>2026-12-01T11:00:00Z</t:Start><t:End>2026-12-01T12:00:00Z</t:End>";

fn get(sim: &Server, id: &str, shape: &str) -> String {
    call(
        sim,
        &format!(
            "<m:GetItem><m:ItemShape>{shape}</m:ItemShape><m:ItemIds>{id}</m:ItemIds></m:GetItem>"
        ),
    )
}

fn fields(uris: &[&str]) -> String {
    let list: String =
        uris.iter().map(|uri| format!(r#"<t:FieldURI FieldURI="{uri}"/>"#)).collect();
    format!(
        "<t:BaseShape>IdOnly</t:BaseShape><t:AdditionalProperties>{list}</t:AdditionalProperties>"
    )
}

const ALL: &str = "<t:BaseShape>AllProperties</t:BaseShape>";

fn update(sim: &Server, id: &str, resolution: &str, updates: &str) -> String {
    call(
        sim,
        &format!(
            r#"<m:UpdateItem ConflictResolution="{resolution}" SendMeetingInvitationsOrCancellations="SendToNone"><m:ItemChanges><t:ItemChange>{id}<t:Updates>{updates}</t:Updates></t:ItemChange></m:ItemChanges></m:UpdateItem>"#
        ),
    )
}

fn set(uri: &str, property: &str) -> String {
    format!(
        r#"<t:SetItemField><t:FieldURI FieldURI="{uri}"/><t:CalendarItem>{property}</t:CalendarItem></t:SetItemField>"#
    )
}

fn sync(sim: &Server, state: &str, most: usize) -> String {
    let state = if state.is_empty() {
        String::new()
    } else {
        format!("<m:SyncState>{state}</m:SyncState>")
    };
    call(
        sim,
        &format!(
            r#"<m:SyncFolderItems><m:ItemShape><t:BaseShape>IdOnly</t:BaseShape></m:ItemShape><m:SyncFolderId><t:DistinguishedFolderId Id="calendar"/></m:SyncFolderId>{state}<m:MaxChangesReturned>{most}</m:MaxChangesReturned></m:SyncFolderItems>"#
        ),
    )
}
