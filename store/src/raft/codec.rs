//! Entries as bytes, on disk and between peers; and the messages of the peers.
//!
//! Entries and AppendEntries, with its answers, are protobuf, because there are many. Everything rare is JSON with named fields, in the
//! form that openraft's own types define.

use std::io;

use bytes::Bytes;
use openraft::raft::{AppendEntriesRequest, StreamAppendError, StreamAppendResult};
use openraft::vote::leader_id_adv::LeaderId;
use openraft::{EntryPayload, Membership};
use prost::Message;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::types::{Entry, LogId, Proposal, TypeConfig, Vote};
use crate::member::MemberNode;
use crate::wal::{EntryId, LogEntry, SavedVote};

const BLANK: u8 = 0;
const NORMAL: u8 = Proposal::KIND;
const MEMBERSHIP: u8 = 2;

#[derive(Clone, Copy, PartialEq, Message)]
struct WireVote {
    #[prost(uint64, tag = "1")]
    term: u64,
    #[prost(uint64, tag = "2")]
    node: u64,
    #[prost(bool, tag = "3")]
    committed: bool,
}

#[derive(Clone, PartialEq, Message)]
struct WireEntry {
    #[prost(uint64, tag = "1")]
    term: u64,
    #[prost(uint64, tag = "2")]
    node: u64,
    #[prost(uint64, tag = "3")]
    index: u64,
    /// Empty in a message that only names an entry.
    #[prost(bytes = "bytes", tag = "4")]
    body: Bytes,
}

#[derive(Clone, PartialEq, Message)]
struct WireAppend {
    #[prost(message, optional, tag = "1")]
    vote: Option<WireVote>,
    #[prost(message, optional, tag = "2")]
    previous: Option<WireEntry>,
    #[prost(message, repeated, tag = "3")]
    entries: Vec<WireEntry>,
    #[prost(message, optional, tag = "4")]
    commit: Option<WireEntry>,
}

/// One of the last two; without either, the request was taken.
#[derive(Clone, PartialEq, Message)]
struct WireAppended {
    /// The last entry that is as the leader's; none: there is none.
    #[prost(message, optional, tag = "1")]
    matched: Option<WireEntry>,
    /// The entry that is not there, or another.
    #[prost(message, optional, tag = "2")]
    conflict: Option<WireEntry>,
    /// Somebody else leads.
    #[prost(message, optional, tag = "3")]
    higher: Option<WireVote>,
}

/// Bytes that are not what they should be.
pub(crate) fn invalid(reason: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, reason)
}

pub(crate) fn entry_id(id: &LogId) -> EntryId {
    EntryId { term: id.leader_id.term, node: id.leader_id.node_id, index: id.index }
}

pub(crate) fn log_id(id: EntryId) -> LogId {
    LogId { leader_id: LeaderId { term: id.term, node_id: id.node }, index: id.index }
}

pub(crate) fn saved_vote(vote: &Vote) -> SavedVote {
    SavedVote { term: vote.leader_id.term, node: vote.leader_id.node_id, committed: vote.committed }
}

pub(crate) fn vote(saved: SavedVote) -> Vote {
    Vote { leader_id: LeaderId { term: saved.term, node_id: saved.node }, committed: saved.committed }
}

/// An entry for the log or a peer.
pub(crate) fn encode_entry(entry: &Entry) -> io::Result<LogEntry> {
    let body = match &entry.payload {
        EntryPayload::Blank => Bytes::from_static(&[BLANK]),
        EntryPayload::Normal(proposal) => proposal.body().clone(),
        EntryPayload::Membership(membership) => {
            let mut body = vec![MEMBERSHIP];
            serde_json::to_writer(&mut body, membership)?;
            body.into()
        }
    };
    Ok(LogEntry { id: entry_id(&entry.log_id), body })
}

/// The entry again; a proposal shares the body's bytes.
pub(crate) fn decode_entry(entry: &LogEntry) -> io::Result<Entry> {
    let payload = match entry.body.first() {
        Some(&BLANK) => EntryPayload::Blank,
        Some(&NORMAL) => EntryPayload::Normal(decode_proposal(&entry.body)?),
        Some(&MEMBERSHIP) => {
            let membership: Membership<u64, MemberNode> = serde_json::from_slice(&entry.body[1..])?;
            EntryPayload::Membership(membership)
        }
        _ => return Err(invalid("an entry of an unknown kind")),
    };
    Ok(Entry { log_id: log_id(entry.id), payload })
}

fn decode_proposal(body: &Bytes) -> io::Result<Proposal> {
    Proposal::from_body(body.clone()).ok_or_else(|| invalid("a proposal without a time stamp"))
}

/// An AppendEntries request for a peer.
pub(crate) fn encode_append(request: &AppendEntriesRequest<TypeConfig>) -> io::Result<Bytes> {
    let named = |id: &LogId| wire_entry(LogEntry { id: entry_id(id), body: Bytes::new() });
    let entries = request.entries.iter().map(|entry| encode_entry(entry).map(wire_entry));
    let message = WireAppend {
        vote: Some(wire_vote(&request.vote)),
        previous: request.prev_log_id.as_ref().map(named),
        entries: entries.collect::<io::Result<_>>()?,
        commit: request.leader_commit.as_ref().map(named),
    };
    Ok(message.encode_to_vec().into())
}

/// What [`encode_append`] wrote. Bodies are copied, so that a cached entry does not keep a whole message alive.
pub(crate) fn decode_append(bytes: Bytes) -> io::Result<AppendEntriesRequest<TypeConfig>> {
    let message = WireAppend::decode(bytes).map_err(invalid)?;
    let vote = message.vote.ok_or_else(|| invalid("no vote"))?;
    let full = |entry: &WireEntry| {
        let id = EntryId { term: entry.term, node: entry.node, index: entry.index };
        decode_entry(&LogEntry { id, body: Bytes::copy_from_slice(&entry.body) })
    };
    Ok(AppendEntriesRequest {
        vote: named_vote(vote),
        prev_log_id: message.previous.as_ref().map(named_id),
        entries: message.entries.iter().map(full).collect::<io::Result<_>>()?,
        leader_commit: message.commit.as_ref().map(named_id),
    })
}

/// What a follower says of one AppendEntries request.
pub(crate) fn encode_appended(answer: &StreamAppendResult<TypeConfig>) -> Bytes {
    let named = |id: &LogId| wire_entry(LogEntry { id: entry_id(id), body: Bytes::new() });
    let message = match answer {
        Ok(matched) => WireAppended { matched: matched.as_ref().map(named), ..WireAppended::default() },
        Err(StreamAppendError::Conflict(id)) => WireAppended { conflict: Some(named(id)), ..WireAppended::default() },
        Err(StreamAppendError::HigherVote(vote)) => {
            WireAppended { higher: Some(wire_vote(vote)), ..WireAppended::default() }
        }
    };
    message.encode_to_vec().into()
}

/// What [`encode_appended`] wrote.
pub(crate) fn decode_appended(bytes: Bytes) -> io::Result<StreamAppendResult<TypeConfig>> {
    let WireAppended { matched, conflict, higher } = WireAppended::decode(bytes).map_err(invalid)?;
    Ok(match (conflict, higher) {
        (Some(id), _) => Err(StreamAppendError::Conflict(named_id(&id))),
        (_, Some(vote)) => Err(StreamAppendError::HigherVote(named_vote(vote))),
        _ => Ok(matched.as_ref().map(named_id)),
    })
}

fn named_id(entry: &WireEntry) -> LogId {
    log_id(EntryId { term: entry.term, node: entry.node, index: entry.index })
}

fn named_vote(WireVote { term, node, committed }: WireVote) -> Vote {
    vote(SavedVote { term, node, committed })
}

fn wire_vote(vote: &Vote) -> WireVote {
    let SavedVote { term, node, committed } = saved_vote(vote);
    WireVote { term, node, committed }
}

fn wire_entry(entry: LogEntry) -> WireEntry {
    WireEntry { term: entry.id.term, node: entry.id.node, index: entry.id.index, body: entry.body }
}

/// A rare message.
pub(crate) fn encode_json(message: &impl Serialize) -> io::Result<Bytes> {
    Ok(serde_json::to_vec(message)?.into())
}

/// What [`encode_json`] wrote.
pub(crate) fn decode_json<T: DeserializeOwned>(bytes: &[u8]) -> io::Result<T> {
    Ok(serde_json::from_slice(bytes)?)
}
