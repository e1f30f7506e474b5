//! Values that are not structures, some of which are messages of their own on the wire.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use serde_json::{Number, Value};

use super::ProtobufError;
use super::wire::{Part, Parts, WireValue};
use crate::schema::Shape;

/// A value of that shape. `None` where Go writes nothing at all: a time that is not set.
pub(super) fn scalar(shape: &Shape, part: &Part<'_>) -> Result<Option<Value>, ProtobufError> {
    Ok(Some(match shape {
        Shape::String => part.text()?.into(),
        Shape::Bytes => STANDARD.encode(part.bytes()?).into(),
        Shape::Bool => (part.varint()? != 0).into(),
        Shape::Int32 => low_half(part.varint()?).into(),
        Shape::Int64 => part.varint()?.cast_signed().into(),
        Shape::Double => double(part)?,
        Shape::Time => return Ok(time(part.bytes()?, 0)?.map(Value::from)),
        Shape::MicroTime => return Ok(time(part.bytes()?, 6)?.map(Value::from)),
        Shape::Quantity => quantity(part.bytes()?)?,
        Shape::IntOrString => int_or_string(part.bytes()?)?,
        _ => return Err(part.wrong()),
    }))
}

/// Numbers of 32 bits are written with 64: the upper half repeats the sign.
fn low_half(number: u64) -> i32 {
    let [a, b, c, d, ..] = number.to_le_bytes();
    i32::from_le_bytes([a, b, c, d])
}

fn double(part: &Part<'_>) -> Result<Value, ProtobufError> {
    let WireValue::Fixed64(bits) = part.value else { return Err(part.wrong()) };
    Number::from_f64(f64::from_bits(bits)).map(Value::Number).ok_or(ProtobufError::NotFinite)
}

/// `{1: seconds, 2: nanoseconds}`.
fn time(bytes: &[u8], decimals: u8) -> Result<Option<String>, ProtobufError> {
    if bytes.is_empty() {
        return Ok(None);
    }
    let (mut seconds, mut nanos) = (0, 0);
    for part in Parts::new(bytes) {
        let part = part?;
        match part.number {
            1 => seconds = part.varint()?.cast_signed(),
            2 => nanos = low_half(part.varint()?),
            _ => {}
        }
    }
    let nanos = if decimals == 0 { 0 } else { nanos };
    let time = Timestamp::new(seconds, nanos).map_err(|_| ProtobufError::Time)?;
    Ok(Some(format!("{time:.*}", usize::from(decimals))))
}

/// `{1: text}`.
fn quantity(bytes: &[u8]) -> Result<Value, ProtobufError> {
    let mut text = "0";
    for part in Parts::new(bytes) {
        let part = part?;
        if part.number == 1 {
            text = part.text()?;
        }
    }
    Ok(if text.is_empty() { "0" } else { text }.into())
}

/// `{1: 0 for a number and 1 for text, 2: number, 3: text}`.
fn int_or_string(bytes: &[u8]) -> Result<Value, ProtobufError> {
    let (mut is_text, mut number, mut text) = (false, 0, "");
    for part in Parts::new(bytes) {
        let part = part?;
        match part.number {
            1 => is_text = part.varint()? == 1,
            2 => number = low_half(part.varint()?),
            3 => text = part.text()?,
            _ => {}
        }
    }
    Ok(if is_text { text.into() } else { number.into() })
}
