//! Who is let in, and with what.

use std::time::Duration;

use serde_json::json;
use tonic::Code;
use xebec_control_plane::server::{Master, ServerError};
use xebec_proto::join::{Applicant, JoinError, Joined, join, renew};
use xebec_proto::tls::{ClientIdentity, client_config};
use xebec_proto::token::JoinToken;
use xebec_proto::v1::{CreateTokenRequest, DeleteTokenRequest, Role};

use crate::support::*;

async fn join_as(master: &Master, token: &JoinToken, role: Role, name: &str) -> Result<Joined, JoinError> {
    let applicant = Applicant { role, name: name.into(), addresses: vec!["127.0.0.1".into()] };
    join(&endpoint(master), token, &applicant, TIMEOUT).await
}

async fn check_refused(master: &Master, token: &JoinToken, role: Role, name: &str, expect: (Code, &str)) {
    let Err(JoinError::Refused { status }) = join_as(master, token, role, name).await else {
        panic!("not refused: {expect:?}");
    };
    assert_eq!(status.code(), expect.0, "{}", status.message());
    assert!(status.message().contains(expect.1), "{}", status.message());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_joins_with_its_token_and_is_no_more_than_a_node() {
    let dir = tempfile::tempdir().unwrap();
    let master = Master::start(first(dir.path(), "m1")).await.unwrap();
    ready(&master).await;
    let agent = token(&master.join_commands().unwrap().agent);
    refusals(&master, &agent).await;
    let joined = join_as(&master, &agent, Role::Agent, "n1").await.unwrap();
    assert_eq!((joined.response.serving_ca_key.as_str(), joined.serving.is_none()), ("", true));
    assert_eq!(joined.response.masters, [master.api_address()]);
    what_the_node_may(&master, &joined).await;
    let taken = (Code::AlreadyExists, "a node named n1 already");
    check_refused(&master, &agent, Role::Agent, "n1", taken).await;
    attempts_are_limited(&master, &agent).await;
    master.shutdown().await;
}

async fn refusals(master: &Master, agent: &JoinToken) {
    let wrong = JoinToken { secret: "wrong".into(), ..agent.clone() };
    check_refused(master, &wrong, Role::Agent, "n1", (Code::Unauthenticated, "secret is wrong")).await;
    let unknown = JoinToken { id: "unknown".into(), ..agent.clone() };
    check_refused(master, &unknown, Role::Agent, "n1", (Code::Unauthenticated, "does not exist")).await;
    check_refused(master, agent, Role::Server, "m2", (Code::Unauthenticated, "is for role agent")).await;
    check_refused(master, agent, Role::Agent, "N 1", (Code::InvalidArgument, "cannot be the name")).await;
    let foreign = JoinToken { ca_hash: [7; 32], ..agent.clone() };
    let refused = join_as(master, &foreign, Role::Agent, "n1").await.err().unwrap();
    assert!(matches!(refused, JoinError::WrongAuthority { .. }), "{refused}");
    let mut cluster = cluster(master).await;
    let brief = CreateTokenRequest { role: Role::Agent.into(), ttl_seconds: 1, description: String::new() };
    let brief: JoinToken = cluster.create_token(brief).await.unwrap().into_inner().token.parse().unwrap();
    let deleted = CreateTokenRequest { role: Role::Agent.into(), ttl_seconds: 60, description: String::new() };
    let deleted: JoinToken = cluster.create_token(deleted).await.unwrap().into_inner().token.parse().unwrap();
    cluster.delete_token(DeleteTokenRequest { id: deleted.id.clone() }).await.unwrap();
    check_refused(master, &deleted, Role::Agent, "n1", (Code::Unauthenticated, "does not exist")).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    check_refused(master, &brief, Role::Agent, "n1", (Code::Unauthenticated, "has expired")).await;
}

async fn what_the_node_may(master: &Master, joined: &Joined) {
    let identity = ClientIdentity::from_pem(joined.client.chain.as_bytes(), joined.client.key.as_bytes()).unwrap();
    let tls = client_config(joined.response.serving_ca.as_bytes(), Some(identity)).unwrap();
    let node =
        |name: &str, labels| json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": name, "labels": labels}});
    let create = async |body| rest(master, &tls, "POST", "/api/v1/nodes", Some(body)).await.0;
    assert_eq!(create(node("n2", json!({}))).await, 403);
    assert_eq!(create(node("n1", json!({"node-role.kubernetes.io/control-plane": ""}))).await, 403);
    assert_eq!(create(node("n1", json!({}))).await, 201);
    assert_eq!(get(master, &tls, "/api/v1/nodes/n1").await.0, 200);
    for path in ["/api/v1/nodes", "/api/v1/secrets", "/api/v1/namespaces/default/pods", "/api/v1/nodes/n2"] {
        assert_eq!(get(master, &tls, path).await.0, 403, "{path}");
    }
    the_node_renews_itself_and_nobody_else(master, &tls).await;
    let channel = xebec_proto::dial::dial(&endpoint(master), tls, TIMEOUT).await.unwrap();
    let mut cluster = xebec_proto::v1::cluster_client::ClusterClient::new(channel);
    let refused = cluster.create_token(CreateTokenRequest::default()).await.unwrap_err();
    assert_eq!(refused.code(), Code::PermissionDenied);
}

async fn the_node_renews_itself_and_nobody_else(master: &Master, tls: &std::sync::Arc<rustls::ClientConfig>) {
    let renewed = renew(&endpoint(master), tls.clone(), "n1", TIMEOUT).await.unwrap();
    assert!(ClientIdentity::from_pem(renewed.chain.as_bytes(), renewed.key.as_bytes()).is_ok());
    for caller in [tls.clone(), admin(master)] {
        let Err(JoinError::Refused { status }) = renew(&endpoint(master), caller, "n2", TIMEOUT).await else {
            panic!("a certificate for another node");
        };
        assert_eq!(status.code(), Code::PermissionDenied);
    }
}

async fn attempts_are_limited(master: &Master, agent: &JoinToken) {
    let wrong = JoinToken { secret: "guess".into(), ..agent.clone() };
    let limited = async || match join_as(master, &wrong, Role::Agent, "n9").await {
        Err(JoinError::Refused { status }) => (status.code() == Code::ResourceExhausted).then_some(()),
        _ => None,
    };
    eventually("the limit of attempts", limited).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_master_with_a_nodes_token_does_not_start() {
    let (dir, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let master = Master::start(first(dir.path(), "m1")).await.unwrap();
    let agent = token(&master.join_commands().unwrap().agent);
    let refused = Master::start(next(other.path(), "m2", &master, agent)).await.err().unwrap();
    assert!(matches!(refused, ServerError::Join(JoinError::Refused { .. })), "{refused:?}");
    assert!(!other.path().join("master.json").exists());
    assert!(!other.path().join("pki").exists());
    master.shutdown().await;
}
