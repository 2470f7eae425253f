//! NTLM over real connections, with curl as the client.

use exchange_sim::{Config, ExtendedProtection, Login, Sim, server::Server};
use std::process::Command;
use tokio::sync::oneshot;

/// Whether curl is there and speaks NTLM; where it must be and is not, the test fails.
fn has_curl() -> bool {
    let version = Command::new("curl").arg("--version").output();
    let there = version.is_ok_and(|output| {
        String::from_utf8_lossy(&output.stdout).split_whitespace().any(|word| word == "NTLM")
    });
    assert!(there || std::env::var("CI").as_deref() != Ok("true"), "no curl that speaks NTLM");
    if !there {
        println!("skipped: no curl that speaks NTLM");
    }
    there
}

/// Statuses and connections of two requests with the same credentials.
async fn curl(arguments: &[&str], url: &str) -> String {
    let mut command = Command::new("curl");
    command.args(["-s", "-w", "%{http_code}/%{num_connects} "]).args(arguments);
    command.args(["-o", "/dev/null", url, "-o", "/dev/null", url]);
    let output = tokio::task::spawn_blocking(move || command.output()).await;
    let output = output.expect("no panic").expect("curl runs");
    String::from_utf8(output.stdout).expect("UTF-8")
}

#[tokio::test]
async fn curl_signs_a_connection_in() {
    if !has_curl() {
        return;
    }
    let mailboxes = vec![Login { address: "anna@contoso.example".into(), password: "pw".into() }];
    let config = Config { mailboxes, ..Config::default() };
    let sim = Sim::new(config).expect("nothing to load");
    let loopback = "127.0.0.1:0".parse().expect("an address");
    let server = Server::bind(sim.clone(), loopback).await.expect("a free port");
    let url = format!("http://{}/EWS/Exchange.asmx", server.address());
    let (stop, stopped) = oneshot::channel::<()>();
    let task = tokio::spawn(server.serve(async {
        let _ = stopped.await;
    }));
    let ntlm = |user: &'static str| {
        let url = url.clone();
        async move { curl(&["--ntlm", "-u", user], &url).await }
    };
    assert_eq!(ntlm(r"CONTOSO\anna:pw").await, "200/1 200/0 ");
    assert_eq!(ntlm("anna@contoso.example:pw").await, "200/1 200/0 ");
    assert_eq!(ntlm(r"CONTOSO\anna:no").await, "401/1 401/0 ");
    assert_eq!(curl(&["--ntlm", "--basic", "-u", r"CONTOSO\anna:pw"], &url).await, "200/1 200/0 ");
    // Another connection isn't signed in by those before.
    assert_eq!(curl(&[], &url).await, "401/1 401/0 ");
    sim.with(|world| world.config.extended_protection = ExtendedProtection::Require);
    assert_eq!(ntlm(r"CONTOSO\anna:pw").await, "200/1 200/0 ", "no TLS, no binding");
    let _ = stop.send(());
    task.await.expect("no panic").expect("it served");
}
