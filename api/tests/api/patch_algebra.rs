//! The algebra of patches: a patch that is computed as the difference of two objects turns the one into the other.

use std::collections::BTreeMap;

use proptest::prelude::*;
use serde_json::{Map, Value, json};
use xebec_api::patch::{self, PatchKind};

use crate::kind;

/// Objects as people write them: containers with variables, labels, finalizers and a strategy of two forms.
fn object() -> impl Strategy<Value = Value> {
    let variables = proptest::collection::btree_map("[A-C]", "[xyz]", 0..3);
    let containers = proptest::collection::btree_map("[a-d]", ("[xyz]", variables), 0..4);
    let containers = containers.prop_map(|map| map.into_iter().collect::<Vec<_>>()).prop_shuffle();
    let finalizers = proptest::collection::btree_set("x/[a-d]", 0..4);
    let finalizers = finalizers.prop_map(|set| set.into_iter().collect::<Vec<_>>()).prop_shuffle();
    let labels = proptest::collection::btree_map("[a-d]", "[xyz]", 0..4);
    (containers, finalizers, labels, any::<bool>()).prop_map(|(containers, finalizers, labels, rolling)| {
        let container = |(name, (image, env)): &(String, (String, BTreeMap<String, String>))| {
            let env: Vec<Value> = env.iter().map(|(name, value)| json!({ "name": name, "value": value })).collect();
            json!({ "name": name, "image": image, "env": env })
        };
        let containers: Vec<Value> = containers.iter().map(container).collect();
        let strategy = match rolling {
            true => json!({ "type": "RollingUpdate", "rollingUpdate": { "maxSurge": 1 } }),
            false => json!({ "type": "Recreate" }),
        };
        json!({
            "metadata": { "labels": labels, "finalizers": finalizers },
            "spec": { "strategy": strategy, "template": { "spec": { "containers": containers } } },
        })
    })
}

fn merge_difference(from: &Value, to: &Value) -> Value {
    let (Value::Object(from), Value::Object(to)) = (from, to) else { return to.clone() };
    let gone = from.keys().filter(|key| !to.contains_key(*key)).map(|key| (key.clone(), Value::Null));
    let changed = to.iter().filter(|(key, value)| from.get(*key) != Some(value));
    let changed =
        changed.map(|(key, value)| (key.clone(), merge_difference(from.get(key).unwrap_or(&Value::Null), value)));
    gone.chain(changed).collect()
}

/// The strategic difference, as kubectl computes it: lists by their keys, with directives for what goes and for the order.
fn strategic_difference(from: &Value, to: &Value) -> Value {
    let (Value::Object(from), Value::Object(to)) = (from, to) else { return to.clone() };
    let mut patch: Map<String, Value> =
        from.keys().filter(|key| !to.contains_key(*key)).map(|key| (key.clone(), Value::Null)).collect();
    for (key, value) in to.iter().filter(|(key, value)| from.get(*key) != Some(value)) {
        let old = from.get(key).unwrap_or(&Value::Null);
        match key.as_str() {
            "containers" | "env" => keyed_difference(&mut patch, key, list(old), list(value)),
            "finalizers" => set_difference(&mut patch, key, list(old), list(value)),
            "strategy" => drop(patch.insert(key.clone(), retained_difference(old, value))),
            _ => drop(patch.insert(key.clone(), strategic_difference(old, value))),
        }
    }
    Value::Object(patch)
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn keyed_difference(patch: &mut Map<String, Value>, field: &str, from: &[Value], to: &[Value]) {
    let named = |items: &[Value], name: &Value| items.iter().find(|item| item["name"] == *name).cloned();
    let changed = to.iter().filter(|item| !from.contains(item)).map(|item| {
        let mut change = strategic_difference(&named(from, &item["name"]).unwrap_or_else(|| json!({})), item);
        change["name"] = item["name"].clone();
        change
    });
    let gone = from.iter().filter(|item| named(to, &item["name"]).is_none());
    let gone = gone.map(|item| json!({ "name": item["name"], "$patch": "delete" }));
    let order: Value = to.iter().map(|item| json!({ "name": item["name"] })).collect();
    patch.insert(format!("$setElementOrder/{field}"), order);
    patch.insert(field.to_owned(), changed.chain(gone).collect());
}

fn set_difference(patch: &mut Map<String, Value>, field: &str, from: &[Value], to: &[Value]) {
    let without =
        |items: &[Value], others: &[Value]| items.iter().filter(|item| !others.contains(item)).cloned().collect();
    patch.insert(format!("$setElementOrder/{field}"), to.into());
    patch.insert(format!("$deleteFromPrimitiveList/{field}"), without(from, to));
    patch.insert(field.to_owned(), without(to, from));
}

fn retained_difference(from: &Value, to: &Value) -> Value {
    let mut patch = strategic_difference(from, to);
    patch.as_object_mut().expect("a structure").retain(|_, value| !value.is_null());
    patch["$retainKeys"] = to.as_object().expect("a structure").keys().cloned().collect();
    patch
}

fn apply(format: PatchKind, object: &Value, patch: &Value) -> Value {
    patch::apply(kind("deploy"), format, object, patch).expect("a patch that applies")
}

proptest! {
    #[test]
    fn a_merge_difference_leads_from_one_to_the_other(from in object(), to in object()) {
        let patch = merge_difference(&from, &to);
        prop_assert_eq!(apply(PatchKind::Merge, &from, &patch), to.clone());
        prop_assert_eq!(apply(PatchKind::Merge, &to, &patch), to);
    }

    #[test]
    fn a_strategic_difference_leads_from_one_to_the_other(from in object(), to in object()) {
        let patch = strategic_difference(&from, &to);
        prop_assert_eq!(apply(PatchKind::Strategic, &from, &patch), to.clone(), "{}", patch);
        prop_assert_eq!(apply(PatchKind::Strategic, &to, &patch), to, "{}", patch);
    }

    /// Whatever the patch, the object that comes out has no directive in it.
    #[test]
    fn directives_do_not_get_into_objects(from in object(), to in object()) {
        let out = apply(PatchKind::Strategic, &json!({}), &strategic_difference(&from, &to));
        prop_assert!(!out.to_string().contains("\"$"), "{}", out);
    }
}
