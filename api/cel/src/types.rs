//! Types: what the checker knows of a value before there is one.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

/// The type of an expression.
#[derive(Clone, Debug)]
pub enum Type {
    /// Known when it runs.
    Dyn,
    /// Only `null`.
    Null,
    /// `true` or `false`.
    Bool,
    /// 64 bits with a sign.
    Int,
    /// 64 bits without.
    Uint,
    /// IEEE 754, 64 bits.
    Double,
    /// Text; sizes and indexes are in code points.
    String,
    /// Bytes.
    Bytes,
    /// A span of time.
    Duration,
    /// A point in time.
    Timestamp,
    /// A type as a value.
    Type,
    /// Items of one type.
    List(Arc<Type>),
    /// Keys of one type to values of one type.
    Map(Arc<Type>, Arc<Type>),
    /// A value, or none.
    Optional(Arc<Type>),
    /// Fields with a type each.
    Object(Arc<ObjectType>),
    /// A host's own values.
    Opaque(Arc<str>),
    /// In signatures: any type, the same wherever the letter stands.
    Parameter(u8),
}

/// An object's fields.
#[derive(Debug, Default)]
pub struct ObjectType {
    /// What errors call it.
    pub name: String,
    /// The fields by name, as expressions write them.
    pub fields: BTreeMap<String, Field>,
}

/// A field of an object.
#[derive(Clone, Debug)]
pub struct Field {
    /// What it holds.
    pub of: Type,
    /// How large that can be, if that is known: characters of a string, items of a list, entries of a map.
    pub max_size: Option<u64>,
}

impl Field {
    /// A field of that type and any size.
    pub fn new(of: Type) -> Self {
        Self { of, max_size: None }
    }
}

impl Type {
    /// A list of such items.
    pub fn list(of: Type) -> Self {
        Self::List(Arc::new(of))
    }

    /// How many types are nested in it, this one included. An object is one: its fields were there before any expression.
    pub(crate) fn depth(&self) -> usize {
        1 + match self {
            Self::List(of) | Self::Optional(of) => of.depth(),
            Self::Map(key, value) => key.depth().max(value.depth()),
            _ => 0,
        }
    }

    /// A map with text as keys.
    pub fn map(to: Type) -> Self {
        Self::Map(Arc::new(Self::String), Arc::new(to))
    }

    /// Such a value or none.
    pub fn optional(of: Type) -> Self {
        Self::Optional(Arc::new(of))
    }

    /// An object with these fields.
    pub fn object(name: &str, fields: impl IntoIterator<Item = (&'static str, Type)>) -> Self {
        let fields = fields.into_iter().map(|(name, of)| (name.to_owned(), Field::new(of))).collect();
        Self::Object(Arc::new(ObjectType { name: name.to_owned(), fields }))
    }

    /// Whether nothing is known.
    pub fn is_dyn(&self) -> bool {
        matches!(self, Self::Dyn)
    }

    /// Whether a value of this type can be one of the other: the same where all is known, and where it is not, perhaps.
    pub fn agrees(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Dyn | Self::Parameter(_), _) | (_, Self::Dyn | Self::Parameter(_)) => true,
            (Self::Null, other) | (other, Self::Null) => other.may_be_null(),
            (Self::List(a), Self::List(b)) | (Self::Optional(a), Self::Optional(b)) => a.agrees(b),
            (Self::Map(k, v), Self::Map(l, w)) => k.agrees(l) && v.agrees(w),
            (Self::Object(a), Self::Object(b)) => Arc::ptr_eq(a, b) || a.name == b.name,
            (Self::Opaque(a), Self::Opaque(b)) => a == b,
            _ => std::mem::discriminant(self) == std::mem::discriminant(other),
        }
    }

    fn may_be_null(&self) -> bool {
        matches!(self, Self::Null | Self::Object(_) | Self::Opaque(_) | Self::Duration | Self::Timestamp)
    }

    /// What is known of a value that is of one of two types.
    pub fn join(self, other: &Self) -> Self {
        match (&self, other) {
            (Self::Null, _) => other.clone(),
            (_, Self::Null) => self,
            _ if self.is_same(other) => self,
            (Self::List(a), Self::List(b)) => Self::list((**a).clone().join(b)),
            (Self::Map(k, v), Self::Map(l, w)) => {
                Self::Map(Arc::new((**k).clone().join(l)), Arc::new((**v).clone().join(w)))
            }
            (Self::Optional(a), Self::Optional(b)) => Self::optional((**a).clone().join(b)),
            _ => Self::Dyn,
        }
    }

    fn is_same(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::List(a), Self::List(b)) | (Self::Optional(a), Self::Optional(b)) => a.is_same(b),
            (Self::Map(k, v), Self::Map(l, w)) => k.is_same(l) && v.is_same(w),
            (Self::Object(a), Self::Object(b)) => Arc::ptr_eq(a, b) || a.name == b.name,
            (Self::Opaque(a), Self::Opaque(b)) => a == b,
            (Self::Parameter(a), Self::Parameter(b)) => a == b,
            _ => std::mem::discriminant(self) == std::mem::discriminant(other),
        }
    }
}

impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = match self {
            Self::Dyn => "dyn",
            Self::Null => "null",
            Self::Bool => "bool",
            Self::Int => "int",
            Self::Uint => "uint",
            Self::Double => "double",
            Self::String => "string",
            Self::Bytes => "bytes",
            Self::Duration => "google.protobuf.Duration",
            Self::Timestamp => "google.protobuf.Timestamp",
            Self::Type => "type",
            Self::List(of) => return write!(f, "list({of})"),
            Self::Map(key, value) => return write!(f, "map({key}, {value})"),
            Self::Optional(of) => return write!(f, "optional_type({of})"),
            Self::Object(object) => &object.name,
            Self::Opaque(name) => name,
            Self::Parameter(letter) => return write!(f, "{}", char::from(*letter)),
        };
        f.write_str(word)
    }
}
