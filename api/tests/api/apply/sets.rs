//! Sets of paths and their form on the wire.

use proptest::prelude::*;
use serde_json::{Value, json};
use xebec_api::apply::{Element, ManagedFields, Node, PathSet, display};

use crate::kind;

#[test]
fn paths_read_as_kubectl_prints_them() {
    let key = json!({ "protocol": "TCP", "containerPort": 80 });
    let path = [
        Element::field("spec"),
        Element::field("ports"),
        Element::key(key.as_object().unwrap().clone()),
        Element::field("hostPort"),
    ];
    assert_eq!(display(&path), ".spec.ports[containerPort=80,protocol=\"TCP\"].hostPort");
    assert_eq!(display(&[Element::field("finalizers"), Element::value(&json!("a"))]), ".finalizers[=\"a\"]");
    assert_eq!(display(&[Element::field("args"), Element::Index(2)]), ".args[2]");
}

#[test]
fn what_other_servers_wrote_is_read() {
    let fields = json!({
        "f:metadata": { "f:labels": { ".": {}, "f:app": {} }, "f:finalizers": { "v:\"a\"": {} } },
        "f:spec": { "f:ports": { "k:{\"port\":80,\"protocol\":\"TCP\"}": { ".": {}, "f:name": {} } }, "f:args": { "i:3": {} } },
    });
    assert_eq!(PathSet::decode(&fields).unwrap().encode(), fields);
    for bad in [json!({ "spec": {} }), json!({ "x:y": {} }), json!({ "k:nokey": {} }), json!({ "f:a": 1 }), json!([])] {
        assert!(PathSet::decode(&bad).is_err(), "{bad}");
    }
}

#[test]
fn managed_fields_that_cannot_be_read_name_the_field() {
    let cases = [
        (json!([{ "operation": "Steal" }]), "metadata.managedFields[0].operation"),
        (json!([{ "operation": "Apply", "fieldsType": "FieldsV9" }]), "metadata.managedFields[0].fieldsType"),
        (json!([{ "operation": "Apply", "manager": "x".repeat(129) }]), "metadata.managedFields[0].manager"),
        (json!([{ "operation": "Apply", "fieldsV1": { "?": {} } }]), "metadata.managedFields[0].fieldsV1"),
    ];
    for (list, field) in cases {
        let errors = ManagedFields::decode(Some(&list)).unwrap_err();
        let fields: Vec<String> = errors.iter().map(|error| error.path.to_string()).collect();
        assert_eq!(fields, [field]);
    }
    assert!(ManagedFields::decode(None).unwrap().entries().is_empty());
}

fn element() -> impl Strategy<Value = Element> {
    prop_oneof![
        "[a-c]".prop_map(Element::field),
        Just(Element::field(".")),
        "[xy]".prop_map(|name| Element::key(json!({ "name": name }).as_object().cloned().unwrap_or_default())),
        (0..3_i64).prop_map(|n| Element::value(&json!(n))),
        (0..3_usize).prop_map(Element::Index),
    ]
}

fn set() -> impl Strategy<Value = PathSet> {
    proptest::collection::vec(proptest::collection::vec(element(), 1..5), 0..12).prop_map(|paths| {
        let mut set = PathSet::default();
        paths.iter().for_each(|path| set.insert(path));
        set
    })
}

fn united(a: &PathSet, b: &PathSet) -> PathSet {
    let mut out = a.clone();
    out.union(b.clone());
    out
}

proptest! {
    #[test]
    fn a_set_survives_its_encoding(set in set()) {
        let text = set.encode().to_string();
        let read: Value = serde_json::from_str(&text).expect("JSON");
        prop_assert_eq!(PathSet::decode(&read).expect("a set"), set);
    }

    #[test]
    fn sets_obey_the_laws_of_sets(a in set(), b in set()) {
        let (union, both, only_a) = (united(&a, &b), a.intersection(&b), a.difference(&b));
        for path in union.paths() {
            let (in_a, in_b) = (a.has(&path), b.has(&path));
            prop_assert!(in_a || in_b);
            prop_assert_eq!(both.has(&path), in_a && in_b);
            prop_assert_eq!(only_a.has(&path), in_a && !in_b);
        }
        prop_assert_eq!(union.paths().len() + both.paths().len(), a.paths().len() + b.paths().len());
        prop_assert_eq!(united(&only_a, &both), a.clone());
        prop_assert!(a.difference(&a).is_empty());
        prop_assert_eq!(united(&a, &b), united(&b, &a));
    }

    /// Whatever is sent as `fieldsV1`, what is read of it means the same when it is written and read again.
    #[test]
    fn what_is_read_is_stable(names in proptest::collection::vec("[fkvi]:[a-z0-9{}\":]{0,8}", 0..6)) {
        let fields: Value = names.iter().map(|name| (name.clone(), json!({}))).collect();
        if let Ok(set) = PathSet::decode(&fields) {
            prop_assert_eq!(PathSet::decode(&set.encode()).expect("a set"), set);
        }
    }
}

#[test]
fn nothing_is_no_path() {
    let mut set = PathSet::default();
    set.insert(&[]);
    set.add(Element::field("a"), Node::default());
    assert!(set.is_empty() && !set.has(&[]));
    assert_eq!(kind("cm").kind, "ConfigMap");
}
