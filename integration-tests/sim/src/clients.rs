//! Clients: each asks one member, one thing after the other, as the API server of that master does.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::Bytes;
use tokio::time::{Instant, sleep};
use xebec_store::kv::{Compare, KeyValue, Op, OpResponse, Operand, Relation, Txn, TxnOutcome};
use xebec_store::{Store, StoreError};

use crate::chance::Chance;
use crate::mutant::Mutant;
use crate::record::{Ask, Key, Lease, Recorder, Told, Value, key_name, value_of};

/// Few, so that clients meet.
pub(crate) const KEYS: u64 = 5;
/// How long a lease of a simulated client lives without being renewed.
const LEASE: Duration = Duration::from_millis(1500);
const BRIEFLY: Duration = Duration::from_secs(2);

/// One client.
pub(crate) struct Client {
    /// Its number, never used twice.
    pub(crate) number: u64,
    /// The member that it asks.
    pub(crate) member: u64,
    /// That member's store.
    pub(crate) store: Store,
    /// Where all is written down.
    pub(crate) recorder: Recorder,
    /// What it does when.
    pub(crate) chance: Chance,
    /// A fault of the reading side.
    pub(crate) mutant: Option<Mutant>,
}

impl Client {
    /// Asks until it is quiet.
    pub(crate) async fn run(mut self, quiet: Arc<AtomicBool>) {
        let mut last_seen = [None; KEYS as usize];
        while !quiet.load(Ordering::Relaxed) {
            sleep(self.chance.millis(1..40)).await;
            let ask = self.choose(&last_seen);
            let patience = self.chance.millis(100..2_500);
            let call = self.recorder.begin(self.number, self.member, ask.clone());
            let told = self.perform(&ask, Instant::now() + patience).await;
            note(&mut last_seen, &ask, &told);
            self.recorder.end(call, told);
            if self.chance.percent(2) {
                self.use_a_lease().await;
            }
        }
    }

    /// Reads every key once.
    pub(crate) async fn read_all(self) {
        for key in 0..KEYS as Key {
            let ask = Ask::Get { key };
            let call = self.recorder.begin(self.number, self.member, ask.clone());
            let told = self.perform(&ask, Instant::now() + BRIEFLY).await;
            self.recorder.end(call, told);
        }
    }

    fn choose(&mut self, last_seen: &[Option<Value>]) -> Ask {
        let key = self.chance.within(0..KEYS) as Key;
        match self.chance.within(0..100) {
            0..25 => Ask::Put { keys: vec![key], value: self.recorder.fresh_value() },
            25..35 => {
                let keys = vec![key, (key + 1) % KEYS as Key];
                Ask::Put { keys, value: self.recorder.fresh_value() }
            }
            35..40 => Ask::Delete { key },
            40..60 => match last_seen[usize::from(key)] {
                Some(expected) => Ask::Swap { key, expected, value: self.recorder.fresh_value() },
                None => Ask::Get { key },
            },
            60..85 => Ask::Get { key },
            _ => Ask::Peek { key },
        }
    }

    async fn perform(&self, ask: &Ask, deadline: Instant) -> Told {
        match ask {
            Ask::Get { key } if self.mutant == Some(Mutant::StaleRead) => self.peek(*key),
            Ask::Get { key } => match self.store.read_barrier(deadline).await {
                Ok(_) => self.peek(*key),
                Err(error) => Told::Refused(error.to_string()),
            },
            Ask::Peek { key } => self.peek(*key),
            Ask::Put { .. } | Ask::Delete { .. } | Ask::Swap { .. } => {
                told(ask, self.store.txn(transaction(ask), deadline).await)
            }
        }
    }

    fn peek(&self, key: Key) -> Told {
        let state = self.store.state();
        Told::Read { revision: state.revision(), value: value(state.get(key_name(key).as_bytes()).as_ref()) }
    }

    /// Two keys that go together when nobody renews their lease.
    async fn use_a_lease(&mut self) {
        let lease = self.chance.next().max(1);
        let deadline = Instant::now() + BRIEFLY;
        let asked = turmoil::sim_elapsed().unwrap_or_default();
        self.recorder.open().leases.insert(lease, Lease { asked, ttl: LEASE, given_up: false });
        if self.store.lease_grant(lease, LEASE, deadline).await.is_err() {
            return;
        }
        let put = |name: &str| Op::Put { key: format!("/lease/{lease}/{name}").into(), value: Bytes::new(), lease };
        let txn = Txn { success: vec![put("a"), put("b")], ..Txn::default() };
        let put = self.store.txn(txn, deadline).await;
        if put.is_ok() && self.chance.percent(30) {
            // If that fails, it ends by itself.
            self.recorder.open().leases.entry(lease).and_modify(|lease| lease.given_up = true);
            let _revoked = self.store.lease_revoke(lease, deadline).await.is_ok();
        }
    }
}

fn transaction(ask: &Ask) -> Txn {
    let name = |key: &Key| Bytes::from(key_name(*key));
    let get = |key: &Key| Op::Get { key: name(key) };
    let put = |key: &Key, value: &Value| Op::Put { key: name(key), value: value.to_string().into(), lease: 0 };
    match ask {
        Ask::Put { keys, value } => {
            let success = keys.iter().flat_map(|key| [get(key), put(key, value)]).collect();
            Txn { success, ..Txn::default() }
        }
        Ask::Delete { key } => Txn { success: vec![get(key), Op::Delete { key: name(key) }], ..Txn::default() },
        Ask::Swap { key, expected, value } => {
            let expected = Operand::Value(expected.to_string().into());
            Txn {
                compares: vec![Compare::new(name(key), Relation::Equal, expected)],
                success: vec![get(key), put(key, value)],
                failure: vec![get(key)],
            }
        }
        Ask::Get { .. } | Ask::Peek { .. } => Txn::default(),
    }
}

fn told(ask: &Ask, answer: Result<TxnOutcome, StoreError>) -> Told {
    let outcome = match answer {
        Ok(outcome) => outcome,
        Err(StoreError::Timeout | StoreError::Stopped { .. }) => return Told::Unknown,
        Err(error) => return Told::Refused(error.to_string()),
    };
    let revision = outcome.revision;
    let values = outcome.responses.iter().filter_map(|response| match response {
        OpResponse::Get { current } => Some(value(current.as_ref())),
        _ => None,
    });
    let before: Vec<Option<Value>> = values.collect();
    if matches!(ask, Ask::Swap { .. }) && !outcome.succeeded {
        return Told::Differs { revision, found: before.first().copied().flatten() };
    }
    Told::Done { revision, before }
}

fn value(found: Option<&KeyValue>) -> Option<Value> {
    value_of(&found?.value)
}

/// What the client knows of the keys, so that some of its comparisons hold.
fn note(last_seen: &mut [Option<Value>], ask: &Ask, told: &Told) {
    match (ask, told) {
        (Ask::Put { keys, value }, Told::Done { .. }) => {
            keys.iter().for_each(|key| last_seen[usize::from(*key)] = Some(*value));
        }
        (Ask::Swap { key, value, .. }, Told::Done { .. }) => last_seen[usize::from(*key)] = Some(*value),
        (Ask::Swap { key, .. }, Told::Differs { found, .. }) => last_seen[usize::from(*key)] = *found,
        (Ask::Get { key } | Ask::Peek { key }, Told::Read { value, .. }) => last_seen[usize::from(*key)] = *value,
        (Ask::Delete { key }, Told::Done { .. }) => last_seen[usize::from(*key)] = None,
        _ => {}
    }
}
