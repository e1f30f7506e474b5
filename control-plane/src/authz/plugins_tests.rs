//! Who may grant what, through a registry with the real authorizer and the default roles.

use std::time::Duration;

use serde_json::json;
use tokio::time::Instant;

use super::super::{Union, defaults};
use super::*;
use crate::admission;
use crate::authn::User;
use crate::cache::{Cache, Limits};
use crate::registry::testing::{MemoryStore, target};
use crate::registry::{Registry, RegistryParts, RequestContext, SystemEnvironment, WriteOptions};

struct World(Registry);

impl World {
    /// A namespace `shop`, of which jane is admin.
    async fn new() -> Self {
        let cache = Cache::new(Limits::default());
        let rbac = Arc::new(Rbac::new(cache.clone()));
        let authorizer: Arc<dyn Authorizer> = Arc::new(Union::new(cache.clone(), rbac.clone()));
        let mut admission = admission::plugins(&cache, Duration::from_secs(10));
        admission.push(Arc::new(NodeRestriction::new(cache.clone())));
        admission.push(Arc::new(NoEscalation::new(rbac, authorizer.clone())));
        let store = MemoryStore::new(cache.clone());
        let tokens = Arc::new(crate::registry::testing::tokens(cache.clone()));
        let environment = Arc::new(SystemEnvironment);
        let webhooks = crate::registry::testing::webhooks(&cache);
        let conversions = crate::registry::testing::conversions(&cache);
        let service_cidr = "10.43.0.0/16".parse().unwrap();
        let world = Self(Registry::new(RegistryParts {
            store,
            cache,
            authorizer,
            admission,
            webhooks,
            conversions,
            tokens,
            environment,
            service_cidr,
        }));
        world.create(User::api_server(), "namespaces", None, json!({"metadata": {"name": "shop"}})).await.unwrap();
        for object in defaults::objects() {
            let plural = if object["kind"] == "ClusterRole" { "clusterroles" } else { "clusterrolebindings" };
            world.create(User::api_server(), plural, None, object).await.unwrap();
        }
        world.bind(User::api_server(), "admin", "jane").await.unwrap();
        world
    }

    async fn create(&self, user: User, plural: &str, namespace: Option<&str>, object: Value) -> Result<(), Status> {
        let name = object["metadata"]["name"].as_str().unwrap().to_owned();
        let deadline = Instant::now() + Duration::from_secs(5);
        let cx = RequestContext::new(Arc::new(user), deadline);
        let target = target(plural, namespace, &name);
        self.0.create(&cx, &target, object, &WriteOptions::default()).await.map(|_| ())
    }

    async fn bind(&self, by: User, role: &str, subject: &str) -> Result<(), Status> {
        let binding = json!({
            "metadata": {"name": format!("{role}-{subject}")},
            "roleRef": {"apiGroup": rbac::GROUP, "kind": "ClusterRole", "name": role},
            "subjects": [{"apiGroup": rbac::GROUP, "kind": "User", "name": subject}],
        });
        self.create(by, "rolebindings", Some("shop"), binding).await
    }

    async fn role(&self, by: User, name: &str, resource: &str) -> Result<(), Status> {
        let rules = json!([{"apiGroups": [""], "resources": [resource], "verbs": ["get"]}]);
        self.create(by, "roles", Some("shop"), json!({"metadata": {"name": name}, "rules": rules})).await
    }
}

fn jane() -> User {
    User::new("jane", [])
}

#[tokio::test]
async fn an_admin_of_a_namespace_hands_out_what_she_holds() {
    let world = World::new().await;
    world.bind(jane(), "view", "joe").await.unwrap();
    world.bind(jane(), "admin", "joe").await.unwrap();
    world.role(jane(), "reader", "pods").await.unwrap();
}

#[tokio::test]
async fn and_nothing_that_she_does_not_hold() {
    let world = World::new().await;
    for refused in [
        world.bind(jane(), "cluster-admin", "joe").await,
        world.bind(jane(), "no-such-role", "joe").await,
        world.role(jane(), "reader", "nodes").await,
    ] {
        let refused = refused.unwrap_err();
        assert_eq!(refused.code, 403);
        assert!(refused.message.contains("would grant what they do not hold"), "{refused}");
    }
}

#[tokio::test]
async fn a_node_is_held_to_its_own_objects() {
    let world = World::new().await;
    let node = |name: &str, label: &str| json!({"metadata": {"name": name, "labels": {label: "x"}}});
    let create = |object| world.create(User::node("n1"), "nodes", None, object);
    create(node("n1", "kubernetes.io/hostname")).await.unwrap();
    let foreign = create(node("n2", "kubernetes.io/hostname")).await.unwrap_err();
    assert_eq!(foreign.code, 403);
    let trusted =
        world.create(User::node("n3"), "nodes", None, node("n3", "node-role.kubernetes.io/etcd")).await.unwrap_err();
    assert!(trusted.message.contains("may not change the label"), "{trusted}");
}
