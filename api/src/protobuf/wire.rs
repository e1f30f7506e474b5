//! The wire format: fields with numbers, each a varint, four or eight bytes, or bytes with a length.

use super::ProtobufError;

/// A field as it is on the wire.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Part<'a> {
    pub(super) number: u32,
    pub(super) value: WireValue<'a>,
}

/// What a field holds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum WireValue<'a> {
    Varint(u64),
    Fixed64(u64),
    Fixed32(u32),
    Bytes(&'a [u8]),
}

/// The fields of a message, one after the other; ends after the first error.
pub(super) struct Parts<'a> {
    rest: &'a [u8],
}

impl<'a> Parts<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    fn part(&mut self) -> Result<Part<'a>, ProtobufError> {
        let key = varint(&mut self.rest)?;
        let number = u32::try_from(key >> 3).ok().filter(|number| (1..1 << 29).contains(number));
        let number = number.ok_or(ProtobufError::FieldNumber)?;
        let value = match key & 7 {
            0 => WireValue::Varint(varint(&mut self.rest)?),
            1 => WireValue::Fixed64(u64::from_le_bytes(self.fixed()?)),
            2 => {
                let length = usize::try_from(varint(&mut self.rest)?).map_err(|_| ProtobufError::Truncated)?;
                WireValue::Bytes(take(&mut self.rest, length)?)
            }
            5 => WireValue::Fixed32(u32::from_le_bytes(self.fixed()?)),
            other => return Err(ProtobufError::WireType { field: number, found: other.to_le_bytes()[0] }),
        };
        Ok(Part { number, value })
    }

    fn fixed<const N: usize>(&mut self) -> Result<[u8; N], ProtobufError> {
        take(&mut self.rest, N)?.try_into().map_err(|_| ProtobufError::Truncated)
    }
}

impl<'a> Iterator for Parts<'a> {
    type Item = Result<Part<'a>, ProtobufError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let part = self.part();
        if part.is_err() {
            self.rest = &[];
        }
        Some(part)
    }
}

impl<'a> Part<'a> {
    pub(super) fn bytes(&self) -> Result<&'a [u8], ProtobufError> {
        if let WireValue::Bytes(bytes) = self.value { Ok(bytes) } else { Err(self.wrong()) }
    }

    pub(super) fn text(&self) -> Result<&'a str, ProtobufError> {
        std::str::from_utf8(self.bytes()?).map_err(|_| ProtobufError::Utf8 { field: self.number })
    }

    pub(super) fn varint(&self) -> Result<u64, ProtobufError> {
        if let WireValue::Varint(number) = self.value { Ok(number) } else { Err(self.wrong()) }
    }

    /// The error for a value that the field cannot have.
    pub(super) fn wrong(&self) -> ProtobufError {
        let found = match self.value {
            WireValue::Varint(_) => 0,
            WireValue::Fixed64(_) => 1,
            WireValue::Bytes(_) => 2,
            WireValue::Fixed32(_) => 5,
        };
        ProtobufError::WireType { field: self.number, found }
    }
}

/// Reads one number off the front.
pub(super) fn varint(rest: &mut &[u8]) -> Result<u64, ProtobufError> {
    let mut number = 0_u64;
    for shift in (0..70).step_by(7) {
        let byte = take(rest, 1)?[0];
        // The tenth byte holds the last bit only; what is above it is lost, as everywhere.
        number |= u64::from(byte & 0x7f).checked_shl(shift).unwrap_or_default();
        if byte < 0x80 {
            return Ok(number);
        }
    }
    Err(ProtobufError::Varint)
}

fn take<'a>(rest: &mut &'a [u8], length: usize) -> Result<&'a [u8], ProtobufError> {
    let (taken, left) = rest.split_at_checked(length).ok_or(ProtobufError::Truncated)?;
    *rest = left;
    Ok(taken)
}
