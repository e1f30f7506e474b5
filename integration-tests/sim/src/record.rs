//! What happened in a simulation, as its checks want it: what clients asked and were told, what members applied, what watchers
//! were given.
//!
//! Order is the order in which things were done on the simulation's one thread. That is what "before" means in all checks:
//! whoever is told something is told it after it was decided.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use xebec_store::kv::{Event, Revision};

/// A value that a client puts: no two puts have the same.
pub(crate) type Value = u64;
/// One of the few keys that clients work on.
pub(crate) type Key = u8;

/// What a client asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Ask {
    /// Puts one value under some keys, at once.
    Put { keys: Vec<Key>, value: Value },
    /// Removes a key.
    Delete { key: Key },
    /// Puts a value if the key has the expected one, else reads it.
    Swap { key: Key, expected: Value, value: Value },
    /// Reads what is newest.
    Get { key: Key },
    /// Reads what the member has.
    Peek { key: Key },
}

/// What a client was told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Told {
    /// It was done: the revision, and what stood there before, key by key.
    Done { revision: Revision, before: Vec<Option<Value>> },
    /// The comparison did not hold; what was found.
    Differs { revision: Revision, found: Option<Value> },
    /// What was read, in a state of this revision.
    Read { revision: Revision, value: Option<Value> },
    /// Certainly nothing was done.
    Refused(String),
    /// It may have been done, or may be yet.
    Unknown,
}

/// One request of a client.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    /// Whose.
    pub(crate) client: u64,
    /// At which member.
    pub(crate) member: u64,
    /// What was asked.
    pub(crate) ask: Ask,
    /// When it was made.
    pub(crate) begun: u64,
    /// When it was answered; `u64::MAX`: never.
    pub(crate) ended: u64,
    /// The answer.
    pub(crate) told: Told,
}

/// Something that a member's observer was told.
#[derive(Clone, Debug)]
pub(crate) struct Heard {
    /// Who.
    pub(crate) member: u64,
    /// Which life of it.
    pub(crate) life: u64,
    /// When, in simulated time.
    pub(crate) at: Duration,
    /// The state's revision when it was told.
    pub(crate) revision: Revision,
    /// The changes of one revision; none: the state was replaced as a whole.
    pub(crate) events: Vec<Event>,
}

/// Something that a watcher was given.
#[derive(Clone, Debug)]
pub(crate) struct Watched {
    /// Who.
    pub(crate) watcher: u64,
    /// What.
    pub(crate) given: Given,
}

/// What a watcher is given.
#[derive(Clone, Debug)]
pub(crate) enum Given {
    /// It began, or went on at another member, after this revision.
    Resumed { after: Revision },
    /// Changes, all of one revision.
    Batch { events: Vec<Event> },
    /// It has been given everything up to here.
    Progress { revision: Revision },
    /// History is gone up to here: the watcher goes on after this revision, from a fresh look at the state.
    Compacted { resume_after: Revision },
}

/// A lease that a client was granted.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Lease {
    /// When it was asked for, in simulated time.
    pub(crate) asked: Duration,
    /// How long it lives.
    pub(crate) ttl: Duration,
    /// The client has asked to end it.
    pub(crate) given_up: bool,
}

/// How a member stood at some moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Sample {
    /// Who.
    pub(crate) member: u64,
    /// Which life of it.
    pub(crate) life: u64,
    /// The last entry applied.
    pub(crate) index: u64,
    /// The state's hash.
    pub(crate) hash: u64,
    /// The state's revision.
    pub(crate) revision: Revision,
}

/// Everything.
#[derive(Debug, Default)]
pub(crate) struct Record {
    next: u64,
    values: Value,
    /// Requests, in the order in which they were made.
    pub(crate) calls: Vec<Call>,
    /// What observers were told, in order.
    pub(crate) heard: Vec<Heard>,
    /// What watchers were given, in order.
    pub(crate) watched: Vec<Watched>,
    /// Leases, by their id.
    pub(crate) leases: BTreeMap<u64, Lease>,
    /// Looks at members, in order.
    pub(crate) samples: Vec<Sample>,
    /// What was wrong at once.
    pub(crate) problems: Vec<String>,
}

/// Clones write the same record.
#[derive(Clone, Default)]
pub(crate) struct Recorder(Arc<Mutex<Record>>);

impl Recorder {
    /// The record.
    pub(crate) fn open(&self) -> MutexGuard<'_, Record> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A value that nobody has put.
    pub(crate) fn fresh_value(&self) -> Value {
        let mut record = self.open();
        record.values += 1;
        record.values
    }

    /// A request is made; gives its number.
    pub(crate) fn begin(&self, client: u64, member: u64, ask: Ask) -> usize {
        let mut record = self.open();
        let begun = record.tick();
        record.calls.push(Call { client, member, ask, begun, ended: u64::MAX, told: Told::Unknown });
        record.calls.len() - 1
    }

    /// It is answered. One whose outcome is unknown stays open.
    pub(crate) fn end(&self, call: usize, told: Told) {
        let mut record = self.open();
        let ended = record.tick();
        let call = &mut record.calls[call];
        if told != Told::Unknown {
            call.ended = ended;
        }
        call.told = told;
    }
}

impl Record {
    fn tick(&mut self) -> u64 {
        self.next += 1;
        self.next
    }
}

/// A key's name in the store.
pub(crate) fn key_name(key: Key) -> String {
    format!("/sim/k{key}")
}

/// The key of a name; `None`: not one of the clients'.
pub(crate) fn key_of(name: &[u8]) -> Option<Key> {
    std::str::from_utf8(name).ok()?.strip_prefix("/sim/k")?.parse().ok()
}

/// The value in bytes that a client put.
pub(crate) fn value_of(bytes: &[u8]) -> Option<Value> {
    std::str::from_utf8(bytes).ok()?.parse().ok()
}
