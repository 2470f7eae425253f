//! The built-in Exchange over TLS, with its own certificate.

use crate::{body_of, start_with, status_of};
use exchange_sim::Config;
use exchange_sim::server::Certificate;
use serde_json::Value;
use std::sync::Arc;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

#[tokio::test]
async fn a_client_that_trusts_the_certificate_is_served() {
    let certificate = Certificate::generate().expect("a certificate");
    let running =
        start_with(Config::default(), |server| server.with_certificate(certificate)).await;
    let base = format!("https://{}", running.address);
    assert_eq!(running.ready["graph"], format!("{base}/v1.0"));
    let pem = running.ready["certificate"].as_str().expect("a certificate");
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(pem.as_bytes()).expect("PEM")).expect("a root");
    let config = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
    let connector = TlsConnector::from(Arc::new(config));
    for name in ["localhost", "127.0.0.1"] {
        let stream = TcpStream::connect(running.address).await.expect("a connection");
        let name = ServerName::try_from(name).expect("a name");
        let mut stream = connector.connect(name, stream).await.expect("a trusted certificate");
        let request = "GET /autodiscover/autodiscover.json?Email=anna.vogt@contoso.example&\
                       Protocol=EWS HTTP/1.1\r\nHost: mail.contoso.example\r\n\
                       Connection: close\r\n\r\n";
        stream.write_all(request.as_bytes()).await.expect("sent");
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await.expect("an answer");
        let answer = String::from_utf8_lossy(&answer).into_owned();
        assert_eq!(status_of(&answer), "200", "{answer}");
        let json: Value = serde_json::from_str(body_of(&answer)).expect("JSON");
        // Links in answers say how the client came.
        assert_eq!(json["Url"], "https://mail.contoso.example/EWS/Exchange.asmx");
    }
    // Plain HTTP finds nobody.
    let answer = running.send("GET", "/v1.0/me", "", "").await;
    assert_eq!(status_of(&answer), "none", "{answer}");
}
