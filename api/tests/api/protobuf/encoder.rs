//! JSON to protobuf by the schema, as a Go client writes it, so that tests can go there and back.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use serde_json::Value;
use xebec_api::schema::{self, Field, Schema, Shape, TypeId};

/// The body of a request with this object.
pub(super) fn body(object: &Value) -> Vec<u8> {
    let (api_version, kind) = (text(&object["apiVersion"]), text(&object["kind"]));
    let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
    let schema = schema::builtin();
    let of = schema.of_kind(group, version, kind).expect("a kind of the table");
    envelope(api_version, kind, &message(schema, of, object))
}

/// Bytes with the envelope around them.
pub(super) fn envelope(api_version: &str, kind: &str, raw: &[u8]) -> Vec<u8> {
    let mut meta = Vec::new();
    bytes(&mut meta, 1, api_version.as_bytes());
    bytes(&mut meta, 2, kind.as_bytes());
    let mut out = b"k8s\0".to_vec();
    bytes(&mut out, 1, &meta);
    bytes(&mut out, 2, raw);
    bytes(&mut out, 3, b"");
    bytes(&mut out, 4, b"");
    out
}

fn message(schema: &Schema, of: TypeId, object: &Value) -> Vec<u8> {
    let fields = schema.get(of).fields.iter().filter(|field| !field.tags.is_empty());
    let written: Vec<(&Field, &Value)> = fields.filter_map(|f| Some((f, object.get(f.name.as_ref())?))).collect();
    level(schema, &written, 0)
}

/// The fields whose tags begin at this level; those with a longer path go into one message together.
fn level(schema: &Schema, fields: &[(&Field, &Value)], depth: usize) -> Vec<u8> {
    let mut out = Vec::new();
    let mut inline: Vec<u32> = Vec::new();
    for (field, value) in fields {
        let tag = field.tags[depth];
        if field.tags.len() == depth + 1 {
            self::field(schema, &mut out, field, value, tag);
        } else if !inline.contains(&tag) {
            inline.push(tag);
        }
    }
    for tag in inline {
        let inner: Vec<_> =
            fields.iter().filter(|(f, _)| f.tags.len() > depth + 1 && f.tags[depth] == tag).copied().collect();
        bytes(&mut out, tag, &level(schema, &inner, depth + 1));
    }
    out
}

fn field(schema: &Schema, out: &mut Vec<u8>, field: &Field, of: &Value, tag: u32) {
    match (&field.shape, of) {
        (Shape::List(item), Value::Array(items)) if field.wrapped => {
            let mut inner = Vec::new();
            items.iter().for_each(|of| value(schema, &mut inner, item, of, 1));
            bytes(out, tag, &inner);
        }
        (Shape::List(item), Value::Array(items)) => items.iter().for_each(|of| value(schema, out, item, of, tag)),
        (Shape::Map(item), Value::Object(map)) => {
            for (key, of) in map {
                let mut entry = Vec::new();
                bytes(&mut entry, 1, key.as_bytes());
                value(schema, &mut entry, item, of, 2);
                bytes(out, tag, &entry);
            }
        }
        (shape, of) => value(schema, out, shape, of, tag),
    }
}

fn value(schema: &Schema, out: &mut Vec<u8>, shape: &Shape, of: &Value, tag: u32) {
    match shape {
        Shape::String => bytes(out, tag, text(of).as_bytes()),
        Shape::Bytes => bytes(out, tag, &STANDARD.decode(text(of)).expect("base64")),
        Shape::Bool => number(out, tag, u64::from(of.as_bool().expect("a truth"))),
        Shape::Int32 | Shape::Int64 => number(out, tag, of.as_i64().expect("a number").cast_unsigned()),
        Shape::Double => {
            varint(out, u64::from(tag << 3 | 1));
            out.extend(of.as_f64().expect("a number").to_le_bytes());
        }
        Shape::Object(id) => bytes(out, tag, &message(schema, *id, of)),
        other => bytes(out, tag, &special(schema, other, of)),
    }
}

/// Values that are messages of their own.
fn special(schema: &Schema, shape: &Shape, of: &Value) -> Vec<u8> {
    let mut out = Vec::new();
    match (shape, of) {
        (Shape::Time | Shape::MicroTime, of) => {
            let time: Timestamp = text(of).parse().expect("a time");
            number(&mut out, 1, time.as_second().cast_unsigned());
            number(&mut out, 2, i64::from(time.subsec_nanosecond()).cast_unsigned());
        }
        (Shape::Quantity, of) => bytes(&mut out, 1, text(of).as_bytes()),
        (Shape::IntOrString, Value::String(text)) => {
            number(&mut out, 1, 1);
            bytes(&mut out, 3, text.as_bytes());
        }
        (Shape::IntOrString, of) => number(&mut out, 2, of.as_i64().expect("a number").cast_unsigned()),
        (Shape::Any, of) => bytes(&mut out, 1, of.to_string().as_bytes()),
        (Shape::Either(object, other), of) => {
            let truth_first = **other == Shape::Bool;
            match (of, &**other) {
                (Value::Object(_), _) => value(schema, &mut out, object, of, if truth_first { 2 } else { 1 }),
                (Value::Array(items), Shape::List(item)) => {
                    items.iter().for_each(|of| value(schema, &mut out, item, of, 2))
                }
                (of, other) => value(schema, &mut out, other, of, 1),
            }
        }
        (Shape::List(item), Value::Array(items)) => items.iter().for_each(|of| value(schema, &mut out, item, of, 1)),
        (shape, of) => panic!("{shape:?} cannot hold {of}"),
    }
    out
}

fn text(value: &Value) -> &str {
    value.as_str().expect("text")
}

fn number(out: &mut Vec<u8>, tag: u32, number: u64) {
    varint(out, u64::from(tag << 3));
    varint(out, number);
}

fn bytes(out: &mut Vec<u8>, tag: u32, bytes: &[u8]) {
    varint(out, u64::from(tag << 3 | 2));
    varint(out, bytes.len() as u64);
    out.extend(bytes);
}

fn varint(out: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        out.push(number.to_le_bytes()[0] | 0x80);
        number >>= 7;
    }
    out.push(number.to_le_bytes()[0]);
}
