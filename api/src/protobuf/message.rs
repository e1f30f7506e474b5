//! Messages: structures, lists, maps and what stands for any JSON.

use serde_json::{Map, Value};

use super::wire::{Part, Parts, WireValue};
use super::{ProtobufError, envelope, scalar};
use crate::decode::{self, MAX_DEPTH};
use crate::schema::{Field, Schema, Shape, Type, TypeId};
use crate::value;

/// Reads messages of a schema.
#[derive(Clone, Copy)]
pub(super) struct Reader<'a> {
    pub(super) schema: &'a Schema,
    /// How many levels there are above.
    pub(super) depth: usize,
}

impl<'a> Reader<'a> {
    fn deeper(self) -> Result<Self, ProtobufError> {
        let depth = self.depth + 1;
        if depth >= MAX_DEPTH { Err(ProtobufError::Depth) } else { Ok(Self { depth, ..self }) }
    }

    /// Reads a structure into `out`, which may hold fields of it already: a message that comes in two pieces is one.
    pub(super) fn object(
        self,
        of: TypeId,
        bytes: &[u8],
        mut out: Map<String, Value>,
    ) -> Result<Map<String, Value>, ProtobufError> {
        self.deeper()?.fields(self.schema.get(of), &[], bytes, &mut out)?;
        Ok(out)
    }

    /// The fields of a message that JSON has at this level: `inside` are the tags that led here.
    fn fields(
        self,
        of: &Type,
        inside: &[u32],
        bytes: &[u8],
        out: &mut Map<String, Value>,
    ) -> Result<(), ProtobufError> {
        for part in Parts::new(bytes) {
            let part = part?;
            let here = |field: &&Field| {
                let tags = field.tags.strip_prefix(inside);
                tags.is_some_and(|tags| tags.first() == Some(&part.number))
            };
            let Some(field) = of.fields.iter().find(here) else { continue };
            if field.tags.len() == inside.len() + 1 {
                self.field(field, &part, out)?;
            } else {
                let path = [inside, &[part.number]].concat();
                self.deeper()?.fields(of, &path, part.bytes()?, out)?;
            }
        }
        Ok(())
    }

    fn field(self, field: &Field, part: &Part<'_>, out: &mut Map<String, Value>) -> Result<(), ProtobufError> {
        let old = out.remove(field.name.as_ref()).unwrap_or_default();
        let new = match &field.shape {
            Shape::List(item) if field.wrapped => Some(self.deeper()?.wrapped(item, part)?),
            Shape::List(item) => Some(self.deeper()?.item(item, part, old)?),
            Shape::Map(item) => Some(self.entry(item, part, old)?),
            shape => self.value(shape, part, old)?,
        };
        if let Some(new) = new.filter(|new| !(field.zero_is_unset && is_zero(new))) {
            out.insert(field.name.to_string(), new);
        }
        Ok(())
    }

    fn value(self, shape: &Shape, part: &Part<'_>, old: Value) -> Result<Option<Value>, ProtobufError> {
        match shape {
            Shape::Object(of) => {
                let old = if let Value::Object(old) = old { old } else { Map::new() };
                Ok(Some(Value::Object(self.object(*of, part.bytes()?, old)?)))
            }
            Shape::Any => self.raw(part.bytes()?),
            Shape::Either(object, other) => self.either(object, other, part.bytes()?).map(Some),
            Shape::List(item) => self.wrapped(item, part).map(Some),
            shape => scalar::scalar(shape, part),
        }
    }

    /// A value that must be there, such as an item of a list.
    fn present(self, shape: &Shape, part: &Part<'_>) -> Result<Value, ProtobufError> {
        Ok(self.value(shape, part, Value::Null)?.unwrap_or_default())
    }

    /// One more item of a list; numbers may come many at once.
    fn item(self, item: &Shape, part: &Part<'_>, old: Value) -> Result<Value, ProtobufError> {
        let mut items = if let Value::Array(items) = old { items } else { Vec::new() };
        match (item, part.value) {
            (Shape::Int32 | Shape::Int64 | Shape::Bool, WireValue::Bytes(mut packed)) => {
                while !packed.is_empty() {
                    let value = WireValue::Varint(super::wire::varint(&mut packed)?);
                    items.push(self.present(item, &Part { value, ..*part })?);
                }
            }
            _ => items.push(self.present(item, part)?),
        }
        Ok(Value::Array(items))
    }

    /// `{1: items}`: a list that is a type of its own in Go.
    fn wrapped(self, item: &Shape, part: &Part<'_>) -> Result<Value, ProtobufError> {
        let mut items = Value::Array(Vec::new());
        for inner in Parts::new(part.bytes()?) {
            let inner = inner?;
            if inner.number == 1 {
                items = self.item(item, &inner, items)?;
            }
        }
        Ok(items)
    }

    /// `{1: key, 2: value}`: one more entry of a map.
    fn entry(self, item: &Shape, part: &Part<'_>, old: Value) -> Result<Value, ProtobufError> {
        let mut map = if let Value::Object(map) = old { map } else { Map::new() };
        let (mut key, mut value) = ("", None);
        for inner in Parts::new(part.bytes()?) {
            let inner = inner?;
            match inner.number {
                1 => key = inner.text()?,
                2 => value = Some(self.deeper()?.present(item, &inner)?),
                _ => {}
            }
        }
        map.insert(key.to_owned(), value.unwrap_or_else(|| zero(item)));
        Ok(Value::Object(map))
    }

    /// `{1: JSON}`, or an object with an envelope of its own.
    fn raw(self, bytes: &[u8]) -> Result<Option<Value>, ProtobufError> {
        let mut raw: &[u8] = &[];
        for part in Parts::new(bytes) {
            let part = part?;
            if part.number == 1 {
                raw = part.bytes()?;
            }
        }
        if raw.is_empty() {
            return Ok(None);
        }
        if envelope::is_magic(raw) {
            return envelope::open(self.deeper()?, raw).map(Some);
        }
        let json = decode::json(raw).map_err(|status| ProtobufError::Raw(status.message))?;
        if self.depth + value::depth(&json) > MAX_DEPTH { Err(ProtobufError::Depth) } else { Ok(Some(json)) }
    }

    /// `{1: the object, 2: the other}`, but a truth comes before the object.
    fn either(self, object: &Shape, other: &Shape, bytes: &[u8]) -> Result<Value, ProtobufError> {
        let object_tag = if *other == Shape::Bool { 2 } else { 1 };
        let (mut first, mut second) = (None, None);
        for part in Parts::new(bytes) {
            let part = part?;
            match (part.number, other) {
                (number, _) if number == object_tag => first = Some(self.present(object, &part)?),
                (1 | 2, Shape::List(item)) => second = Some(self.item(item, &part, second.unwrap_or_default())?),
                (1 | 2, _) => second = Some(self.present(other, &part)?),
                _ => {}
            }
        }
        Ok(first.or(second).unwrap_or_else(|| zero(other)))
    }
}

/// Whether a value is what Go writes for a field that nobody set.
fn is_zero(value: &Value) -> bool {
    match value {
        Value::Bool(truth) => !truth,
        Value::Number(number) => number.as_f64() == Some(0.0),
        Value::String(text) => text.is_empty(),
        _ => false,
    }
}

/// What an entry of a map holds when the wire does not say.
fn zero(shape: &Shape) -> Value {
    match shape {
        Shape::String | Shape::Bytes => "".into(),
        Shape::Bool => false.into(),
        Shape::Int32 | Shape::Int64 | Shape::IntOrString => 0.into(),
        Shape::Double => 0.0.into(),
        Shape::Quantity => "0".into(),
        Shape::List(_) => Value::Array(Vec::new()),
        Shape::Object(_) | Shape::Map(_) => Value::Object(Map::new()),
        Shape::Time | Shape::MicroTime | Shape::Any | Shape::Either(..) => Value::Null,
    }
}
