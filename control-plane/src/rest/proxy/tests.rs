//! Requests through a proxy, to servers of this process that stand for pods.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::response::Response;
use axum::routing::{any, get};
use http::StatusCode;
use http::header::{CONNECTION, LOCATION, UPGRADE};
use http_body_util::BodyExt;
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use xebec_api::Subresource;

use crate::nodes::NodeStreams;
use crate::outbound::testing::LoopbackNode;
use crate::registry::testing::{Fixture, target};
use crate::rest::tests::{app_of, call, raw, state};

const POD: &str = "/api/v1/namespaces/default/pods/p:8080/proxy";
const SERVICE: &str = "/api/v1/namespaces/default/services/web:http/proxy";

/// Says what it was asked.
async fn mirror(request: Request) -> String {
    let (parts, body) = request.into_parts();
    let header = |name: &str| parts.headers.get(name).map(|value| value.to_str().unwrap().to_owned());
    let names = ["host", "authorization", "x-custom", "x-forwarded-for", "x-forwarded-uri", "impersonate-user"];
    let headers: serde_json::Map<String, Value> =
        names.iter().filter_map(|name| Some(((*name).to_owned(), json!(header(name)?)))).collect();
    let body = body.collect().await.unwrap().to_bytes();
    let said = json!({
        "method": parts.method.as_str(), "uri": parts.uri.to_string(), "headers": headers,
        "body": String::from_utf8_lossy(&body),
    });
    said.to_string()
}

/// Goes on without HTTP: says everything again.
async fn echo(mut request: Request) -> Response {
    assert_eq!(request.headers()[UPGRADE], "echo");
    let upgrade = hyper::upgrade::on(&mut request);
    tokio::spawn(async move {
        let (mut reader, mut writer) = tokio::io::split(TokioIo::new(upgrade.await.unwrap()));
        tokio::io::copy(&mut reader, &mut writer).await.unwrap();
        writer.shutdown().await.unwrap();
    });
    let answer = Response::builder().status(StatusCode::SWITCHING_PROTOCOLS);
    answer.header(CONNECTION, "Upgrade").header(UPGRADE, "echo").header("x-said", "yes").body(Body::empty()).unwrap()
}

async fn moved() -> Response {
    Response::builder().status(StatusCode::FOUND).header(LOCATION, "/login?next=%2F").body(Body::empty()).unwrap()
}

/// Never takes its body.
async fn deaf(request: Request) -> Response {
    let _body = request.into_body();
    std::future::pending().await
}

/// A port of loopback behind which the pod's server is.
async fn server() -> u16 {
    let app = Router::new().route("/echo", any(echo)).route("/moved", get(moved)).route("/deaf", any(deaf));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move { axum::serve(listener, app.fallback(mirror)).await });
    port
}

/// Pod `p` that serves on 8080, and the Service `web` before it.
struct World {
    fixture: Fixture,
    node: Arc<dyn NodeStreams>,
}

impl World {
    async fn new() -> World {
        let fixture = Fixture::new().await;
        let pod = target("pods", Some("default"), "p");
        fixture.create(&pod, json!({"spec": {"containers": [{"name": "app", "image": "shop:1"}]}})).await.unwrap();
        let bind = json!({"target": {"kind": "Node", "name": "n1"}});
        fixture.create(&pod.clone().subresource(Subresource::Binding), bind).await.unwrap();
        let mut whole = fixture.cache.get(pod.kind, Some("default"), "p").unwrap().to_value();
        whole["status"] = json!({"phase": "Running", "podIP": "10.42.0.7"});
        fixture.update(&pod.subresource(Subresource::Status), whole).await.unwrap();
        let spec = json!({"ports": [{"name": "http", "port": 80, "targetPort": 8080}]});
        for service in ["web", "empty"] {
            let service = target("services", Some("default"), service);
            fixture.create(&service, json!({"spec": spec})).await.unwrap();
        }
        let slice = json!({
            "metadata": {"labels": {"kubernetes.io/service-name": "web"}}, "addressType": "IPv4",
            "ports": [{"name": "http", "port": 8080}],
            "endpoints": [{"addresses": ["10.42.0.7"], "targetRef": {"kind": "Pod", "name": "p"}}],
        });
        fixture.create(&target("endpointslices", Some("default"), "web-1"), slice).await.unwrap();
        let ports = [(("p".to_owned(), 8080), server().await)].into();
        World { fixture, node: Arc::new(LoopbackNode { ports }) }
    }

    fn app(&self, user: &str) -> Router {
        app_of(state(&self.fixture, self.node.clone()), user)
    }

    async fn ask(&self, method: &str, uri: &str, headers: &[(&str, &str)], body: &'static str) -> (u16, Value) {
        call(&self.app("jane"), method, uri, headers, body).await
    }
}

#[tokio::test]
async fn every_method_reaches_the_pod_with_path_query_and_body() {
    let world = World::new().await;
    for method in ["GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"] {
        for proxy in [POD, SERVICE] {
            let (code, told) = world.ask(method, &format!("{proxy}/a//b%2Fc/?x=1&watch=true"), &[], "hello").await;
            assert_eq!(code, 200, "{told}");
            let expected = json!([method, "/a//b%2Fc/?x=1&watch=true", "hello"]);
            assert_eq!(json!([told["method"], told["uri"], told["body"]]), expected);
        }
    }
    let (answer, body) = raw(&world.app("jane"), "HEAD", &format!("{POD}/x"), &[], "").await;
    assert_eq!((answer.status().as_u16(), body.len()), (200, 0));
}

#[tokio::test]
async fn nobody_elses_credentials_get_to_the_pod() {
    let world = World::new().await;
    let secret = [
        ("host", "m1:6443"),
        ("authorization", "Bearer secret"),
        ("impersonate-user", "joe"),
        ("x-custom", "kept"),
        ("connection", "x-dropped"),
        ("x-dropped", "1"),
    ];
    let (_, told) = world.ask("GET", &format!("{POD}/a"), &secret, "").await;
    let expected = json!({"host": "m1:6443", "x-custom": "kept", "x-forwarded-uri": format!("{POD}/a")});
    assert_eq!(told["headers"], expected);
}

#[tokio::test]
async fn a_proxys_root_is_a_directory_and_redirects_stay_below_it() {
    let world = World::new().await;
    let app = world.app("jane");
    for method in ["GET", "POST", "HEAD"] {
        let (answer, _) = raw(&app, method, &format!("{POD}?a=b"), &[], "").await;
        assert_eq!(answer.status().as_u16(), 301);
        assert_eq!(answer.headers()[LOCATION], format!("{POD}/?a=b"));
    }
    let (answer, _) = raw(&app, "GET", &format!("{SERVICE}/moved"), &[], "").await;
    assert_eq!(answer.status().as_u16(), 302);
    assert_eq!(answer.headers()[LOCATION], format!("{SERVICE}/login?next=%2F"));
}

#[tokio::test]
async fn who_cannot_be_reached_is_said() {
    let world = World::new().await;
    let cases = [
        ("pods/none/proxy/", 404, "pods \"none\" not found"),
        ("pods/p:9/proxy/", 503, "pod default/p port 9: connection refused"),
        ("pods/p:x/proxy/", 400, "invalid pod request \"p:x\": it must be [http:|https:]NAME[:PORT]"),
        ("services/none:80/proxy/", 404, "services \"none\" not found"),
        ("services/web:81/proxy/", 503, "no service port 81 found for service \"default/web\""),
        ("services/empty:80/proxy/", 503, "no endpoints available for service \"default/empty\""),
        ("configmaps/a/proxy/", 404, "the server could not find the requested resource"),
    ];
    for (place, code, message) in cases {
        let (got, status) = world.ask("GET", &format!("/api/v1/namespaces/default/{place}"), &[], "").await;
        assert_eq!((got, &status["message"]), (code, &json!(message)), "{place}");
    }
}

#[tokio::test]
async fn who_may_not_use_the_proxy_does_not() {
    let world = World::new().await;
    let (code, status) = call(&world.app("nobody"), "POST", &format!("{SERVICE}/"), &[], "").await;
    assert_eq!(code, 403);
    let message = status["message"].as_str().unwrap();
    assert!(message.contains("cannot create resource \"services/proxy\""), "{message}");
}

#[tokio::test]
async fn an_upgraded_connection_carries_bytes_both_ways() {
    let world = World::new().await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let app = world.app("jane");
    tokio::spawn(async move { axum::serve(listener, app).await });
    let mut client = TcpStream::connect(address).await.unwrap();
    let head = format!("GET {POD}/echo HTTP/1.1\r\nhost: m1\r\nconnection: Upgrade\r\nupgrade: echo\r\n\r\n");
    client.write_all(head.as_bytes()).await.unwrap();
    let sent = vec![7; 1 << 20];
    let (mut reader, mut writer) = client.split();
    let sending = async {
        writer.write_all(&sent).await.unwrap();
        writer.shutdown().await.unwrap();
    };
    let mut heard = Vec::new();
    let (_, heard_all) = tokio::join!(sending, reader.read_to_end(&mut heard));
    heard_all.unwrap();
    let end = heard.windows(4).position(|four| four == b"\r\n\r\n").unwrap() + 4;
    let answer = String::from_utf8_lossy(&heard[..end]).to_lowercase();
    assert!(answer.starts_with("http/1.1 101 ") && answer.contains("x-said: yes"), "{answer}");
    assert_eq!(answer.matches("\r\nupgrade:").count(), 1, "{answer}");
    assert_eq!(heard[end..], sent);
}

/// Pieces of 64 KiB, counted as they are taken.
fn endless(taken: Arc<AtomicUsize>) -> Body {
    let piece = bytes::Bytes::from(vec![0; 64 * 1024]);
    Body::from_stream(futures::stream::repeat_with(move || {
        taken.fetch_add(1, Ordering::Relaxed);
        Ok::<_, std::convert::Infallible>(piece.clone())
    }))
}

#[tokio::test]
async fn a_server_that_takes_nothing_holds_its_caller_up() {
    let world = World::new().await;
    let taken = Arc::new(AtomicUsize::new(0));
    let app = world.app("jane");
    let (body, uri) = (endless(taken.clone()), format!("{POD}/deaf"));
    let asking = tokio::spawn(async move { call(&app, "POST", &uri, &[], body).await });
    // Until nothing more is taken.
    let mut last = usize::MAX;
    while last != taken.load(Ordering::Relaxed) || last == 0 {
        last = taken.load(Ordering::Relaxed);
        assert!(last * 64 * 1024 < 64 << 20, "{last} pieces were taken");
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
    assert!(!asking.is_finished());
    asking.abort();
}
