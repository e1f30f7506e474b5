//! What the log keeps, without regard to what it means.

use bytes::Bytes;

/// The name of an entry: who proposed it, and where it stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct EntryId {
    pub(crate) term: u64,
    pub(crate) node: u64,
    pub(crate) index: u64,
}

/// An entry: its name and its bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LogEntry {
    pub(crate) id: EntryId,
    pub(crate) body: Bytes,
}

/// For whom this member voted, or whom it follows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct SavedVote {
    pub(crate) term: u64,
    pub(crate) node: u64,
    pub(crate) committed: bool,
}

impl EntryId {
    pub(super) fn encode(self) -> [u8; 24] {
        let mut bytes = [0; 24];
        bytes[..8].copy_from_slice(&self.term.to_le_bytes());
        bytes[8..16].copy_from_slice(&self.node.to_le_bytes());
        bytes[16..].copy_from_slice(&self.index.to_le_bytes());
        bytes
    }

    pub(super) fn decode(bytes: &[u8]) -> Option<EntryId> {
        Some(EntryId { term: number(bytes, 0)?, node: number(bytes, 8)?, index: number(bytes, 16)? })
    }
}

impl LogEntry {
    /// The payload of its record; the index is in the record's header.
    pub(super) fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(16 + self.body.len());
        bytes.extend_from_slice(&self.id.term.to_le_bytes());
        bytes.extend_from_slice(&self.id.node.to_le_bytes());
        bytes.extend_from_slice(&self.body);
        bytes
    }

    pub(super) fn decode(index: u64, bytes: &[u8]) -> Option<LogEntry> {
        let id = EntryId { term: number(bytes, 0)?, node: number(bytes, 8)?, index };
        Some(LogEntry { id, body: Bytes::copy_from_slice(bytes.get(16..)?) })
    }
}

impl SavedVote {
    pub(super) fn encode(self) -> [u8; 17] {
        let mut bytes = [0; 17];
        bytes[..8].copy_from_slice(&self.term.to_le_bytes());
        bytes[8..16].copy_from_slice(&self.node.to_le_bytes());
        bytes[16] = u8::from(self.committed);
        bytes
    }

    pub(super) fn decode(bytes: &[u8]) -> Option<SavedVote> {
        let committed = *bytes.get(16)? != 0;
        Some(SavedVote { term: number(bytes, 0)?, node: number(bytes, 8)?, committed })
    }
}

fn number(bytes: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_le_bytes(bytes.get(at..at + 8)?.try_into().ok()?))
}
