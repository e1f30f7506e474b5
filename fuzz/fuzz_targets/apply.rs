//! Server-side apply: whatever several people apply and change, applying again changes nothing, and nobody owns what is not there.
#![no_main]

use libfuzzer_sys::fuzz_target;
use serde_json::{Map, Value, json};
use xebec_api::apply::{self, ManagedFields, PathSet, Place, Writer};

/// What of `letters` the bits choose, in the order of the letters or backwards.
fn chosen(letters: &[&'static str], bits: u8) -> Vec<&'static str> {
    let mut out: Vec<&str> =
        letters.iter().enumerate().filter(|(at, _)| bits >> at & 1 == 1).map(|(_, letter)| *letter).collect();
    if bits & 0x80 != 0 {
        out.reverse();
    }
    out
}

/// A Deployment with what the bytes choose of maps, sets, keyed lists in keyed lists, and values.
fn config(bytes: &[u8]) -> Value {
    let at = |index: usize| bytes.get(index).copied().unwrap_or_default();
    let variables = |bits: u8| -> Vec<Value> {
        chosen(&["A", "B", "C"], bits)
            .into_iter()
            .map(|name| json!({ "name": name, "value": at(5).to_string() }))
            .collect()
    };
    let containers = chosen(&["a", "b", "c", "d"], at(0)).into_iter();
    let containers: Vec<Value> = containers
        .enumerate()
        .map(|(n, name)| json!({ "name": name, "image": at(1).to_string(), "env": variables(at(2).rotate_left(n as u32)) }))
        .collect();
    let labels: Map<String, Value> =
        chosen(&["x", "y", "z"], at(3)).into_iter().map(|key| (key.to_owned(), json!(at(4).to_string()))).collect();
    let mut spec = json!({ "template": { "spec": { "containers": containers } } });
    if at(4) & 1 == 1 {
        spec["replicas"] = json!(at(5));
    }
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": { "name": "d", "labels": labels, "finalizers": chosen(&["x/a", "x/b", "x/c"], at(6)) }, "spec": spec,
    })
}

/// Empty maps and lists say no more than absent ones, and may be owned by who once left them empty.
fn drop_empty(value: &mut Value) {
    let empty = |value: &Value| match value {
        Value::Object(map) => map.is_empty(),
        Value::Array(list) => list.is_empty(),
        _ => false,
    };
    match value {
        Value::Object(map) => {
            map.values_mut().for_each(drop_empty);
            map.retain(|_, value| !empty(value));
        }
        Value::Array(list) => list.iter_mut().for_each(drop_empty),
        _ => {}
    }
}

fn config_of(bytes: &[u8]) -> Value {
    let mut config = config(bytes);
    drop_empty(&mut config);
    config
}

fn check_owned(object: &Value) {
    let mut plain = object.clone();
    let managed = apply::take_managed_fields(&mut plain);
    let managed = ManagedFields::decode(managed.as_ref()).expect("what was written can be read");
    let kind = xebec_api::find("apps", "v1", "deployments").expect("there are deployments");
    let there = apply::owned(Place::of_kind(kind), &plain).expect("every list can be told apart");
    for entry in managed.entries() {
        assert!(entry.fields.difference(&there).is_empty(), "{:?} of {object}", entry.manager);
    }
}

fuzz_target!(|bytes: &[u8]| {
    if let Ok(set) =
        xebec_api::decode::json(bytes).map_err(drop).and_then(|fields| PathSet::decode(&fields).map_err(drop))
    {
        assert_eq!(PathSet::decode(&set.encode()), Ok(set));
    }
    let kind = xebec_api::find("apps", "v1", "deployments").expect("there are deployments");
    let mut object = json!({});
    for step in bytes.chunks(8).take(16) {
        let (choice, rest) = step.split_first().expect("chunks are not empty");
        let manager = ["one", "two", "three"][usize::from(choice % 3)];
        let writer = Writer { manager, subresource: None, now: "2030-01-01T00:00:00Z" };
        let mut wanted = config_of(rest);
        match choice >> 6 {
            0 => {
                let old = object.clone();
                apply::track(kind, Some(&old), &mut wanted, &writer).expect("managed fields that can be read");
                object = wanted;
            }
            1 => match apply::apply(kind, &object, &wanted, &writer, false) {
                Ok(applied) => object = applied,
                Err(status) => assert_eq!(status.code, 409, "{status}"),
            },
            _ => object = apply::apply(kind, &object, &wanted, &writer, true).expect("force has no conflicts"),
        }
        if choice >> 6 > 1 {
            let again =
                apply::apply(kind, &object, &config_of(rest), &writer, false).expect("who owns all meets nobody");
            assert_eq!(again, object);
        }
        check_owned(&object);
    }
});
