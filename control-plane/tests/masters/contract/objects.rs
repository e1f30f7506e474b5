//! One object: made, read, refused.

use serde_json::{Value, json};

use super::ask::*;

pub(super) fn config_map(name: &str) -> Value {
    json!({"metadata": {"name": name, "labels": {"app": name}}, "data": {"k": "v"}})
}

pub(super) fn pod(name: &str) -> Value {
    json!({"metadata": {"name": name}, "spec": {"containers": [{"name": "app", "image": "shop:1"}]}})
}

pub(super) fn deployment(name: &str) -> Value {
    json!({"metadata": {"name": name}, "spec": {
        "replicas": 0, "selector": {"matchLabels": {"app": name}},
        "template": {"metadata": {"labels": {"app": name}}, "spec": {"containers": [{"name": "app", "image": "shop:1"}]}},
    }})
}

/// An object's life, and what the server fills in.
pub(super) fn cases() -> Vec<Case> {
    vec![
        create(CONFIG_MAPS, config_map("a"))
            .works()
            .at("/kind", "ConfigMap")
            .at("/apiVersion", "v1")
            .at("/metadata/name", "a")
            .at("/metadata/namespace", "{ns}"),
        create(CONFIG_MAPS, config_map("a")).refused(409, "AlreadyExists").says("configmaps \"a\" already exists"),
        get(CONFIG_MAPS, "a").works().at("/data/k", "v").at("/metadata/labels/app", "a"),
        get(CONFIG_MAPS, "absent")
            .refused(404, "NotFound")
            .says("configmaps \"absent\" not found")
            .at("/details", json!({"name": "absent", "kind": "configmaps"})),
        get(DEPLOYMENTS, "absent")
            .refused(404, "NotFound")
            .says("deployments.apps \"absent\" not found")
            .at("/details", json!({"name": "absent", "group": "apps", "kind": "deployments"})),
        create(CONFIG_MAPS, json!({"metadata": {"generateName": "gen-"}})).works().at("/metadata/generateName", "gen-"),
        create(CONFIG_MAPS, json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "typed"}}))
            .works()
            .at("/kind", "ConfigMap"),
        create(CONFIG_MAPS, json!({"metadata": {"name": "nulls"}, "data": null})).works().at("/data", Value::Null),
        create(SECRETS, json!({"metadata": {"name": "s"}, "stringData": {"k": "v"}}))
            .works()
            .at("/type", "Opaque")
            .at("/data/k", "dg==")
            .at("/stringData", Value::Null),
        create(PODS, pod("p"))
            .works()
            .at("/status/phase", "Pending")
            .at("/status/qosClass", "BestEffort")
            .at("/spec/restartPolicy", "Always")
            .at("/spec/dnsPolicy", "ClusterFirst")
            .at("/spec/securityContext", json!({}))
            .at("/spec/containers/0/imagePullPolicy", "IfNotPresent"),
        get(PODS, "p").part("status").works().at("/status/phase", "Pending"),
        create(DEPLOYMENTS, deployment("d"))
            .works()
            .at("/metadata/generation", 1)
            .at("/spec/strategy/type", "RollingUpdate")
            .at("/spec/revisionHistoryLimit", 10)
            .at("/spec/progressDeadlineSeconds", 600),
        get(DEPLOYMENTS, "d").part("scale").works().at("/kind", "Scale").at("/spec/replicas", 0),
        create(SERVICES, json!({"metadata": {"name": "svc"}, "spec": {"ports": [{"port": 80}]}}))
            .works()
            .at("/spec/type", "ClusterIP")
            .at("/spec/ports/0/protocol", "TCP")
            .at("/spec/ports/0/targetPort", 80)
            .at("/spec/sessionAffinity", "None"),
        get(NAMESPACES, "default").works().at("/status/phase", "Active"),
        create(CONFIG_MAPS, config_map("dry")).with("dryRun", "All").works().at("/metadata/name", "dry"),
        get(CONFIG_MAPS, "dry").refused(404, "NotFound"),
    ]
}

/// What is not taken, and why.
pub(super) fn refusals() -> Vec<Case> {
    let mut cases = names();
    cases.extend(envelopes());
    cases.extend(fields());
    cases.extend(verbs());
    cases
}

fn names() -> Vec<Case> {
    let long = "a".repeat(254);
    let bad = ["Upper", "under_score", "-dash", "dash-", "a..b", "sp ace", "slash/ed", "pünkt", long.as_str()];
    let named =
        bad.map(|name| create(CONFIG_MAPS, config_map_named(name)).refused(422, "Invalid").field("metadata.name"));
    named
        .into_iter()
        .chain([
            create(CONFIG_MAPS, json!({"metadata": {}}))
                .refused(422, "Invalid")
                .says("name or generateName is required"),
            create(SERVICES, json!({"metadata": {"name": "1st"}, "spec": {"ports": [{"port": 80}]}}))
                .refused(422, "Invalid")
                .field("metadata.name"),
            create(NAMESPACES, json!({"metadata": {"name": "with.dot"}}))
                .refused(422, "Invalid")
                .field("metadata.name"),
            create(CONFIG_MAPS, json!({"metadata": {"name": "l", "labels": {"-bad": "x"}}}))
                .refused(422, "Invalid")
                .field("metadata.labels"),
            create(CONFIG_MAPS, json!({"metadata": {"name": "l", "labels": {"ok": "no spaces here"}}}))
                .refused(422, "Invalid")
                .field("metadata.labels"),
            create(CONFIG_MAPS, json!({"metadata": {"name": "l", "annotations": {"a b": "x"}}}))
                .refused(422, "Invalid")
                .field("metadata.annotations"),
        ])
        .collect()
}

fn config_map_named(name: &str) -> Value {
    json!({"metadata": {"name": name}})
}

fn envelopes() -> Vec<Case> {
    let meta = |name: &str| json!({"name": name});
    vec![
        create(CONFIG_MAPS, json!({"kind": "Secret", "metadata": meta("x")})).refused(400, "BadRequest"),
        create(CONFIG_MAPS, json!({"apiVersion": "v2", "metadata": meta("x")})).refused(400, "BadRequest"),
        create(DEPLOYMENTS, json!({"apiVersion": "extensions/v1beta1", "metadata": meta("x")}))
            .refused(400, "BadRequest"),
        create(CONFIG_MAPS, json!({"metadata": {"name": "x", "namespace": "elsewhere"}})).refused(400, "BadRequest"),
        create(CONFIG_MAPS, json!([])).refused(400, "BadRequest"),
        create(CONFIG_MAPS, json!("text")).refused(400, "BadRequest"),
        create(CONFIG_MAPS, json!({"metadata": "text"})).refused(400, "BadRequest"),
        create(CONFIG_MAPS, json!({"metadata": {"name": 7}})).refused(400, "BadRequest"),
        create(CONFIG_MAPS, config_map("lost")).namespace("nowhere").refused(404, "NotFound").says("nowhere"),
        update(CONFIG_MAPS, "a", config_map("b")).refused(400, "BadRequest"),
        update(CONFIG_MAPS, "absent", config_map("absent")).refused(404, "NotFound"),
    ]
}

fn fields() -> Vec<Case> {
    let with = |pointer: &str, value: Value| {
        let mut object = deployment("bad");
        *object.pointer_mut(pointer).unwrap_or_else(|| panic!("{pointer} is not there")) = value;
        create(DEPLOYMENTS, object)
    };
    let container = |value: Value| {
        let mut object = pod("bad");
        object["spec"]["containers"][0].as_object_mut().unwrap().extend(value.as_object().unwrap().clone());
        create(PODS, object)
    };
    vec![
        with("/spec/replicas", json!(-1)).refused(422, "Invalid").field("spec.replicas"),
        with("/spec/replicas", json!("one")).refused(400, "BadRequest"),
        with("/spec/selector", json!({})).refused(422, "Invalid").field("spec.selector"),
        with("/spec/selector/matchLabels", json!({"app": "other"})).refused(422, "Invalid"),
        with("/spec/template/spec/containers", json!([])).refused(422, "Invalid"),
        container(json!({"image": ""})).refused(422, "Invalid").field("spec.containers[0].image"),
        container(json!({"name": "Bad Name"})).refused(422, "Invalid").field("spec.containers[0].name"),
        container(json!({"ports": [{"containerPort": 70_000}]}))
            .refused(422, "Invalid")
            .field("spec.containers[0].ports[0].containerPort"),
        container(json!({"resources": {"requests": {"cpu": "much"}}}))
            .refused(422, "Invalid")
            .field("spec.containers[0].resources.requests[cpu]"),
        container(json!({"resources": {"requests": {"cpu": "2"}, "limits": {"cpu": "1"}}})).refused(422, "Invalid"),
        container(json!({"env": [{"name": ""}]})).refused(422, "Invalid"),
        container(json!({"volumeMounts": [{"name": "none", "mountPath": "/x"}]})).refused(422, "Invalid"),
        container(json!({"immage": "x"})).with("fieldValidation", "Strict").refused(400, "BadRequest").says("immage"),
        create(SERVICES, json!({"metadata": {"name": "bad"}, "spec": {"ports": [{"port": 0}]}}))
            .refused(422, "Invalid")
            .field("spec.ports[0].port"),
        create(SERVICES, json!({"metadata": {"name": "bad"}, "spec": {"type": "Magic", "ports": [{"port": 1}]}}))
            .refused(422, "Invalid")
            .field("spec.type"),
        create(CONFIG_MAPS, json!({"metadata": {"name": "bad"}, "data": {"bad key": "x"}})).refused(422, "Invalid"),
        create(CONFIG_MAPS, json!({"metadata": {"name": "bad"}, "data": {"k": 7}})).refused(400, "BadRequest"),
        create(SECRETS, json!({"metadata": {"name": "bad"}, "data": {"k": "no base64!"}})).refused(400, "BadRequest"),
    ]
}

fn verbs() -> Vec<Case> {
    vec![
        get(CONFIG_MAPS, "a").part("scale").refused(404, "NotFound"),
        get(PODS, "p").part("nonsense").refused(404, "NotFound"),
        get(core("widgets"), "x").refused(404, "NotFound"),
        list(core("widgets")).refused(404, "NotFound"),
        list(Resource { group: "nowhere.example", ..core("widgets") }).refused(404, "NotFound"),
        get(Resource { version: "v9", ..CONFIG_MAPS }, "a").refused(404, "NotFound"),
    ]
}
