//! What counts at a time.

use crate::{futures, start, status_of};
use exchange_sim::{Config, DEFAULT_PASSWORD, Throttle};

const FOLDER: &str = "<m:GetFolder><m:FolderShape><t:BaseShape>IdOnly</t:BaseShape></m:FolderShape>\
                      <m:FolderIds><t:DistinguishedFolderId Id=\"inbox\"/></m:FolderIds>\
                      </m:GetFolder>";
const SYNC: &str = "<m:SyncFolderItems><m:ItemShape><t:BaseShape>IdOnly</t:BaseShape></m:ItemShape>\
                    <m:SyncFolderId><t:DistinguishedFolderId Id=\"inbox\"/></m:SyncFolderId>\
                    <m:MaxChangesReturned>5</m:MaxChangesReturned></m:SyncFolderItems>";

#[tokio::test]
async fn ews_takes_so_many_requests_and_syncs_at_a_time() {
    let config = Config { throttle: Throttle::Graph2026, latency_ms: 700, ..Config::default() };
    let running = start(config).await;
    let token = base64::Engine::encode(
        &base64::engine::general_purpose::STANDARD,
        format!("anna.vogt@contoso.example:{DEFAULT_PASSWORD}"),
    );
    let headers = format!("Authorization: Basic {token}\r\nContent-Type: text/xml\r\n");
    let at_a_time = async |operation: &str, count: usize| {
        let body = format!(
            "<s:Envelope xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\" \
             xmlns:t=\"http://schemas.microsoft.com/exchange/services/2006/types\" \
             xmlns:m=\"http://schemas.microsoft.com/exchange/services/2006/messages\">\
             <s:Body>{operation}</s:Body></s:Envelope>"
        );
        let sends = (0..count).map(|_| running.send("POST", "/EWS/Exchange.asmx", &headers, &body));
        let answers = Box::pin(futures(sends)).await;
        answers.into_iter().filter(|answer| status_of(answer) != "200").collect::<Vec<_>>()
    };
    let refused = at_a_time(FOLDER, 30).await;
    assert_eq!(refused.len(), 3, "{refused:?}");
    assert!(refused.iter().all(|answer| answer.contains("ErrorExceededConnectionCount")));
    assert!(refused[0].contains("policy part 'MaxConcurrency', policy value '27'"), "{refused:?}");
    let refused = at_a_time(SYNC, 7).await;
    assert_eq!(refused.len(), 2, "{refused:?}");
    assert!(refused[0].contains("ErrorServerBusy"), "{refused:?}");
    assert!(refused[0].contains("Name=\"BackOffMilliseconds\">5000<"), "{refused:?}");
}
