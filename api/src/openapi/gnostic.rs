//! OpenAPI v2 in protobuf, with the messages that gnostic gave it: the one form that kubectl until 1.28 and client-go's
//! discovery client ask for.
//!
//! Values that may be anything, such as extensions and defaults, are carried as YAML text, of which JSON is a part.

use serde_json::{Map, Value};
use writer::Message;

/// The media types of the document: what it is called, and what older clients call it.
pub const MEDIA_TYPES: [&str; 2] = [
    "application/com.github.proto-openapi.spec.v2.v1.0+protobuf",
    "application/com.github.proto-openapi.spec.v2@v1.0+protobuf",
];

/// Encodes what [`super::v2::document`] made.
pub fn encode(document: &Value) -> Vec<u8> {
    let mut out = Message::default();
    out.text(1, &document["swagger"]);
    out.message(2, &info(&document["info"]));
    out.message(8, &named_each(2, &document["paths"], path_item));
    out.message(9, &named_each(1, &document["definitions"], schema));
    out.into_bytes()
}

fn info(info: &Value) -> Message {
    let mut out = Message::default();
    out.text(1, &info["title"]);
    out.text(2, &info["version"]);
    out
}

/// A message whose field `number` holds each member under its name.
fn named_each(number: u32, members: &Value, encode: fn(&Value) -> Message) -> Message {
    let mut out = Message::default();
    for (name, value) in members.as_object().into_iter().flatten() {
        out.message(number, &named(name, &encode(value)));
    }
    out
}

fn named(name: &str, value: &Message) -> Message {
    let mut out = Message::default();
    out.bytes(1, name.as_bytes());
    out.message(2, value);
    out
}

/// Anything, as YAML.
fn any(value: &Value) -> Message {
    let mut out = Message::default();
    out.bytes(2, value.to_string().as_bytes());
    out
}

/// The members whose names begin with `x-`.
fn extensions(out: &mut Message, number: u32, of: &Value) {
    let members = of.as_object().into_iter().flatten().filter(|(name, _)| name.starts_with("x-"));
    members.for_each(|(name, value)| out.message(number, &named(name, &any(value))));
}

fn path_item(item: &Value) -> Message {
    let mut out = Message::default();
    for (method, number) in [("get", 2), ("put", 3), ("post", 4), ("delete", 5), ("patch", 8)] {
        if let Some(of) = item.get(method) {
            out.message(number, &operation(of));
        }
    }
    parameters(&mut out, 9, item);
    out
}

fn operation(operation: &Value) -> Message {
    let mut out = Message::default();
    out.text(3, &operation["description"]);
    out.text(5, &operation["operationId"]);
    out.texts(6, &operation["produces"]);
    out.texts(7, &operation["consumes"]);
    parameters(&mut out, 8, operation);
    out.message(9, &named_each(1, &operation["responses"], response));
    extensions(&mut out, 13, operation);
    out
}

fn response(response: &Value) -> Message {
    let mut inner = Message::default();
    inner.text(1, &response["description"]);
    inner.message(2, &wrap(1, &schema(&response["schema"])));
    wrap(1, &inner)
}

/// A message that has another one as its only field.
fn wrap(number: u32, inner: &Message) -> Message {
    let mut out = Message::default();
    out.message(number, inner);
    out
}

fn parameters(out: &mut Message, number: u32, of: &Value) {
    let parameters = of["parameters"].as_array().into_iter().flatten();
    parameters.for_each(|of| out.message(number, &wrap(1, &parameter(of))));
}

fn parameter(parameter: &Value) -> Message {
    if parameter["in"] == "body" {
        let mut out = Message::default();
        out.text(2, &parameter["name"]);
        out.text(3, &parameter["in"]);
        out.truth(4, &parameter["required"]);
        out.message(5, &schema(&parameter["schema"]));
        return wrap(1, &out);
    }
    let is_path = parameter["in"] == "path";
    let (kind, of_type, unique) = if is_path { (4, 5, 19) } else { (3, 6, 20) };
    let mut out = Message::default();
    out.truth(1, &parameter["required"]);
    out.text(2, &parameter["in"]);
    out.text(3, &parameter["description"]);
    out.text(4, &parameter["name"]);
    out.text(of_type, &parameter["type"]);
    out.truth(unique, &parameter["uniqueItems"]);
    wrap(2, &wrap(kind, &out))
}

fn schema(schema: &Value) -> Message {
    let mut out = Message::default();
    out.text(1, &schema["$ref"]);
    out.text(2, &schema["format"]);
    out.text(4, &schema["description"]);
    if let Some(default) = schema.get("default") {
        out.message(5, &any(default));
    }
    out.texts(19, &schema["required"]);
    schema["enum"].as_array().into_iter().flatten().for_each(|value| out.message(20, &any(value)));
    if let Some(of) = schema.get("additionalProperties") {
        out.message(21, &wrap(1, &self::schema(of)));
    }
    if let Some(of) = schema.get("type") {
        out.message(22, &one_text(of));
    }
    if let Some(of) = schema.get("items") {
        out.message(23, &wrap(1, &self::schema(of)));
    }
    if schema.get("properties").and_then(Value::as_object).is_some_and(|properties: &Map<_, _>| !properties.is_empty())
    {
        out.message(25, &named_each(1, &schema["properties"], self::schema));
    }
    extensions(&mut out, 31, schema);
    out
}

fn one_text(text: &Value) -> Message {
    let mut out = Message::default();
    out.text(1, text);
    out
}

/// A protobuf message in the making. What is absent, empty or false is not written, as in protobuf's third edition.
mod writer {
    use serde_json::Value;

    #[derive(Default)]
    pub(super) struct Message(Vec<u8>);

    impl Message {
        pub(super) fn into_bytes(self) -> Vec<u8> {
            self.0
        }

        fn varint(&mut self, mut number: u64) {
            while number >= 0x80 {
                self.0.push((number as u8) | 0x80);
                number >>= 7;
            }
            self.0.push(number as u8);
        }

        pub(super) fn bytes(&mut self, field: u32, bytes: &[u8]) {
            self.varint(u64::from(field) << 3 | 2);
            self.varint(bytes.len() as u64);
            self.0.extend_from_slice(bytes);
        }

        pub(super) fn message(&mut self, field: u32, message: &Message) {
            self.bytes(field, &message.0);
        }

        pub(super) fn text(&mut self, field: u32, text: &Value) {
            if let Some(text) = text.as_str().filter(|text| !text.is_empty()) {
                self.bytes(field, text.as_bytes());
            }
        }

        pub(super) fn texts(&mut self, field: u32, texts: &Value) {
            texts.as_array().into_iter().flatten().for_each(|text| self.text(field, text));
        }

        pub(super) fn truth(&mut self, field: u32, truth: &Value) {
            if truth.as_bool() == Some(true) {
                self.varint(u64::from(field) << 3);
                self.0.push(1);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_small_document_is_encoded_as_the_messages_say() {
        let document = json!({
            "swagger": "2.0", "info": {"title": "T", "version": "v"}, "paths": {},
            "definitions": {"a.B": {"type": "object", "x-y": 1}},
        });
        let expect: Vec<u8> = [
            &b"\x0a\x032.0"[..],             // swagger = 1
            b"\x12\x06\x0a\x01T\x12\x01v",   // info = 2 { title = 1, version = 2 }
            b"\x42\x00",                     // paths = 8 {}
            b"\x4a\x21\x0a\x1f",             // definitions = 9 { additional_properties = 1
            b"\x0a\x03a.B\x12\x18",          // { name = 1, value = 2
            b"\xb2\x01\x08\x0a\x06object",   // { type = 22 { value = 1 }
            b"\xfa\x01\x0a",                 // vendor_extension = 31
            b"\x0a\x03x-y\x12\x03\x12\x011", // { name = 1, value = 2 { yaml = 2 } } } } }
        ]
        .concat();
        assert_eq!(encode(&document), expect);
    }
}
