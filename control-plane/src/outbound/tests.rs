//! Pods and Services that are reached, and those that are not.

use std::sync::Arc;
use std::time::Duration;

use rcgen::{CertifiedKey, KeyPair};
use rustls::ServerConfig;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::time::Instant;
use tokio_rustls::TlsAcceptor;
use xebec_api::Subresource;

use super::testing::LoopbackNode;
use super::tls::{self, Trust};
use super::*;
use crate::nodes::NodeStreams;
use crate::registry::SystemEnvironment;
use crate::registry::testing::{Fixture, target};

/// A server that says its name once it has heard the end, and where it is.
async fn server(name: &'static str) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        loop {
            let (mut tcp, _) = listener.accept().await.unwrap();
            let mut heard = Vec::new();
            tcp.read_to_end(&mut heard).await.unwrap();
            heard.extend_from_slice(name.as_bytes());
            tcp.write_all(&heard).await.unwrap();
        }
    });
    port
}

struct World {
    fixture: Fixture,
    dialler: Dialler,
    _node: Arc<dyn NodeStreams>,
}

impl World {
    /// Pods `a` and `b` on a node, of which only what `ports` lists answers; pod `mute` on one that does not dial back.
    async fn new(ports: &[(&str, u16, u16)]) -> World {
        let fixture = Fixture::new().await;
        for (pod, node) in [("a", "n1"), ("b", "n1"), ("mute", "silent")] {
            let pod = target("pods", Some("default"), pod);
            fixture.create(&pod, json!({"spec": {"containers": [{"name": "app", "image": "shop:1"}]}})).await.unwrap();
            let bind = json!({"target": {"kind": "Node", "name": node}});
            fixture.create(&pod.subresource(Subresource::Binding), bind).await.unwrap();
        }
        let waiting = json!({"spec": {"containers": [{"name": "app", "image": "shop:1"}]}});
        fixture.create(&target("pods", Some("default"), "waiting"), waiting).await.unwrap();
        let ports = ports.iter().map(|(pod, port, real)| (((*pod).to_owned(), *port), *real)).collect();
        let node: Arc<dyn NodeStreams> = Arc::new(LoopbackNode { ports });
        let dialler = Dialler::new(fixture.cache.clone(), Arc::new(SystemEnvironment));
        dialler.reach_nodes_by(&node);
        World { fixture, dialler, _node: node }
    }

    /// Service `web`, port `http` 80 to 8080, in front of these endpoints.
    async fn service(&self, endpoints: Value) {
        let spec = json!({"ports": [{"name": "http", "port": 80, "targetPort": 8080}]});
        self.fixture.create(&target("services", Some("default"), "web"), json!({"spec": spec})).await.unwrap();
        let slice = json!({
            "metadata": {"labels": {"kubernetes.io/service-name": "web"}}, "addressType": "IPv4",
            "ports": [{"name": "http", "port": 8080}], "endpoints": endpoints,
        });
        self.fixture.create(&target("endpointslices", Some("default"), "web-1"), slice).await.unwrap();
    }

    async fn ask(&self, name: &str, port: &str, reach: Reach) -> String {
        let service = ServiceRef { namespace: "default".into(), name: name.into(), port: PortRef::parse(port) };
        told(self.dialler.service(&service, reach, soon()).await).await
    }
}

fn soon() -> Instant {
    Instant::now() + Duration::from_millis(1500)
}

fn pod(name: &str) -> Value {
    json!({"addresses": ["10.42.0.9"], "conditions": {"ready": true}, "targetRef": {"kind": "Pod", "name": name}})
}

/// What the other end says to "I am ", or why there is none.
async fn told(connected: Result<Connection, DialError>) -> String {
    let mut connection = match connected {
        Ok(connection) => connection,
        Err(error) => return error.to_string(),
    };
    connection.write_all(b"I am ").await.unwrap();
    connection.shutdown().await.unwrap();
    let mut heard = String::new();
    connection.read_to_string(&mut heard).await.unwrap();
    heard
}

#[tokio::test]
async fn a_pod_is_reached_through_its_node() {
    let world = World::new(&[("a", 8080, server("a").await)]).await;
    let dial = async |pod: &str, port| told(world.dialler.pod("default", pod, port, soon()).await).await;
    assert_eq!(dial("a", 8080).await, "I am a");
    assert_eq!(dial("a", 9).await, "pod default/a port 9: connection refused");
    assert_eq!(dial("waiting", 80).await, "pod \"default/waiting\" does not have a host assigned");
    assert_eq!(dial("none", 80).await, "pod \"default/none\" not found");
    assert_eq!(dial("mute", 80).await, "pod default/mute port 80: no connection in time");
}

#[tokio::test]
async fn a_service_leads_to_an_endpoint_that_answers() {
    let world = World::new(&[("b", 8080, server("b").await)]).await;
    world.service(json!([pod("a"), pod("b"), pod("gone")])).await;
    for _ in 0..8 {
        assert_eq!(world.ask("web", "80", Reach::Pods).await, "I am b");
        assert_eq!(world.ask("web", "http", Reach::Anywhere).await, "I am b");
    }
    assert_eq!(world.ask("web", "81", Reach::Pods).await, "no service port 81 found for service \"default/web\"");
    assert_eq!(world.ask("none", "80", Reach::Pods).await, "service \"default/none\" not found");
}

#[tokio::test]
async fn a_service_without_ready_endpoints_leads_nowhere() {
    let world = World::new(&[]).await;
    let mut unready = pod("a");
    unready["conditions"]["ready"] = json!(false);
    world.service(json!([unready])).await;
    assert_eq!(world.ask("web", "80", Reach::Anywhere).await, "no endpoints available for service \"default/web\"");
}

#[tokio::test]
async fn addresses_that_somebody_wrote_are_for_the_trusted_and_not_all() {
    let world = World::new(&[]).await;
    world.service(json!([{"addresses": ["192.0.2.1"]}])).await;
    assert_eq!(world.ask("web", "80", Reach::Pods).await, "no endpoints available for service \"default/web\"");
    let named = json!({"spec": {"type": "ExternalName", "externalName": "localhost"}});
    world.fixture.create(&target("services", Some("default"), "named"), named).await.unwrap();
    assert_eq!(world.ask("named", "80", Reach::Pods).await, "no endpoints available for service \"default/named\"");
    let refused = world.ask("named", "80", Reach::Anywhere).await;
    assert!(
        refused.ends_with("must not be dialled: it is loopback, link-local, multicast or unspecified"),
        "{refused}"
    );
}

#[tokio::test]
async fn a_host_is_dialled_by_whoever_is_trusted_to() {
    let world = World::new(&[]).await;
    let connected = world.dialler.host("127.0.0.1", server("host").await, soon()).await;
    assert_eq!(told(connected).await, "I am host");
}

/// A TLS server with this certificate: says "secret".
async fn tls_server(certified: &CertifiedKey<KeyPair>) -> u16 {
    let key = rustls::pki_types::PrivateKeyDer::try_from(certified.signing_key.serialize_der()).unwrap();
    let config = ServerConfig::builder_with_provider(xebec_proto::tls::provider());
    let config = config.with_safe_default_protocol_versions().unwrap().with_no_client_auth();
    let config = config.with_single_cert(vec![certified.cert.der().clone()], key).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        loop {
            let (tcp, _) = listener.accept().await.unwrap();
            if let Ok(mut stream) = TlsAcceptor::from(Arc::new(config.clone())).accept(tcp).await {
                stream.write_all(b"secret").await.unwrap();
                stream.shutdown().await.ok();
            }
        }
    });
    port
}

#[tokio::test]
async fn only_the_server_that_is_meant_is_believed() {
    let own = rcgen::generate_simple_self_signed(vec!["web.default.svc".to_owned()]).unwrap();
    let stranger = rcgen::generate_simple_self_signed(vec!["web.default.svc".to_owned()]).unwrap();
    let world = World::new(&[("a", 443, tls_server(&own).await)]).await;
    let ask = async |trust: Trust, name: &str| {
        let config = tls::config(&trust, None).unwrap();
        let connection = world.dialler.pod("default", "a", 443, soon()).await.unwrap();
        let mut connection = tls::secure(connection, name, config, soon()).await.map_err(|error| error.to_string())?;
        let mut heard = String::new();
        connection.read_to_string(&mut heard).await.unwrap();
        Ok::<_, String>(heard)
    };
    let bundle = |certified: &CertifiedKey<KeyPair>| Trust::Bundle(certified.cert.pem().into_bytes());
    assert_eq!(ask(bundle(&own), "web.default.svc").await.as_deref(), Ok("secret"));
    assert_eq!(ask(Trust::Anybody, "other").await.as_deref(), Ok("secret"));
    assert!(ask(bundle(&own), "other.default.svc").await.unwrap_err().contains("not valid for name"));
    assert!(ask(bundle(&stranger), "web.default.svc").await.is_err());
    assert!(tls::config(&Trust::Bundle(Vec::new()), None).is_err());
}
