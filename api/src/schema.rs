//! Which fields a kind has, and of which types.
//!
//! An object is checked by decoding it to its `k8s-openapi` type while noting where the decoder is and what it skips. So a
//! wrong type is reported with its path, and unknown fields are known for strict validation, warnings and pruning.

use serde::de::DeserializeOwned;
use serde_ignored::Path;
use serde_json::Value;

use crate::field::FieldPath;
use crate::kinds::Kind;
use crate::status::Status;

/// A field that the kind does not have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownField {
    /// Where, for people.
    pub path: FieldPath,
    /// Where, as a JSON pointer.
    pub pointer: String,
}

/// A field whose value has the wrong type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SchemaError {
    /// Where.
    pub path: FieldPath,
    /// What was there and what should be.
    pub message: String,
}

/// Checks a value against the type `T`.
pub fn check<T: DeserializeOwned>(value: &Value) -> Result<Vec<UnknownField>, SchemaError> {
    let mut unknown = Vec::new();
    {
        let mut note = |path: Path<'_>| unknown.push(unknown_field(&path));
        let mut note: &mut dyn FnMut(Path<'_>) = &mut note;
        let mut track = serde_path_to_error::Track::new();
        let tracked = serde_path_to_error::Deserializer::new(value, &mut track);
        let ignored = serde_ignored::Deserializer::new(tracked, &mut note);
        if let Err(error) = T::deserialize(ignored) {
            let path = FieldPath::new(track.path().to_string());
            return Err(SchemaError { path, message: error.to_string() });
        }
    }
    Ok(unknown)
}

/// The refusal for a value of the wrong type.
pub fn to_status(kind: &Kind, error: &SchemaError) -> Status {
    let (version, name) = (kind.version, kind.kind);
    let why = format!("{}: {}", error.path, error.message);
    Status::bad_request(format!("{name} in version \"{version}\" cannot be handled as a {name}: {why}"))
}

/// The refusal for unknown fields under strict validation.
pub fn strict_error(unknown: &[UnknownField]) -> Status {
    let fields: Vec<String> = unknown.iter().map(|field| format!("unknown field \"{}\"", field.path)).collect();
    Status::bad_request(format!("strict decoding error: {}", fields.join(", ")))
}

/// Drops unknown fields, so that what is stored is what the kind has.
pub fn prune(value: &mut Value, unknown: &[UnknownField]) {
    for field in unknown {
        let Some((parent, key)) = field.pointer.rsplit_once('/') else { continue };
        if let Some(map) = value.pointer_mut(parent).and_then(Value::as_object_mut) {
            map.remove(&unescape(key));
        }
    }
}

fn unknown_field(path: &Path<'_>) -> UnknownField {
    match path {
        Path::Root => UnknownField { path: FieldPath::default(), pointer: String::new() },
        Path::Map { parent, key } => {
            let parent = unknown_field(parent);
            UnknownField { path: parent.path.child(key), pointer: format!("{}/{}", parent.pointer, escape(key)) }
        }
        Path::Seq { parent, index } => {
            let parent = unknown_field(parent);
            UnknownField { path: parent.path.index(*index), pointer: format!("{}/{index}", parent.pointer) }
        }
        Path::Some { parent } | Path::NewtypeStruct { parent } | Path::NewtypeVariant { parent } => {
            unknown_field(parent)
        }
    }
}

fn escape(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}

fn unescape(key: &str) -> String {
    key.replace("~1", "/").replace("~0", "~")
}
