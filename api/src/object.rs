//! An object as we keep it: its canonical JSON bytes and its parsed metadata.
//!
//! The bytes are compact JSON with sorted keys and without `metadata.resourceVersion`: the revision belongs to the store's
//! key, not to the value, and is spliced in when the object is served. The same bytes go to the store, the watch cache
//! and every client, so a list or a watch never encodes an object again.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use serde::de::DeserializeOwned;
use serde_json::Value;
use thiserror::Error;

use crate::meta::{Head, Meta};
use crate::status::Status;

/// Why bytes are no object.
#[derive(Debug, Error)]
pub enum ObjectError {
    /// The bytes are not JSON, or not of the type asked for.
    #[error("decode the object")]
    Decode(#[source] serde_json::Error),
    /// The JSON has no metadata at its top, so nothing of ours wrote it.
    #[error("the object has no metadata")]
    NoMetadata,
}

/// An object: canonical bytes and parsed metadata. Cloning copies two pointers.
#[derive(Clone, Debug)]
pub struct Object {
    bytes: Bytes,
    meta: Arc<Meta>,
    /// Where the first member of `metadata` begins.
    splice: usize,
}

impl PartialEq for Object {
    fn eq(&self, other: &Self) -> bool {
        self.bytes == other.bytes
    }
}

impl Object {
    /// Makes the canonical form of a value. Drops `metadata.resourceVersion`.
    pub fn from_value(mut value: Value) -> Result<Self, Status> {
        let bad = |why: &dyn std::fmt::Display| Status::bad_request(format!("the object is malformed: {why}"));
        let metadata = crate::value::child(&mut value, "metadata").and_then(Value::as_object_mut);
        metadata.ok_or_else(|| bad(&"metadata is not an object"))?.remove("resourceVersion");
        let bytes = serde_json::to_vec(&value).map_err(|e| bad(&e))?;
        let object = Self::from_stored(bytes.into());
        object.map_err(|e| bad(&std::error::Error::source(&e).map_or_else(|| e.to_string(), ToString::to_string)))
    }

    /// Reads bytes that [`Object::bytes`] gave.
    pub fn from_stored(bytes: Bytes) -> Result<Self, ObjectError> {
        let head: Head = serde_json::from_slice(&bytes).map_err(ObjectError::Decode)?;
        let splice = find_metadata(&bytes).ok_or(ObjectError::NoMetadata)?;
        Ok(Self { bytes, meta: Arc::new(head.into()), splice })
    }

    /// The canonical bytes.
    pub fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// The parsed metadata.
    pub fn meta(&self) -> &Meta {
        &self.meta
    }

    /// The object as a value, without `resourceVersion`.
    pub fn to_value(&self) -> Value {
        serde_json::from_slice(&self.bytes).expect("the bytes were parsed when the object was made")
    }

    /// The bytes with `metadata.resourceVersion` set.
    pub fn with_revision(&self, revision: u64) -> Bytes {
        let comma = if self.bytes.get(self.splice) == Some(&b'}') { "" } else { "," };
        let member = format!("\"resourceVersion\":\"{revision}\"{comma}");
        let mut out = BytesMut::with_capacity(self.bytes.len() + member.len());
        out.extend_from_slice(&self.bytes[..self.splice]);
        out.extend_from_slice(member.as_bytes());
        out.extend_from_slice(&self.bytes[self.splice..]);
        out.freeze()
    }

    /// The object as a type, such as `k8s_openapi::api::core::v1::Pod`.
    pub fn decode<T: DeserializeOwned>(&self) -> Result<T, ObjectError> {
        serde_json::from_slice(&self.bytes).map_err(ObjectError::Decode)
    }
}

/// Where the first member of the top-level `metadata` begins. The bytes are valid compact JSON.
fn find_metadata(bytes: &[u8]) -> Option<usize> {
    const MEMBER: &[u8] = b"\"metadata\":{";
    let mut depth = 0_usize;
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        match byte {
            b'"' if depth == 1 && bytes[at..].starts_with(MEMBER) => return Some(at + MEMBER.len()),
            b'"' => at = end_of_string(bytes, at)?,
            b'{' | b'[' => depth += 1,
            b'}' | b']' => depth = depth.saturating_sub(1),
            _ => {}
        }
        at += 1;
    }
    None
}

/// The index of the quote that closes the string opened at `start`.
fn end_of_string(bytes: &[u8], start: usize) -> Option<usize> {
    let mut at = start + 1;
    loop {
        match bytes.get(at)? {
            b'\\' => at += 2,
            b'"' => return Some(at),
            _ => at += 1,
        }
    }
}
