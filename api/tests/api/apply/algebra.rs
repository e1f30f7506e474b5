//! Properties that hold whoever applies what.

use proptest::prelude::*;
use serde_json::{Value, json};
use xebec_api::apply::{Operation, Place, compare, merge, owned};

use super::{Shared, complete, pod_template};
use crate::kind;

/// A configuration of a Deployment: structures, maps, keyed lists, sets and atoms.
fn config() -> impl Strategy<Value = Value> {
    let labels = proptest::collection::btree_map("[a-c]", "[xyz]", 0..3);
    let finalizers = proptest::collection::btree_set("x/[a-c]", 0..3);
    let containers = proptest::collection::btree_map(
        "[a-c]",
        ("[xyz]", proptest::collection::btree_map("[A-C]", "[xyz]", 0..3), proptest::option::of("[pq]")),
        0..3,
    );
    (labels, finalizers, containers, proptest::option::of(0..3)).prop_map(
        |(labels, finalizers, containers, replicas)| {
            let container = |(name, (image, env, argument)): (&String, &(String, _, Option<String>))| {
                let env: &std::collections::BTreeMap<String, String> = env;
                let env: Vec<Value> = env.iter().map(|(name, value)| json!({ "name": name, "value": value })).collect();
                json!({ "name": name, "image": image, "env": env, "args": argument })
            };
            let mut config = pod_template(containers.iter().map(container).collect());
            config["metadata"] = json!({ "labels": labels, "finalizers": finalizers });
            config["spec"]["replicas"] = json!(replicas);
            xebec_api::value::drop_nulls(&mut config);
            complete(kind("deploy"), config)
        },
    )
}

fn place() -> Place<'static> {
    Place::of_kind(kind("deploy"))
}

/// What tells that two objects are the same but for the order in lists that have none.
fn same(a: &Value, b: &Value) -> bool {
    let difference = compare(place(), a, b);
    difference.taken.is_empty() && difference.removed.is_empty()
}

fn data(entries: &std::collections::BTreeMap<String, String>, prefix: &str) -> Value {
    json!({ "data": entries.iter().map(|(k, v)| (format!("{prefix}{k}"), v.clone())).collect::<std::collections::BTreeMap<_, _>>() })
}

proptest! {
    #[test]
    fn applying_again_changes_nothing(first in config(), second in config()) {
        let mut it = Shared::new("deploy");
        it.force("one", first);
        let once = it.force("two", second.clone()).clone();
        prop_assert_eq!(it.force("two", second).clone(), once);
    }

    /// Whatever was applied is there afterwards, as it was applied, and the applier owns just that.
    #[test]
    fn what_is_applied_is_there_and_owned(first in config(), second in config()) {
        let mut it = Shared::new("deploy");
        it.force("one", first);
        it.force("two", second.clone());
        prop_assert!(same(&merge(place(), &it.object, &second), &it.object));
        let set = owned(place(), &second).expect("a good configuration");
        let all = set.encode();
        let mine = it.owns("two", Operation::Apply);
        for (name, fields) in mine.as_object().into_iter().flatten() {
            prop_assert!(name == "f:metadata" || all[name] == *fields, "{}", mine);
        }
    }

    /// Where only one applier writes, the object is its last configuration: what it said before leaves no trace.
    #[test]
    fn the_last_configuration_wins(first in config(), second in config()) {
        let mut it = Shared::new("deploy");
        it.apply("one", first).expect("nobody else");
        it.apply("one", second.clone()).expect("nobody else");
        let mut fresh = Shared::new("deploy");
        fresh.apply("one", second).expect("nobody else");
        let [mut a, mut b] = [it.object, fresh.object];
        for object in [&mut a, &mut b] {
            object["metadata"]["managedFields"].take();
            // An empty list, map or structure says no more than one that is left out.
            drop_empty(object);
        }
        prop_assert!(same(&a, &b), "{} {}", a, b);
    }

    /// Nobody owns what is not there, and what two own is the same for both.
    #[test]
    fn everything_owned_is_there(first in config(), second in config(), third in config()) {
        let mut it = Shared::new("deploy");
        for (who, mut config) in [("one", first), ("two", second), ("one", third)] {
            // Who owned a map when it was empty owns the map as such.
            drop_empty(&mut config);
            it.force(who, config);
        }
        let mut plain = it.object.clone();
        plain["metadata"]["managedFields"].take();
        let there = owned(place(), &plain).expect("a good object");
        for entry in it.managed().entries() {
            let lost: Vec<String> = entry.fields.difference(&there).paths().iter().map(|path| xebec_api::apply::display(path)).collect();
            prop_assert!(lost.is_empty(), "{:?} {}", lost, it.object);
        }
    }

    #[test]
    fn appliers_of_different_fields_commute(
        a in proptest::collection::btree_map("[a-d]", "[xyz]", 0..4),
        b in proptest::collection::btree_map("[a-d]", "[xyz]", 0..4),
    ) {
        let orders = [["one", "two"], ["two", "one"]].map(|order| {
            let mut it = Shared::new("cm");
            for who in order {
                let config = if who == "one" { data(&a, "one-") } else { data(&b, "two-") };
                it.apply(who, config).expect("they share nothing");
            }
            (it.object["data"].clone(), it.owns("one", Operation::Apply), it.owns("two", Operation::Apply))
        });
        prop_assert_eq!(&orders[0], &orders[1]);
    }

    /// Taking a difference into account twice changes nothing; no difference means equal but for order.
    #[test]
    fn a_comparison_tells_all(a in config(), b in config()) {
        prop_assert!(same(&a, &a));
        let (there, back) = (compare(place(), &a, &b), compare(place(), &b, &a));
        prop_assert_eq!(there.removed.is_empty() && there.taken.is_empty(), back.removed.is_empty() && back.taken.is_empty());
        prop_assert!(there.taken.intersection(&there.removed).is_empty());
        let values = |set: &xebec_api::apply::PathSet| set.paths().len();
        prop_assert!(values(&there.removed.difference(&back.taken)) == 0, "what one side lacks the other has more");
    }
}

fn drop_empty(value: &mut Value) {
    let is_empty = |value: &Value| match value {
        Value::Object(map) => map.is_empty(),
        Value::Array(list) => list.is_empty(),
        other => other.is_null(),
    };
    if let Value::Object(map) = value {
        map.values_mut().for_each(drop_empty);
        map.retain(|_, inner| !is_empty(inner));
    }
    if let Value::Array(list) = value {
        list.iter_mut().for_each(drop_empty);
    }
}
