//! What a definition must be so that its kind can be served.

use serde_json::Value;

use super::{JsonPath, fields, read, validate};
use crate::custom::structural::Structural;
use crate::field::{FieldError, FieldErrors, FieldPath};
use crate::kinds;
use crate::schema;
use crate::value::{list, text};

/// The types that cells may have.
const CELLS: [&str; 5] = ["boolean", "date", "integer", "number", "string"];
/// The groups that are the API's own; a kind there needs a word that it has been agreed on.
const PROTECTED: [&str; 2] = ["k8s.io", "kubernetes.io"];
const APPROVED: &str = "api-approved.kubernetes.io";

/// Everything that keeps a definition's kind from being served, apart from the rules of its row.
pub fn check(definition: &Value) -> FieldErrors {
    let mut errors = FieldErrors::new();
    group(definition, &mut errors);
    let spec = FieldPath::new("spec");
    errors.require(definition.pointer("/spec/preserveUnknownFields") != Some(&Value::Bool(true)), || {
        let why = "must be false; use x-kubernetes-preserve-unknown-fields in the schema instead";
        FieldError::invalid(&spec.child("preserveUnknownFields"), true, why)
    });
    for (index, version) in list(definition, "/spec/versions").iter().enumerate() {
        self::version(version, &spec.child("versions").index(index), &mut errors);
    }
    stored_versions(definition, &mut errors);
    errors
}

fn group(definition: &Value, errors: &mut FieldErrors) {
    let group = text(definition, "/spec/group").unwrap_or_default();
    let path = FieldPath::new("spec.group");
    errors.require(kinds::kinds().iter().all(|kind| kind.group != group), || {
        FieldError::invalid(&path, group, "is a group of built-in kinds, which cannot be added to")
    });
    let protected = PROTECTED.iter().any(|own| group == *own || group.ends_with(&format!(".{own}")));
    let approved = definition.pointer("/metadata/annotations").and_then(|notes| notes.get(APPROVED)).is_some();
    errors.require(!protected || approved, || {
        let path = FieldPath::new("metadata.annotations").key(APPROVED);
        FieldError::required(&path, format!("protected groups must have approval annotation \"{APPROVED}\""))
    });
}

fn version(version: &Value, path: &FieldPath, errors: &mut FieldErrors) {
    if let Some(schema) = version.pointer("/schema/openAPIV3Schema") {
        let path = path.child("schema").child("openAPIV3Schema");
        match read::read(schema, &path) {
            Ok(structural) => defaults(&structural, &path, errors),
            Err(found) => errors.extend(found),
        }
    }
    columns(version, path, errors);
    scale(version, path, errors);
    for (index, field) in list(version, "/selectableFields").iter().enumerate() {
        let path = path.child("selectableFields").index(index).child("jsonPath");
        plain_path(text(field, "/jsonPath"), &path, errors);
    }
}

/// Defaults must be what their own schema allows.
fn defaults(schema: &Structural, path: &FieldPath, errors: &mut FieldErrors) {
    if let Some(default) = &schema.default {
        let at = path.child("default");
        let mut filled = default.clone();
        fields::fill(schema, &mut filled);
        for error in validate::validate(schema, &filled) {
            errors.push(FieldError { path: at.join(&error.path), ..error });
        }
        unknown(schema, default, &at, errors);
    }
    for (name, field) in &schema.properties {
        defaults(field, &path.child("properties").key(name), errors);
    }
    if let Some(inner) = &schema.additional {
        defaults(inner, &path.child("additionalProperties"), errors);
    }
    if let Some(items) = &schema.items {
        defaults(items, &path.child("items"), errors);
    }
}

fn unknown(schema: &Structural, default: &Value, path: &FieldPath, errors: &mut FieldErrors) {
    match fields::unknown_within(schema, default) {
        Ok(found) => found.into_iter().for_each(|field| {
            errors.push(FieldError::invalid(&path.join(&field.path), "", "must not have unknown fields"));
        }),
        Err(schema::SchemaError { path: at, message }) => {
            errors.push(FieldError::invalid(&path.join(&at), "", message));
        }
    }
}

fn columns(version: &Value, path: &FieldPath, errors: &mut FieldErrors) {
    for (index, column) in list(version, "/additionalPrinterColumns").iter().enumerate() {
        let path = path.child("additionalPrinterColumns").index(index);
        let (name, of) = (text(column, "/name"), text(column, "/type").unwrap_or_default());
        errors.require(name.is_some(), || FieldError::required(&path.child("name"), ""));
        errors.require(CELLS.contains(&of), || FieldError::not_supported(&path.child("type"), of, &CELLS));
        json_path(text(column, "/jsonPath"), &path.child("jsonPath"), errors);
    }
}

fn scale(version: &Value, path: &FieldPath, errors: &mut FieldErrors) {
    let Some(scale) = version.pointer("/subresources/scale") else { return };
    let path = path.child("subresources").child("scale");
    let places: [(&str, &[&str], bool); 3] = [
        ("specReplicasPath", &[".spec."], true),
        ("statusReplicasPath", &[".status."], true),
        ("labelSelectorPath", &[".spec.", ".status."], false),
    ];
    for (field, places, required) in places {
        let at = path.child(field);
        let found = text(scale, &format!("/{field}"));
        if found.is_none() && !required {
            continue;
        }
        plain_path(found, &at, errors);
        if let Some(found) = found.filter(|found| !places.iter().any(|place| found.starts_with(place))) {
            let why = format!("should be a json path under {}", places.join(" or ").trim_end_matches('.'));
            errors.push(FieldError::invalid(&at, found, why));
        }
    }
}

fn json_path(text: Option<&str>, path: &FieldPath, errors: &mut FieldErrors) -> Option<JsonPath> {
    let Some(text) = text else {
        errors.push(FieldError::required(path, ""));
        return None;
    };
    let parsed = JsonPath::parse(text);
    parsed.map_err(|why| errors.push(FieldError::invalid(path, text, format!("must be a JSON path: {why}")))).ok()
}

/// A path of fields only.
fn plain_path(text: Option<&str>, path: &FieldPath, errors: &mut FieldErrors) {
    if let Some(parsed) = json_path(text, path, errors) {
        errors.require(parsed.is_plain(), || {
            FieldError::invalid(path, text.unwrap_or_default(), "may only name fields, without arrays or filters")
        });
    }
}

/// A version of which there may still be stored objects cannot go.
fn stored_versions(definition: &Value, errors: &mut FieldErrors) {
    let named =
        |name: &Value| list(definition, "/spec/versions").iter().any(|version| version.get("name") == Some(name));
    for (index, name) in list(definition, "/status/storedVersions").iter().enumerate() {
        errors.require(named(name), || {
            let path = FieldPath::new("status.storedVersions").index(index);
            FieldError::invalid(&path, name.clone(), "must appear in spec.versions")
        });
    }
}
