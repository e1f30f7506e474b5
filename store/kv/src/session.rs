//! What was already applied, so that a repeated proposal gets its old answer instead of a second effect.
//!
//! A session's requests may be applied in any order (they race to the leader), so the machine keeps the outcome of
//! each until the proposer says that it no longer waits for it. That bounds a session by its proposer's requests in
//! flight, and by [`KEPT_ANSWER_BYTES`] for each. Sessions themselves are bounded by [`MAX_SESSIONS`]: the one unused for
//! longest goes first. A process that lives has its session renewed by each write, so only sessions of processes long
//! gone are dropped.

use std::sync::Arc;

use imbl::OrdMap;

use crate::limits::KEPT_ANSWER_BYTES;
use crate::model::{Outcome, RequestId};
use crate::rejection::Rejection;
use crate::state::State;

/// A cluster has a handful of masters; each start of one opens a session.
const MAX_SESSIONS: usize = 64;

/// One proposer's recent requests.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Session {
    pub(crate) settled_below: u64,
    pub(crate) last_used_ms: u64,
    /// Shared, since the map copies some of its entries at each change.
    pub(crate) outcomes: OrdMap<u64, Arc<Outcome>>,
}

impl Session {
    /// Forgets the answers that nobody waits for any more.
    fn settle(&mut self, below: u64) {
        self.settled_below = self.settled_below.max(below);
        while let Some(oldest) = self.outcomes.get_min().map(|(oldest, _)| *oldest).filter(|oldest| *oldest < below) {
            self.outcomes.remove(&oldest);
        }
    }
}

impl State {
    /// The answer that this request already got.
    pub(crate) fn recorded(&self, id: &RequestId) -> Option<Outcome> {
        let session = self.sessions.get(&id.session)?;
        if id.sequence < session.settled_below {
            return Some(Outcome::Rejected(Rejection::Settled { session: id.session, sequence: id.sequence }));
        }
        session.outcomes.get(&id.sequence).map(|outcome| Outcome::clone(outcome))
    }

    /// Keeps the answer, and forgets those that are settled.
    pub(crate) fn record(&mut self, id: &RequestId, outcome: &Outcome) {
        if id.session == 0 {
            return;
        }
        let now = self.time_ms;
        let session = self.sessions.entry(id.session).or_default();
        session.last_used_ms = now;
        session.settle(id.settled_below);
        session.outcomes.insert(id.sequence, Arc::new(kept(id, outcome)));
        self.drop_oldest_session();
    }

    fn drop_oldest_session(&mut self) {
        if self.sessions.len() <= MAX_SESSIONS {
            return;
        }
        let oldest = self.sessions.iter().min_by_key(|(id, session)| (session.last_used_ms, **id)).map(|(id, _)| *id);
        if let Some(id) = oldest {
            self.sessions.remove(&id);
        }
    }
}

/// What is kept of an answer: all of it, unless it has much to read in it.
fn kept(id: &RequestId, outcome: &Outcome) -> Outcome {
    if outcome.bytes() <= KEPT_ANSWER_BYTES {
        return outcome.clone();
    }
    Outcome::Rejected(Rejection::AnswerNotKept { session: id.session, sequence: id.sequence })
}
