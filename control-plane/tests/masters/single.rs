//! One master: what it serves, to whom.

use serde_json::{Value, json};
use xebec_control_plane::server::{Master, ServerError};
use xebec_proto::v1::{ClusterStatusRequest, CreateTokenRequest, DeleteTokenRequest, ListTokensRequest, Role};

use crate::support::*;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_cluster_serves_everybody_what_is_theirs() {
    let dir = tempfile::tempdir().unwrap();
    let master = Master::start(first(dir.path(), "m1")).await.unwrap();
    ready(&master).await;
    anonymous_callers_get_three_paths(&master).await;
    the_admin_finds_the_default_objects(&master).await;
    tokens_come_and_go(&master).await;
    the_leader_works(&master).await;
    let status = cluster(&master).await.status(ClusterStatusRequest {}).await.unwrap().into_inner();
    assert_eq!((status.answered_by.as_str(), status.members.len()), ("m1", 1));
    assert_eq!(status.leader_id, status.members[0].member.as_ref().unwrap().id);
    master.shutdown().await;
    it_comes_back_from_its_directory(dir.path()).await;
}

async fn anonymous_callers_get_three_paths(master: &Master) {
    let nobody = nobody(master);
    for path in ["/livez", "/readyz", "/version"] {
        assert_eq!(get(master, &nobody, path).await.0, 200, "{path}");
    }
    for path in ["/", "/api", "/api/v1/namespaces", "/apis", "/metrics", "/openapi/v2"] {
        let (code, body) = get(master, &nobody, path).await;
        assert_eq!((code, &body["reason"]), (401, &json!("Unauthorized")), "{path}");
    }
}

async fn the_admin_finds_the_default_objects(master: &Master) {
    let admin = admin(master);
    let names = |list: &Value| -> Vec<String> {
        let items = list["items"].as_array().unwrap();
        items.iter().map(|item| item["metadata"]["name"].as_str().unwrap().to_owned()).collect()
    };
    let service = "/api/v1/namespaces/default/services/kubernetes";
    eventually("the kubernetes Service", async || (get(master, &admin, service).await.0 == 200).then_some(())).await;
    let (_, namespaces) = get(master, &admin, "/api/v1/namespaces").await;
    assert_eq!(names(&namespaces), ["default", "kube-node-lease", "kube-public", "kube-system"]);
    let (_, service) = get(master, &admin, service).await;
    assert_eq!(service["spec"]["clusterIP"], "10.43.0.1");
    let slices = "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices";
    let slice = async || Some(get(master, &admin, slices).await.1["items"].get(0)?.clone());
    let slice = eventually("its EndpointSlice", slice).await;
    assert_eq!(slice["endpoints"][0]["addresses"][0], "127.0.0.1");
    assert_eq!(slice["ports"][0]["port"], endpoint(master).port());
    let (code, _) = get(master, &admin, "/apis/rbac.authorization.k8s.io/v1/clusterroles/cluster-admin").await;
    assert_eq!(code, 200);
}

/// A Deployment becomes pods on a node, with the permissions that controllers and scheduler really have.
async fn the_leader_works(master: &Master) {
    let admin = admin(master);
    let create = async |path: &str, object| rest(master, &admin, "POST", path, Some(object)).await;
    let resources = json!({"cpu": "4", "memory": "8Gi", "pods": "110"});
    let ready = json!([{"type": "Ready", "status": "True", "reason": "Test", "message": "",
        "lastHeartbeatTime": "2030-01-01T00:00:00Z", "lastTransitionTime": "2030-01-01T00:00:00Z"}]);
    let status = json!({"capacity": resources, "allocatable": resources, "conditions": ready});
    let node = json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "n1"}, "status": status});
    let (code, body) = create("/api/v1/nodes", node).await;
    assert_eq!(code, 201, "{body}");
    let labels = json!({"app": "till"});
    let deployment = json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "till"},
        "spec": {"replicas": 2, "selector": {"matchLabels": labels}, "template": {
            "metadata": {"labels": labels}, "spec": {"containers": [{"name": "c", "image": "till"}]}}},
    });
    let (code, body) = create("/apis/apps/v1/namespaces/default/deployments", deployment).await;
    assert_eq!(code, 201, "{body}");
    let bound = async || {
        let pods = get(master, &admin, "/api/v1/namespaces/default/pods").await.1;
        let on_node = |pod: &&Value| pod["spec"]["nodeName"] == "n1";
        (pods["items"].as_array()?.iter().filter(on_node).count() == 2).then_some(())
    };
    eventually("two pods bound to the node", bound).await;
    let namespace = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}});
    assert_eq!(create("/api/v1/namespaces", namespace).await.0, 201);
    let account = "/api/v1/namespaces/shop/serviceaccounts/default";
    eventually("its service account", async || (get(master, &admin, account).await.0 == 200).then_some(())).await;
    rest(master, &admin, "DELETE", "/api/v1/namespaces/shop", None).await;
    let gone = async || (get(master, &admin, "/api/v1/namespaces/shop").await.0 == 404).then_some(());
    eventually("the namespace is emptied and gone", gone).await;
}

async fn tokens_come_and_go(master: &Master) {
    let mut cluster = cluster(master).await;
    let create = CreateTokenRequest { role: Role::Agent.into(), ttl_seconds: 60, description: "rack 7".into() };
    let created: xebec_proto::token::JoinToken =
        cluster.create_token(create).await.unwrap().into_inner().token.parse().unwrap();
    let listed = cluster.list_tokens(ListTokensRequest {}).await.unwrap().into_inner().tokens;
    let own = listed.iter().find(|token| token.id == created.id).unwrap();
    assert_eq!((own.description.as_str(), own.expired, listed.len()), ("rack 7", false, 3));
    cluster.delete_token(DeleteTokenRequest { id: created.id.clone() }).await.unwrap();
    let gone = cluster.delete_token(DeleteTokenRequest { id: created.id }).await.unwrap_err();
    assert_eq!(gone.code(), tonic::Code::NotFound);
}

async fn it_comes_back_from_its_directory(dir: &std::path::Path) {
    let master = Master::start(again(dir)).await.unwrap();
    assert!(master.join_commands().is_none());
    ready(&master).await;
    let admin = admin(&master);
    assert_eq!(get(&master, &admin, "/api/v1/namespaces/kube-system").await.0, 200);
    master.shutdown().await;
}

#[tokio::test]
async fn a_master_that_is_told_too_little_or_too_much_says_so() {
    let dir = tempfile::tempdir().unwrap();
    let told = |edit: fn(&mut xebec_control_plane::server::ServerConfig)| {
        let mut config = config(dir.path(), "m1");
        edit(&mut config);
        Master::start(config)
    };
    assert!(matches!(told(|_| ()).await, Err(ServerError::NoCluster { .. })));
    let unnamed = told(|config| (config.cluster_init, config.name) = (true, "M 1".into())).await;
    assert!(matches!(unnamed, Err(ServerError::Name { .. })));
    let nowhere = told(|config| (config.cluster_init, config.advertise_address) = (true, "0.0.0.0".into())).await;
    assert!(matches!(nowhere, Err(ServerError::Advertise { .. })));
    let overlap = told(|config| (config.cluster_init, config.service_cidr) = (true, config.cluster_cidr)).await;
    assert!(matches!(overlap, Err(ServerError::Network { .. })));
}
