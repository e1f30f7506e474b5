//! Bad input: each a Status with the right code, reason and field, through both faces, and nothing stored.

use anyhow::{Context, Result, ensure};
use xebec_integration_tests::cli::Client;
use xebec_integration_tests::cluster::Cluster;
use xebec_integration_tests::rest::{self, Rest};

/// One bad request over REST.
struct Case {
    what: &'static str,
    path: &'static str,
    body: &'static str,
    code: u16,
    reason: &'static str,
    /// Part of the message: the field, where there is one.
    says: &'static str,
}

const CONFIG_MAPS: &str = "/api/v1/namespaces/default/configmaps";
const DEPLOYMENTS: &str = "/apis/apps/v1/namespaces/default/deployments";

const CASES: [Case; 5] = [
    Case {
        what: "an unknown kind",
        path: "/api/v1/namespaces/default/gadgets",
        body: "{}",
        code: 404,
        reason: "NotFound",
        says: "",
    },
    Case { what: "malformed YAML", path: CONFIG_MAPS, body: "kind: [", code: 400, reason: "BadRequest", says: "" },
    Case {
        what: "a missing field",
        path: DEPLOYMENTS,
        body: "{apiVersion: apps/v1, kind: Deployment, metadata: {name: bad}, spec: {replicas: 1}}",
        code: 422,
        reason: "Invalid",
        says: "spec.selector",
    },
    Case {
        what: "a name that is no DNS name",
        path: CONFIG_MAPS,
        body: "{apiVersion: v1, kind: ConfigMap, metadata: {name: Not_A_Name}}",
        code: 422,
        reason: "Invalid",
        says: "metadata.name",
    },
    Case {
        what: "another kind than the path's",
        path: CONFIG_MAPS,
        body: "{apiVersion: v1, kind: Secret, metadata: {name: bad}}",
        code: 400,
        reason: "BadRequest",
        says: "",
    },
];

/// The same over gRPC, as `xebec create -f -` meets it: manifest, and what the error says.
const MANIFESTS: [(&str, &[&str]); 5] = [
    ("apiVersion: v1\nkind: Gadget\nmetadata: {name: bad}\n", &["no kind", "Gadget"]),
    ("kind: [\n", &["standard input"]),
    (
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: bad}\nspec: {replicas: 1}\n",
        &["Invalid", "spec.selector"],
    ),
    ("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: Not_A_Name}\n", &["Invalid", "metadata.name"]),
    ("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: bad}\ndtaa: {}\n", &["dtaa"]),
];

pub(crate) fn play(cluster: &mut Cluster) -> Result<()> {
    let client = cluster.client();
    let before = names(&client)?;
    let rest = Rest::new(cluster.masters[1].api_address(), &rest::identity(client.kubeconfig())?)?;
    CASES.iter().try_for_each(|case| over_rest(&rest, case).with_context(|| format!("REST: {}", case.what)))?;
    MANIFESTS.iter().try_for_each(|(manifest, says)| over_grpc(&client, manifest, says))?;
    ensure!(names(&client)? == before, "something was stored");
    conflict(&client, &rest)?;
    anonymous(cluster, &client)
}

fn names(client: &Client) -> Result<String> {
    client.run(&["get", "configmaps,secrets,deployments", "-n", "default", "-o", "name"])
}

fn over_rest(rest: &Rest, case: &Case) -> Result<()> {
    let reply = rest.send("POST", case.path, "application/yaml", case.body)?;
    ensure!(reply.code == case.code, "code {}, not {}: {}", reply.code, case.code, reply.body);
    ensure!(reply.body["kind"] == "Status" && reply.body["status"] == "Failure", "no Status: {}", reply.body);
    ensure!(
        reply.body["code"] == case.code && reply.body["reason"] == case.reason,
        "not {}: {}",
        case.reason,
        reply.body
    );
    let message = reply.body["message"].as_str().unwrap_or_default();
    ensure!(message.contains(case.says), "the message does not name {}: {message}", case.says);
    Ok(())
}

fn over_grpc(client: &Client, manifest: &str, says: &[&str]) -> Result<()> {
    let answer = client.ask_with_input(&["create", "-n", "default", "-f", "-"], manifest)?;
    ensure!(answer.code == 1, "{manifest:?} ended with {}: {}", answer.code, answer.errors);
    let unsaid: Vec<_> = says.iter().filter(|word| !answer.errors.contains(*word)).collect();
    ensure!(unsaid.is_empty(), "{manifest:?}: the error does not say {unsaid:?}: {}", answer.errors);
    Ok(())
}

/// An update that names a revision which is no longer the object's.
fn conflict(client: &Client, rest: &Rest) -> Result<()> {
    let manifest = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: contested}\ndata: {a: b}\n";
    client.run_with_input(&["create", "-n", "default", "-f", "-"], manifest)?;
    let stale = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: contested, resourceVersion: '1'}\ndata: {a: c}\n";
    let reply = rest.send("PUT", &format!("{CONFIG_MAPS}/contested"), "application/yaml", stale)?;
    ensure!(reply.code == 409 && reply.body["reason"] == "Conflict", "REST: {}", reply.body);
    let answer = client.ask_with_input(&["apply", "-n", "default", "-f", "-"], stale)?;
    ensure!(answer.code == 1 && answer.errors.contains("(Conflict)"), "gRPC: {}{}", answer.output, answer.errors);
    let kept = client.get(&["configmap", "contested", "-n", "default"])?;
    ensure!(kept["data"]["a"] == "b", "a refused update was stored: {kept}");
    client.run(&["delete", "configmap", "contested", "-n", "default"]).map(drop)
}

/// Nobody in particular may read nothing in particular.
fn anonymous(cluster: &Cluster, client: &Client) -> Result<()> {
    let mut identity = rest::identity(client.kubeconfig())?;
    identity.own = None;
    let rest = Rest::new(cluster.masters[0].api_address(), &identity)?;
    let reply = rest.send("GET", "/api/v1/namespaces", "application/json", "")?;
    ensure!([401, 403].contains(&reply.code), "an anonymous caller got {}: {}", reply.code, reply.body);
    Ok(())
}
