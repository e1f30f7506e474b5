//! JSON, merge and strategic merge patches.

use proptest::prelude::*;
use serde_json::{Value, json};
use xebec_api::patch::{self, PatchKind};

use crate::kind;

fn strategic(word: &str, object: &Value, patch: &Value) -> Value {
    patch::apply(kind(word), PatchKind::Strategic, object, patch).expect("a patch that applies")
}

fn spec(containers: Value) -> Value {
    json!({ "spec": { "template": { "spec": { "containers": containers } } } })
}

#[test]
fn json_patches_are_all_or_nothing() {
    let object = json!({ "metadata": { "labels": { "a": "1" } } });
    let good = json!([{ "op": "add", "path": "/metadata/labels/b~1c", "value": "2" }, { "op": "remove", "path": "/metadata/labels/a" }]);
    let out = patch::apply(kind("po"), PatchKind::Json, &object, &good).unwrap();
    assert_eq!(out["metadata"]["labels"], json!({ "b/c": "2" }));
    let stale = json!([{ "op": "test", "path": "/metadata/labels/a", "value": "9" }]);
    assert_eq!(patch::apply(kind("po"), PatchKind::Json, &object, &stale).unwrap_err().code, 422);
    assert_eq!(patch::apply(kind("po"), PatchKind::Json, &object, &json!({})).unwrap_err().code, 400);
    let many = Value::from(vec![json!({ "op": "test", "path": "", "value": 1 }); 10_001]);
    assert_eq!(patch::apply(kind("po"), PatchKind::Json, &object, &many).unwrap_err().code, 413);
}

/// Regression: thirty copies of the object into itself made a gigabyte, or half a million levels, of a tiny patch.
#[test]
fn what_is_absent_passes_a_test_for_null() {
    let object = json!({"metadata": {"name": "a"}});
    let test = |path: &str, value: Value| {
        let patch = json!([{"op": "test", "path": path, "value": value}]);
        patch::json::apply(&object, &patch).is_ok()
    };
    assert!(test("/metadata/finalizers", Value::Null));
    assert!(!test("/metadata/name", Value::Null));
    assert!(!test("/metadata/finalizers", json!([])));
    assert!(!test("/spec/replicas", Value::Null), "nothing can be said of what is nowhere");
    assert!(!test("/metadata/name/x", Value::Null));
}

#[test]
fn json_patches_cannot_blow_up() {
    let object = json!({ "a": "x".repeat(1000) });
    let wider: Vec<Value> = (0..40).map(|i| json!({ "op": "copy", "from": "/a", "path": format!("/b{i}") })).collect();
    assert!(patch::apply(kind("cm"), PatchKind::Json, &object, &wider.into()).is_ok());
    let doubling: Vec<Value> = (0..64).map(|i| json!({ "op": "copy", "from": "", "path": format!("/c{i}") })).collect();
    let status = patch::apply(kind("cm"), PatchKind::Json, &object, &doubling.into()).unwrap_err();
    assert_eq!(status.code, 413);
    let deeper: Vec<Value> = (0..200).map(|_| json!({ "op": "copy", "from": "", "path": "/d" })).collect();
    assert_eq!(patch::apply(kind("cm"), PatchKind::Json, &json!({}), &deeper.into()).unwrap_err().code, 400);
    let path: Vec<Value> = (1..1500).map(|i| json!({ "op": "add", "path": "/a".repeat(i), "value": {} })).collect();
    assert_eq!(patch::apply(kind("cm"), PatchKind::Json, &json!({}), &path.into()).unwrap_err().code, 400);
}

/// A patch of moves grows nothing, but each takes time for everything that it moves.
#[test]
fn json_patches_cannot_move_without_end() {
    let object = json!({ "a": vec![0; 2_000], "in": {} });
    let moves = |there: &str, back: &str| {
        [json!({ "op": "move", "from": "/a", "path": there }), json!({ "op": "move", "from": back, "path": "/a" })]
    };
    let few: Vec<Value> = (0..100).flat_map(|_| moves("/in/a", "/in/a")).collect();
    assert_eq!(patch::apply(kind("cm"), PatchKind::Json, &object, &few.into()).unwrap(), object);
    let many: Vec<Value> = (0..5_000).flat_map(|_| moves("/in/a", "/in/a")).collect();
    assert_eq!(patch::apply(kind("cm"), PatchKind::Json, &object, &many.into()).unwrap_err().code, 413);
}

#[test]
fn merge_patches_replace_lists_and_remove_nulls() {
    let object = json!({ "a": { "b": 1, "c": 2 }, "l": [1, 2] });
    let out =
        patch::apply(kind("po"), PatchKind::Merge, &object, &json!({ "a": { "b": null, "d": {"e": null} }, "l": [3] }))
            .unwrap();
    assert_eq!(out, json!({ "a": { "c": 2, "d": {} }, "l": [3] }));
    assert!(patch::apply(kind("po"), PatchKind::Merge, &object, &json!([])).is_err());
}

#[test]
fn strategic_patches_merge_containers_by_name() {
    let object = spec(
        json!([{ "name": "a", "image": "a:1", "env": [{ "name": "X", "value": "1" }] }, { "name": "b", "image": "b:1" }]),
    );
    let out = strategic(
        "deploy",
        &object,
        &spec(json!([{ "name": "a", "image": "a:2", "env": [{ "name": "Y", "value": "2" }] }])),
    );
    let expect = spec(json!([
        { "name": "a", "image": "a:2", "env": [{ "name": "Y", "value": "2" }, { "name": "X", "value": "1" }] },
        { "name": "b", "image": "b:1" },
    ]));
    assert_eq!(out, expect);
}

#[test]
fn kubectl_set_image_keeps_the_order_of_containers() {
    let object = spec(json!([{ "name": "a", "image": "a:1" }, { "name": "b", "image": "b:1" }]));
    let patch = json!({ "spec": { "template": { "spec": {
        "$setElementOrder/containers": [{ "name": "a" }, { "name": "b" }],
        "containers": [{ "name": "b", "image": "b:2" }],
    } } } });
    let expect = spec(json!([{ "name": "a", "image": "a:1" }, { "name": "b", "image": "b:2" }]));
    assert_eq!(strategic("deploy", &object, &patch), expect);
}

#[test]
fn strategic_directives_delete_replace_and_retain() {
    let object = spec(json!([{ "name": "a" }, { "name": "b" }]));
    let out = strategic("deploy", &object, &spec(json!([{ "name": "a", "$patch": "delete" }])));
    assert_eq!(out, spec(json!([{ "name": "b" }])));
    let out = strategic("deploy", &object, &spec(json!([{ "name": "c" }, { "$patch": "replace" }])));
    assert_eq!(out, spec(json!([{ "name": "c" }])));
    let rolling = json!({ "spec": { "strategy": { "type": "RollingUpdate", "rollingUpdate": { "maxSurge": 1 } } } });
    let recreate = json!({ "spec": { "strategy": { "$retainKeys": ["type"], "type": "Recreate" } } });
    assert_eq!(strategic("deploy", &rolling, &recreate), json!({ "spec": { "strategy": { "type": "Recreate" } } }));
    let replace = json!({ "spec": { "strategy": { "$patch": "replace", "type": "Recreate" } } });
    assert_eq!(strategic("deploy", &rolling, &replace), json!({ "spec": { "strategy": { "type": "Recreate" } } }));
}

#[test]
fn strategic_sets_add_and_delete() {
    let object = json!({ "metadata": { "finalizers": ["a", "b"] } });
    let out = strategic("cm", &object, &json!({ "metadata": { "finalizers": ["c"] } }));
    let mut finalizers: Vec<_> =
        out["metadata"]["finalizers"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
    finalizers.sort_unstable();
    assert_eq!(finalizers, ["a", "b", "c"]);
    let out = strategic("cm", &object, &json!({ "metadata": { "$deleteFromPrimitiveList/finalizers": ["a"] } }));
    assert_eq!(out, json!({ "metadata": { "finalizers": ["b"] } }));
}

#[test]
fn lists_without_a_key_are_replaced() {
    let object = json!({ "spec": { "taints": [{ "key": "a", "effect": "NoSchedule" }] } });
    let out = strategic("no", &object, &json!({ "spec": { "taints": [{ "key": "b", "effect": "NoSchedule" }] } }));
    assert_eq!(out["spec"]["taints"].as_array().unwrap().len(), 1);
}

#[test]
fn malformed_strategic_patches_are_refused() {
    let object = spec(json!([{ "name": "a" }]));
    for bad in [
        json!([]),
        spec(json!([{ "image": "x" }])),
        spec(json!(["x"])),
        json!({ "spec": { "$patch": "explode" } }),
        json!({ "spec": { "$retainKeys": 1 } }),
        json!({ "spec": { "$retainKeys": ["paused"], "replicas": 1 } }),
        json!({ "spec": { "$forget": true } }),
        json!({ "metadata": { "$deleteFromPrimitiveList/finalizers": "a" } }),
        json!({ "metadata": { "$setElementOrder/finalizers": ["a"], "finalizers": ["b"] } }),
        spec(json!([{ "name": "a", "$patch": "merge" }])),
        spec(json!([{ "$patch": "delete" }])),
        json!({ "spec": { "template": { "spec": {
            "$setElementOrder/containers": [{ "name": "b" }, { "name": "a" }], "containers": [{ "name": "a" }, { "name": "b" }],
        } } } }),
    ] {
        assert_eq!(patch::apply(kind("deploy"), PatchKind::Strategic, &object, &bad).unwrap_err().code, 400, "{bad}");
    }
}

/// The trap that clients know: a Service's ports are told apart by their number, whatever their protocol.
#[test]
fn ports_are_merged_by_their_number_alone() {
    let object = json!({ "spec": { "ports": [{ "port": 53, "protocol": "TCP" }, { "port": 53, "protocol": "UDP" }] } });
    let named = json!({ "spec": { "ports": [{ "port": 53, "name": "dns" }] } });
    let expect = json!({ "spec": { "ports": [{ "port": 53, "protocol": "TCP", "name": "dns" }, { "port": 53, "protocol": "UDP" }] } });
    assert_eq!(strategic("svc", &object, &named), expect);
    let gone = json!({ "spec": { "ports": [{ "port": 53, "$patch": "delete" }] } });
    assert_eq!(strategic("svc", &object, &gone), json!({ "spec": { "ports": [] } }));
}

#[test]
fn an_order_moves_what_a_patch_does_not_change_otherwise() {
    let object = spec(json!([{ "name": "a" }, { "name": "b" }, { "name": "c" }]));
    let order = json!({ "spec": { "template": { "spec": { "$setElementOrder/containers": [{ "name": "c" }, { "name": "a" }] } } } });
    assert_eq!(strategic("deploy", &object, &order), spec(json!([{ "name": "b" }, { "name": "c" }, { "name": "a" }])));
    let object = json!({ "metadata": { "finalizers": ["a", "b", "c"] } });
    let patch = json!({ "metadata": { "$setElementOrder/finalizers": ["d", "a"], "$deleteFromPrimitiveList/finalizers": ["b"], "finalizers": ["d"] } });
    assert_eq!(strategic("cm", &object, &patch), json!({ "metadata": { "finalizers": ["d", "a", "c"] } }));
}

#[test]
fn directives_of_objects_merge_delete_and_replace() {
    let object = json!({ "spec": { "strategy": { "type": "Recreate" }, "replicas": 1 } });
    let merged = strategic("deploy", &object, &json!({ "spec": { "$patch": "merge", "replicas": 2 } }));
    assert_eq!(merged, json!({ "spec": { "strategy": { "type": "Recreate" }, "replicas": 2 } }));
    assert_eq!(
        strategic("deploy", &object, &json!({ "spec": { "strategy": { "$patch": "delete" } } })),
        json!({ "spec": { "replicas": 1 } })
    );
    let replaced = strategic("deploy", &object, &json!({ "spec": { "$patch": "replace", "replicas": 3 } }));
    assert_eq!(replaced, json!({ "spec": { "replicas": 3 } }));
}

/// Regression: each item was looked for among all others, which took minutes for lists of this length.
#[test]
fn long_lists_merge_in_time() {
    let items = |from: usize| (from..from + 30_000).map(|n| json!({ "name": n.to_string() })).collect::<Value>();
    let out = strategic("deploy", &spec(items(0)), &spec(items(15_000)));
    assert_eq!(out["spec"]["template"]["spec"]["containers"].as_array().map(Vec::len), Some(45_000));
}

fn containers() -> impl Strategy<Value = Vec<(String, u8)>> {
    proptest::collection::btree_map("[a-f]", any::<u8>(), 0..5).prop_map(|map| map.into_iter().collect()).prop_shuffle()
}

fn to_json(list: &[(String, u8)]) -> Value {
    spec(list.iter().map(|(name, n)| json!({ "name": name, "image": n.to_string() })).collect())
}

proptest! {
    /// After a strategic patch each container of either side is there once, and those of the patch have its values.
    #[test]
    fn strategic_merge_loses_and_doubles_nothing(old in containers(), new in containers()) {
        let out = strategic("deploy", &to_json(&old), &to_json(&new));
        let list = out["spec"]["template"]["spec"]["containers"].as_array().cloned().unwrap_or_default();
        let mut names: Vec<&str> = list.iter().filter_map(|c| c["name"].as_str()).collect();
        prop_assert_eq!(names.len(), list.len());
        names.sort_unstable();
        let mut expect: Vec<&str> = old.iter().chain(&new).map(|c| c.0.as_str()).collect();
        expect.sort_unstable();
        expect.dedup();
        prop_assert_eq!(names, expect);
        for (name, n) in &new {
            let wanted = json!({ "name": name, "image": n.to_string() });
            prop_assert!(list.contains(&wanted));
        }
        // Applying it again changes nothing.
        prop_assert_eq!(strategic("deploy", &out, &to_json(&new)), out);
    }
}
