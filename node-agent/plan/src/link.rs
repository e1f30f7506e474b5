//! Which master the agent is subscribed to, and when to dial again.
//!
//! [`Masters::step`] takes what happened and answers what to do; it knows neither clock nor chance. Each master is dialled
//! and kept; one of those that answer is subscribed to. Nodes spread over the masters by rendezvous hashing, and stay where
//! they are while it works: a master that returns takes nothing away from the one that stood in for it.

use std::collections::BTreeMap;

/// A moment, in milliseconds of any clock that only goes forward.
pub type Millis = u64;

/// The first wait before a master is dialled again; doubled with each failure.
const BACKOFF_FIRST: Millis = 200;
/// The longest wait. Higher, and a cluster that comes back waits for its nodes.
const BACKOFF_LONGEST: Millis = 3_000;
/// A session that has lived this long was a good one: the next wait is the first again.
const GOOD_SESSION: Millis = 5_000;
/// A subscribed master that has not sent the whole state by then is given up. Lower, and a large cluster never syncs.
const SYNC_DEADLINE: Millis = 10_000;

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// The session with this master stands.
    Connected(String),
    /// It could not be made, or it broke.
    Lost(String),
    /// The subscribed master has sent the whole state.
    Synced(String),
    /// These are the masters.
    Masters(Vec<String>),
    /// Time has passed.
    Tick,
}

/// What to do, in this order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Make a session, after so long.
    Dial {
        /// `host:port`
        master: String,
        /// How long to wait first.
        after: Millis,
    },
    /// Give the session, or the attempt, up.
    Close(String),
    /// Ask this master for work.
    Subscribe(String),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Session {
    Dialling { failures: u32 },
    Connected { since: Millis, failures: u32 },
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Subscription {
    master: String,
    since: Millis,
    synced: bool,
}

/// All masters, and where this node stands with them.
#[derive(Debug, Clone)]
pub struct Masters {
    node: String,
    sessions: BTreeMap<String, Session>,
    subscription: Option<Subscription>,
}

impl Masters {
    /// Knows no master yet: the first event is [`Event::Masters`].
    pub fn new(node: &str) -> Masters {
        Masters { node: node.to_owned(), sessions: BTreeMap::new(), subscription: None }
    }

    /// The master that work comes from.
    pub fn subscribed(&self) -> Option<&str> {
        self.subscription.as_ref().map(|subscription| subscription.master.as_str())
    }

    /// Takes in what happened. `jitter` is in `0.0..1.0` and spreads the nodes that lost the same master.
    pub fn step(&mut self, event: Event, now: Millis, jitter: f64) -> Vec<Action> {
        let mut actions = match event {
            Event::Connected(master) => self.connected(master, now),
            Event::Lost(master) => self.lost(&master, now, jitter),
            Event::Synced(master) => self.synced(&master),
            Event::Masters(masters) => self.masters(&masters),
            Event::Tick => self.tick(now, jitter),
        };
        actions.extend(self.choose(now));
        actions
    }

    fn connected(&mut self, master: String, now: Millis) -> Vec<Action> {
        if let Some(session) = self.sessions.get_mut(&master) {
            let failures = session.failures();
            *session = Session::Connected { since: now, failures };
        }
        Vec::new()
    }

    fn lost(&mut self, master: &str, now: Millis, jitter: f64) -> Vec<Action> {
        if self.subscribed() == Some(master) {
            self.subscription = None;
        }
        let Some(session) = self.sessions.get_mut(master) else { return Vec::new() };
        let failures = session.failures_after(now);
        *session = Session::Dialling { failures };
        vec![Action::Dial { master: master.to_owned(), after: backoff(failures, jitter) }]
    }

    fn synced(&mut self, master: &str) -> Vec<Action> {
        if let Some(subscription) = self.subscription.as_mut().filter(|s| s.master == master) {
            subscription.synced = true;
        }
        Vec::new()
    }

    /// An empty list is nobody's truth and changes nothing.
    fn masters(&mut self, masters: &[String]) -> Vec<Action> {
        if masters.is_empty() {
            return Vec::new();
        }
        let gone: Vec<String> = self.sessions.keys().filter(|known| !masters.contains(known)).cloned().collect();
        let mut actions: Vec<Action> = gone.iter().cloned().map(Action::Close).collect();
        self.sessions.retain(|known, _| masters.contains(known));
        self.subscription.take_if(|subscription| gone.contains(&subscription.master));
        for master in masters {
            if !self.sessions.contains_key(master) {
                self.sessions.insert(master.clone(), Session::Dialling { failures: 0 });
                actions.push(Action::Dial { master: master.clone(), after: 0 });
            }
        }
        actions
    }

    fn tick(&mut self, now: Millis, jitter: f64) -> Vec<Action> {
        let late = |s: &mut Subscription| !s.synced && now.saturating_sub(s.since) >= SYNC_DEADLINE;
        let Some(subscription) = self.subscription.take_if(late) else { return Vec::new() };
        let mut actions = vec![Action::Close(subscription.master.clone())];
        actions.extend(self.lost(&subscription.master, now, jitter));
        actions
    }

    fn choose(&mut self, now: Millis) -> Option<Action> {
        if self.subscription.is_some() {
            return None;
        }
        let connected = self.sessions.iter().filter(|(_, session)| matches!(session, Session::Connected { .. }));
        let master = connected.map(|(master, _)| master).max_by_key(|master| weight(&self.node, master))?.clone();
        self.subscription = Some(Subscription { master: master.clone(), since: now, synced: false });
        Some(Action::Subscribe(master))
    }
}

impl Session {
    fn failures(self) -> u32 {
        match self {
            Session::Dialling { failures } | Session::Connected { failures, .. } => failures,
        }
    }

    fn failures_after(self, now: Millis) -> u32 {
        match self {
            Session::Connected { since, .. } if now.saturating_sub(since) >= GOOD_SESSION => 0,
            other => other.failures().saturating_add(1),
        }
    }
}

/// The wait after so many failures in a row: half of it is certain, half is chance.
pub fn backoff(failures: u32, jitter: f64) -> Millis {
    let full = BACKOFF_FIRST.saturating_mul(1 << failures.min(16)).min(BACKOFF_LONGEST);
    let half = full / 2;
    half + (half as f64 * jitter.clamp(0.0, 1.0)) as Millis
}

/// FNV-1a over both names, finished so that similar names differ widely.
fn weight(node: &str, master: &str) -> u64 {
    let bytes = node.bytes().chain([0]).chain(master.bytes());
    let hash = bytes
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3));
    let mixed = (hash ^ (hash >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
    mixed ^ (mixed >> 33)
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: &str = "a:6443";
    const B: &str = "b:6443";

    /// Both connected; returns the masters, the one subscribed to and the other.
    fn two() -> (Masters, String, String) {
        let mut masters = Masters::new("n1");
        masters.step(Event::Masters(vec![A.into(), B.into()]), 0, 0.0);
        masters.step(Event::Connected(A.into()), 1, 0.0);
        masters.step(Event::Connected(B.into()), 1, 0.0);
        let first = masters.subscribed().expect("one is chosen").to_owned();
        let other = if first == A { B } else { A };
        (masters, first, other.to_owned())
    }

    fn dial(master: &str, after: Millis) -> Action {
        Action::Dial { master: master.into(), after }
    }

    #[test]
    fn all_masters_are_dialled_and_the_first_that_answers_is_subscribed() {
        let mut masters = Masters::new("n1");
        let actions = masters.step(Event::Masters(vec![A.into(), B.into()]), 0, 0.0);
        assert_eq!(actions, [dial(A, 0), dial(B, 0)]);
        assert_eq!(masters.step(Event::Connected(B.into()), 5, 0.0), [Action::Subscribe(B.into())]);
        assert_eq!(masters.step(Event::Connected(A.into()), 6, 0.0), []);
    }

    #[test]
    fn a_lost_master_is_replaced_at_once_and_not_returned_to() {
        let (mut masters, first, other) = two();
        let actions = masters.step(Event::Lost(first.clone()), 10_000, 0.0);
        assert_eq!(actions, [dial(&first, 100), Action::Subscribe(other.clone())]);
        assert_eq!(masters.step(Event::Connected(first), 10_200, 0.0), []);
        assert_eq!(masters.subscribed(), Some(other.as_str()));
    }

    #[test]
    fn with_no_other_master_the_agent_waits_for_one() {
        let (mut masters, first, other) = two();
        masters.step(Event::Lost(other), 10, 0.0);
        assert_eq!(masters.step(Event::Lost(first.clone()), 10, 0.0), [dial(&first, 200)]);
        assert_eq!(masters.step(Event::Connected(first.clone()), 20, 0.0), [Action::Subscribe(first)]);
    }

    #[test]
    fn a_master_that_never_syncs_is_given_up() {
        let (mut masters, first, other) = two();
        assert_eq!(masters.step(Event::Tick, 9_000, 0.0), []);
        let actions = masters.step(Event::Tick, 10_001, 0.0);
        assert_eq!(actions, [Action::Close(first.clone()), dial(&first, 100), Action::Subscribe(other.clone())]);
        masters.step(Event::Synced(other), 10_500, 0.0);
        assert_eq!(masters.step(Event::Tick, 60_000, 0.0), []);
    }

    #[test]
    fn membership_changes_close_and_dial() {
        let (mut masters, first, other) = two();
        let actions = masters.step(Event::Masters(vec![other.clone(), "c:6443".into()]), 50, 0.0);
        assert_eq!(actions, [Action::Close(first), dial("c:6443", 0), Action::Subscribe(other)]);
        assert_eq!(masters.step(Event::Masters(Vec::new()), 60, 0.0), []);
    }

    #[test]
    fn waits_grow_to_a_bound_and_jitter_spreads_them() {
        let waits: Vec<Millis> = (1..8).map(|failures| backoff(failures, 0.0)).collect();
        assert_eq!(waits, [200, 400, 800, 1500, 1500, 1500, 1500]);
        assert_eq!((backoff(1, 0.5), backoff(40, 1.0)), (300, BACKOFF_LONGEST));
    }

    #[test]
    fn nodes_spread_over_the_masters() {
        let chosen = |node: &str| weight(node, A) > weight(node, B);
        let to_a = (0..1000).filter(|n| chosen(&format!("node-{n}"))).count();
        assert!((400..600).contains(&to_a), "{to_a}");
    }
}
