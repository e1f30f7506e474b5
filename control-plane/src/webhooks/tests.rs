//! A webhook in a pod behind a Service: the name its certificate must have, and connections that are kept.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rcgen::{CertifiedKey, KeyPair};
use serde_json::json;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::time::Instant;
use tokio_rustls::TlsAcceptor;
use xebec_api::Subresource;

use super::*;
use crate::nodes::NodeStreams;
use crate::outbound::Dialler;
use crate::outbound::testing::LoopbackNode;
use crate::registry::SystemEnvironment;
use crate::registry::testing::{Fixture, target};

/// Answers every request on a connection with its head, as JSON. Its port, and how many connections there were.
async fn echo(certified: &CertifiedKey<KeyPair>) -> (u16, Arc<AtomicUsize>) {
    let key = rustls::pki_types::PrivateKeyDer::try_from(certified.signing_key.serialize_der()).unwrap();
    let config = rustls::ServerConfig::builder_with_provider(xebec_proto::tls::provider())
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certified.cert.der().clone()], key)
        .unwrap();
    let (acceptor, connections) = (TlsAcceptor::from(Arc::new(config)), Arc::new(AtomicUsize::new(0)));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (port, counted) = (listener.local_addr().unwrap().port(), connections.clone());
    tokio::spawn(async move {
        while let Ok((tcp, _)) = listener.accept().await {
            let acceptor = acceptor.clone();
            counted.fetch_add(1, Ordering::Relaxed);
            tokio::spawn(async move {
                let stream = acceptor.accept(tcp).await.unwrap();
                answer(stream).await;
            });
        }
    });
    (port, connections)
}

async fn answer(mut stream: impl AsyncRead + AsyncWrite + Unpin) {
    let mut buffer = vec![0; 4096];
    while let Ok(count @ 1..) = stream.read(&mut buffer).await {
        let body = json!(String::from_utf8_lossy(&buffer[..count])).to_string();
        let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", body.len());
        stream.write_all((head + &body).as_bytes()).await.unwrap();
    }
}

/// Service `hooks` in front of port 8443 of a pod, which is `port` of loopback.
async fn dialler(fixture: &Fixture, port: u16) -> (Dialler, Arc<dyn NodeStreams>) {
    let pod = target("pods", Some("default"), "a");
    fixture.create(&pod, json!({"spec": {"containers": [{"name": "app", "image": "i"}]}})).await.unwrap();
    let bind = json!({"target": {"kind": "Node", "name": "n1"}});
    fixture.create(&pod.subresource(Subresource::Binding), bind).await.unwrap();
    let ports = json!({"spec": {"ports": [{"port": 443, "targetPort": 8443}]}});
    fixture.create(&target("services", Some("default"), "hooks"), ports).await.unwrap();
    let endpoint = json!({"addresses": ["10.42.0.9"], "targetRef": {"kind": "Pod", "name": "a"}});
    let slice = json!({"metadata": {"labels": {"kubernetes.io/service-name": "hooks"}}, "addressType": "IPv4",
        "ports": [{"port": 8443}], "endpoints": [endpoint]});
    fixture.create(&target("endpointslices", Some("default"), "hooks-1"), slice).await.unwrap();
    let node: Arc<dyn NodeStreams> = Arc::new(LoopbackNode { ports: [(("a".to_owned(), 8443), port)].into() });
    let dialler = Dialler::new(fixture.cache.clone(), Arc::new(SystemEnvironment));
    dialler.reach_nodes_by(&node);
    (dialler, node)
}

fn soon() -> Instant {
    Instant::now() + Duration::from_secs(10)
}

#[tokio::test]
async fn a_service_is_asked_by_its_name_on_connections_that_are_kept() {
    let fixture = Fixture::new().await;
    let certified = rcgen::generate_simple_self_signed(vec!["hooks.default.svc".to_owned()]).unwrap();
    let (port, connections) = echo(&certified).await;
    let (dialler, _node) = dialler(&fixture, port).await;
    let config = json!({"service": {"namespace": "default", "name": "hooks", "path": "/check"},
        "caBundle": STANDARD.encode(certified.cert.pem())});
    let client = Client::new(Endpoint::read(&config).unwrap(), dialler.clone());
    for _ in 0..3 {
        let heard = client.ask(&json!({"a": "question"}), 1024, soon()).await.unwrap();
        let heard = heard.as_str().unwrap();
        assert!(heard.starts_with("POST /check HTTP/1.1\r\n"), "{heard}");
        assert!(heard.contains("host: hooks.default.svc\r\n") && heard.ends_with(r#"{"a":"question"}"#), "{heard}");
        assert!(!heard.contains("authorization"), "{heard}");
    }
    assert_eq!(connections.load(Ordering::Relaxed), 1);
    let other = rcgen::generate_simple_self_signed(vec!["other.default.svc".to_owned()]).unwrap();
    let config =
        json!({"service": {"namespace": "default", "name": "hooks"}, "caBundle": STANDARD.encode(other.cert.pem())});
    let client = Client::new(Endpoint::read(&config).unwrap(), dialler);
    let refusal = client.ask(&json!({}), 1024, soon()).await.unwrap_err().to_string();
    assert!(refusal.starts_with("TLS handshake with hooks.default.svc"), "{refusal}");
}

#[test]
fn a_url_says_where_and_who() {
    let read = |url: &str| Endpoint::read(&json!({"url": url})).map(|endpoint| (endpoint.place, endpoint.name));
    let host = |name: &str, port| (Place::Host(name.to_owned(), port), name.to_owned());
    assert_eq!(read("https://a.example/x").unwrap(), host("a.example", 443));
    assert_eq!(read("https://[::1]:8443/x").unwrap(), host("::1", 8443));
    for bad in ["http://a.example/", "https:///x", "a.example", ""] {
        assert!(read(bad).is_err(), "{bad}");
    }
    let bundle = Endpoint::read(&json!({"url": "https://a/", "caBundle": "Cg=="})).map(drop).unwrap_err();
    assert!(bundle.to_string().starts_with("unable to load root certificates"), "{bundle}");
}
