//! Protobuf request bodies, turned into the JSON that the rest of the API works with.
//!
//! Typed Go clients write built-in kinds in protobuf. Nothing here knows a message: the schema says for each field which tag it
//! has and what it holds. Answers are always JSON; every client takes it.
//!
//! ```text
//!  k8s\0 · Unknown { TypeMeta { apiVersion, kind }, raw } ─ envelope ─► type of the schema
//!                                              raw bytes ─ message ──► JSON, field by field
//! ```
//!
//! Go writes fields that it keeps by value even when they are zero. JSON leaves those out, and so does this: the schema knows
//! which ([`crate::schema::Field::zero_is_unset`]). Fields that the schema does not know are skipped, as protobuf wants it.
//!
//! A body comes from anybody: it is bounded in bytes and depth, and every malformed one is an error.

mod envelope;
mod message;
mod scalar;
mod wire;

pub use envelope::{MEDIA_TYPE, decode};

/// Why a body cannot be read.
#[derive(Debug, PartialEq, thiserror::Error)]
pub enum ProtobufError {
    /// It does not begin with the four bytes that say what it is.
    #[error("the body does not begin with the magic bytes of a Kubernetes object")]
    Magic,
    /// It ends within a value.
    #[error("the body ends too early")]
    Truncated,
    /// A number has more bytes than a number can have.
    #[error("a varint is longer than ten bytes")]
    Varint,
    /// A field has no number, or one that is too large.
    #[error("a field has a number that no field can have")]
    FieldNumber,
    /// A field is written in a way that its type is not.
    #[error("field {field} has wire type {found}, which its type has not")]
    WireType {
        /// The field's number.
        field: u32,
        /// The wire type.
        found: u8,
    },
    /// Text that is no UTF-8.
    #[error("field {field} is not UTF-8")]
    Utf8 {
        /// The field's number.
        field: u32,
    },
    /// A time before or after all calendars.
    #[error("a time is out of range")]
    Time,
    /// A number that JSON does not have.
    #[error("a number is not finite")]
    NotFinite,
    /// More levels than are allowed.
    #[error("nested deeper than {} levels", crate::decode::MAX_DEPTH)]
    Depth,
    /// A kind that the schema does not have.
    #[error("there is no kind {kind:?} in version {api_version:?}")]
    UnknownKind {
        /// The version that the body names.
        api_version: String,
        /// The kind that the body names.
        kind: String,
    },
    /// The object is compressed or otherwise encoded.
    #[error("content encoding {0:?} is not supported")]
    Encoding(String),
    /// JSON within protobuf that is no JSON.
    #[error("a raw value is malformed: {0}")]
    Raw(String),
}
