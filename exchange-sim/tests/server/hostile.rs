//! Clients that are slow, wordy, broken or gone: the server refuses them and goes on serving.

use crate::{Running, USER, body_of, start, start_with, status_of, write};
use exchange_sim::Config;
use exchange_sim::server::Limits;
use serde_json::Value;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

const MEGABYTE: usize = 1024 * 1024;
const LONG: Duration = Duration::from_secs(20);

/// Limits that a test can wait for.
fn impatient() -> Limits {
    Limits {
        head: Duration::from_millis(300),
        pause: Duration::from_millis(300),
        rate: 10_000,
        ..Limits::default()
    }
}

impl Running {
    /// Sends bytes as they are and reads until the server closes.
    async fn raw(&self, bytes: &[u8]) -> String {
        let mut stream = TcpStream::connect(self.address).await.expect("a connection");
        let _refused = stream.write_all(bytes).await;
        rest(&mut stream).await
    }

    async fn assert_serves(&self) {
        let answer = self.send("POST", "/sim/advance", "", r#"{"seconds": 0}"#).await;
        assert_eq!(status_of(&answer), "200", "{answer}");
    }
}

/// What comes until the connection closes, which has to happen.
async fn rest(stream: &mut TcpStream) -> String {
    let mut answer = Vec::new();
    let read = timeout(LONG, stream.read_to_end(&mut answer)).await;
    assert!(read.is_ok(), "the connection stays open: {}", String::from_utf8_lossy(&answer));
    String::from_utf8_lossy(&answer).into_owned()
}

#[tokio::test]
async fn long_bodies_are_refused_before_they_come() {
    let running = start(Config::default()).await;
    for (path, length) in
        [("/EWS/Exchange.asmx", 100 * MEGABYTE), ("/v1.0/me/events", 5 * MEGABYTE)]
    {
        let mut stream = TcpStream::connect(running.address).await.expect("a connection");
        let head =
            format!("POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {length}\r\n\r\n");
        stream.write_all(head.as_bytes()).await.expect("sent");
        let mut bytes = [0; 4096];
        let read = timeout(LONG, stream.read(&mut bytes)).await.expect("in time").expect("read");
        let answer = String::from_utf8_lossy(&bytes[..read]).into_owned();
        assert_eq!(status_of(&answer), "413", "{answer}");
        if path.starts_with("/v1.0") {
            let json: Value = serde_json::from_str(body_of(&answer)).expect("JSON");
            assert_eq!(json["error"]["code"], "BadRequest", "{answer}");
        }
    }
    running.assert_serves().await;
}

#[tokio::test]
async fn a_client_that_sends_before_it_reads_sees_the_refusal() {
    let running = start(Config::default()).await;
    let block = vec![b'x'; MEGABYTE];
    for chunked in [false, true] {
        let mut stream = TcpStream::connect(running.address).await.expect("a connection");
        let framing = if chunked {
            "Transfer-Encoding: chunked".to_owned()
        } else {
            format!("Content-Length: {}", 100 * MEGABYTE)
        };
        let head =
            format!("POST /EWS/Exchange.asmx HTTP/1.1\r\nHost: localhost\r\n{framing}\r\n\r\n");
        stream.write_all(head.as_bytes()).await.expect("sent");
        for _ in 0..100 {
            if chunked {
                stream.write_all(format!("{MEGABYTE:x}\r\n").as_bytes()).await.expect("sent");
            }
            stream.write_all(&block).await.expect("sent");
            if chunked {
                stream.write_all(b"\r\n").await.expect("sent");
            }
        }
        if chunked {
            stream.write_all(b"0\r\n\r\n").await.expect("sent");
        }
        let answer = rest(&mut stream).await;
        assert_eq!(status_of(&answer), "413", "{answer}");
    }
    running.assert_serves().await;
}

#[tokio::test]
async fn slow_clients_are_cut_off() {
    let running = start_with(Config::default(), |server| server.with_limits(impatient())).await;
    // Says nothing at all; stops in the head; stops in the body.
    assert_eq!(running.raw(b"").await, "");
    assert_eq!(running.raw(b"POST /v1.0/me HTTP/1.1\r\nHost: loc").await, "");
    let started = "POST /v1.0/me HTTP/1.1\r\nHost: x\r\nContent-Length: 900\r\n\r\nabc";
    assert_eq!(status_of(&running.raw(started.as_bytes()).await), "408");
    // A byte now and then is no use either.
    let mut stream = TcpStream::connect(running.address).await.expect("a connection");
    stream.write_all(started.as_bytes()).await.expect("sent");
    let (mut reader, mut writer) = stream.split();
    let trickle = async {
        while writer.write_all(b"x").await.is_ok() {
            tokio::time::sleep(Duration::from_millis(40)).await;
        }
    };
    let mut answer = [0; 512];
    let read = tokio::select! {
        read = reader.read(&mut answer) => read.expect("an answer"),
        () = trickle => panic!("the connection broke off without an answer"),
        () = tokio::time::sleep(LONG) => panic!("a trickle goes on for ever"),
    };
    assert_eq!(status_of(&String::from_utf8_lossy(&answer[..read])), "408");
    running.assert_serves().await;
}

#[tokio::test]
async fn clients_that_go_away_do_no_harm() {
    let running = start(Config::default()).await;
    for sent in
        ["", "GET", "POST /EWS/Exchange.asmx HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n<s"]
    {
        for _ in 0..50 {
            let mut stream = TcpStream::connect(running.address).await.expect("a connection");
            stream.write_all(sent.as_bytes()).await.expect("sent");
        }
    }
    // Goes away while its answer is due.
    let token = running.token().await;
    for _ in 0..20 {
        let mut stream = TcpStream::connect(running.address).await.expect("a connection");
        write(&mut stream, "GET", &format!("{USER}/calendar"), &token, "").await;
    }
    running.assert_serves().await;
    running.stop.send(()).expect("it still runs");
    timeout(LONG, running.task).await.expect("in time").expect("no panic").expect("no error");
}

#[tokio::test]
async fn what_is_not_http_is_refused() {
    let running = start(Config::default()).await;
    let long_head = format!("GET / HTTP/1.1\r\nHost: x\r\nX: {}\r\n\r\n", "y".repeat(200_000));
    let many = format!("GET / HTTP/1.1\r\nHost: x\r\n{}\r\n", "a: b\r\n".repeat(500));
    let hostile: [&[u8]; 12] = [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"\0\0\0\0\0\0\0\0\r\n\r\n",
        b"hello\r\n\r\n",
        b"GET / HTTP/9.9\r\nHost: x\r\n\r\n",
        b"GET  HTTP/1.1\r\n\r\n",
        b"G\xffT / HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost x\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
        b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        long_head.as_bytes(),
        many.as_bytes(),
    ];
    for bytes in hostile {
        let answer = running.raw(bytes).await;
        let shown = String::from_utf8_lossy(&bytes[..bytes.len().min(60)]).into_owned();
        let status = status_of(&answer);
        assert!(answer.is_empty() || status.starts_with('4'), "{shown:?}: {answer}");
    }
    running.assert_serves().await;
}

#[tokio::test]
async fn connections_are_bounded_and_the_rest_waits() {
    let limits = Limits { connections: 3, ..impatient() };
    let running = start_with(Config::default(), |server| server.with_limits(limits)).await;
    let mut idle = Vec::new();
    for _ in 0..3 {
        idle.push(TcpStream::connect(running.address).await.expect("a connection"));
    }
    // Is answered as soon as the idle ones are cut off.
    timeout(LONG, running.assert_serves()).await.expect("in time");
}

#[tokio::test]
async fn bodies_under_way_are_bounded_together() {
    let limits = Limits { bodies: 4 * MEGABYTE, ..Limits::default() };
    let running = start_with(Config::default(), |server| server.with_limits(limits)).await;
    let mut streams = Vec::new();
    let block = vec![b'x'; 3 * MEGABYTE];
    let head = format!(
        "POST /EWS/Exchange.asmx HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n\r\n",
        8 * MEGABYTE
    );
    for _ in 0..2 {
        let mut stream = TcpStream::connect(running.address).await.expect("a connection");
        stream.write_all(head.as_bytes()).await.expect("sent");
        let _refused = stream.write_all(&block).await;
        streams.push(stream);
    }
    // Which of the two is one too many is a matter of time.
    let (mut one, mut other) = ([0; 64], [0; 64]);
    let [first, second] = &mut streams[..] else { panic!("two streams") };
    let answer = tokio::select! {
        read = first.read(&mut one) => read.map(|read| one[..read].to_vec()),
        read = second.read(&mut other) => read.map(|read| other[..read].to_vec()),
        () = tokio::time::sleep(LONG) => panic!("both bodies are held"),
    };
    let answer = answer.expect("an answer");
    assert_eq!(status_of(&String::from_utf8_lossy(&answer)), "503");
    drop(streams);
    running.assert_serves().await;
}

#[tokio::test]
async fn who_does_not_read_its_answer_is_cut_off() {
    let limits = Limits { connections: 1, ..impatient() };
    let running = start_with(Config::default(), |server| server.with_limits(limits)).await;
    // What the server was asked is more than sockets buffer.
    let body = "x".repeat(MEGABYTE);
    for _ in 0..24 {
        running.send("POST", "/EWS/Exchange.asmx", "", &body).await;
    }
    let mut stream = TcpStream::connect(running.address).await.expect("a connection");
    write(&mut stream, "GET", "/sim/requests", "", "").await;
    tokio::time::sleep(Duration::from_millis(100)).await;
    // The only place is free again when the server gives up.
    timeout(LONG, running.assert_serves()).await.expect("in time");
    assert!(rest(&mut stream).await.len() < 24 * MEGABYTE);
}

#[tokio::test]
async fn what_is_still_coming_in_does_not_hold_up_the_end() {
    for half in
        ["GET /v1.0/me HT", "POST /sim/advance HTTP/1.1\r\nContent-Length: 90\r\n\r\n{\"sec"]
    {
        let running = start(Config::default()).await;
        let mut stream = TcpStream::connect(running.address).await.expect("a connection");
        stream.write_all(half.as_bytes()).await.expect("sent");
        running.assert_serves().await;
        running.stop.send(()).expect("it still runs");
        let ended = tokio::time::timeout(Duration::from_secs(3), running.task).await;
        ended.expect("at once").expect("no panic").expect("no error");
    }
}
