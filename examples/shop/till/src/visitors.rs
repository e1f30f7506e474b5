//! Who is inside, and whether the door is open: a bounded count that closing time can wait on.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

struct State {
    inside: usize,
    open: bool,
}

/// A count with a bound.
pub(crate) struct Visitors {
    most: usize,
    state: Mutex<State>,
    left: Condvar,
}

impl Visitors {
    /// An open door, and nobody inside.
    pub(crate) fn new(most: usize) -> Visitors {
        Visitors { most, state: Mutex::new(State { inside: 0, open: true }), left: Condvar::new() }
    }

    /// Counts, and nothing a panic could leave half done, are behind the lock.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// `false`: full or closed.
    pub(crate) fn enter(&self) -> bool {
        let mut state = self.state();
        let room = state.open && state.inside < self.most;
        state.inside += usize::from(room);
        room
    }

    /// Each `enter` that was granted ends with one of these.
    pub(crate) fn leave(&self) {
        self.state().inside -= 1;
        self.left.notify_all();
    }

    pub(crate) fn inside(&self) -> usize {
        self.state().inside
    }

    pub(crate) fn is_open(&self) -> bool {
        self.state().open
    }

    pub(crate) fn close(&self) {
        self.state().open = false;
    }

    /// `false`: some were still inside at the deadline.
    pub(crate) fn wait_until_empty(&self, deadline: Duration) -> bool {
        let waited = self.left.wait_timeout_while(self.state(), deadline, |state| state.inside > 0);
        let (state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        state.inside == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_till_turns_visitors_away() {
        let visitors = Visitors::new(1);
        assert!(visitors.enter());
        assert!(!visitors.enter());
        visitors.leave();
        assert!(visitors.enter());
    }

    #[test]
    fn a_closed_till_serves_those_inside_first() {
        let visitors = Visitors::new(2);
        assert!(visitors.enter());
        visitors.close();
        assert!(!visitors.enter());
        assert!(!visitors.wait_until_empty(Duration::from_millis(1)));
        visitors.leave();
        assert!(visitors.wait_until_empty(Duration::from_millis(1)));
    }
}
