//! Base64: bytes as text and back.

use base64::Engine;
use base64::alphabet::STANDARD as ALPHABET;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig, STANDARD};

use crate::signature::{Library, Row};
use crate::{EvaluationError, Value};

/// Padding may be left out.
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &ALPHABET,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

pub(super) const LIBRARY: Library = &[
    Row::new("base64::encode(bytes) -> string", |a| {
        let text = STANDARD.encode(a.bytes(0)?);
        a.give(text)
    }),
    Row::new("base64::decode(string) -> bytes", |a| {
        let bytes = LENIENT.decode(a.text(0)?);
        bytes
            .map(|bytes| Value::Bytes(bytes.into()))
            .map_err(|why| EvaluationError::invalid(format!("base64.decode: {why}")))
    }),
];
