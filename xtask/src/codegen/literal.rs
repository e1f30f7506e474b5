//! The schema of a type, as its Rust source writes it down, read as JSON.
//!
//! `k8s-openapi` writes `json_schema!({ … })`, one member a line, which is JSON but for commas before closing brackets and for
//! two forms that refer to another type. They become `{"$ref": "<path of the type>"}`.

use anyhow::{Context, Result};
use serde_json::Value;

const START: &str = "crate::schemars::json_schema!(";
const REFERENCE: &str = "__gen.subschema_for::<";

/// The schema in a source file, if the file has one.
pub(super) fn schema(source: &str) -> Option<Result<Value>> {
    let (_, rest) = source.split_once(START)?;
    let mut json = String::new();
    for line in rest.lines().map(str::trim).take_while(|line| *line != "})") {
        push(&mut json, &member(line));
    }
    push(&mut json, "}");
    Some(serde_json::from_str(&json).with_context(|| format!("a schema that is no JSON: {json}")))
}

fn push(json: &mut String, line: &str) {
    if line.starts_with(['}', ']']) && json.ends_with(',') {
        json.pop();
    }
    json.push_str(line);
}

/// A line in JSON.
fn member(line: &str) -> String {
    if let Some((before, path)) = reference(line) {
        return match before.strip_prefix("let ") {
            Some(_) => format!("\"$ref\": \"{path}\","),
            None => format!("{}{{\"$ref\": \"{path}\"}},", before.trim_end_matches('(')),
        };
    }
    if let Some(description) = line.strip_prefix("schema_obj.ensure_object().insert(\"description\".into(), ") {
        return format!("\"description\": {},", unescape(description.trim_end_matches(".into());")));
    }
    match line {
        "schema_obj" => String::new(),
        "})," => "},".into(),
        line => unescape(line.strip_suffix("({").map_or(line.into(), |name| format!("{name}{{")).as_str()),
    }
}

/// What precedes a reference, and the path it refers to.
fn reference(line: &str) -> Option<(&str, &str)> {
    let (before, rest) = line.split_once(REFERENCE)?;
    Some((before, rest.split_once('>')?.0))
}

/// Rust escapes one character more than JSON.
fn unescape(literal: &str) -> String {
    literal.replace("\\'", "'")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_is_read() {
        let source = r#"
        crate::schemars::json_schema!({
            "description": "It's \"quoted\".",
            "properties": {
                "items": {
                    "type": "array",
                    "items": (__gen.subschema_for::<crate::api::core::v1::Pod>()),
                },
                "plain": __gen.subschema_for::<crate::Plain>(),
                "metadata": ({
                    let mut schema_obj = __gen.subschema_for::<crate::Meta>();
                    schema_obj.ensure_object().insert("description".into(), "Don\'t".into());
                    schema_obj
                }),
            },
            "required": [
                "items",
            ],
        })"#;
        let expected = serde_json::json!({
            "description": "It's \"quoted\".",
            "properties": {
                "items": {"type": "array", "items": {"$ref": "crate::api::core::v1::Pod"}},
                "plain": {"$ref": "crate::Plain"},
                "metadata": {"$ref": "crate::Meta", "description": "Don't"},
            },
            "required": ["items"],
        });
        assert_eq!(schema(source).unwrap().unwrap(), expected);
    }
}
