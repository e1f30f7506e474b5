//! From bytes to a value: JSON and YAML, with bounds.
//!
//! A body comes from anybody, so nothing here trusts it: at most [`MAX_BYTES`], at most [`MAX_DEPTH`] or [`MAX_YAML_DEPTH`] levels, no field
//! twice in an object, and no YAML whose aliases multiply.

use std::cell::RefCell;
use std::fmt;

use serde::de::{Deserialize, DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

use crate::field::FieldPath;
use crate::status::Status;

/// The largest body.
pub const MAX_BYTES: usize = 3 * 1024 * 1024;
/// The most fields that come twice and are told of.
pub const MAX_DUPLICATES: usize = 100;
/// The deepest nesting of JSON.
pub const MAX_DEPTH: usize = 128;
/// The deepest nesting of YAML. The YAML reader takes some 20 KiB of stack a level in an unoptimized build; with this bound
/// half of a thread's usual 2 MiB is left, while manifests rarely pass 20 levels.
pub const MAX_YAML_DEPTH: usize = 50;

/// Decodes a body that is either JSON or one YAML document.
pub fn json_or_yaml(bytes: &[u8]) -> Result<Value, Status> {
    let first = bytes.iter().find(|b| !b.is_ascii_whitespace());
    if matches!(first, Some(b'{' | b'[')) {
        // A YAML flow mapping may look like JSON at first; the JSON error says more when neither works.
        return json(bytes).or_else(|status| yaml(bytes).map_err(|_| status));
    }
    yaml(bytes)
}

/// A value, and what a strict reader would have refused about its form.
#[derive(Clone, Debug, PartialEq)]
pub struct Lenient {
    /// The value. Of a field that an object had twice, the last one counts.
    pub value: Value,
    /// The fields that an object had twice; at most [`MAX_DUPLICATES`] of them.
    pub duplicates: Vec<FieldPath>,
}

/// Decodes JSON, and notes the fields that an object had twice instead of refusing them.
pub fn lenient_json(bytes: &[u8]) -> Result<Lenient, Status> {
    check_size(bytes)?;
    let duplicates = RefCell::new(Vec::new());
    let builder = Builder { depth: 0, place: &Place::Root, duplicates: Some(&duplicates) };
    let invalid = |e: serde_json::Error| Status::bad_request(format!("invalid JSON: {e}"));
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    let value = builder.deserialize(&mut reader).map_err(invalid)?;
    reader.end().map_err(invalid)?;
    Ok(Lenient { value, duplicates: duplicates.into_inner() })
}

/// Decodes JSON; no object may have a field twice.
pub fn json(bytes: &[u8]) -> Result<Value, Status> {
    check_size(bytes)?;
    let Unique(value) = serde_json::from_slice(bytes).map_err(|e| Status::bad_request(format!("invalid JSON: {e}")))?;
    Ok(value)
}

/// Decodes one YAML document.
pub fn yaml(bytes: &[u8]) -> Result<Value, Status> {
    let mut documents = yaml_documents(bytes)?;
    match (documents.pop(), documents.is_empty()) {
        (Some(value), true) => Ok(value),
        (None, _) => Err(Status::bad_request("the body is empty")),
        (Some(_), false) => Err(Status::bad_request("the body holds more than one YAML document")),
    }
}

/// Decodes a file of YAML documents, or of one JSON value. Empty documents are left out, and the items of a `List` are taken
/// one by one, so that each result is an object.
pub fn manifests(bytes: &[u8]) -> Result<Vec<Value>, Status> {
    let first = bytes.iter().find(|b| !b.is_ascii_whitespace());
    let documents = if first == Some(&b'{') { vec![json_or_yaml(bytes)?] } else { yaml_documents(bytes)? };
    Ok(documents.into_iter().flat_map(unpack_list).collect())
}

fn unpack_list(mut document: Value) -> Vec<Value> {
    let is_list = document.get("kind").and_then(Value::as_str).is_some_and(|kind| kind.ends_with("List"));
    match document.get_mut("items").map(Value::take) {
        Some(Value::Array(items)) if is_list => items,
        Some(items) => {
            document["items"] = items;
            vec![document]
        }
        None => vec![document],
    }
}

fn yaml_documents(bytes: &[u8]) -> Result<Vec<Value>, Status> {
    check_size(bytes)?;
    let text = std::str::from_utf8(bytes).map_err(|e| Status::bad_request(format!("the body is not UTF-8: {e}")))?;
    let options = serde_saphyr::options! {
        budget: serde_saphyr::budget! { max_depth: MAX_YAML_DEPTH },
        // YAML 1.1, which Kubernetes manifests are written in: `0644` is a file mode and `yes` a truth.
        legacy_octal_numbers: true,
        strict_booleans: false,
        with_snippet: false,
    };
    let documents: Vec<Unique> = serde_saphyr::from_multiple_with_options(text, options)
        .map_err(|e| Status::bad_request(format!("invalid YAML: {e}")))?;
    Ok(documents.into_iter().map(|Unique(value)| value).filter(|value| !value.is_null()).collect())
}

fn check_size(bytes: &[u8]) -> Result<(), Status> {
    if bytes.len() > MAX_BYTES { Err(Status::too_large(MAX_BYTES)) } else { Ok(()) }
}

/// A value none of whose objects had a key twice.
struct Unique(Value);

impl<'de> Deserialize<'de> for Unique {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Builder { depth: 0, place: &Place::Root, duplicates: None }.deserialize(deserializer).map(Unique)
    }
}

/// Where the reader is; turned into text only when there is something to tell.
enum Place<'a> {
    Root,
    Key(&'a Place<'a>, &'a str),
    Index(&'a Place<'a>, usize),
}

impl Place<'_> {
    fn path(&self) -> FieldPath {
        match self {
            Self::Root => FieldPath::default(),
            Self::Key(parent, key) => parent.path().child(key),
            Self::Index(parent, index) => parent.path().index(*index),
        }
    }
}

#[derive(Clone, Copy)]
struct Builder<'a> {
    depth: usize,
    place: &'a Place<'a>,
    /// Where fields that come twice are noted; without, they are errors.
    duplicates: Option<&'a RefCell<Vec<FieldPath>>>,
}

impl<'a> Builder<'a> {
    fn deeper<E: serde::de::Error>(self) -> Result<Self, E> {
        if self.depth >= MAX_DEPTH {
            return Err(E::custom(format!("nested deeper than {MAX_DEPTH} levels")));
        }
        Ok(Self { depth: self.depth + 1, ..self })
    }

    fn at<'b>(self, place: &'b Place<'b>) -> Builder<'b>
    where
        'a: 'b,
    {
        Builder { place, ..self }
    }

    fn duplicate<E: serde::de::Error>(self, key: &str) -> Result<(), E> {
        let Some(duplicates) = self.duplicates else {
            return Err(E::custom(format!("duplicate field \"{key}\"")));
        };
        let mut duplicates = duplicates.borrow_mut();
        if duplicates.len() < MAX_DUPLICATES {
            duplicates.push(Place::Key(self.place, key).path());
        }
        Ok(())
    }
}

impl<'de> DeserializeSeed<'de> for Builder<'_> {
    type Value = Value;
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Builder<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_bool<E>(self, v: bool) -> Result<Value, E> {
        Ok(Value::Bool(v))
    }

    fn visit_i64<E>(self, v: i64) -> Result<Value, E> {
        Ok(v.into())
    }

    fn visit_u64<E>(self, v: u64) -> Result<Value, E> {
        Ok(v.into())
    }

    fn visit_f64<E: serde::de::Error>(self, v: f64) -> Result<Value, E> {
        Number::from_f64(v).map(Value::Number).ok_or_else(|| E::custom("not a finite number"))
    }

    fn visit_str<E>(self, v: &str) -> Result<Value, E> {
        Ok(v.into())
    }

    fn visit_string<E>(self, v: String) -> Result<Value, E> {
        Ok(v.into())
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_none<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        self.deserialize(deserializer)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Value, A::Error> {
        let inner = self.deeper()?;
        let mut items = Vec::new();
        while let Some(item) = seq.next_element_seed(inner.at(&Place::Index(self.place, items.len())))? {
            items.push(item);
        }
        Ok(Value::Array(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let inner = self.deeper()?;
        let mut out = Map::new();
        while let Some(key) = map.next_key::<String>()? {
            if out.contains_key(&key) {
                self.duplicate::<A::Error>(&key)?;
            }
            let value = map.next_value_seed(inner.at(&Place::Key(self.place, &key)))?;
            out.insert(key, value);
        }
        Ok(Value::Object(out))
    }
}
