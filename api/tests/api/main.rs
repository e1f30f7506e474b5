//! What the crate promises, told as stories: objects go in as a client writes them and come out as a client reads them.

mod apply;
mod custom_rules;
mod decode;
mod defaults;
mod every_kind;
mod every_rule;
mod object;
mod openapi;
mod patch_algebra;
mod patches;
mod protobuf;
mod quantities;
mod schema;
mod selectors;
mod tables;
mod updates;
mod validation;

use serde_json::Value;
use xebec_api::{Kind, resolve};

/// The kind a word means.
fn kind(word: &str) -> &'static Kind {
    resolve(word).expect("a kind of the table")
}

/// A manifest as a person writes it.
fn yaml(text: &str) -> Value {
    xebec_api::decode::yaml(text.as_bytes()).expect("well-formed YAML")
}

/// The object with all its defaults.
fn defaulted(word: &str, text: &str) -> Value {
    let mut object = yaml(text);
    object["metadata"]["namespace"] = match kind(word).is_namespaced() {
        true => "default".into(),
        false => Value::Null,
    };
    let unknown = kind(word).check_schema(&object).expect("a well-typed manifest");
    assert_eq!(unknown, [], "unknown fields");
    kind(word).apply_defaults(&mut object);
    object
}

/// What is wrong with the object once its defaults are filled in, one line each.
fn errors(word: &str, text: &str) -> String {
    let object = defaulted(word, text);
    let lines: Vec<String> = kind(word).validate_create(&object).iter().map(ToString::to_string).collect();
    lines.join("\n")
}
