//! Who gets through the door.

use axum::routing::any;
use serde_json::json;

use super::*;
use crate::authn::certificate::ClientCertificate;
use crate::cache::Cache;
use crate::fairness::Config;
use crate::registry::SystemEnvironment;
use crate::registry::testing::{AllButNobody, MemoryStore, tokens};

/// A level that lets so many requests of everybody through, and queues none.
fn doors(max_requests: u32) -> Doors {
    let level = json!({"metadata": {"name": "all", "uid": "level-uid"}, "spec": {"type": "Limited", "limited": {
        "nominalConcurrencyShares": 1_000, "limitResponse": {"type": "Reject"},
    }}});
    let everything = json!({"subjects": [{"kind": "Group", "group": {"name": "*"}}],
        "nonResourceRules": [{"verbs": ["*"], "nonResourceURLs": ["*"]}],
        "resourceRules": [{"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"], "namespaces": ["*"], "clusterScope": true}]});
    let schema = json!({"metadata": {"name": "all", "uid": "schema-uid"}, "spec": {
        "matchingPrecedence": 5, "priorityLevelConfiguration": {"name": "all"}, "rules": [everything],
    }});
    Doors {
        in_flight: InFlight::new(4),
        fairness: Fairness::new(max_requests, Config::new(&[schema], &[level])),
        readers: Readers::default(),
        objects: Arc::new(|_| 0),
    }
}

fn gate(max_requests: u32) -> Gate {
    let all = || Router::new().fallback(any(|| async { "through" }));
    gate_of(all, max_requests)
}

fn gate_of(all: impl Fn() -> Router, max_requests: u32) -> Gate {
    let cache = Cache::new(crate::cache::Limits::default());
    let authenticator = Authenticator {
        store: MemoryStore::new(cache.clone()),
        tokens: Arc::new(tokens(cache.clone())),
        cache,
        authorizer: Arc::new(AllButNobody),
        environment: Arc::new(SystemEnvironment),
    };
    let observers = Observers { metrics: RequestMetrics::default(), audit: Auditor::off() };
    Gate::new(all(), all(), doors(max_requests), observers, Arc::new(authenticator))
}

async fn check(gate: &Gate, request: axum::http::request::Builder, user: Option<User>, expect: u16) -> Response<Body> {
    let mut request = request.body(Body::empty()).unwrap();
    let described = format!("{} {}", request.method(), request.uri());
    if let Some(user) = user {
        let certificate = ClientCertificate { user: Arc::new(user), key: [1; 32], not_after: jiff::Timestamp::MAX };
        request.extensions_mut().insert(Arc::new(certificate));
    }
    let answer = gate.answer(request).await;
    assert_eq!(answer.status().as_u16(), expect, "{described}");
    answer
}

#[tokio::test]
async fn nobody_gets_through_except_to_what_is_open() {
    let gate = gate(10);
    for (method, path, expect) in [
        ("GET", "/livez", 200),
        ("GET", "/readyz", 200),
        ("GET", "/version", 200),
        ("POST", "/version", 401),
        ("GET", "/version/", 401),
        ("GET", "/api", 401),
        ("GET", "/api/v1/secrets", 401),
        ("GET", OPEN_CALL, 401),
    ] {
        check(&gate, Request::builder().method(method).uri(path), None, expect).await;
    }
    check(&gate, Request::builder().uri("/api"), Some(User::new("jane", [])), 200).await;
}

#[tokio::test]
async fn nobody_may_call_join_and_nothing_else() {
    let gate = gate(10);
    let call = |path| Request::builder().method("POST").uri(path).header("content-type", "application/grpc");
    check(&gate, call(OPEN_CALL), None, 200).await;
    for path in ["/livez", "/xebec.v1.Bootstrap/Join/", "/xebec.v1.Cluster/CreateToken", "/xebec.v1.Nodes/Session"] {
        let refused = check(&gate, call(path), None, 200).await;
        assert_eq!(refused.headers()["grpc-status"], "16", "{path}");
    }
}

#[tokio::test]
async fn above_the_bound_callers_are_told_to_come_back() {
    let gate = gate(1);
    let user = || Some(User::new("jane", []));
    let held = check(&gate, Request::builder().uri("/api"), user(), 200).await;
    let refused = check(&gate, Request::builder().uri("/api"), user(), 429).await;
    assert_eq!(refused.headers()["retry-after"], "1");
    assert_eq!(refused.headers()["x-kubernetes-pf-prioritylevel-uid"], "level-uid");
    check(&gate, Request::builder().uri("/api/v1/namespaces/a/pods/b/log"), user(), 200).await;
    check(&gate, Request::builder().method("POST").uri("/api/v1/namespaces/a/pods?watch=1"), user(), 429).await;
    drop(held);
    let answer = check(&gate, Request::builder().uri("/api"), user(), 200).await;
    assert_eq!(answer.headers()["x-kubernetes-pf-flowschema-uid"], "schema-uid");
}

/// Answers nothing until its body has come, as gRPC does.
fn patient_gate(max_requests: u32) -> Gate {
    let all = || Router::new().fallback(any(|_: axum::body::Bytes| async { "through" }));
    gate_of(all, max_requests)
}

fn join_without_end() -> Request<Body> {
    let body = Body::from_stream(futures::stream::pending::<Result<&str, std::io::Error>>());
    Request::builder().method("POST").uri(OPEN_CALL).header("content-type", "application/grpc").body(body).unwrap()
}

#[tokio::test]
async fn strangers_keep_nobody_out() {
    let gate = patient_gate(1);
    let mut strangers: Vec<_> = (0..100).map(|_| Box::pin(gate.answer(join_without_end()))).collect();
    for stranger in &mut strangers {
        drop(futures::poll!(stranger));
    }
    check(&gate, Request::builder().uri("/api"), Some(User::new("jane", [])), 200).await;
    check(&gate, Request::builder().uri("/livez"), None, 200).await;
}

#[tokio::test]
async fn one_who_may_acts_as_another() {
    let name = |request: Request<Body>| async move {
        let user = request.extensions().get::<Arc<User>>().map(|user| user.name.clone());
        user.unwrap_or_default()
    };
    let gate = gate_of(|| Router::new().fallback(any(name)), 10);
    let request = || Request::builder().uri("/api").header("Impersonate-User", "jane");
    let answer = check(&gate, request(), Some(User::new("admin", [])), 200).await;
    let body = http_body_util::BodyExt::collect(answer.into_body()).await.unwrap().to_bytes();
    assert_eq!(body, "jane");
    check(&gate, request(), Some(User::new("nobody", [])), 403).await;
    check(&gate, request(), None, 401).await;
}

#[tokio::test]
async fn a_bad_credential_is_refused_everywhere() {
    let gate = gate(10);
    let with = |path: &str, header: &str| Request::builder().uri(path).header("Authorization", header);
    check(&gate, with("/livez", "Bearer a.b.c"), None, 401).await;
    check(&gate, with("/api", "Bearer abcdef.0123456789abcdef"), None, 401).await;
    check(&gate, with("/api", "Basic YTpi"), None, 401).await;
    check(&gate, Request::builder().uri("/api"), Some(User::node("gone")), 401).await;
    let expired = ClientCertificate {
        user: Arc::new(User::new("jane", [])),
        key: [1; 32],
        not_after: jiff::Timestamp::UNIX_EPOCH,
    };
    let mut request = Request::builder().uri("/api").body(Body::empty()).unwrap();
    request.extensions_mut().insert(Arc::new(expired));
    assert_eq!(gate.answer(request).await.status(), 401);
}
