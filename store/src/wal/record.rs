//! One record of the log, as bytes.
//!
//! ```text
//!  0        4        8          12     13      14    16        24            24+length
//!  | length | crc32c | durable  | kind | magic | 0 0 | index   | payload ... | 0 to the next multiple of 8
//! ```
//!
//! `crc32c` covers everything from offset 8 to the end of the payload and is salted with the segment's number, so
//! that a record left over from an earlier use of the file is not taken for one of this segment: a CRC notices every
//! difference that is no wider than itself, so with numbers below 2^32 the same bytes never have the same sum in two segments.
//!
//! `durable` is the offset in the segment up to which everything had been synced when this record was written. It is
//! what tells damage from a torn tail: a bad record below the `durable` of any good one was once good and synced.

/// Bytes before the payload.
pub(super) const HEADER: usize = 24;
const ALIGN: usize = 8;
const MAGIC: u8 = 0x58;
/// No payload is larger: transactions are bounded far below.
pub(super) const MAX_PAYLOAD: usize = 32 << 20;

/// What a record says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Opens a segment; the payload is the format's version.
    Head,
    /// An entry of the Raft log; `index` is its index.
    Entry,
    /// The vote.
    Vote,
    /// Entries up to this one are dropped; they are in snapshots.
    Purged,
    /// Entries from `index` on are void.
    Truncate,
    /// Entries up to this one are committed. Never synced for its own sake.
    Committed,
    /// Closes a segment: there is a next one.
    End,
}

impl Kind {
    fn code(self) -> u8 {
        match self {
            Kind::Head => 1,
            Kind::Entry => 2,
            Kind::Vote => 3,
            Kind::Purged => 4,
            Kind::Truncate => 5,
            Kind::Committed => 6,
            Kind::End => 7,
        }
    }

    fn from_code(code: u8) -> Option<Kind> {
        [Kind::Head, Kind::Entry, Kind::Vote, Kind::Purged, Kind::Truncate, Kind::Committed, Kind::End]
            .into_iter()
            .find(|kind| kind.code() == code)
    }
}

/// A record found in a segment.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Found<'a> {
    pub(super) kind: Kind,
    pub(super) index: u64,
    pub(super) durable: u32,
    pub(super) payload: &'a [u8],
    /// Where the next record begins.
    pub(super) end: usize,
}

/// How much room a payload takes in a segment.
pub(super) fn room(payload: usize) -> usize {
    (HEADER + payload).next_multiple_of(ALIGN)
}

/// Appends a record to `buffer`.
pub(super) fn write(buffer: &mut Vec<u8>, segment: u64, durable: u32, kind: Kind, index: u64, payload: &[u8]) {
    let start = buffer.len();
    buffer.extend_from_slice(&(payload.len() as u32).to_le_bytes());
    buffer.extend_from_slice(&[0; 4]);
    buffer.extend_from_slice(&durable.to_le_bytes());
    buffer.extend_from_slice(&[kind.code(), MAGIC, 0, 0]);
    buffer.extend_from_slice(&index.to_le_bytes());
    buffer.extend_from_slice(payload);
    let sum = checksum(segment, &buffer[start + 8..]);
    buffer[start + 4..start + 8].copy_from_slice(&sum.to_le_bytes());
    buffer.resize(start + room(payload.len()), 0);
}

/// The record at `offset`, if there is a good one.
pub(super) fn read(segment: u64, contents: &[u8], offset: usize) -> Option<Found<'_>> {
    let header = contents.get(offset..offset + HEADER)?;
    let kind = Kind::from_code(header[12])?;
    let length = u32::from_le_bytes(word(header, 0)) as usize;
    if header[13] != MAGIC || length > MAX_PAYLOAD {
        return None;
    }
    let body = contents.get(offset + 8..offset + HEADER + length)?;
    if checksum(segment, body) != u32::from_le_bytes(word(header, 4)) {
        return None;
    }
    Some(Found {
        kind,
        index: u64::from_le_bytes([word(header, 16), word(header, 20)].concat().try_into().unwrap_or_default()),
        durable: u32::from_le_bytes(word(header, 8)),
        payload: &body[HEADER - 8..],
        end: offset + room(length),
    })
}

/// Whether some good record after `offset` proves that `offset` had been synced.
pub(super) fn was_durable(segment: u64, contents: &[u8], offset: usize) -> bool {
    let after = (offset.next_multiple_of(ALIGN) + ALIGN..contents.len()).step_by(ALIGN);
    after
        .filter(|at| contents.get(at + 13) == Some(&MAGIC))
        .any(|at| read(segment, contents, at).is_some_and(|record| record.durable as usize > offset))
}

fn word(bytes: &[u8], at: usize) -> [u8; 4] {
    [bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]
}

fn checksum(segment: u64, body: &[u8]) -> u32 {
    crc32c::crc32c_append(crc32c::crc32c(&segment.to_le_bytes()), body)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What recycled files rest on.
    #[test]
    fn a_record_is_good_in_its_own_segment_only() {
        for number in (0..200).chain([1 << 16, 1 << 31, u64::from(u32::MAX) - 1]) {
            let mut bytes = Vec::new();
            write(&mut bytes, number, 64, Kind::Entry, 7, b"an entry");
            assert!(read(number, &bytes, 0).is_some());
            let others = (0..300).chain((0..32).map(|bit| number ^ (1 << bit))).filter(|other| *other != number);
            others.for_each(|other| assert_eq!(read(other, &bytes, 0), None, "of {number}, read in {other}"));
        }
    }
}
