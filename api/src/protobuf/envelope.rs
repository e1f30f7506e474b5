//! The envelope: four magic bytes, and a message that says which kind the object within is.

use serde_json::{Map, Value};

use super::ProtobufError;
use super::message::Reader;
use super::wire::Parts;
use crate::decode::{self, MAX_BYTES};
use crate::schema::{self, Schema, TypeId};
use crate::status::Status;

/// The media type of such bodies.
pub const MEDIA_TYPE: &str = "application/vnd.kubernetes.protobuf";

const MAGIC: &[u8] = b"k8s\0";
const DELETE_OPTIONS: &str = "io.k8s.apimachinery.pkg.apis.meta.v1.DeleteOptions";

/// Decodes a body to JSON.
pub fn decode(bytes: &[u8]) -> Result<Value, Status> {
    if bytes.len() > MAX_BYTES {
        return Err(Status::too_large(MAX_BYTES));
    }
    let reader = Reader { schema: schema::builtin(), depth: 0 };
    open(reader, bytes).map_err(|error| Status::bad_request(format!("invalid protobuf: {error}")))
}

pub(super) fn is_magic(bytes: &[u8]) -> bool {
    bytes.starts_with(MAGIC)
}

/// `{1: {1: apiVersion, 2: kind}, 2: the object, 3: content encoding, 4: content type}`.
#[derive(Default)]
struct Envelope<'a> {
    api_version: &'a str,
    kind: &'a str,
    raw: &'a [u8],
    encoding: &'a str,
    content_type: &'a str,
}

impl<'a> Envelope<'a> {
    fn read(bytes: &'a [u8]) -> Result<Self, ProtobufError> {
        let mut out = Self::default();
        for part in Parts::new(bytes) {
            let part = part?;
            match part.number {
                1 => out.type_meta(part.bytes()?)?,
                2 => out.raw = part.bytes()?,
                3 => out.encoding = part.text()?,
                4 => out.content_type = part.text()?,
                _ => {}
            }
        }
        Ok(out)
    }

    fn type_meta(&mut self, bytes: &'a [u8]) -> Result<(), ProtobufError> {
        for part in Parts::new(bytes) {
            let part = part?;
            match part.number {
                1 => self.api_version = part.text()?,
                2 => self.kind = part.text()?,
                _ => {}
            }
        }
        Ok(())
    }

    fn type_in(&self, schema: &Schema) -> Option<TypeId> {
        // Options of a request have a type in every group, all of them the same.
        if self.kind == "DeleteOptions" {
            return schema.named(DELETE_OPTIONS);
        }
        let (group, version) = self.api_version.split_once('/').unwrap_or(("", self.api_version));
        schema.of_kind(group, version, self.kind)
    }
}

/// Reads an object with its envelope.
pub(super) fn open(reader: Reader<'_>, bytes: &[u8]) -> Result<Value, ProtobufError> {
    let envelope = Envelope::read(bytes.strip_prefix(MAGIC).ok_or(ProtobufError::Magic)?)?;
    if !envelope.encoding.is_empty() {
        return Err(ProtobufError::Encoding(envelope.encoding.to_owned()));
    }
    if envelope.content_type == "application/json" {
        return decode::json(envelope.raw).map_err(|status| ProtobufError::Raw(status.message));
    }
    let Some(of) = envelope.type_in(reader.schema) else {
        let (api_version, kind) = (envelope.api_version.to_owned(), envelope.kind.to_owned());
        return Err(ProtobufError::UnknownKind { api_version, kind });
    };
    let mut object = reader.object(of, envelope.raw, Map::new())?;
    object.insert("apiVersion".into(), envelope.api_version.into());
    object.insert("kind".into(), envelope.kind.into());
    Ok(Value::Object(object))
}
