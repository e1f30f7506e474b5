//! One good object of each kind: it passes, defaults do not move, nothing of it is lost on the way through another version, and
//! it looks in a table as kubectl prints it.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use expect_test::expect_file;
use serde_json::{Value, json};
use xebec_api::{Kind, kinds, table};

use crate::yaml;

/// The objects of `kinds.yaml` with their kinds, as a client sends them.
fn objects() -> Vec<(&'static Kind, Value)> {
    let all = include_str!("kinds.yaml").split("\n---\n").map(yaml);
    all.map(|mut object| {
        let (version, word) =
            (object["apiVersion"].as_str().expect("a version"), object["kind"].as_str().expect("a kind"));
        let kind = kinds::find_api_version(version, word).expect("a kind of the table");
        object["metadata"]["uid"] = json!("u1");
        if kind.is_namespaced() {
            object["metadata"]["namespace"] = json!("default");
        }
        (kind, object)
    })
    .collect()
}

/// The object as it would be stored.
fn stored(kind: &Kind, object: &Value) -> Value {
    let mut object = object.clone();
    assert_eq!(kind.check_schema(&object).expect("a well-typed object"), [], "{object}");
    kind.write_stored(&mut object);
    kind.stored().apply_defaults(&mut object);
    kind.stored().prepare_create(&mut object);
    object
}

#[test]
fn every_kind_that_is_stored_has_its_object() {
    let have: BTreeSet<String> = objects().iter().map(|(kind, _)| format!("{kind:?}")).collect();
    let all = kinds().iter().filter(|kind| kind.is_stored()).map(|kind| format!("{kind:?}")).collect();
    assert_eq!(have, all);
}

#[test]
fn they_pass_and_defaults_do_not_move() {
    for (kind, object) in objects() {
        let once = stored(kind, &object);
        let errors = kind.stored().validate_create(&once);
        assert!(errors.is_empty(), "{kind:?}: {errors}");
        let mut twice = once.clone();
        kind.stored().apply_defaults(&mut twice);
        assert_eq!(twice, once, "{kind:?}");
        let unknown = kind.stored().check_schema(&once).expect("defaults of the right type");
        assert_eq!(unknown, [], "{kind:?}");
        assert!(kind.stored().validate_update(&once, &once).is_empty(), "{kind:?}");
    }
}

#[test]
fn another_version_carries_everything() {
    let several = kinds().iter().filter(|kind| kind.kept_as.is_some());
    for other in several {
        for (kind, object) in objects().into_iter().filter(|(kind, _)| kind.stored() == other.stored()) {
            let before = stored(kind, &object);
            let mut there = before.clone();
            other.read_stored(&mut there);
            assert_eq!(other.check_schema(&there).expect("well typed"), [], "{there}");
            assert_eq!(there["apiVersion"], other.api_version());
            other.write_stored(&mut there);
            assert_eq!(there, before, "{other:?}");
        }
    }
}

#[test]
fn they_look_as_kubectl_prints_them() {
    let now = "2030-01-01T00:00:00Z".parse().expect("a time");
    let mut out = String::new();
    for (kind, object) in objects().into_iter().filter(|(kind, _)| kind.kept_as.is_none()) {
        let mut object = stored(kind, &object);
        object["metadata"]["creationTimestamp"] = json!("2029-12-31T22:00:00Z");
        write!(out, "{}:", kind.resource()).expect("a string takes all");
        for (column, cell) in table::columns(kind).iter().zip(table::cells_of(kind, &object, now)) {
            let cell = cell.as_str().map_or_else(|| cell.to_string(), str::to_owned);
            let sign = if column.priority > 0 { "~" } else { "" };
            write!(out, " {sign}{}={cell}", column.name).expect("a string takes all");
        }
        out.push('\n');
    }
    expect_file!["tables.txt"].assert_eq(&out);
}

#[test]
fn they_get_the_defaults_that_clients_count_on() {
    let mut out = String::new();
    for (kind, object) in objects() {
        let stored = stored(kind, &object);
        let added = added(&object, &stored);
        writeln!(out, "{kind:?}: {added}").expect("a string takes all");
    }
    expect_file!["defaults.txt"].assert_eq(&out);
}

/// What is in `after` and not in `before`.
fn added(before: &Value, after: &Value) -> Value {
    match (before, after) {
        (Value::Object(before), Value::Object(after)) => {
            let new = after.iter().filter(|(key, value)| before.get(*key) != Some(value));
            let none = Value::Null;
            new.map(|(key, value)| (key.clone(), added(before.get(key).unwrap_or(&none), value))).collect()
        }
        (Value::Array(before), Value::Array(after)) if before.len() == after.len() => {
            before.iter().zip(after).map(|(before, after)| added(before, after)).collect()
        }
        _ => after.clone(),
    }
}
