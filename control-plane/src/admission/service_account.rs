//! A pod runs as a ServiceAccount that exists: the one it names, or its namespace's `default`. Unless pod or account say no, its
//! containers find the account's token, the cluster's CA and the namespace's name where clients look for them.

use std::sync::Arc;

use serde_json::{Map, Value, json};
use xebec_api::kinds::SERVICE_ACCOUNT;
use xebec_api::{Status, value};

use super::{Admission, AdmissionRequest};
use crate::cache::Cache;
use crate::registry::Target;

/// Where clients look.
const MOUNT_PATH: &str = "/var/run/secrets/kubernetes.io/serviceaccount";
/// The beginning of the volume's name.
const VOLUME: &str = "kube-api-access-";
/// An hour, and a little that tells such tokens from those that somebody asked for.
const TOKEN_SECONDS: i64 = 3607;
/// The ConfigMap of every namespace that holds the CA.
const ROOT_CA: &str = "kube-root-ca.crt";

/// See the module.
pub struct ServiceAccount {
    cache: Arc<Cache>,
}

impl ServiceAccount {
    /// Looks accounts up in `cache`.
    pub fn new(cache: Arc<Cache>) -> Self {
        Self { cache }
    }
}

impl Admission for ServiceAccount {
    fn name(&self) -> &'static str {
        "ServiceAccount"
    }

    /// The account of a namespace that has just been created comes a moment later.
    fn awaits(&self, request: &AdmissionRequest<'_>) -> Option<Target> {
        let name = request.creates("pods").then(|| account_name(request.object))?;
        Some(Target::new(&SERVICE_ACCOUNT, request.namespace, &name))
    }

    fn mutate(&self, request: &mut AdmissionRequest<'_>) -> Result<(), Status> {
        if !request.creates("pods") {
            return Ok(());
        }
        let (name, namespace) = (account_name(request.object), request.namespace.unwrap_or_default());
        let Some(account) = self.cache.get(&SERVICE_ACCOUNT, Some(namespace), &name) else {
            let why =
                format!("error looking up service account {namespace}/{name}: serviceaccount \"{name}\" not found");
            return Err(Status::forbidden(request.kind, request.name, why));
        };
        let volume_name = request.generate_name(VOLUME);
        complete(request.object, &name, &account.to_value(), &volume_name);
        Ok(())
    }
}

fn account_name(pod: &Value) -> String {
    let named = value::text(pod, "/spec/serviceAccountName").or_else(|| value::text(pod, "/spec/serviceAccount"));
    named.unwrap_or("default").to_owned()
}

/// Makes the pod one of this account.
fn complete(pod: &mut Value, name: &str, account: &Value, volume_name: &str) {
    let Some(spec) = pod.get_mut("spec").and_then(Value::as_object_mut) else { return };
    spec.insert("serviceAccountName".into(), json!(name));
    spec.insert("serviceAccount".into(), json!(name));
    let has_pull_secrets = spec.get("imagePullSecrets").and_then(Value::as_array).is_some_and(|list| !list.is_empty());
    if let (false, Some(secrets)) = (has_pull_secrets, account.get("imagePullSecrets")) {
        spec.insert("imagePullSecrets".into(), secrets.clone());
    }
    let said = |of: Option<&Value>| of.and_then(Value::as_bool);
    let automount = said(spec.get("automountServiceAccountToken"))
        .or_else(|| said(account.get("automountServiceAccountToken")))
        .unwrap_or(true);
    if automount {
        mount(spec, volume_name);
    }
}

/// Mounts the volume in every container that has nothing there, and adds it if one has. A volume of this kind that is there
/// already, in a pod that was copied, is used.
fn mount(spec: &mut Map<String, Value>, new_name: &str) {
    let existing = spec.get("volumes").and_then(Value::as_array).into_iter().flatten();
    let mut names = existing.filter_map(|volume| value::text(volume, "/name"));
    let existing = names.find(|name| name.starts_with(VOLUME)).map(str::to_owned);
    let name = existing.clone().unwrap_or_else(|| new_name.to_owned());
    let mut mounted = false;
    for list in ["initContainers", "containers"] {
        let containers = spec.get_mut(list).and_then(Value::as_array_mut).into_iter().flatten();
        for container in containers {
            mounted |= mount_in(container, &name);
        }
    }
    if mounted && existing.is_none() {
        let volumes = spec.entry("volumes").or_insert_with(|| json!([]));
        volumes.as_array_mut().into_iter().for_each(|volumes| volumes.push(volume(&name)));
    }
}

fn mount_in(container: &mut Value, volume: &str) -> bool {
    let Some(container) = container.as_object_mut() else { return false };
    let mounts = container.entry("volumeMounts").or_insert_with(|| json!([]));
    let Some(mounts) = mounts.as_array_mut() else { return false };
    if mounts.iter().any(|mount| value::text(mount, "/mountPath") == Some(MOUNT_PATH)) {
        return false;
    }
    mounts.push(json!({"name": volume, "readOnly": true, "mountPath": MOUNT_PATH}));
    true
}

fn volume(name: &str) -> Value {
    let namespace = json!({"path": "namespace", "fieldRef": {"apiVersion": "v1", "fieldPath": "metadata.namespace"}});
    let sources = json!([
        {"serviceAccountToken": {"expirationSeconds": TOKEN_SECONDS, "path": "token"}},
        {"configMap": {"name": ROOT_CA, "items": [{"key": "ca.crt", "path": "ca.crt"}]}},
        {"downwardAPI": {"items": [namespace]}},
    ]);
    json!({"name": name, "projected": {"defaultMode": 0o644, "sources": sources}})
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(mut pod: Value, account: Value, expect_mounts: &[usize], expect_volumes: usize) -> Value {
        complete(&mut pod, "till", &account, "kube-api-access-abcde");
        let containers = value::list(&pod, "/spec/containers").iter().chain(value::list(&pod, "/spec/initContainers"));
        let mounts: Vec<usize> = containers.map(|container| value::list(container, "/volumeMounts").len()).collect();
        assert_eq!(mounts, expect_mounts, "{pod}");
        assert_eq!(value::list(&pod, "/spec/volumes").len(), expect_volumes, "{pod}");
        pod
    }

    #[test]
    fn every_container_finds_the_token() {
        let pod = json!({"spec": {"containers": [{"name": "a"}, {"name": "b"}], "initContainers": [{"name": "i"}]}});
        let pod = check(pod, json!({"imagePullSecrets": [{"name": "pull"}]}), &[1, 1, 1], 1);
        assert_eq!(pod["spec"]["serviceAccount"], "till");
        assert_eq!(pod["spec"]["imagePullSecrets"], json!([{"name": "pull"}]));
        assert_eq!(pod["spec"]["volumes"][0]["projected"]["sources"][0]["serviceAccountToken"]["path"], "token");
        assert_eq!(pod["spec"]["containers"][0]["volumeMounts"][0]["name"], "kube-api-access-abcde");
    }

    #[test]
    fn the_pod_decides_before_the_account() {
        let pod = |automount: Value| json!({"spec": {"automountServiceAccountToken": automount, "containers": [{"name": "a"}]}});
        let account = |automount: Value| json!({"automountServiceAccountToken": automount});
        check(pod(json!(false)), account(json!(true)), &[0], 0);
        check(pod(json!(true)), account(json!(false)), &[1], 1);
        check(pod(Value::Null), account(json!(false)), &[0], 0);
        check(pod(Value::Null), account(Value::Null), &[1], 1);
    }

    #[test]
    fn what_is_there_already_is_left_alone() {
        let own = json!({"name": "mine", "mountPath": MOUNT_PATH});
        check(json!({"spec": {"containers": [{"name": "a", "volumeMounts": [own]}]}}), json!({}), &[1], 0);
        let copied = json!({"spec": {
            "containers": [{"name": "a"}], "volumes": [{"name": "kube-api-access-zzzzz", "projected": {}}],
            "imagePullSecrets": [{"name": "own"}],
        }});
        let copied = check(copied, json!({"imagePullSecrets": [{"name": "pull"}]}), &[1], 1);
        assert_eq!(copied["spec"]["containers"][0]["volumeMounts"][0]["name"], "kube-api-access-zzzzz");
        assert_eq!(copied["spec"]["imagePullSecrets"], json!([{"name": "own"}]));
    }
}
