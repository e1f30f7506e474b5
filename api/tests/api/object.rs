//! Canonical bytes and the splicing of revisions.

use bytes::Bytes;
use proptest::prelude::*;
use serde_json::{Value, json};
use xebec_api::Object;

#[test]
fn bytes_are_sorted_and_carry_no_revision() {
    let value = json!({ "metadata": { "name": "web", "resourceVersion": "7", "annotations": {} }, "kind": "Pod", "apiVersion": "v1" });
    let object = Object::from_value(value).unwrap();
    let expect = r#"{"apiVersion":"v1","kind":"Pod","metadata":{"annotations":{},"name":"web"}}"#;
    assert_eq!(object.bytes(), expect);
    assert_eq!(object.meta().name, "web");
}

#[test]
fn a_revision_is_spliced_into_the_right_metadata() {
    let value = json!({
        "data": { "metadata": "\"metadata\":{", "x": "\\\"" },
        "metadata": { "name": "web" },
        "spec": { "template": { "metadata": { "name": "inner" } } },
    });
    let object = Object::from_value(value).unwrap();
    let served: Value = serde_json::from_slice(&object.with_revision(42)).unwrap();
    assert_eq!(served["metadata"], json!({ "name": "web", "resourceVersion": "42" }));
    assert_eq!(served["spec"]["template"]["metadata"], json!({ "name": "inner" }));
}

#[test]
fn empty_metadata_takes_a_revision_too() {
    let object = Object::from_value(json!({ "kind": "Pod" })).unwrap();
    assert_eq!(object.with_revision(1), r#"{"kind":"Pod","metadata":{"resourceVersion":"1"}}"#);
}

#[test]
fn nulls_in_metadata_count_as_absent() {
    let object = Object::from_value(json!({ "metadata": { "name": "a", "labels": null, "namespace": null } })).unwrap();
    assert!(object.meta().labels.is_empty());
    assert_eq!(object.meta().namespace, None);
}

#[test]
fn malformed_objects_are_refused() {
    for bad in [json!([]), json!("x"), json!({ "metadata": 1 }), json!({ "metadata": { "labels": { "a": 1 } } })] {
        let status = Object::from_value(bad.clone()).unwrap_err();
        assert_eq!(status.code, 400, "{bad}");
    }
    assert!(Object::from_stored(Bytes::from_static(b"{}")).is_err());
    assert!(Object::from_stored(Bytes::from_static(b"{\"metadata\":{")).is_err());
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        "[a-z\"\\\\{}:]{0,12}".prop_map(Value::from),
        Just(Value::from("\"metadata\":{")),
    ];
    leaf.prop_recursive(4, 32, 6, |inner| {
        let key = prop_oneof![Just("metadata".to_owned()), "[a-z\"\\\\]{1,6}".prop_map(String::from)];
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            proptest::collection::btree_map(key, inner, 0..5).prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

proptest! {
    /// Whatever an object holds, splicing is the same as setting the field, and reading the bytes back changes nothing.
    #[test]
    fn splicing_is_setting(spec in any_json(), data in any_json(), revision in any::<u64>()) {
        let value = json!({ "a": data, "metadata": { "name": "x" }, "spec": spec });
        let object = Object::from_value(value.clone()).unwrap();
        let mut expect = value;
        expect["metadata"]["resourceVersion"] = revision.to_string().into();
        let served: Value = serde_json::from_slice(&object.with_revision(revision)).unwrap();
        prop_assert_eq!(served, expect);
        let again = Object::from_stored(object.bytes().clone()).unwrap();
        prop_assert_eq!(again.with_revision(revision), object.with_revision(revision));
    }
}
