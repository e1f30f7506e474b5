//! Who wants to hurt: bodies without end, nesting without end, connections that say nothing. They are refused or closed, and the
//! memory of the process stays where it is.

use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use xebec_control_plane::server::Master;

use super::faces::Rest;
use crate::support::{admin, endpoint};

const MAPS: &str = "/api/v1/namespaces/default/configmaps";
const MIB: usize = 1 << 20;
/// What all of this may add to the process, client and server together.
const GROWTH: u64 = 300 * MIB as u64;

pub(super) async fn play(master: &Master, rest: &Rest) -> usize {
    let before = resident();
    let mut played = bodies(rest).await;
    played += many_at_once(rest).await;
    played += idlers(master).await;
    let grown = resident().saturating_sub(before);
    eprintln!("hostile input: resident memory grew by {} MiB", grown / MIB as u64);
    assert!(grown < GROWTH, "grew by {grown} bytes");
    assert_eq!(rest.get("/livez").await.code, 200);
    played
}

/// Bytes of memory that the process holds.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() * 1024
}

fn alias_bomb() -> String {
    let mut bomb = String::from("a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n");
    for level in 1..10 {
        let before = format!("*a{}", level - 1);
        bomb.push_str(&format!("a{level}: &a{level} [{}]\n", vec![before; 10].join(",")));
    }
    bomb
}

async fn bodies(rest: &Rest) -> usize {
    let operations = |count: usize| {
        let one = r#"{"op":"add","path":"/data/k","value":"v"}"#;
        format!("[{}]", vec![one; count].join(","))
    };
    let cases: [(&str, &str, String, &[u16]); 9] = [
        ("POST", "application/json", " ".repeat(10 * MIB), &[413]),
        ("POST", "application/yaml", "a: b\n".repeat(2 * MIB), &[413]),
        ("POST", "application/json", "[".repeat(100_000), &[400]),
        ("POST", "application/json", "{\"a\":".repeat(100_000), &[400]),
        ("POST", "application/yaml", "[".repeat(100_000), &[400]),
        ("POST", "application/yaml", alias_bomb(), &[400]),
        ("POST", "application/vnd.kubernetes.protobuf", format!("k8s\0{}", "\x0a".repeat(MIB)), &[400]),
        ("PATCH", "application/json-patch+json", operations(10_001), &[413, 422, 400]),
        ("PATCH", "application/merge-patch+json", format!("{{\"data\":{}", "{\"a\":".repeat(50_000)), &[400]),
    ];
    rest.send("POST", MAPS, &[("content-type", "application/json")], r#"{"metadata":{"name":"target"},"data":{}}"#)
        .await;
    for (method, content_type, body, expect) in &cases {
        let path = if *method == "PATCH" { format!("{MAPS}/target") } else { MAPS.to_owned() };
        let reply = rest.send(method, &path, &[("content-type", content_type)], body.clone()).await;
        assert!(expect.contains(&reply.code), "{content_type} of {} bytes: {}", body.len(), reply.code);
        assert_eq!(reply.json()["kind"], "Status", "{content_type}");
    }
    cases.len()
}

/// Bodies that are too large, from one client, all together.
async fn many_at_once(rest: &Rest) -> usize {
    let body = bytes::Bytes::from(vec![b' '; 10 * MIB]);
    let sends = (0..32).map(|_| {
        let (rest, body) = (rest.clone(), body.clone());
        tokio::spawn(async move { rest.send("POST", MAPS, &[("content-type", "application/json")], body).await.code })
    });
    for sent in sends.collect::<Vec<_>>() {
        let code = sent.await.unwrap();
        assert!(matches!(code, 413 | 429), "{code}");
    }
    1
}

/// Connections that begin and say nothing more: some before TLS, some after it, some in the middle of a head.
async fn idlers(master: &Master) -> usize {
    let address = endpoint(master).to_string();
    let mut silent = Vec::new();
    for _ in 0..200 {
        silent.push(TcpStream::connect(&address).await.unwrap());
    }
    let mut garbage = TcpStream::connect(&address).await.unwrap();
    garbage.write_all(b"GET / HTTP/1.1\r\n\r\n").await.unwrap();
    assert!(is_closed(&mut garbage, Duration::from_secs(5)).await, "no TLS, no answer");
    let mut slow = shaken(master, &address).await;
    slow.write_all(b"GET /livez HTTP/1.1\r\nhost: x\r\nx-slow: ").await.unwrap();
    slow.flush().await.unwrap();
    let mut long = shaken(master, &address).await;
    let head = format!("GET /livez HTTP/1.1\r\nhost: x\r\nx-long: {}\r\n\r\n", "y".repeat(200 * 1024));
    // The server may close before it has read all of that.
    drop(long.write_all(head.as_bytes()).await);
    let answer = read_some(&mut long).await;
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 4"), "{answer}");
    let rest = Rest::new(master).await;
    assert_eq!(rest.get("/livez").await.code, 200, "others are served meanwhile");
    assert!(is_closed(&mut silent[0], Duration::from_secs(20)).await, "a handshake has a deadline");
    3
}

async fn shaken(master: &Master, address: &str) -> tokio_rustls::client::TlsStream<TcpStream> {
    let tcp = TcpStream::connect(address).await.unwrap();
    let name = rustls::pki_types::ServerName::try_from(endpoint(master).host().to_owned()).unwrap();
    tokio_rustls::TlsConnector::from(Arc::clone(&admin(master))).connect(name, tcp).await.unwrap()
}

async fn is_closed(stream: &mut TcpStream, within: Duration) -> bool {
    let mut rest = Vec::new();
    tokio::time::timeout(within, stream.read_to_end(&mut rest)).await.is_ok()
}

async fn read_some(stream: &mut (impl AsyncReadExt + Unpin)) -> String {
    let mut buffer = vec![0; 1024];
    let read = tokio::time::timeout(Duration::from_secs(10), stream.read(&mut buffer)).await;
    let read = read.ok().and_then(Result::ok).unwrap_or_default();
    String::from_utf8_lossy(&buffer[..read]).into_owned()
}
