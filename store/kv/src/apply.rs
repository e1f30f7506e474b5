//! One command in, one outcome and its events out.

use crate::limits::COMPACTION_STEP;
use crate::model::{Applied, Body, Command, Event, HashMark, Outcome};
use crate::state::State;

impl State {
    /// Applies a committed command. Total: whatever the command, every replica answers the same.
    pub fn apply(&mut self, command: &Command) -> Applied {
        self.time_ms = self.time_ms.max(command.time_ms);
        if let Some(outcome) = self.recorded(&command.request_id) {
            return Applied { outcome, events: Vec::new() };
        }
        let (outcome, events) = self.run(&command.body);
        self.record(&command.request_id, &outcome);
        Applied { outcome, events }
    }

    fn run(&mut self, body: &Body) -> (Outcome, Vec<Event>) {
        match body {
            Body::Txn(txn) => self.run_txn(txn),
            Body::Compact { revision } => (self.compact(*revision, COMPACTION_STEP), Vec::new()),
            Body::LeaseGrant { id, ttl_ms } => (self.grant_lease(*id, *ttl_ms), Vec::new()),
            Body::LeaseRenew { id } => (self.renew_lease(*id), Vec::new()),
            Body::LeaseRevoke { id } => self.revoke_lease(*id),
            Body::HashCheck { id } => (Outcome::Hash(self.mark(*id)), Vec::new()),
        }
    }

    fn mark(&self, id: u64) -> HashMark {
        HashMark { id, revision: self.revision, hash: self.hash() }
    }
}
