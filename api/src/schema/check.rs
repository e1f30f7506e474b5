//! Does a value fit its schema? Wrong types are errors, fields that the schema does not have are noted.
//!
//! What passes here decodes to its `k8s-openapi` type. The walk goes as deep as the value, which the decoder has bounded.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::de::Unexpected;
use serde_json::{Map, Number, Value};

use super::types::{Resource, Schema, Shape, Type, TypeId};
use super::{SchemaError, UnknownField};
use crate::field::FieldPath;

/// Checks a value against a type of the schema; returns the fields that the type does not have.
pub fn check(schema: &Schema, of: TypeId, value: &Value) -> Result<Vec<UnknownField>, SchemaError> {
    check_at(schema, of, value, &Path::Root)
}

/// The same for a part of an object.
pub(crate) fn check_at(
    schema: &Schema,
    of: TypeId,
    value: &Value,
    path: &Path<'_>,
) -> Result<Vec<UnknownField>, SchemaError> {
    let mut walk = Walk { schema, unknown: Vec::new() };
    walk.object(of, value, path)?;
    Ok(walk.unknown)
}

/// Where a walk is. It is turned into text only when there is something to tell.
pub(crate) enum Path<'a> {
    Root,
    Key(&'a Path<'a>, &'a str),
    Index(&'a Path<'a>, usize),
}

impl Path<'_> {
    pub(crate) fn field_path(&self) -> FieldPath {
        match self {
            Self::Root => FieldPath::default(),
            Self::Key(parent, key) => parent.field_path().child(key),
            Self::Index(parent, index) => parent.field_path().index(*index),
        }
    }

    pub(crate) fn pointer(&self) -> String {
        match self {
            Self::Root => String::new(),
            Self::Key(parent, key) => format!("{}/{}", parent.pointer(), key.replace('~', "~0").replace('/', "~1")),
            Self::Index(parent, index) => format!("{}/{index}", parent.pointer()),
        }
    }

    fn error(&self, message: impl fmt::Display) -> SchemaError {
        SchemaError { path: self.field_path(), message: message.to_string() }
    }
}

struct Walk<'a> {
    schema: &'a Schema,
    unknown: Vec<UnknownField>,
}

impl Walk<'_> {
    fn object(&mut self, of: TypeId, value: &Value, path: &Path<'_>) -> Result<(), SchemaError> {
        let of = self.schema.get(of);
        let map = value.as_object().ok_or_else(|| wrong(value, of.short_name(), path))?;
        if let Some(resource) = &of.resource {
            same_kind(of, resource, map, path)?;
        }
        for (key, value) in map {
            let path = Path::Key(path, key);
            match of.field(key) {
                None => self.unknown.push(UnknownField { path: path.field_path(), pointer: path.pointer() }),
                Some(_) if value.is_null() => {}
                Some(field) => self.value(&field.shape, value, &path)?,
            }
        }
        Ok(())
    }

    fn value(&mut self, shape: &Shape, value: &Value, path: &Path<'_>) -> Result<(), SchemaError> {
        match (shape, value) {
            (Shape::Any, _) => Ok(()),
            (Shape::Object(of), _) => self.object(*of, value, path),
            (Shape::List(item), Value::Array(items)) => items
                .iter()
                .enumerate()
                .try_for_each(|(index, value)| self.value(item, value, &Path::Index(path, index))),
            (Shape::Map(item), Value::Object(map)) => {
                map.iter().try_for_each(|(key, value)| self.value(item, value, &Path::Key(path, key)))
            }
            (Shape::Either(first, second), _) => {
                self.value(if value.is_object() { first } else { second }, value, path)
            }
            _ => scalar(shape, value, path),
        }
    }
}

/// An object that says which kind it is must be of the type's.
fn same_kind(of: &Type, resource: &Resource, map: &Map<String, Value>, path: &Path<'_>) -> Result<(), SchemaError> {
    let version = &resource.version;
    let api_version = match resource.group.as_ref() {
        "" => version.to_string(),
        group => format!("{group}/{version}"),
    };
    for (key, expected) in [("apiVersion", api_version.as_str()), ("kind", of.short_name())] {
        match map.get(key).and_then(Value::as_str) {
            Some(other) if other != expected => {
                let path = Path::Key(path, key);
                return Err(path.error(format!("invalid value: string \"{other}\", expected {expected}")));
            }
            _ => {}
        }
    }
    Ok(())
}

fn scalar(shape: &Shape, value: &Value, path: &Path<'_>) -> Result<(), SchemaError> {
    let fits = match (shape, value) {
        (Shape::String, Value::String(_)) | (Shape::Bool, Value::Bool(_)) | (Shape::Double, Value::Number(_)) => true,
        (Shape::Quantity, Value::String(_) | Value::Number(_)) | (Shape::IntOrString, Value::String(_)) => true,
        (Shape::Int32 | Shape::IntOrString, Value::Number(number)) if number.is_i64() || number.is_u64() => {
            return if is_32_bits(number) { Ok(()) } else { Err(out_of_range(number, expected(shape), path)) };
        }
        (Shape::Int64, Value::Number(number)) if number.is_u64() && !number.is_i64() => {
            return Err(out_of_range(number, expected(shape), path));
        }
        (Shape::Int64, Value::Number(number)) => number.is_i64(),
        (Shape::Bytes, Value::String(text)) => return base64(text, path),
        (Shape::Time | Shape::MicroTime, Value::String(text)) => return time(text, path),
        _ => false,
    };
    if fits { Ok(()) } else { Err(wrong(value, expected(shape), path)) }
}

fn is_32_bits(number: &Number) -> bool {
    number.as_i64().is_some_and(|number| i32::try_from(number).is_ok())
}

fn time(text: &str, path: &Path<'_>) -> Result<(), SchemaError> {
    text.parse::<jiff::Timestamp>().map(drop).map_err(|error| path.error(error))
}

fn base64(text: &str, path: &Path<'_>) -> Result<(), SchemaError> {
    let decoded = STANDARD.decode(text);
    decoded.map(drop).map_err(|error| path.error(format!("illegal base64 data: {error}")))
}

fn out_of_range(number: &Number, expected: &str, path: &Path<'_>) -> SchemaError {
    path.error(format!("invalid value: integer `{number}`, expected {expected}"))
}

fn wrong(value: &Value, expected: &str, path: &Path<'_>) -> SchemaError {
    let found = match value {
        Value::Null => Unexpected::Unit,
        Value::Bool(value) => Unexpected::Bool(*value),
        Value::Number(number) if number.is_f64() => Unexpected::Float(number.as_f64().unwrap_or_default()),
        Value::Number(number) => number.as_i64().map_or(Unexpected::Other("integer"), Unexpected::Signed),
        Value::String(text) => Unexpected::Str(text),
        Value::Array(_) => Unexpected::Seq,
        Value::Object(_) => Unexpected::Map,
    };
    path.error(format!("invalid type: {found}, expected {expected}"))
}

/// What should have been there, in the words of other type errors.
fn expected(shape: &Shape) -> &'static str {
    match shape {
        Shape::String => "a string",
        Shape::Bool => "a boolean",
        Shape::Int32 => "i32",
        Shape::Int64 => "i64",
        Shape::Double => "a number",
        Shape::Bytes => "a base64-encoded string",
        Shape::Time | Shape::MicroTime => "a time",
        Shape::Quantity => "a quantity",
        Shape::IntOrString => "a 32-bit integer or a string",
        Shape::Any => "a value",
        Shape::Object(_) | Shape::Map(_) => "an object",
        Shape::List(_) => "a list",
        Shape::Either(..) => "an object or a list",
    }
}
