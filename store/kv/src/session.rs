//! What was already applied, so that a repeated proposal gets its old answer instead of a second effect.
//!
//! A session's requests may be applied in any order (they race to the leader), so the machine keeps the outcome of
//! each until the proposer says that it no longer waits for it. That bounds a session by its proposer's requests in
//! flight, and by [`KEPT_ANSWER_BYTES`] for each. Sessions themselves are bounded by [`MAX_SESSIONS`]: the one unused for
//! longest goes first. A process that lives has its session renewed by each write, so only sessions of processes long
//! gone are dropped.

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
    pub(crate) outcomes: OrdMap<u64, Outcome>,
}

impl State {
    /// The answer that this request already got.
    pub(crate) fn recorded(&self, id: &RequestId) -> Option<Outcome> {
        let session = self.sessions.get(&id.session)?;
        if id.sequence < session.settled_below {
            return Some(Outcome::Rejected(Rejection::Settled { session: id.session, sequence: id.sequence }));
        }
        session.outcomes.get(&id.sequence).cloned()
    }

    /// Keeps the answer, and forgets those that are settled.
    pub(crate) fn record(&mut self, id: &RequestId, outcome: &Outcome) {
        if id.session == 0 {
            return;
        }
        let mut session = self.sessions.get(&id.session).cloned().unwrap_or_default();
        session.last_used_ms = self.time_ms;
        if id.settled_below > session.settled_below {
            session.settled_below = id.settled_below;
            let below = id.settled_below;
            while session.outcomes.get_min().is_some_and(|(sequence, _)| *sequence < below) {
                session.outcomes = session.outcomes.without_min().1;
            }
        }
        session.outcomes.insert(id.sequence, kept(id, outcome));
        self.sessions.insert(id.session, session);
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
