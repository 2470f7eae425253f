//! The built-in Exchange over real sockets.

mod hostile;
mod throttle;
mod tls;

use exchange_sim::server::Server;
use exchange_sim::{ClockMode, Config, Sim, Throttle};
use serde_json::Value;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

const USER: &str = "/v1.0/users/anna.vogt@contoso.example";

struct Running {
    address: SocketAddr,
    ready: Value,
    stop: oneshot::Sender<()>,
    task: JoinHandle<std::io::Result<()>>,
}

async fn start(config: Config) -> Running {
    start_with(config, |server| server).await
}

async fn start_with(config: Config, change: impl FnOnce(Server) -> Server) -> Running {
    let sim = Sim::new(config).expect("a simulator");
    let loopback = "127.0.0.1:0".parse().expect("an address");
    let server = change(Server::bind(sim, loopback).await.expect("a free port"));
    let (stop, stopped) = oneshot::channel::<()>();
    let (address, ready) = (server.address(), server.ready_json());
    let task = tokio::spawn(server.serve(async {
        let _ = stopped.await;
    }));
    Running { address, ready, stop, task }
}

impl Running {
    /// One request on a connection of its own; the raw answer, empty where none came.
    async fn send(&self, method: &str, path: &str, headers: &str, body: &str) -> String {
        let mut stream = TcpStream::connect(self.address).await.expect("a connection");
        write(&mut stream, method, path, &format!("Connection: close\r\n{headers}"), body).await;
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer).await;
        String::from_utf8_lossy(&answer).into_owned()
    }

    async fn token(&self) -> String {
        let text = |name: &str| self.ready[name].as_str().expect(name).to_owned();
        let form = format!(
            "grant_type=client_credentials&client_id={}&client_secret={}&scope=https://graph.microsoft.com/.default",
            text("client"),
            text("secret")
        );
        let path = format!("/{}/oauth2/v2.0/token", text("tenant"));
        let answer = self.send("POST", &path, "", &form).await;
        let json: Value = serde_json::from_str(body_of(&answer)).expect("a token");
        format!("Authorization: Bearer {}\r\n", json["access_token"].as_str().expect("a token"))
    }
}

async fn write(stream: &mut TcpStream, method: &str, path: &str, headers: &str, body: &str) {
    let request = format!(
        "{method} {path} HTTP/1.1\r\nHost: localhost\r\n{headers}Content-Length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(request.as_bytes()).await.expect("sent");
}

fn body_of(answer: &str) -> &str {
    answer.split_once("\r\n\r\n").map_or("", |(_, body)| body)
}

fn status_of(answer: &str) -> &str {
    answer.split(' ').nth(1).unwrap_or("none")
}

#[tokio::test]
async fn it_serves_keeps_connections_and_stops() {
    let running = start(Config::default()).await;
    let token = running.token().await;
    let mut stream = TcpStream::connect(running.address).await.expect("a connection");
    for _ in 0..3 {
        write(&mut stream, "GET", &format!("{USER}/calendar"), &token, "").await;
        let mut bytes = vec![0; 4096];
        let read = stream.read(&mut bytes).await.expect("an answer");
        let answer = String::from_utf8_lossy(&bytes[..read]).into_owned();
        assert_eq!(status_of(&answer), "200", "{answer}");
        assert!(body_of(&answer).contains("http://localhost/v1.0/$metadata"), "{answer}");
    }
    assert_eq!(running.ready["control"], format!("http://{}/sim", running.address));
    running.stop.send(()).expect("it still runs");
    running.task.await.expect("no panic").expect("no error");
}

#[tokio::test]
async fn a_dropped_request_gets_no_byte() {
    let running = start(Config::default()).await;
    let token = running.token().await;
    let fault = r#"{"match": {"operation": "POST /users/*/events"}, "do": "drop-after"}"#;
    assert_eq!(status_of(&running.send("POST", "/sim/faults", "", fault).await), "200");
    let event = r#"{"subject": "done", "start": {"dateTime": "2026-12-01T09:00:00", "timeZone": "UTC"},
                    "end": {"dateTime": "2026-12-01T10:00:00", "timeZone": "UTC"}}"#;
    let headers = format!("{token}Content-Type: application/json\r\n");
    let answer = running.send("POST", &format!("{USER}/events"), &headers, event).await;
    assert_eq!(answer, "");
    let answer = running.send("GET", &format!("{USER}/events"), &token, "").await;
    assert!(body_of(&answer).contains("\"subject\":\"done\""), "{answer}");
}

#[tokio::test]
async fn four_at_a_time_are_enough() {
    let config = Config { throttle: Throttle::Graph2026, latency_ms: 600, ..Config::default() };
    let running = start(config).await;
    let token = running.token().await;
    let path = format!("{USER}/calendar");
    let sends = (0..6).map(|_| running.send("GET", &path, &token, ""));
    let mut statuses = Vec::new();
    let mut tasks = Box::pin(futures(sends));
    statuses.append(&mut tasks.as_mut().await);
    let refused = statuses.iter().filter(|answer| status_of(answer) == "429").count();
    assert_eq!(refused, 2, "{statuses:?}");
    let answer = running.send("GET", &path, &token, "").await;
    assert_eq!(status_of(&answer), "200");
    let steps: Vec<String> = (0..5)
        .map(|id| format!(r#"{{"id": "{id}", "method": "GET", "url": "{}"}}"#, &path[5..]))
        .collect();
    let batch = format!(r#"{{"requests": [{}]}}"#, steps.join(","));
    let headers = format!("{token}Content-Type: application/json\r\n");
    let single = running.send("GET", &path, &token, "");
    let batched = running.send("POST", "/v1.0/$batch", &headers, &batch);
    let (single, batched) = tokio::join!(single, async {
        tokio::time::sleep(Duration::from_millis(50)).await;
        batched.await
    });
    assert_eq!(status_of(&single), "200");
    assert_eq!(status_of(&batched), "200");
    assert_eq!(body_of(&batched).matches("\"status\":429").count(), 2, "{batched}");
}

/// Awaits all at a time.
async fn futures<F: Future>(sends: impl Iterator<Item = F>) -> Vec<F::Output> {
    let mut pending: Vec<_> = sends.map(|send| (Box::pin(send), None)).collect();
    std::future::poll_fn(|context| {
        for (send, output) in &mut pending {
            if output.is_none()
                && let std::task::Poll::Ready(value) = send.as_mut().poll(context)
            {
                *output = Some(value);
            }
        }
        if pending.iter().all(|(_, output)| output.is_some()) {
            std::task::Poll::Ready(())
        } else {
            std::task::Poll::Pending
        }
    })
    .await;
    pending.into_iter().filter_map(|(_, output)| output).collect()
}

#[tokio::test]
async fn a_running_clock_runs() {
    let config = Config { clock: ClockMode::Running, clock_rate: 60, ..Config::default() };
    let running = start(config).await;
    let now = |answer: String| {
        let json: Value = serde_json::from_str(body_of(&answer)).expect("JSON");
        json["now"].as_str().expect("a time").to_owned()
    };
    let first = now(running.send("POST", "/sim/advance", "", r#"{"seconds": 0}"#).await);
    tokio::time::sleep(Duration::from_millis(30)).await;
    let second = now(running.send("POST", "/sim/advance", "", r#"{"seconds": 3600}"#).await);
    let parse = |text: &str| text.parse::<jiff::Timestamp>().expect("a time");
    let passed = parse(&second).duration_since(parse(&first));
    assert!(passed.as_millis() >= 3_600_000 + 30 * 60, "{passed}");
}

#[tokio::test]
async fn it_listens_on_loopback_only() {
    let sim = Sim::new(Config::default()).expect("a simulator");
    let everywhere = "0.0.0.0:0".parse().expect("an address");
    assert!(Server::bind(sim, everywhere).await.is_err());
}
