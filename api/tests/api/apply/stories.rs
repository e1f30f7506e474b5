//! What people who share an object expect.

use serde_json::json;
use xebec_api::apply::Operation::{Apply, Update};
use xebec_api::apply::{ANCIENT_CHANGES, LAST_APPLIED, MAX_UPDATE_MANAGERS};
use xebec_api::{Subresource, value};

use super::{Shared, config_map, pod_template};

#[test]
fn an_applier_owns_what_it_says_to_the_leaf() {
    let mut it = Shared::new("deploy");
    let config = json!({
        "metadata": { "labels": { "app": "shop" } },
        "spec": {
            "replicas": 2, "selector": { "matchLabels": { "app": "shop" } },
            "template": { "spec": { "containers": [{ "name": "app", "image": "shop:1", "args": ["a"], "ports": [{ "containerPort": 80 }] }] } },
        },
        "status": { "replicas": 9 },
    });
    let object = it.apply("helm", config).unwrap();
    assert!(object.get("status").is_none(), "the status is not for appliers of the object");
    let expected = json!({
        "f:metadata": { "f:labels": { "f:app": {} } },
        "f:spec": { "f:replicas": {}, "f:selector": {}, "f:template": { "f:spec": { "f:containers": {
            "k:{\"name\":\"app\"}": {
                ".": {}, "f:name": {}, "f:image": {}, "f:args": {},
                "f:ports": { "k:{\"containerPort\":80,\"protocol\":\"TCP\"}": { ".": {}, "f:containerPort": {} } },
            },
        } } } },
    });
    assert_eq!(it.owns("helm", Apply), expected);
    let entry = &it.object["metadata"]["managedFields"][0];
    assert_eq!(
        (&entry["apiVersion"], &entry["fieldsType"], &entry["operation"]),
        (&json!("apps/v1"), &json!("FieldsV1"), &json!("Apply"))
    );
    assert_eq!(entry["time"], "2030-01-01T00:00:01Z");
}

#[test]
fn a_value_that_others_own_is_a_conflict_unless_it_is_the_same_or_forced() {
    let mut it = Shared::new("cm");
    it.apply("one", config_map(json!({ "a": "1", "b": "1" }))).unwrap();
    assert_eq!(it.conflicts("two", config_map(json!({ "a": "2", "b": "2", "c": "2" }))), [".data.a", ".data.b"]);
    assert!(it.object["data"].get("c").is_none(), "nothing of a refused apply is done");

    it.apply("two", config_map(json!({ "a": "1" }))).unwrap();
    assert_eq!(it.conflicts("two", config_map(json!({ "a": "2" }))), [".data.a"], "shared is owned by both");
    it.force("two", config_map(json!({ "a": "2" })));
    assert_eq!(it.owns("one", Apply), json!({ "f:data": { "f:b": {} } }));
    assert_eq!(it.owns("two", Apply), json!({ "f:data": { "f:a": {} } }));
    assert_eq!(it.object["data"], json!({ "a": "2", "b": "1" }));
}

#[test]
fn conflicts_read_as_kubectl_users_know_them() {
    let mut it = Shared::new("cm");
    it.update("edit", |object| object["data"] = json!({ "a": "1", "b": "1" }));
    let status = it.apply("me", config_map(json!({ "a": "2" }))).unwrap_err();
    assert_eq!(status.message, "Apply failed with 1 conflict: conflict with \"edit\" using v1: .data.a");
    it.force("other", config_map(json!({ "b": "3" })));
    let status = it.apply("me", config_map(json!({ "a": "2", "b": "2" }))).unwrap_err();
    let expected = "Apply failed with 2 conflicts: conflicts with \"edit\" using v1:\n- .data.a\nconflicts with \"other\":\n- .data.b";
    assert_eq!(status.message, expected);
}

#[test]
fn what_is_applied_no_more_goes_unless_somebody_else_owns_it() {
    let mut it = Shared::new("deploy");
    it.apply(
        "one",
        pod_template(json!([{ "name": "a", "image": "a:1", "tty": true }, { "name": "b", "image": "b:1" }])),
    )
    .unwrap();
    it.apply("two", pod_template(json!([{ "name": "a", "image": "a:1" }]))).unwrap();
    it.apply("one", json!({ "spec": { "paused": true } })).unwrap();
    assert_eq!(
        it.object["spec"],
        json!({ "paused": true, "template": { "spec": { "containers": [{ "name": "a", "image": "a:1" }] } } })
    );
    it.apply("two", json!({})).unwrap();
    assert_eq!(it.object["spec"], json!({ "paused": true }), "what becomes empty by that goes too");
    assert_eq!(it.owns("two", Apply), json!(null));
}

#[test]
fn what_nobody_owns_stays() {
    let mut it = Shared::new("deploy");
    it.apply("one", json!({ "spec": { "replicas": 1, "paused": true } })).unwrap();
    it.object["spec"]["minReadySeconds"] = json!(5);
    it.apply("one", json!({ "spec": { "replicas": 1 } })).unwrap();
    assert_eq!(it.object["spec"], json!({ "replicas": 1, "minReadySeconds": 5 }));
}

#[test]
fn an_updater_takes_what_it_changes_and_no_more() {
    let mut it = Shared::new("cm");
    it.apply("one", config_map(json!({ "a": "1", "b": "1" }))).unwrap();
    it.update("edit", |object| object["data"]["a"] = json!("2"));
    assert_eq!(it.owns("one", Apply), json!({ "f:data": { "f:b": {} } }));
    assert_eq!(it.owns("edit", Update), json!({ "f:data": { "f:a": {} } }));
    it.update("edit", |object| drop(object["data"].as_object_mut().unwrap().remove("b")));
    assert_eq!(it.owns("one", Apply), json!(null), "nobody owns what is not there");
    let before = it.object.clone();
    it.update("other", |_| {});
    assert_eq!(it.object, before, "who changes nothing is not noted");
}

#[test]
fn lists_are_owned_as_their_schema_says() {
    let mut it = Shared::new("svc");
    it.apply("one", json!({ "spec": { "ports": [{ "port": 53, "name": "tcp" }], "externalIPs": ["1.2.3.4"] } }))
        .unwrap();
    it.apply("two", json!({ "spec": { "ports": [{ "port": 53, "protocol": "UDP", "name": "udp" }] } })).unwrap();
    let ports = it.object["spec"]["ports"].as_array().unwrap();
    assert_eq!(ports.len(), 2, "the protocol, which defaults to TCP, tells ports apart: {ports:?}");
    assert_eq!(it.conflicts("two", json!({ "spec": { "externalIPs": ["5.6.7.8"] } })), [".spec.externalIPs"]);

    let mut it = Shared::new("cm");
    it.apply("one", json!({ "metadata": { "finalizers": ["x/a", "x/b"] } })).unwrap();
    it.apply("two", json!({ "metadata": { "finalizers": ["x/b", "x/c"] } })).unwrap();
    assert_eq!(it.object["metadata"]["finalizers"], json!(["x/a", "x/b", "x/c"]));
    it.apply("one", json!({})).unwrap();
    assert_eq!(it.object["metadata"]["finalizers"], json!(["x/b", "x/c"]));

    let mut it = Shared::new("deploy");
    it.apply("one", json!({ "spec": { "selector": { "matchLabels": { "a": "1" } } } })).unwrap();
    let wider = json!({ "spec": { "selector": { "matchLabels": { "a": "1", "b": "2" } } } });
    assert_eq!(it.conflicts("two", wider), [".spec.selector"], "a selector is one value");
}

#[test]
fn what_a_program_keeps_in_an_object_is_one_value() {
    let mut it = Shared::new("controllerrevisions");
    it.apply("one", json!({ "data": { "spec": { "a": 1, "b": 2 } }, "revision": 1 })).unwrap();
    assert_eq!(it.owns("one", Apply), json!({ "f:data": {}, "f:revision": {} }));
    assert_eq!(it.conflicts("two", json!({ "data": { "spec": { "c": 3 } } })), [".data"]);
}

#[test]
fn an_applied_list_comes_in_its_own_order_and_others_keep_their_place() {
    let mut it = Shared::new("deploy");
    let named = |names: &[&str]| pod_template(names.iter().map(|name| json!({ "name": name })).collect());
    it.apply("one", named(&["b", "c"])).unwrap();
    it.apply("two", named(&["a", "c", "d"])).unwrap();
    it.apply("one", named(&["c", "b"])).unwrap();
    let names: Vec<_> =
        value::list(&it.object, "/spec/template/spec/containers").iter().map(|c| c["name"].clone()).collect();
    assert_eq!(names, ["a", "c", "d", "b"]);
}

#[test]
fn a_list_that_cannot_be_told_apart_is_refused() {
    let mut it = Shared::new("deploy");
    let twice = it.apply("one", pod_template(json!([{ "name": "a" }, { "name": "a" }]))).unwrap_err();
    assert!(
        twice.message.contains(".spec.template.spec.containers: duplicate entries for key [name=\"a\"]"),
        "{twice}"
    );
    let without = it.apply("one", pod_template(json!([{ "image": "a" }]))).unwrap_err();
    assert!(
        without.message.contains(
            "(it; apps/v1, Kind=Deployment): .spec.template.spec.containers: element 0 omits the key \"name\""
        ),
        "{without}"
    );
    let finalizers = it.apply("one", json!({ "metadata": { "finalizers": ["x/a", "x/a"] } })).unwrap_err();
    assert_eq!((finalizers.code, it.object.clone()), (400, json!({})));
}

#[test]
fn an_explicit_null_removes_what_is_there_and_conflicts_with_its_owner() {
    let mut it = Shared::new("deploy");
    it.apply("one", json!({ "spec": { "replicas": 3 } })).unwrap();
    assert_eq!(it.conflicts("two", json!({ "spec": { "replicas": null } })), [".spec.replicas"]);
    it.force("two", json!({ "spec": { "replicas": null, "paused": true } }));
    assert_eq!(it.object["spec"], json!({ "paused": true }));
}

#[test]
fn a_status_is_applied_apart() {
    let mut it = Shared::new("deploy");
    it.apply("one", json!({ "spec": { "replicas": 3 } })).unwrap();
    let status =
        json!({ "spec": { "replicas": 9 }, "status": { "replicas": 3 }, "metadata": { "ownerReferences": [] } });
    it.apply_through("robot", Some(Subresource::Status), status, false).unwrap();
    assert_eq!((&it.object["spec"]["replicas"], &it.object["status"]["replicas"]), (&json!(3), &json!(3)));
    assert_eq!(it.owns("robot", Apply), json!({ "f:status": { "f:replicas": {} } }));
    let of_robot = it.managed().entries().iter().find(|entry| entry.manager.name == "robot").cloned().unwrap();
    assert_eq!(of_robot.manager.subresource, "status");
    let status = it
        .apply_through("other", Some(Subresource::Status), json!({ "status": { "replicas": 4 } }), false)
        .unwrap_err();
    assert!(
        status.message.ends_with("conflict with \"robot\" with subresource \"status\": .status.replicas"),
        "{status}"
    );
}

#[test]
fn applying_the_same_again_changes_nothing_not_even_a_time() {
    let mut it = Shared::new("deploy");
    let config = || pod_template(json!([{ "name": "a", "image": "a:1", "env": [{ "name": "X", "value": "1" }] }]));
    let before = it.apply("one", config()).unwrap().clone();
    assert_eq!(*it.apply("one", config()).unwrap(), before);
}

#[test]
fn clients_may_edit_and_reset_ownership() {
    let mut it = Shared::new("cm");
    it.apply("one", config_map(json!({ "a": "1" }))).unwrap();
    for reset in [json!([]), json!([{}])] {
        let mut copy = Shared { object: it.object.clone(), ..Shared::new("cm") };
        copy.update("edit", |object| object["metadata"]["managedFields"] = reset);
        assert!(copy.object["metadata"].get("managedFields").is_none());
    }
    it.update("edit", |object| drop(object["metadata"].as_object_mut().unwrap().remove("managedFields")));
    assert_eq!(it.owns("one", Apply), json!({ "f:data": { "f:a": {} } }), "who does not know of it does not delete it");
    it.update("edit", |object| object["metadata"]["managedFields"][0]["manager"] = json!("renamed"));
    assert_eq!(it.owns("renamed", Apply), json!({ "f:data": { "f:a": {} } }));
}

#[test]
fn the_oldest_updaters_are_merged() {
    let mut it = Shared::new("cm");
    it.apply("applier", config_map(json!({ "applied": "1" }))).unwrap();
    for n in 0..MAX_UPDATE_MANAGERS + 3 {
        it.update(&format!("updater-{n}"), |object| object["data"][format!("key-{n:02}")] = json!("x"));
    }
    let managed = it.managed();
    assert_eq!(managed.entries().len(), MAX_UPDATE_MANAGERS + 1);
    let ancient = it.owns(ANCIENT_CHANGES, Update);
    assert_eq!(ancient, json!({ "f:data": { "f:key-00": {}, "f:key-01": {}, "f:key-02": {}, "f:key-03": {} } }));
    assert_eq!(it.owns("applier", Apply), json!({ "f:data": { "f:applied": {} } }));
}

#[test]
fn who_applied_from_the_client_turns_to_the_server_without_conflicts() {
    let client = |it: &mut Shared| {
        it.update("kubectl-client-side-apply", |object| {
            let last = json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": "it" }, "data": { "a": "1", "b": "1" } });
            object["metadata"]["annotations"] = json!({ LAST_APPLIED: last.to_string() });
            object["data"] = last["data"].clone();
        });
    };
    let mut it = Shared::new("cm");
    client(&mut it);
    it.apply("kubectl", config_map(json!({ "a": "2" }))).unwrap();
    assert_eq!(it.object["data"]["a"], "2");
    let last = it.object["metadata"]["annotations"][LAST_APPLIED].as_str().unwrap();
    assert!(last.contains("\"a\":\"2\""), "the annotation follows: {last}");
    assert_eq!(it.owns("kubectl", Apply), json!({ "f:data": { "f:a": {} } }));

    let mut it = Shared::new("cm");
    client(&mut it);
    it.update("somebody", |object| object["data"]["b"] = json!("3"));
    assert_eq!(
        it.conflicts("kubectl", config_map(json!({ "a": "2", "b": "2" }))),
        [".data.b"],
        "what others changed is theirs"
    );
    assert_eq!(it.conflicts("helm", config_map(json!({ "a": "2" }))), [".data.a"], "the annotation is kubectl's");
}
