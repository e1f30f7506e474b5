//! What was acknowledged, and the judgement at the end of each story.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::cluster::{ALL, Cluster, until};

/// Writers, one preferring each member.
pub(crate) const WRITERS: usize = 3;

/// What was promised.
pub(crate) struct Ledger {
    writers: [Mutex<Account>; WRITERS],
    /// The highest revision that anybody was told of.
    highest: AtomicU64,
    acks: AtomicU64,
    /// Acknowledgements count as such.
    counting: AtomicBool,
    pace: Mutex<Pace>,
}

/// One writer's.
#[derive(Default)]
struct Account {
    /// Numbers given out.
    attempted: u64,
    acknowledged: Vec<u64>,
}

/// When acknowledgements came.
struct Pace {
    last: Instant,
    longest: Duration,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Default for Ledger {
    fn default() -> Ledger {
        Ledger {
            writers: Default::default(),
            highest: AtomicU64::new(0),
            acks: AtomicU64::new(0),
            counting: AtomicBool::new(true),
            pace: Mutex::new(Pace { last: Instant::now(), longest: Duration::ZERO }),
        }
    }
}

impl Ledger {
    /// The number of the writer's next write.
    pub(crate) fn attempt(&self, writer: usize) -> u64 {
        let mut account = lock(&self.writers[writer]);
        account.attempted += 1;
        account.attempted
    }

    /// A write was acknowledged.
    pub(crate) fn acknowledged(&self, writer: usize, n: u64, revision: u64) {
        if !self.counting.load(Ordering::SeqCst) {
            return;
        }
        lock(&self.writers[writer]).acknowledged.push(n);
        self.seen(revision);
        self.acks.fetch_add(1, Ordering::SeqCst);
        let mut pace = lock(&self.pace);
        pace.longest = pace.longest.max(pace.last.elapsed());
        pace.last = Instant::now();
    }

    /// Somebody was told of a revision; nobody may be told of a lower one in an answer to a later question.
    pub(crate) fn seen(&self, revision: u64) {
        self.highest.fetch_max(revision, Ordering::SeqCst);
    }

    /// The highest revision told so far.
    pub(crate) fn highest(&self) -> u64 {
        self.highest.load(Ordering::SeqCst)
    }

    /// From now on acknowledgements promise nothing, or something again: around a power cut, nobody can tell whether an
    /// answer came before it.
    pub(crate) fn count(&self, counting: bool) {
        self.counting.store(counting, Ordering::SeqCst);
    }

    /// How many writes were acknowledged.
    pub(crate) fn acks(&self) -> u64 {
        self.acks.load(Ordering::SeqCst)
    }

    /// Waits for so many more acknowledgements, each of which must come soon.
    pub(crate) fn await_acks(&self, more: u64) {
        let goal = self.acks() + more;
        while self.acks() < goal {
            let before = self.acks();
            until("writes go on", || self.acks() > before);
        }
    }

    /// Begins to measure how long nobody gets an acknowledgement.
    pub(crate) fn begin_pause(&self) {
        *lock(&self.pace) = Pace { last: Instant::now(), longest: Duration::ZERO };
    }

    /// The longest time without one since then.
    pub(crate) fn longest_pause(&self) -> Duration {
        let pace = lock(&self.pace);
        pace.longest.max(pace.last.elapsed())
    }

    /// On every member: all that was acknowledged is there, nothing that was never written is, no register went back, and
    /// all states are the same.
    pub(crate) fn judge(&self, cluster: &Cluster) {
        cluster.leader();
        ALL.iter().for_each(|at| until("a member reads", || answers(cluster, *at)));
        cluster.settle();
        for at in ALL {
            let revision: u64 = cluster.expect(at, "barrier").parse().expect("a revision");
            assert!(revision >= self.highest(), "member {at} is at {revision}, but {} was told", self.highest());
            (0..WRITERS).for_each(|writer| self.judge_writer(cluster, at, writer));
        }
        println!("{} acknowledged writes are on all members", self.acks());
    }

    fn judge_writer(&self, cluster: &Cluster, at: usize, writer: usize) {
        let account = lock(&self.writers[writer]);
        let found = pairs(&cluster.expect(at, &format!("range /w/{writer}/")));
        for n in &account.acknowledged {
            let value = found.get(&format!("/w/{writer}/{n}"));
            assert_eq!(value, Some(n), "write {n} of writer {writer} was acknowledged, and is lost on member {at}");
        }
        assert!(found.values().all(|n| *n <= account.attempted), "member {at} holds what nobody wrote");
        let last = pairs(&cluster.expect(at, &format!("range /last/{writer}"))).into_values().next();
        let acknowledged = account.acknowledged.last().copied();
        assert!(last >= acknowledged, "member {at}: the last write is {last:?}, but {acknowledged:?} was acknowledged");
        assert_eq!(last, found.values().max().copied(), "member {at}: half a transaction is there");
    }
}

fn answers(cluster: &Cluster, at: usize) -> bool {
    cluster.says(at, "barrier").is_some_and(|answer| answer.starts_with("ok"))
}

fn pairs(text: &str) -> BTreeMap<String, u64> {
    let pairs = text.split_whitespace().filter_map(|pair| pair.split_once('='));
    pairs.map(|(key, value)| (key.to_owned(), value.parse().expect("values are numbers"))).collect()
}
