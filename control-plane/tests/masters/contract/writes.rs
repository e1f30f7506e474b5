//! Updates, patches and deletes.

use serde_json::{Value, json};

use super::ask::*;
use super::objects::{config_map, deployment, pod};

/// Updates and patches.
pub(super) fn cases() -> Vec<Case> {
    let mut cases = updates();
    cases.extend(patches());
    cases.extend(strategic());
    cases
}

fn updates() -> Vec<Case> {
    let changed = json!({"metadata": {"name": "u"}, "data": {"k": "w"}});
    let with = |key: &str, value: &str| {
        let mut object = changed.clone();
        object["metadata"][key] = json!(value);
        update(CONFIG_MAPS, "u", object)
    };
    let mut other_selector = deployment("ud");
    other_selector["spec"]["selector"] = json!({"matchLabels": {"app": "other"}});
    other_selector["spec"]["template"]["metadata"]["labels"] = json!({"app": "other"});
    let mut scaled = deployment("ud");
    scaled["spec"]["replicas"] = json!(3);
    scaled["spec"]["paused"] = json!(true);
    vec![
        create(CONFIG_MAPS, config_map("u")).works(),
        update(CONFIG_MAPS, "u", changed.clone()).works().at("/data/k", "w").at("/metadata/labels", Value::Null),
        with("resourceVersion", "1").refused(409, "Conflict").says("the object has been modified"),
        with("uid", "another").refused(409, "Conflict").says("Precondition failed: UID"),
        with("resourceVersion", "nonsense").refused(400, "BadRequest"),
        update(CONFIG_MAPS, "u", changed.clone()).with("dryRun", "All").works(),
        create(DEPLOYMENTS, deployment("ud")).works(),
        update(DEPLOYMENTS, "ud", scaled.clone()).works().at("/metadata/generation", 2).at("/spec/replicas", 3),
        update(DEPLOYMENTS, "ud", other_selector).refused(422, "Invalid").field("spec.selector"),
        update(
            DEPLOYMENTS,
            "ud",
            json!({"metadata": {"name": "ud"}, "spec": scaled["spec"], "status": {"replicas": 9}}),
        )
        .works()
        .at("/metadata/generation", 2),
        create(PODS, pod("up")).works(),
        update(PODS, "up", {
            let mut pod = pod("up");
            pod["spec"]["containers"][0]["name"] = json!("renamed");
            pod
        })
        .refused(422, "Invalid"),
        create(CONFIG_MAPS, json!({"metadata": {"name": "fixed"}, "immutable": true, "data": {"k": "v"}})).works(),
        update(CONFIG_MAPS, "fixed", json!({"metadata": {"name": "fixed"}, "immutable": true, "data": {"k": "w"}}))
            .refused(422, "Invalid"),
    ]
}

fn patches() -> Vec<Case> {
    let on = |kind, body| patch(kind, CONFIG_MAPS, "pa", body);
    vec![
        create(CONFIG_MAPS, json!({"metadata": {"name": "pa"}, "data": {"a": "1", "b": "2"}})).works(),
        on(MERGE, json!({"data": {"a": null, "c": "3"}})).works().at("/data", json!({"b": "2", "c": "3"})),
        on(MERGE, json!({"metadata": {"labels": {"x": "y"}}})).works().at("/metadata/labels/x", "y"),
        on(MERGE, json!({"metadata": {"name": "other"}})).refused(400, "BadRequest"),
        on(MERGE, json!({"metadata": {"resourceVersion": "1"}})).refused(409, "Conflict"),
        on(MERGE, json!({"data": {"k": 7}})).refused(400, "BadRequest"),
        on(MERGE, json!([])).refused(400, "BadRequest"),
        on(JSON_PATCH, json!([{"op": "add", "path": "/data/d", "value": "4"}])).works().at("/data/d", "4"),
        on(JSON_PATCH, json!([{"op": "remove", "path": "/data/d"}])).works().at("/data/d", Value::Null),
        on(JSON_PATCH, json!([{"op": "test", "path": "/data/b", "value": "9"}])).refused(422, "Invalid"),
        on(JSON_PATCH, json!([{"op": "remove", "path": "/data/none"}])).refused(422, "Invalid"),
        on(JSON_PATCH, json!({"op": "add"})).refused(400, "BadRequest"),
        on(JSON_PATCH, json!([{"op": "explode", "path": "/data"}])).refused(400, "BadRequest"),
        on(JSON_PATCH, json!([{"op": "copy", "from": "/data/b", "path": "/data/e"}])).works().at("/data/e", "2"),
        on(JSON_PATCH, json!([{"op": "move", "from": "/data/e", "path": "/data/f"}])).works().at("/data/f", "2"),
        patch(MERGE, CONFIG_MAPS, "absent", json!({})).refused(404, "NotFound"),
        on(MERGE, json!({"data": {"z": "1"}})).with("dryRun", "All").works().at("/data/z", "1"),
        get(CONFIG_MAPS, "pa").works().at("/data/z", Value::Null),
        patch(MERGE, DEPLOYMENTS, "ud", json!({"spec": {"replicas": 2}})).part("scale").works().at("/spec/replicas", 2),
        get(DEPLOYMENTS, "ud").works().at("/spec/replicas", 2),
        patch(MERGE, DEPLOYMENTS, "ud", json!({"status": {"observedGeneration": 7}})).part("status").works(),
        get(DEPLOYMENTS, "ud").works().at("/spec/replicas", 2),
    ]
}

fn strategic() -> Vec<Case> {
    let containers = |body: Value| patch(STRATEGIC, DEPLOYMENTS, "sd", json!({"spec": {"template": {"spec": body}}}));
    const IMAGE: &str = "/spec/template/spec/containers/0/image";
    vec![
        create(DEPLOYMENTS, deployment("sd")).works(),
        containers(json!({"containers": [{"name": "app", "image": "shop:2"}]})).works().at(IMAGE, "shop:2"),
        containers(json!({"containers": [{"name": "side", "image": "side:1"}]}))
            .works()
            .at("/spec/template/spec/containers/0/name", "side")
            .at("/spec/template/spec/containers/1/image", "shop:2"),
        containers(json!({"containers": [{"name": "side", "$patch": "delete"}]})).works().at(IMAGE, "shop:2"),
        patch(
            STRATEGIC,
            DEPLOYMENTS,
            "sd",
            json!({"spec": {"strategy": {"$retainKeys": ["type"], "type": "Recreate"}}}),
        )
        .works()
        .at("/spec/strategy", json!({"type": "Recreate"})),
        containers(json!({"containers": [{"image": "nameless:1"}]})).refused(400, "BadRequest"),
        patch(STRATEGIC, DEPLOYMENTS, "sd", json!({"spec": {"replicas": -3}})).refused(422, "Invalid"),
        patch(STRATEGIC, DEPLOYMENTS, "sd", json!({"spec": {"selector": {"matchLabels": {"new": "x"}}}}))
            .refused(422, "Invalid"),
        patch(STRATEGIC, CONFIG_MAPS, "pa", json!({"metadata": {"finalizers": ["a.example/x"]}}))
            .works()
            .at("/metadata/finalizers", json!(["a.example/x"])),
        patch(
            STRATEGIC,
            CONFIG_MAPS,
            "pa",
            json!({"metadata": {"$deleteFromPrimitiveList/finalizers": ["a.example/x"]}}),
        )
        .works()
        .at("/metadata/finalizers/0", Value::Null),
    ]
}

/// Deletes.
pub(super) fn deletes() -> Vec<Case> {
    let on = |name: &str, options: Value| delete(CONFIG_MAPS, name).body(options);
    let held = json!({"metadata": {"name": "held", "finalizers": ["a.example/keep"]}});
    vec![
        delete(CONFIG_MAPS, "absent").refused(404, "NotFound"),
        create(CONFIG_MAPS, config_map("de")).works(),
        on("de", json!({"preconditions": {"uid": "another"}})).refused(409, "Conflict"),
        on("de", json!({"preconditions": {"resourceVersion": "1"}})).refused(409, "Conflict"),
        on("de", json!({"propagationPolicy": "Sideways"})).refused(422, "Invalid").field("propagationPolicy"),
        on("de", json!({"propagationPolicy": "Orphan", "orphanDependents": true})).refused(422, "Invalid"),
        on("de", json!({"dryRun": ["Some"]})).refused(422, "Invalid").field("dryRun"),
        on("de", json!([])).refused(400, "BadRequest"),
        on("de", json!({"dryRun": ["All"]})).works(),
        get(CONFIG_MAPS, "de").works(),
        delete(CONFIG_MAPS, "de")
            .works()
            .at("/status", "Success")
            .at("/details/name", "de")
            .at("/details/kind", "configmaps"),
        get(CONFIG_MAPS, "de").refused(404, "NotFound"),
        create(CONFIG_MAPS, held).works(),
        delete(CONFIG_MAPS, "held").works().at("/kind", "ConfigMap").at("/metadata/deletionGracePeriodSeconds", 0),
        get(CONFIG_MAPS, "held").works(),
        create(CONFIG_MAPS, config_map("held")).refused(409, "AlreadyExists"),
        patch(MERGE, CONFIG_MAPS, "held", json!({"metadata": {"finalizers": ["b.example/more"]}}))
            .refused(422, "Invalid"),
        patch(MERGE, CONFIG_MAPS, "held", json!({"metadata": {"finalizers": null}})).works(),
        get(CONFIG_MAPS, "held").refused(404, "NotFound"),
        create(PODS, pod("dp")).works(),
        delete(PODS, "dp").body(json!({"gracePeriodSeconds": 0})).works(),
        get(PODS, "dp").refused(404, "NotFound"),
        delete(PODS, "p").part("status").refused(405, "MethodNotAllowed"),
    ]
}
