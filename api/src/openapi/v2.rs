//! OpenAPI v2: all documents of v3 in one, in the older form that older clients read.
//!
//! The older form knows no `oneOf`, keeps types under `definitions`, has a request's body among its parameters, and an
//! answer's type beside its description.

use serde_json::{Map, Value, json};

const V3_TYPES: &str = "#/components/schemas/";
const V2_TYPES: &str = "#/definitions/";

/// The one document that says what these v3 documents say.
pub fn document(documents: impl IntoIterator<Item = Value>) -> Value {
    let mut paths = Map::new();
    let mut definitions = Map::new();
    for mut document in documents {
        for (path, item) in members(document["paths"].take()) {
            paths.insert(path, path_item(item));
        }
        for (name, of) in members(document["components"]["schemas"].take()) {
            definitions.entry(name).or_insert_with(|| schema(of));
        }
    }
    json!({
        "swagger": "2.0", "info": {"title": "Kubernetes", "version": "v1.35.0"},
        "paths": paths, "definitions": definitions,
    })
}

fn members(value: Value) -> Map<String, Value> {
    if let Value::Object(members) = value { members } else { Map::new() }
}

fn items(value: Value) -> Vec<Value> {
    if let Value::Array(items) = value { items } else { Vec::new() }
}

/// The operations on a path, and the parameters they share.
fn path_item(item: Value) -> Value {
    let one = |(key, value): (String, Value)| match key.as_str() {
        "parameters" => (key, items(value).into_iter().map(parameter).collect()),
        _ => (key, operation(value)),
    };
    Value::Object(members(item).into_iter().map(one).collect())
}

/// `{name, in, schema: {type, …}}` becomes `{name, in, type, …}`.
fn parameter(parameter: Value) -> Value {
    let mut parameter = members(parameter);
    let of = parameter.remove("schema").map(members).unwrap_or_default();
    parameter.extend(of);
    parameter.into()
}

fn operation(operation: Value) -> Value {
    let mut operation = members(operation);
    let mut parameters: Vec<Value> =
        operation.remove("parameters").map(items).unwrap_or_default().into_iter().map(parameter).collect();
    if let Some(mut body) = operation.remove("requestBody") {
        let content = members(body["content"].take());
        operation.insert("consumes".into(), content.keys().cloned().collect());
        let of = content.into_iter().next().map(|(_, mut media)| schema(media["schema"].take()));
        parameters.insert(0, json!({"name": "body", "in": "body", "required": true, "schema": of.unwrap_or_default()}));
    }
    if !parameters.is_empty() {
        operation.insert("parameters".into(), parameters.into());
    }
    operation.insert("produces".into(), json!(["application/json"]));
    let responses = operation.remove("responses").map(members).unwrap_or_default();
    let responses: Map<String, Value> = responses.into_iter().map(|(code, of)| (code, response(of))).collect();
    operation.insert("responses".into(), responses.into());
    operation.into()
}

fn response(mut response: Value) -> Value {
    let of = response["content"]["application/json"]["schema"].take();
    json!({"description": response["description"].take(), "schema": schema(of)})
}

fn schema(of: Value) -> Value {
    let mut out = Map::new();
    for (key, value) in members(of) {
        match key.as_str() {
            "$ref" => drop(out.insert(key, reference(&value))),
            "allOf" => items(value).into_iter().for_each(|part| out.extend(members(schema(part)))),
            "oneOf" => out.extend(one_of(&value)),
            "properties" => {
                let properties: Map<_, _> = members(value).into_iter().map(|(name, of)| (name, schema(of))).collect();
                out.insert(key, properties.into());
            }
            "items" | "additionalProperties" => drop(out.insert(key, schema(value))),
            _ => drop(out.insert(key, value)),
        }
    }
    out.into()
}

fn reference(to: &Value) -> Value {
    let to = to.as_str().unwrap_or_default();
    json!(to.replacen(V3_TYPES, V2_TYPES, 1))
}

/// What may be text is said to be text, which takes numbers too; anything else may be anything.
fn one_of(choices: &Value) -> Option<(String, Value)> {
    let is_text = |choice: &Value| choice["type"] == "string";
    choices.as_array()?.iter().any(is_text).then(|| ("type".to_owned(), json!("string")))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn whole() -> Value {
        let documents = super::super::versions().into_iter();
        document(documents.filter_map(|(group, version)| super::super::document(group, version)))
    }

    /// Every `$ref` of a document.
    fn references<'a>(value: &'a Value, found: &mut Vec<&'a str>) {
        match value {
            Value::Object(members) => {
                found.extend(members.get("$ref").and_then(Value::as_str));
                members.values().for_each(|value| references(value, found));
            }
            Value::Array(items) => items.iter().for_each(|value| references(value, found)),
            _ => {}
        }
    }

    #[test]
    fn every_reference_leads_to_a_definition() {
        let whole = whole();
        let mut found = Vec::new();
        references(&whole, &mut found);
        assert!(found.len() > 100);
        for to in found {
            let name = to.strip_prefix(V2_TYPES).unwrap_or_else(|| panic!("{to} is not of version 2"));
            assert!(whole["definitions"].get(name).is_some(), "{to} leads nowhere");
        }
    }

    /// The words that schemas and operations use, but not the names that their fields, types and paths have.
    fn words(value: &Value, found: &mut BTreeSet<String>) {
        const NAMES: [&str; 3] = ["properties", "definitions", "paths"];
        for (key, value) in value.as_object().into_iter().flatten() {
            found.insert(key.clone());
            match value.as_object().filter(|_| NAMES.contains(&key.as_str())) {
                Some(named) => named.values().for_each(|value| words(value, found)),
                None => words(value, found),
            }
        }
        value.as_array().into_iter().flatten().for_each(|value| words(value, found));
    }

    #[test]
    fn nothing_of_version_three_is_left() {
        let mut found = BTreeSet::new();
        words(&whole(), &mut found);
        assert!(found.contains("definitions") && found.contains("items"), "{found:?}");
        for word in ["oneOf", "allOf", "requestBody", "components", "content"] {
            assert!(!found.contains(word), "{word}");
        }
    }

    #[test]
    fn a_write_names_its_body_and_its_query() {
        let whole = whole();
        let patch = &whole["paths"]["/api/v1/namespaces/{namespace}/pods/{name}"]["patch"];
        assert_eq!(patch["x-kubernetes-group-version-kind"]["kind"], "Pod");
        assert_eq!(patch["parameters"][0]["in"], "body");
        let names: Vec<_> = patch["parameters"].as_array().unwrap().iter().map(|p| p["name"].clone()).collect();
        assert!(names.contains(&json!("fieldValidation")), "{names:?}");
        assert_eq!(whole["definitions"]["io.k8s.apimachinery.pkg.api.resource.Quantity"]["type"], "string");
    }
}
