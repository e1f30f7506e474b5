//! Unknown fields and defaults: a value beside its structural schema.

use serde_json::{Map, Value};

use super::structural::Structural;
use crate::schema::{self, Path, SchemaError, UnknownField};

const META: &str = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta";

/// The fields of an object that its schema does not have; an error where its metadata has a field of the wrong type. Other
/// types are for validation to judge.
pub(super) fn unknown(root: &Structural, object: &Value) -> Result<Vec<UnknownField>, SchemaError> {
    let mut found = Vec::new();
    walk(root, object, &Path::Root, true, &mut found)?;
    Ok(found)
}

/// The same for a value within an object.
pub(super) fn unknown_within(schema: &Structural, value: &Value) -> Result<Vec<UnknownField>, SchemaError> {
    let mut found = Vec::new();
    walk(schema, value, &Path::Root, false, &mut found)?;
    Ok(found)
}

type Found = Vec<UnknownField>;

fn walk(
    schema: &Structural,
    value: &Value,
    path: &Path<'_>,
    whole: bool,
    found: &mut Found,
) -> Result<(), SchemaError> {
    match value {
        Value::Object(fields) => {
            fields.iter().try_for_each(|(key, value)| field(schema, (key, value), path, whole, found))
        }
        Value::Array(items) => {
            let Some(item) = &schema.items else { return Ok(()) };
            items.iter().enumerate().try_for_each(|(i, value)| walk(item, value, &Path::Index(path, i), false, found))
        }
        _ => Ok(()),
    }
}

fn field(
    schema: &Structural,
    (key, value): (&String, &Value),
    path: &Path<'_>,
    whole: bool,
    found: &mut Found,
) -> Result<(), SchemaError> {
    let path = Path::Key(path, key);
    match (key.as_str(), schema.field(key)) {
        ("metadata", _) if whole || schema.embedded => metadata(value, &path, found),
        ("apiVersion" | "kind", None) if whole || schema.embedded => Ok(()),
        (_, Some(inner)) => walk(inner, value, &path, false, found),
        (_, None) if schema.preserves_unknown || schema.of.is_none() => Ok(()),
        (_, None) => {
            found.push(UnknownField { path: path.field_path(), pointer: path.pointer() });
            Ok(())
        }
    }
}

fn metadata(value: &Value, path: &Path<'_>, found: &mut Found) -> Result<(), SchemaError> {
    let builtin = schema::builtin();
    let Some(of) = builtin.named(META).filter(|_| !value.is_null()) else { return Ok(()) };
    found.extend(schema::check_at(builtin, of, value, path)?);
    Ok(())
}

/// Fills in every default. A `null` where none may be counts as absent if there is a default.
pub(super) fn fill(schema: &Structural, value: &mut Value) {
    match value {
        Value::Object(fields) => fill_fields(schema, fields),
        Value::Array(items) => {
            if let Some(item) = &schema.items {
                items.iter_mut().for_each(|value| fill(item, value));
            }
        }
        _ => {}
    }
}

fn fill_fields(schema: &Structural, fields: &mut Map<String, Value>) {
    for (name, field) in &schema.properties {
        let Some(default) = &field.default else { continue };
        let absent = fields.get(name).is_none_or(|value| value.is_null() && !field.nullable);
        if absent {
            fields.insert(name.clone(), default.clone());
        }
    }
    for (name, value) in fields {
        if let Some(inner) = schema.field(name) {
            fill(inner, value);
        }
    }
}
