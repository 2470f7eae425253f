//! What the adapters make of an item that a server is said to have.

use super::captured::Captured;
use async_trait::async_trait;
use bytes::Bytes;
use entra_auth::{ClientSecret, DEFAULT_AUTHORITY, TokenSource};
use ews_adapter::{Auth, EwsRemote};
use graph_adapter::GraphRemote;
use items::{Digester, Event};
use serde_json::{Map, Value, json};
use std::sync::Arc;
use sync_core::ids::{FolderId, RemoteId};
use sync_core::port::{Fetched, Remote};
use tokio::runtime::{Builder, Runtime};
use wire::{Request, Response, Transport};

const MAILBOX: &str = "anna@contoso.example";
/// The folder of items that don't say in which one they lie.
const FOLDER: &str = "AAMkFOLDER";

/// Reads items one by one.
pub struct Reader(Runtime);

impl Reader {
    pub fn new() -> Self {
        let runtime = Builder::new_current_thread().enable_time().start_paused(true).build();
        Self(runtime.expect("a runtime without sockets"))
    }

    /// The event that the adapter reads; `None` where it reads none, as of an occurrence.
    pub fn event(&self, item: &Captured) -> Option<Event> {
        let server = Arc::new(Server(item.clone()));
        let (remote, folder): (Box<dyn Remote>, _) = match item {
            Captured::Ews(parts) => (Box::new(ews(server)), folder_of(parts)),
            Captured::Graph(_) => (Box::new(graph(server)), FOLDER.to_owned()),
        };
        let fetched =
            self.0.block_on(remote.fetch(&FolderId(folder), &[RemoteId::from("AAMkITEM")]));
        match fetched.ok()?.pop()? {
            Fetched::Found(sighted) => {
                Some(Event::from_canonical(&sighted.content).expect("an event"))
            }
            Fetched::Outside | Fetched::Missing | Fetched::Unreadable(_) => None,
        }
    }
}

fn ews(server: Arc<Server>) -> EwsRemote {
    let config = ews_adapter::Config {
        url: "https://mail.contoso.example/EWS/Exchange.asmx".parse().expect("a URL"),
        auth: Auth::Basic { user: "anna".into(), password: "secret".to_owned().into() },
        impersonate: None,
        mailbox: MAILBOX.into(),
        state_id: "s1".into(),
        window: None,
    };
    EwsRemote::new(config, server, Digester::new([7; 32]))
}

fn graph(server: Arc<Server>) -> GraphRemote {
    let credential = ClientSecret {
        tenant: "contoso.example".into(),
        client: "c".into(),
        secret: "s".to_owned().into(),
        authority: DEFAULT_AUTHORITY.into(),
        scope: graph_adapter::SCOPE.into(),
    };
    let tokens = Arc::new(TokenSource::new(credential, server.clone()).expect("https"));
    let config = graph_adapter::Config::new(MAILBOX, "s1");
    GraphRemote::new(config, server, tokens, Digester::new([7; 32])).expect("a valid window")
}

fn folder_of(parts: &[(String, String)]) -> String {
    let said = parts.iter().find(|(name, _)| name == "ParentFolderId");
    let id = said.and_then(|(_, raw)| raw.split_once("Id=\"")?.1.split('"').next());
    id.unwrap_or(FOLDER).to_owned()
}

/// Answers every request with its item.
struct Server(Captured);

#[async_trait]
impl Transport for Server {
    async fn send(&self, request: Request) -> Result<Response, wire::Error> {
        let answer = match &self.0 {
            Captured::Ews(parts) => soap(parts),
            Captured::Graph(_) if request.uri().path().ends_with("/token") => {
                json!({"token_type": "Bearer", "expires_in": 3599, "access_token": "t"}).to_string()
            }
            Captured::Graph(event) => batch(event, request.body()).to_string(),
        };
        let response = http::Response::builder().status(200);
        let kind = if answer.starts_with('<') { "text/xml" } else { "application/json" };
        let response = response.header("content-type", kind).body(Bytes::from(answer));
        Ok(response.expect("a valid response"))
    }
}

fn soap(parts: &[(String, String)]) -> String {
    let inside: String = parts.iter().map(|(_, raw)| raw.as_str()).collect();
    format!(
        "<s:Envelope xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\" \
         xmlns:m=\"http://schemas.microsoft.com/exchange/services/2006/messages\" \
         xmlns:t=\"http://schemas.microsoft.com/exchange/services/2006/types\" \
         xmlns=\"http://schemas.microsoft.com/exchange/services/2006/types\"><s:Body>\
         <m:GetItemResponse><m:ResponseMessages>\
         <m:GetItemResponseMessage ResponseClass=\"Success\"><m:ResponseCode>NoError\
         </m:ResponseCode><m:Items><t:CalendarItem>{inside}</t:CalendarItem></m:Items>\
         </m:GetItemResponseMessage></m:ResponseMessages></m:GetItemResponse></s:Body></s:Envelope>"
    )
}

fn batch(event: &Map<String, Value>, asked: &[u8]) -> Value {
    let asked: Value = serde_json::from_slice(asked).unwrap_or_default();
    let steps = asked["requests"].as_array().cloned().unwrap_or_default();
    let answers = steps.iter().map(|step| json!({"id": step["id"], "status": 200, "body": event}));
    json!({"responses": answers.collect::<Vec<_>>()})
}
