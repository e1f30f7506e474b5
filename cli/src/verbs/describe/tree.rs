//! An object as an indented tree under readable names.

use std::fmt::Write;

use serde_json::{Map, Value};

use crate::print::Table;

/// Machinery that nobody reads.
const HIDDEN_METADATA: [&str; 5] = ["managedFields", "name", "namespace", "labels", "annotations"];
/// Maps whose keys are somebody's own words, not names of fields.
const FREE: [&str; 8] =
    ["labels", "annotations", "matchLabels", "nodeSelector", "data", "limits", "requests", "selector"];
const HIDDEN_ANNOTATION: &str = crate::merge::LAST_APPLIED;

/// The whole object but its events.
pub(super) fn render(object: &Value) -> String {
    let mut text = String::new();
    head(&mut text, object);
    let empty = Map::new();
    for (key, value) in object.as_object().unwrap_or(&empty) {
        match key.as_str() {
            "apiVersion" | "kind" | "metadata" => {}
            _ => field(&mut text, key, value, 0),
        }
    }
    text
}

fn head(text: &mut String, object: &Value) {
    let metadata = &object["metadata"];
    for (label, value) in
        [("Name", &metadata["name"]), ("Namespace", &metadata["namespace"]), ("Kind", &object["kind"])]
    {
        if !value.is_null() {
            line(text, 0, label, &scalar(value));
        }
    }
    pairs(text, "Labels", &metadata["labels"]);
    pairs(text, "Annotations", &metadata["annotations"]);
    let empty = Map::new();
    let rest = metadata.as_object().unwrap_or(&empty).iter();
    for (key, value) in rest.filter(|(key, _)| !HIDDEN_METADATA.contains(&key.as_str())) {
        field(text, key, value, 0);
    }
}

fn pairs(text: &mut String, label: &str, map: &Value) {
    let empty = Map::new();
    let pairs = map.as_object().unwrap_or(&empty).iter().filter(|(key, _)| key.as_str() != HIDDEN_ANNOTATION);
    let pairs: Vec<_> = pairs.map(|(key, value)| format!("{key}={}", scalar(value))).collect();
    line(text, 0, label, if pairs.is_empty() { "<none>" } else { &pairs[0] });
    for pair in pairs.iter().skip(1) {
        let indent = label.len() + 3;
        writeln!(text, "{:indent$}{pair}", "").expect("writing to a string cannot fail");
    }
}

fn field(text: &mut String, key: &str, value: &Value, depth: usize) {
    let label = label(key);
    match value {
        Value::Array(items) if key == "conditions" && items.iter().all(Value::is_object) => {
            conditions(text, items, depth)
        }
        Value::Array(items) if items.iter().all(|item| !item.is_object() && !item.is_array()) => {
            let items: Vec<_> = items.iter().map(scalar).collect();
            line(text, depth, &label, if items.is_empty() { "<none>".to_owned() } else { items.join(", ") }.as_str());
        }
        Value::Array(items) => {
            line(text, depth, &label, "");
            items.iter().for_each(|item| element(text, item, depth + 1));
        }
        Value::Object(map) if map.is_empty() => line(text, depth, &label, "{}"),
        Value::Object(map) if FREE.contains(&key) && map.values().all(|value| !value.is_object()) => {
            line(text, depth, &label, "");
            map.iter().for_each(|(key, value)| line(text, depth + 1, key, &scalar(value)));
        }
        Value::Object(map) => {
            line(text, depth, &label, "");
            map.iter().for_each(|(key, value)| field(text, key, value, depth + 1));
        }
        other => line(text, depth, &label, &scalar(other)),
    }
}

/// An element with a name is headed by it.
fn element(text: &mut String, item: &Value, depth: usize) {
    let Some(map) = item.as_object() else { return line(text, depth, "-", &scalar(item)) };
    let title = map.get("name").and_then(Value::as_str).map_or("-", |name| name);
    line(text, depth, title, "");
    map.iter()
        .filter(|(key, _)| key.as_str() != "name" || title == "-")
        .for_each(|(key, value)| field(text, key, value, depth + 1));
}

fn conditions(text: &mut String, items: &[Value], depth: usize) {
    line(text, depth, "Conditions", "");
    let mut table = Table::new(&["TYPE", "STATUS", "REASON", "MESSAGE"]);
    for item in items {
        table.push(["type", "status", "reason", "message"].iter().map(|key| scalar(&item[*key])).collect());
    }
    for row in table.drain(true).lines() {
        let indent = 2 * (depth + 1);
        writeln!(text, "{:indent$}{row}", "").expect("writing to a string cannot fail");
    }
}

fn line(text: &mut String, depth: usize, label: &str, value: &str) {
    let indent = 2 * depth;
    let line = format!("{:indent$}{label}:  {value}", "");
    writeln!(text, "{}", line.trim_end()).expect("writing to a string cannot fail");
}

fn scalar(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// `terminationGracePeriodSeconds` becomes `Termination Grace Period Seconds`, `podIP` becomes `Pod IP`; a key that is no
/// identifier (of a ConfigMap, say) stays as it is.
fn label(key: &str) -> String {
    if !key.chars().all(|letter| letter.is_ascii_alphanumeric()) {
        return key.to_owned();
    }
    let mut label = String::new();
    let mut before = ' ';
    for letter in key.chars() {
        if letter.is_ascii_uppercase() && before.is_ascii_lowercase() {
            label.push(' ');
        }
        label.push(if label.is_empty() { letter.to_ascii_uppercase() } else { letter });
        before = letter;
    }
    label
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::expect;
    use serde_json::json;

    #[test]
    fn any_object_is_a_readable_tree() {
        let object = json!({
            "apiVersion": "v1", "kind": "Pod",
            "metadata": {"name": "till-1", "namespace": "shop", "labels": {"app": "till", "tier": "front"},
                         "annotations": {HIDDEN_ANNOTATION: "{}"}, "creationTimestamp": "2026-01-01T00:00:00Z"},
            "spec": {"containers": [{"name": "till", "image": "till:1", "args": ["a", "b"]}], "nodeName": "w1", "nodeSelector": {"diskKind": "ssd"}},
            "status": {"podIP": "10.42.0.7", "conditions": [{"type": "Ready", "status": "True"}]}
        });
        expect![[r#"
            Name:  till-1
            Namespace:  shop
            Kind:  Pod
            Labels:  app=till
                     tier=front
            Annotations:  <none>
            Creation Timestamp:  2026-01-01T00:00:00Z
            Spec:
              Containers:
                till:
                  Args:  a, b
                  Image:  till:1
              Node Name:  w1
              Node Selector:
                diskKind:  ssd
            Status:
              Conditions:
                TYPE    STATUS   REASON   MESSAGE
                Ready   True
              Pod IP:  10.42.0.7
        "#]]
        .assert_eq(&render(&object));
    }
}
