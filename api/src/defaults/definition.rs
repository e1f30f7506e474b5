//! Defaults of custom resource definitions: names that follow from others, and which versions have stored objects.

use serde_json::{Value, json};

use crate::value::{child, existing, fill, list, text};

/// The names that follow from others.
pub fn names(definition: &mut Value) {
    let Some(spec) = child(definition, "spec") else { return };
    let Some(names) = existing(spec, "names") else { return };
    let kind = text(names, "/kind").unwrap_or_default().to_owned();
    if !kind.is_empty() {
        fill(names, "singular", kind.to_ascii_lowercase());
        fill(names, "listKind", format!("{kind}List"));
    }
}

/// The status of a definition that nobody has looked at yet.
pub fn first_status(definition: &mut Value) {
    let storage = list(definition, "/spec/versions").iter().find(|version| version["storage"] == true);
    let stored: Vec<Value> = storage.and_then(|version| version.get("name")).cloned().into_iter().collect();
    let names = json!({ "kind": "", "plural": "" });
    definition["status"] = json!({ "acceptedNames": names, "conditions": [], "storedVersions": stored });
}
