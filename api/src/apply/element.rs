//! One step of a path into an object, and its name in `fieldsV1`.
//!
//! | step | in `fieldsV1` | for people |
//! | --- | --- | --- |
//! | a field or map entry | `f:image` | `.image` |
//! | the item of a list with these keys | `k:{"name":"app"}` | `[name="app"]` |
//! | the item of a set with this value | `v:"a"` | `[="a"]` |
//! | the item of a list at this index | `i:0` | `[0]` |

use std::fmt;

use serde_json::{Map, Value};

/// One step of a path. Keys and values are canonical JSON, so that equal steps are equal text.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Element {
    /// A field of a structure, or an entry of a map.
    Field(String),
    /// The item of a list that has these keys: a JSON object, its members sorted.
    Key(String),
    /// The item of a set that is this JSON value.
    Value(String),
    /// The item of a list at this index.
    Index(usize),
}

impl Element {
    /// The field or entry of that name.
    pub fn field(name: impl Into<String>) -> Self {
        Self::Field(name.into())
    }

    /// The item with these keys.
    pub fn key(keys: Map<String, Value>) -> Self {
        Self::Key(Value::Object(keys).to_string())
    }

    /// The item of a set.
    pub fn value(value: &Value) -> Self {
        Self::Value(value.to_string())
    }

    /// The name in `fieldsV1`.
    pub fn encode(&self) -> String {
        match self {
            Self::Field(name) => format!("f:{name}"),
            Self::Key(keys) => format!("k:{keys}"),
            Self::Value(value) => format!("v:{value}"),
            Self::Index(index) => format!("i:{index}"),
        }
    }

    /// Reads what [`Element::encode`] or another API server wrote; `None` if it is no step.
    pub fn decode(text: &str) -> Option<Self> {
        let (kind, rest) = text.split_once(':')?;
        match kind {
            "f" => Some(Self::Field(rest.to_owned())),
            "k" => serde_json::from_str(rest).ok().map(Self::key),
            "v" => serde_json::from_str(rest).ok().map(|value| Self::value(&value)),
            "i" => rest.parse().ok().map(Self::Index),
            _ => None,
        }
    }
}

impl fmt::Display for Element {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Field(name) => write!(f, ".{name}"),
            Self::Key(keys) => {
                let keys: Map<String, Value> = serde_json::from_str(keys).unwrap_or_default();
                let keys: Vec<String> = keys.iter().map(|(name, value)| format!("{name}={value}")).collect();
                write!(f, "[{}]", keys.join(","))
            }
            Self::Value(value) => write!(f, "[={value}]"),
            Self::Index(index) => write!(f, "[{index}]"),
        }
    }
}

/// A path for people, such as `.spec.containers[name="app"].image`.
pub fn display(path: &[Element]) -> String {
    path.iter().map(ToString::to_string).collect()
}
