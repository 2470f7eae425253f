//! GetStreamingEvents over HTTP: documents arrive while the connection stays.
#![cfg(feature = "server")]

use exchange_sim::server::Server;
use exchange_sim::store::{Content, Role};
use exchange_sim::{Config, Login, Sim};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

const ANNA: &str = "anna@contoso.example";

fn request(operation: &str) -> String {
    let body = format!(
        r#"<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/" xmlns:t="http://schemas.microsoft.com/exchange/services/2006/types" xmlns:m="http://schemas.microsoft.com/exchange/services/2006/messages"><s:Body>{operation}</s:Body></s:Envelope>"#
    );
    // anna@contoso.example:secret
    format!(
        "POST /EWS/Exchange.asmx HTTP/1.1\r\nHost: sim\r\nAuthorization: Basic \
         YW5uYUBjb250b3NvLmV4YW1wbGU6c2VjcmV0\r\nContent-Type: text/xml\r\nContent-Length: \
         {}\r\n\r\n{body}",
        body.len()
    )
}

/// Reads until `wanted` has come.
async fn until(stream: &mut TcpStream, wanted: &str) -> String {
    let mut text = Vec::new();
    let reading = async {
        while !String::from_utf8_lossy(&text).contains(wanted) {
            assert_ne!(stream.read_buf(&mut text).await.expect("readable"), 0, "closed");
        }
    };
    timeout(Duration::from_secs(20), reading).await.unwrap_or_else(|_| panic!("no {wanted}"));
    String::from_utf8(text).expect("UTF-8")
}

#[tokio::test]
async fn events_arrive_while_the_connection_stays_and_stopping_ends_it() {
    let login = Login { address: ANNA.to_owned(), password: "secret".to_owned() };
    let config = Config { mailboxes: vec![login], ..Config::default() };
    let sim = Sim::new(config).expect("nothing to load");
    let any = "127.0.0.1:0".parse().expect("an address");
    let server = Server::bind(sim.clone(), any).await.expect("a free port");
    let address = server.address();
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let serving = tokio::spawn(server.serve(async {
        let _ = stopped.await;
    }));
    let mut stream = TcpStream::connect(address).await.expect("it listens");
    let subscribe = r#"<m:Subscribe><m:StreamingSubscriptionRequest><t:FolderIds><t:DistinguishedFolderId Id="inbox"/></t:FolderIds><t:EventTypes><t:EventType>CreatedEvent</t:EventType></t:EventTypes></m:StreamingSubscriptionRequest></m:Subscribe>"#;
    stream.write_all(request(subscribe).as_bytes()).await.expect("written");
    let made = until(&mut stream, "</s:Envelope>").await;
    let id = made.split("SubscriptionId>").nth(1).expect("an id").trim_end_matches("</m:");
    let listen = format!(
        "<m:GetStreamingEvents><m:SubscriptionIds><t:SubscriptionId>{id}</t:SubscriptionId></m:SubscriptionIds><m:ConnectionTimeout>30</m:ConnectionTimeout></m:GetStreamingEvents>"
    );
    stream.write_all(request(&listen).as_bytes()).await.expect("written");
    let first = until(&mut stream, "</s:Envelope>").await;
    assert!(first.contains("<m:ConnectionStatus>OK</m:ConnectionStatus>"), "{first}");
    assert!(first.to_ascii_lowercase().contains("transfer-encoding: chunked"), "{first}");
    for _ in 0..2 {
        sim.with(|world| {
            let anna = world.mailbox_mut(ANNA).expect("a mailbox");
            anna.create(anna.role(Role::Inbox), Content::message("x")).expect("made");
        });
        until(&mut stream, "</t:CreatedEvent>").await;
    }
    stop.send(()).expect("it serves");
    timeout(Duration::from_secs(5), serving).await.expect("it stops").expect("joined").expect("ok");
}
