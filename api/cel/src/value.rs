//! Values: what expressions compute with. A clone shares what is large.

mod compare;
mod json;

use std::any::Any;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

pub use compare::Key;

/// The entries of a map, in the order of their keys.
pub type Map = BTreeMap<Key, Value>;

/// A value.
#[derive(Clone, Debug)]
pub enum Value {
    /// `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// An integer.
    Int(i64),
    /// An integer without a sign.
    Uint(u64),
    /// A floating-point number.
    Double(f64),
    /// Text.
    String(Arc<str>),
    /// Bytes.
    Bytes(Arc<[u8]>),
    /// Items.
    List(Arc<[Value]>),
    /// Entries, and the fields of objects.
    Map(Arc<Map>),
    /// A span of time.
    Duration(SignedDuration),
    /// A point in time.
    Timestamp(Timestamp),
    /// The name of a type.
    Type(Arc<str>),
    /// A value, or none.
    Optional(Option<Arc<Value>>),
    /// A host's own.
    Opaque(Arc<dyn Opaque>),
}

/// A value that a host brings, such as a quantity or an authorizer.
pub trait Opaque: Any + fmt::Debug + Send + Sync {
    /// The name of its type, as in signatures.
    fn type_name(&self) -> &'static str;

    /// Whether it is the same as another of its type.
    fn is_equal(&self, other: &dyn Opaque) -> bool;
}

impl Value {
    /// Text.
    pub fn text(text: impl Into<Arc<str>>) -> Self {
        Self::String(text.into())
    }

    /// A list.
    pub fn list(items: impl IntoIterator<Item = Value>) -> Self {
        Self::List(items.into_iter().collect())
    }

    /// A map with text as keys.
    pub fn map<K: Into<Arc<str>>>(entries: impl IntoIterator<Item = (K, Value)>) -> Self {
        Self::Map(Arc::new(entries.into_iter().map(|(key, value)| (Key::String(key.into()), value)).collect()))
    }

    /// A host's value.
    pub fn opaque(value: impl Opaque) -> Self {
        Self::Opaque(Arc::new(value))
    }

    /// An optional that has a value.
    pub fn some(value: Value) -> Self {
        Self::Optional(Some(Arc::new(value)))
    }

    /// The host's value of that type, if it is one.
    pub fn as_opaque<T: Opaque>(&self) -> Option<&T> {
        let Self::Opaque(value) = self else { return None };
        let any: &dyn Any = value.as_ref();
        any.downcast_ref()
    }

    /// The text, if it is one.
    pub fn as_str(&self) -> Option<&str> {
        if let Self::String(text) = self { Some(text) } else { None }
    }

    /// Yes or no, if it is that.
    pub fn as_bool(&self) -> Option<bool> {
        if let Self::Bool(flag) = self { Some(*flag) } else { None }
    }

    /// The name of its type.
    pub fn type_name(&self) -> &str {
        match self {
            Self::Null => "null_type",
            Self::Bool(_) => "bool",
            Self::Int(_) => "int",
            Self::Uint(_) => "uint",
            Self::Double(_) => "double",
            Self::String(_) => "string",
            Self::Bytes(_) => "bytes",
            Self::List(_) => "list",
            Self::Map(_) => "map",
            Self::Duration(_) => "google.protobuf.Duration",
            Self::Timestamp(_) => "google.protobuf.Timestamp",
            Self::Type(_) => "type",
            Self::Optional(_) => "optional_type",
            Self::Opaque(value) => value.type_name(),
        }
    }

    /// Whether it is what its type has when nothing was said: `0`, `""`, `[]`, `null` and so on.
    pub fn is_zero(&self) -> bool {
        match self {
            Self::Null => true,
            Self::Bool(flag) => !flag,
            Self::Int(number) => *number == 0,
            Self::Uint(number) => *number == 0,
            Self::Double(number) => *number == 0.0,
            Self::String(text) => text.is_empty(),
            Self::Bytes(bytes) => bytes.is_empty(),
            Self::List(items) => items.is_empty(),
            Self::Map(entries) => entries.is_empty(),
            Self::Duration(span) => span.is_zero(),
            Self::Timestamp(at) => *at == Timestamp::UNIX_EPOCH,
            Self::Optional(value) => value.is_none(),
            Self::Type(_) | Self::Opaque(_) => false,
        }
    }
}
