//! OpenAPI: the schema in the form that clients read, v3 and, made of it, v2.
//!
//! One document for a group and version, with the types its kinds hold and the operations on them. `kubectl explain` shows the
//! descriptions; `kubectl apply` computes its patches from the merge keys. A document is made when somebody asks for it.

pub mod gnostic;
mod paths;
mod schemas;
pub mod v2;

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use crate::kinds::{self, Kind};

/// Every group and version of built-in kinds, in order.
pub fn versions() -> BTreeSet<(&'static str, &'static str)> {
    kinds::kinds().iter().map(|kind| (kind.group, kind.version)).collect()
}

/// The place of a group and version in paths: `api/v1` or `apis/GROUP/VERSION`.
pub fn place(group: &str, version: &str) -> String {
    if group.is_empty() { format!("api/{version}") } else { format!("apis/{group}/{version}") }
}

/// The document of a group and version of built-in kinds, if there is one.
pub fn document(group: &str, version: &str) -> Option<Value> {
    document_of(kinds::kinds().iter().copied().filter(|kind| kind.group == group && kind.version == version))
}

/// The document of these kinds, if there are any.
pub fn document_of<'a>(kinds: impl Iterator<Item = &'a Kind>) -> Option<Value> {
    let mut kinds = kinds.peekable();
    kinds.peek()?;
    let mut schemas = schemas::Schemas::new();
    let mut paths = Map::new();
    for kind in kinds {
        paths::add(&mut paths, kind, &mut schemas);
    }
    Some(json!({
        "openapi": "3.0.0",
        "info": {"title": "Kubernetes", "version": "v1.35.0"},
        "paths": paths,
        "components": {"schemas": schemas.finish()},
    }))
}

fn group_version_kind(kind: &Kind) -> Value {
    json!({"group": kind.group, "version": kind.version, "kind": kind.kind})
}
