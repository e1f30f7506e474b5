//! Numbers this process's proposals, so that proposing one twice applies it once.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use xebec_kv::RequestId;

/// One life of a process.
#[derive(Clone)]
pub(crate) struct Session {
    id: u64,
    numbers: Arc<Mutex<Numbers>>,
}

#[derive(Default)]
struct Numbers {
    next: u64,
    /// Those that somebody still waits for: bounded by the proposals under way.
    waiting: BTreeSet<u64>,
}

/// A proposal under way; settled when dropped.
pub(crate) struct Ticket {
    session: Session,
    sequence: u64,
}

impl Session {
    /// A session under an id that nobody else has, and that is not 0.
    pub(crate) fn begin(id: u64) -> Session {
        Session { id, numbers: Arc::default() }
    }

    pub(crate) fn ticket(&self) -> Ticket {
        let mut numbers = self.numbers();
        let sequence = numbers.next;
        numbers.next += 1;
        numbers.waiting.insert(sequence);
        Ticket { session: self.clone(), sequence }
    }

    /// A number that no other process's session gives, in all likelihood, nor this one twice.
    pub(crate) fn unique(&self) -> u64 {
        self.id.wrapping_add(self.ticket().sequence)
    }

    fn numbers(&self) -> MutexGuard<'_, Numbers> {
        self.numbers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Ticket {
    /// The request's name, with what is settled by now.
    pub(crate) fn request_id(&self) -> RequestId {
        let numbers = self.session.numbers();
        let settled_below = numbers.waiting.first().copied().unwrap_or(self.sequence);
        RequestId { session: self.session.id, sequence: self.sequence, settled_below }
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.session.numbers().waiting.remove(&self.sequence);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settled_is_what_nobody_waits_for() {
        let session = Session::begin(7);
        let (first, second) = (session.ticket(), session.ticket());
        assert_eq!(second.request_id().settled_below, 0);
        drop(first);
        assert_eq!(second.request_id().settled_below, 1);
        drop(second);
        assert_eq!(session.ticket().request_id().settled_below, 2);
    }
}
