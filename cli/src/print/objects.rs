//! Objects as documents and as names.

use anyhow::{Context, Result};
use serde_json::Value;
use xebec_proto::v1::Kind;

use crate::args::Output;

/// JSON or YAML of any document; the other forms are not for documents.
pub(crate) fn document(value: &Value, output: Output) -> Result<String> {
    match output {
        Output::Yaml => serde_saphyr::to_string(value).context("encode YAML"),
        _ => serde_json::to_string_pretty(value).map(|text| text + "\n").context("encode JSON"),
    }
}

/// Drops who owns which field: long, and rarely what people look for.
pub(crate) fn hide_managed_fields(object: &mut Value) {
    if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) {
        metadata.remove("managedFields");
    }
}

/// `pod/web-1`, `deployment.apps/web`.
pub(crate) fn qualified_name(kind: &Kind, name: &str) -> String {
    if kind.group.is_empty() {
        format!("{}/{name}", kind.singular)
    } else {
        format!("{}.{}/{name}", kind.singular, kind.group)
    }
}

/// `metadata.name`, for messages.
pub(crate) fn name(object: &Value) -> &str {
    object["metadata"]["name"].as_str().unwrap_or_default()
}
