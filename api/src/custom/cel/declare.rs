//! The types that a schema gives to `self`.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::escape;
use crate::cel::{Field, ObjectType, Type};
use crate::custom::structural::{self, Structural};

/// Where in an object a schema stands.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Root {
    /// It is the object itself, or one of the API within it: it says what it is.
    Object,
    /// A part.
    Part,
}

/// The type of values of that schema; `None` where nothing is known of them, so that rules cannot look at them.
pub(super) fn declare(schema: &Structural, root: Root) -> Option<Type> {
    if schema.int_or_string {
        return Some(Type::Dyn);
    }
    let of = match schema.of? {
        structural::Type::Object => object(schema, root)?,
        structural::Type::Array => Type::list(declare(schema.items.as_deref()?, Root::Part)?),
        structural::Type::Boolean => Type::Bool,
        structural::Type::Integer => Type::Int,
        structural::Type::Number => Type::Double,
        structural::Type::String => text(schema),
    };
    let scalar = !matches!(of, Type::Object(_) | Type::List(_) | Type::Map(..));
    // A scalar that may be null is compared with null.
    Some(if schema.nullable && scalar { Type::Dyn } else { of })
}

fn text(schema: &Structural) -> Type {
    match schema.rules.format.as_deref() {
        Some("byte") => Type::Bytes,
        Some("duration") => Type::Duration,
        Some("date" | "date-time" | "datetime") => Type::Timestamp,
        _ => Type::String,
    }
}

fn object(schema: &Structural, root: Root) -> Option<Type> {
    if let Some(values) = &schema.additional {
        return Some(Type::map(declare(values, Root::Part)?));
    }
    let mut fields = BTreeMap::new();
    for (name, field) in &schema.properties {
        if let (Some(name), Some(of)) = (escape(name), declare(field, Root::Part)) {
            fields.insert(name, Field { of, max_size: field.cel.most });
        }
    }
    if root == Root::Object || schema.embedded {
        for name in ["apiVersion", "kind"] {
            fields.insert(name.to_owned(), Field::new(Type::String));
        }
        let metadata = Type::object("metadata", [("name", Type::String), ("generateName", Type::String)]);
        fields.insert("metadata".to_owned(), Field::new(metadata));
    }
    Some(Type::Object(Arc::new(ObjectType { name: "object".to_owned(), fields })))
}
