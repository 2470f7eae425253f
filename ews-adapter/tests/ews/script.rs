//! A server that says what a test wants, and the mailbox that talks to it.

use async_trait::async_trait;
use bytes::Bytes;
use ews_adapter::{Auth, Config, EwsRemote};
use items::{Digester, Event};
use std::collections::VecDeque;
use std::path::PathBuf;
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use sync_core::ids::{FolderId, IntentKey, LinkId, RemoteId};
use sync_core::port::{Fetched, Sighted, Stamp};

pub const FOLDER: &str = "AAMkFOLDER";

/// An answer, or none.
pub type Reply = Result<http::Response<Bytes>, wire::Error>;

type Answer = Box<dyn Fn(&str) -> Reply + Send + Sync>;

/// Answers requests by a function of their body, and keeps them.
pub struct Script {
    answer: Answer,
    requests: Mutex<Vec<String>>,
    replaced: AtomicUsize,
    under_way: AtomicUsize,
    under_way_max: AtomicUsize,
}

impl Script {
    pub fn new(answer: impl Fn(&str) -> Reply + Send + Sync + 'static) -> Arc<Self> {
        let answer = Box::new(answer);
        let zero = AtomicUsize::default;
        Arc::new(Self {
            answer,
            requests: Mutex::default(),
            replaced: zero(),
            under_way: zero(),
            under_way_max: zero(),
        })
    }

    /// Gives these answers, one after the other.
    pub fn replies(replies: impl IntoIterator<Item = Reply>) -> Arc<Self> {
        let replies = Mutex::new(replies.into_iter().collect::<VecDeque<_>>());
        Self::new(move |_| replies.lock().unwrap().pop_front().expect("an answer is left"))
    }

    pub fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }

    /// The most requests that were under way at a time.
    pub fn under_way_max(&self) -> usize {
        self.under_way_max.load(Ordering::Relaxed)
    }

    pub fn replaced(&self) -> usize {
        self.replaced.load(Ordering::Relaxed)
    }
}

#[async_trait]
impl wire::Transport for Script {
    async fn send(&self, request: wire::Request) -> Reply {
        let header = |name: &str| request.headers().get(name).unwrap().to_str().unwrap().to_owned();
        assert_eq!(request.method(), http::Method::POST);
        assert_eq!(header("content-type"), "text/xml; charset=utf-8");
        assert_eq!(header("x-anchormailbox"), "anna@contoso.example");
        assert_eq!(header("authorization"), "Basic YW5uYTpzZWNyZXQ=");
        let body = String::from_utf8(request.body().to_vec()).unwrap();
        self.requests.lock().unwrap().push(body.clone());
        // Lets the other requests of a batch start, as a network does.
        let under_way = self.under_way.fetch_add(1, Ordering::Relaxed) + 1;
        self.under_way_max.fetch_max(under_way, Ordering::Relaxed);
        tokio::task::yield_now().await;
        self.under_way.fetch_sub(1, Ordering::Relaxed);
        (self.answer)(&body)
    }

    fn replace_connection(&self) {
        self.replaced.fetch_add(1, Ordering::Relaxed);
    }
}

pub fn config() -> Config {
    Config {
        url: "https://mail.contoso.example/EWS/Exchange.asmx".parse().unwrap(),
        auth: Auth::Basic { user: "anna".into(), password: "secret".to_owned().into() },
        impersonate: None,
        mailbox: "anna@contoso.example".into(),
        state_id: "s1".into(),
        window: None,
    }
}

pub fn digester() -> Digester {
    Digester::new([7; 32])
}

pub fn remote(script: &Arc<Script>) -> EwsRemote {
    EwsRemote::new(config(), script.clone(), digester())
}

pub fn status(status: u16, headers: &[(&str, &str)], body: impl Into<Bytes>) -> Reply {
    let mut response = http::Response::builder().status(status);
    for (name, value) in headers {
        response = response.header(*name, *value);
    }
    Ok(response.body(body.into()).unwrap())
}

pub fn ok(body: impl Into<Bytes>) -> Reply {
    status(200, &[], body)
}

/// An envelope around an operation's response messages.
pub fn response(operation: &str, messages: &str) -> String {
    format!(
        "<?xml version=\"1.0\"?><s:Envelope xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\" \
         xmlns:m=\"http://schemas.microsoft.com/exchange/services/2006/messages\" \
         xmlns:t=\"http://schemas.microsoft.com/exchange/services/2006/types\"><s:Body>\
         <m:{operation}Response><m:ResponseMessages>{messages}</m:ResponseMessages>\
         </m:{operation}Response></s:Body></s:Envelope>"
    )
}

pub fn success(operation: &str, inside: &str) -> String {
    format!(
        "<m:{operation}ResponseMessage ResponseClass=\"Success\"><m:ResponseCode>NoError\
         </m:ResponseCode>{inside}</m:{operation}ResponseMessage>"
    )
}

pub fn error(operation: &str, code: &str) -> String {
    let class = if code == "ErrorBatchProcessingStopped" { "Warning" } else { "Error" };
    format!(
        "<m:{operation}ResponseMessage ResponseClass=\"{class}\"><m:MessageText>Nein.</m:MessageText>\
         <m:ResponseCode>{code}</m:ResponseCode><m:Items/></m:{operation}ResponseMessage>"
    )
}

/// A calendar item in a response.
pub fn item(id: &str, change_key: &str, inside: &str) -> String {
    format!(
        "<m:Items><t:CalendarItem><t:ItemId Id=\"{id}\" ChangeKey=\"{change_key}\"/>{inside}\
         </t:CalendarItem></m:Items>"
    )
}

pub fn fault(code: &str, back_off_ms: Option<u64>) -> String {
    let wait = back_off_ms.map(|ms| {
        format!("<t:MessageXml><t:Value Name=\"BackOffMilliseconds\">{ms}</t:Value></t:MessageXml>")
    });
    format!(
        "<s:Envelope xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\" \
         xmlns:t=\"http://schemas.microsoft.com/exchange/services/2006/types\" \
         xmlns:e=\"http://schemas.microsoft.com/exchange/services/2006/errors\"><s:Body><s:Fault>\
         <faultcode>a:{code}</faultcode><faultstring>Nein.</faultstring><detail>\
         <e:ResponseCode>{code}</e:ResponseCode>{}</detail></s:Fault></s:Body></s:Envelope>",
        wait.unwrap_or_default()
    )
}

/// The values of an attribute `Id` of all item ids in a request.
pub fn item_ids(request: &str) -> Vec<String> {
    let parts = request.split("<t:ItemId Id=\"").skip(1);
    parts.map(|part| part.split('"').next().unwrap().to_owned()).collect()
}

pub fn folder() -> FolderId {
    FolderId::from(FOLDER)
}

pub fn ids(n: usize) -> Vec<RemoteId> {
    (0..n).map(|i| RemoteId(format!("id{i}"))).collect()
}

pub fn stamp(n: u64) -> Stamp {
    Stamp { link: LinkId(n), key: IntentKey(format!("run-{n}")) }
}

pub fn event_of(sighted: &Sighted) -> Event {
    Event::from_canonical(&sighted.content).unwrap()
}

/// One word for each result of a fetch.
pub fn words(fetched: &[Fetched]) -> Vec<String> {
    let word = |fetched: &Fetched| match fetched {
        Fetched::Found(sighted) => format!("found {}", event_of(sighted).subject.unwrap()),
        Fetched::Outside => "outside".to_owned(),
        Fetched::Missing => "missing".to_owned(),
        Fetched::Unreadable(trouble) => trouble.code.clone(),
    };
    fetched.iter().map(word).collect()
}

/// A file or folder of the shared data about Exchange; `None`, with a line that says so, where the
/// data isn't there, which is an error in CI.
pub fn shared(path: &str) -> Option<PathBuf> {
    let base = concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/exchange/ews");
    let path = PathBuf::from(base).join(path);
    if path.exists() {
        return Some(path);
    }
    assert!(std::env::var("CI").as_deref() != Ok("true"), "{} is missing", path.display());
    println!("skipped: {} is not there", path.display());
    None
}

/// Holds requests against the published schema.
pub fn validate(requests: &[String]) {
    let Some(validate) = shared("validate.sh") else { return };
    if Command::new("xmllint").arg("--version").output().is_err() {
        assert!(std::env::var("CI").as_deref() != Ok("true"), "xmllint is missing");
        println!("skipped: xmllint is not installed");
        return;
    }
    static NTH: AtomicUsize = AtomicUsize::new(0);
    let nth = NTH.fetch_add(1, Ordering::Relaxed);
    let dir = std::env::temp_dir().join(format!("ews-requests-{}-{nth}", std::process::id()));
    std::fs::create_dir_all(&dir).unwrap();
    let files: Vec<_> = (0..requests.len()).map(|n| dir.join(format!("{n}.xml"))).collect();
    for (file, request) in files.iter().zip(requests) {
        std::fs::write(file, request).unwrap();
    }
    let output = Command::new("sh").arg(validate).args(&files).output().unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    let invalid: Vec<_> = errors.lines().filter(|line| !line.ends_with(" validates")).collect();
    assert!(output.status.success() && invalid.is_empty(), "{invalid:#?}");
    std::fs::remove_dir_all(dir).unwrap();
}
