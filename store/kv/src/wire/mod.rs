//! How commands, outcomes and states are written as bytes: protobuf, so that masters of neighbouring versions
//! understand each other and old logs stay readable.
//!
//! Decoding copies keys and values out of the buffer they came in; a small key must not keep a large batch alive.

mod command;
mod outcome;
mod record;

use bytes::Bytes;

pub use command::{decode_body, encode_body};
pub use outcome::{decode_outcome, encode_outcome};
pub use record::{decode_header, decode_record, encode_header, encode_record};

/// Bytes that are not what they should be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WireError {
    /// Not protobuf of the expected message.
    #[error("malformed message")]
    Malformed(#[from] prost::DecodeError),
    /// A part that must be there is not.
    #[error("message without {0}")]
    Missing(&'static str),
}

fn owned(bytes: &Bytes) -> Bytes {
    Bytes::copy_from_slice(bytes)
}
