//! Which keys to reconcile, and when.
//!
//! ```text
//!            add                 next                 begin
//!  (nothing) ───▶ Ready ────────────────▶ reconcile ────────▶ Running
//!      ▲            ▲                         │ no actions        │ finish
//!      │            │ touched meanwhile       ▼                   ▼
//!      └────────────┴──────────────────── (nothing) ◀──── Settling until the world shows the writes
//! ```
//!
//! A key is in one place only, so there are never more entries than objects and controllers make. A key that failed
//! comes back by its timer, and changes do not bring it back earlier: what keeps failing must not keep us busy.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use tokio::time::Instant;
use xebec_controllers::Key;

/// Keys whose actions are being carried out at once. More would only queue before the log.
const CONCURRENCY: usize = 64;
const FIRST_BACKOFF: Duration = Duration::from_millis(20);
const LAST_BACKOFF: Duration = Duration::from_secs(15);

/// Where a key is.
enum State {
    Ready,
    Running { touched: bool },
    Settling { touched: bool },
}

/// How carrying out a key's actions ended.
pub(super) struct Finish {
    /// The world must show this revision before the key is looked at again.
    pub(super) revision: u64,
    /// Whether to try again.
    pub(super) failed: bool,
}

#[derive(Default)]
pub(super) struct Queue {
    states: BTreeMap<Key, State>,
    ready: VecDeque<Key>,
    running: usize,
    settling: BTreeSet<(u64, Key)>,
    timers: BTreeSet<(Instant, Key)>,
    due: BTreeMap<Key, Instant>,
    failures: BTreeMap<Key, u32>,
}

impl Queue {
    /// A key must be looked at.
    pub(super) fn add(&mut self, key: Key) {
        match self.states.get_mut(&key) {
            Some(State::Ready) => {}
            Some(State::Running { touched } | State::Settling { touched }) => *touched = true,
            None if self.failures.contains_key(&key) => {}
            None => self.push(key),
        }
    }

    fn push(&mut self, key: Key) {
        self.states.insert(key.clone(), State::Ready);
        self.ready.push_back(key);
    }

    /// The next key to reconcile; its timer is void. None while too much is under way.
    pub(super) fn next(&mut self) -> Option<Key> {
        if self.running >= CONCURRENCY {
            return None;
        }
        let key = self.ready.pop_front()?;
        self.states.remove(&key);
        self.clear_timer(&key);
        Some(key)
    }

    /// Whether a key could be handed out now.
    pub(super) fn has_work(&self) -> bool {
        self.running < CONCURRENCY && !self.ready.is_empty()
    }

    /// Look at a key again after this long, unless something brings it back before.
    pub(super) fn add_after(&mut self, key: Key, wait: Duration, now: Instant) {
        self.clear_timer(&key);
        let at = now + wait;
        self.timers.insert((at, key.clone()));
        self.due.insert(key, at);
    }

    fn clear_timer(&mut self, key: &Key) {
        if let Some(at) = self.due.remove(key) {
            self.timers.remove(&(at, key.clone()));
        }
    }

    /// When the next timer ends.
    pub(super) fn next_timer(&self) -> Option<Instant> {
        self.timers.first().map(|(at, _)| *at)
    }

    /// Brings back the keys whose timers have ended.
    pub(super) fn ring(&mut self, now: Instant) {
        while let Some((at, key)) = self.timers.first().filter(|(at, _)| *at <= now).cloned() {
            self.timers.remove(&(at, key.clone()));
            self.due.remove(&key);
            match self.states.get(&key) {
                None => self.push(key),
                Some(_) => self.add(key),
            }
        }
    }

    /// The key's actions are being carried out.
    pub(super) fn begin(&mut self, key: Key) {
        self.running += 1;
        self.states.insert(key, State::Running { touched: false });
    }

    /// They have been. The world is at `position`.
    pub(super) fn finish(&mut self, key: Key, finish: &Finish, position: u64, now: Instant) {
        self.running = self.running.saturating_sub(1);
        let mut touched = matches!(self.states.remove(&key), Some(State::Running { touched: true }));
        if finish.failed {
            self.back_off(key.clone(), now);
            touched = false;
        } else {
            touched |= self.failures.remove(&key).is_some();
        }
        if finish.revision > position {
            self.settling.insert((finish.revision, key.clone()));
            self.states.insert(key, State::Settling { touched });
        } else if touched {
            self.push(key);
        }
    }

    /// The key failed: it comes back after a wait that doubles each time.
    pub(super) fn back_off(&mut self, key: Key, now: Instant) {
        let failures = self.failures.entry(key.clone()).or_default();
        let wait = FIRST_BACKOFF.saturating_mul(1 << (*failures).min(16)).min(LAST_BACKOFF);
        *failures += 1;
        self.add_after(key, wait, now);
    }

    /// The key is well, without any actions.
    pub(super) fn is_well(&mut self, key: &Key) {
        self.failures.remove(key);
    }

    /// The world is at `position`: lets go of what waited for that.
    pub(super) fn settle(&mut self, position: u64) {
        while let Some((until, key)) = self.settling.first().filter(|(until, _)| *until <= position).cloned() {
            self.settling.remove(&(until, key.clone()));
            if let Some(State::Settling { touched: true }) = self.states.remove(&key) {
                self.push(key);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use xebec_controllers::{Controller, ObjectRef, Resource};

    use super::*;

    fn key(name: &str) -> Key {
        Key::new(Controller::ReplicaSet, ObjectRef::new(Resource::REPLICA_SETS, "default", name))
    }

    fn wrote(revision: u64) -> Finish {
        Finish { revision, failed: false }
    }

    #[test]
    fn a_key_is_not_handed_out_twice() {
        let mut queue = Queue::default();
        queue.add(key("a"));
        queue.add(key("a"));
        assert_eq!(queue.next(), Some(key("a")));
        assert_eq!(queue.next(), None);
    }

    #[test]
    fn a_key_waits_until_the_world_shows_its_writes() {
        let (mut queue, now) = (Queue::default(), Instant::now());
        queue.begin(key("a"));
        queue.add(key("a"));
        assert_eq!(queue.next(), None, "it is being carried out");
        queue.finish(key("a"), &wrote(7), 5, now);
        queue.add(key("a"));
        queue.settle(6);
        assert_eq!(queue.next(), None, "its writes do not show yet");
        queue.settle(7);
        assert_eq!(queue.next(), Some(key("a")));
        queue.settle(8);
        assert_eq!(queue.next(), None);
    }

    #[test]
    fn a_failing_key_backs_off_whatever_happens_to_it() {
        let (mut queue, now) = (Queue::default(), Instant::now());
        queue.back_off(key("a"), now);
        queue.add(key("a"));
        assert_eq!(queue.next(), None);
        queue.ring(now + FIRST_BACKOFF);
        assert_eq!(queue.next(), Some(key("a")));
        queue.back_off(key("a"), now);
        assert_eq!(queue.next_timer(), Some(now + FIRST_BACKOFF * 2));
        for _ in 0..40 {
            queue.back_off(key("a"), now);
        }
        assert_eq!(queue.next_timer(), Some(now + LAST_BACKOFF));
    }

    #[test]
    fn a_change_is_faster_than_a_timer_and_voids_it() {
        let (mut queue, now) = (Queue::default(), Instant::now());
        queue.add_after(key("a"), Duration::from_secs(4), now);
        queue.add(key("a"));
        assert_eq!(queue.next(), Some(key("a")));
        assert_eq!(queue.next_timer(), None);
    }

    #[test]
    fn only_so_many_run_at_once() {
        let mut queue = Queue::default();
        for n in 0..=CONCURRENCY {
            queue.add(key(&n.to_string()));
        }
        let mut begun = 0;
        while let Some(key) = queue.next() {
            queue.begin(key);
            begun += 1;
        }
        assert_eq!(begun, CONCURRENCY);
    }
}
