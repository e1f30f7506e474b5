//! Three members, their directories, and what is done to them.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::certificates;
use super::process::Process;

/// Positions of the members; ids change when one is rebuilt.
pub(crate) const ALL: [usize; 3] = [0, 1, 2];
/// For what must come true.
pub(crate) const SOON: Duration = Duration::from_secs(30);

/// What a story wants different.
#[derive(Default)]
pub(crate) struct Wishes {
    /// Where the members' directories are, instead of under the story's own.
    pub(crate) dirs: Option<[PathBuf; 3]>,
    /// Namespaces with the members' addresses, instead of loopback.
    pub(crate) places: Option<[(String, SocketAddr); 3]>,
    /// Variables for each member.
    pub(crate) variables: [Vec<(String, String)>; 3],
    /// Bytes on the disk below which a member refuses to grow.
    pub(crate) reserve: u64,
}

/// Three members.
pub(crate) struct Cluster {
    /// Goes with the story.
    _home: TempDir,
    seats: [Mutex<Seat>; 3],
    last_id: AtomicU64,
}

struct Seat {
    id: u64,
    dir: PathBuf,
    address: SocketAddr,
    prefix: Vec<String>,
    variables: Vec<(String, String)>,
    has_history: bool,
    process: Option<Arc<Process>>,
}

/// Waits for a condition.
pub(crate) fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + SOON;
    while !holds() {
        assert!(Instant::now() < deadline, "not within {} s: {what}", SOON.as_secs());
        std::thread::sleep(Duration::from_millis(5));
    }
}

impl Cluster {
    /// Starts three members and joins them.
    pub(crate) fn start(wishes: Wishes) -> Cluster {
        let cluster = Cluster::prepare(wishes);
        ALL.iter().for_each(|at| cluster.run(*at).expect("a fresh member starts"));
        cluster.member(0).expect("it runs").expect("initialize");
        cluster.leader();
        [1, 2].iter().for_each(|at| cluster.join(*at));
        cluster
    }

    fn prepare(wishes: Wishes) -> Cluster {
        let home = tempfile::tempdir().expect("there is room");
        certificates::write(home.path());
        let [a, b, c] = wishes.variables;
        let mut variables = [Some(a), Some(b), Some(c)];
        let seat = |at: usize| {
            let dir = wishes.dirs.as_ref().map_or_else(|| home.path().join(format!("m{at}")), |dirs| dirs[at].clone());
            std::fs::create_dir_all(&dir).expect("there is room");
            let (prefix, address) = match &wishes.places {
                Some(places) => (["ip", "netns", "exec", &places[at].0].map(str::to_owned).to_vec(), places[at].1),
                None => (Vec::new(), free_address()),
            };
            let mut variables = variables[at].take().expect("each seat is taken once");
            variables.push(("MEMBER_RESERVE".to_owned(), wishes.reserve.to_string()));
            let variables = defaults(home.path(), variables);
            Mutex::new(Seat { id: at as u64 + 1, dir, address, prefix, variables, has_history: false, process: None })
        };
        let seats = ALL.map(seat);
        Cluster { _home: home, seats, last_id: AtomicU64::new(3) }
    }

    fn seat(&self, at: usize) -> MutexGuard<'_, Seat> {
        self.seats[at].lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The member's process, if it runs.
    pub(crate) fn member(&self, at: usize) -> Option<Arc<Process>> {
        self.seat(at).process.clone()
    }

    /// Asks a member that must run.
    pub(crate) fn expect(&self, at: usize, question: &str) -> String {
        self.member(at).expect("the member runs").expect(question)
    }

    /// The store's directory.
    pub(crate) fn dir(&self, at: usize) -> PathBuf {
        self.seat(at).dir.join("store")
    }

    /// Starts a member on what its directory holds. An error is why it refuses.
    pub(crate) fn run(&self, at: usize) -> Result<(), String> {
        let (prefix, variables) = {
            let seat = self.seat(at);
            (seat.prefix.clone(), seat.everything())
        };
        let process = Process::start(&prefix, &variables)?;
        let mut seat = self.seat(at);
        seat.process = Some(Arc::new(process));
        seat.has_history = true;
        Ok(())
    }

    /// SIGKILL; those who talk to it hear that it has died.
    pub(crate) fn kill(&self, at: usize) {
        let process = self.seat(at).process.take();
        process.expect("the member runs").kill();
    }

    /// Forgets a process that ended by itself, and says whether it has.
    pub(crate) fn has_ended(&self, at: usize, within: Duration) -> bool {
        let process = self.member(at).expect("the member was started");
        let ended = process.ended(within).is_some();
        if ended {
            self.seat(at).process = None;
        }
        ended
    }

    /// Asks the leader to add a member that runs.
    fn join(&self, at: usize) {
        let question = {
            let seat = self.seat(at);
            format!("add {} {}", seat.id, seat.address)
        };
        self.ask_leader(&question);
    }

    /// Removes a member that does not run, empties its directory and brings it back under a new id.
    pub(crate) fn rebuild(&self, at: usize) {
        let id = self.seat(at).id;
        self.ask_leader(&format!("remove {id}"));
        std::fs::remove_dir_all(self.dir(at)).expect("it is ours");
        {
            let mut seat = self.seat(at);
            seat.id = self.last_id.fetch_add(1, Ordering::Relaxed) + 1;
            seat.has_history = false;
        }
        self.run(at).expect("a fresh member starts");
        self.join(at);
    }

    /// Exchanges the directories of two members that do not run.
    pub(crate) fn swap_dirs(&self, one: usize, other: usize) {
        let (mut one, mut other) = (self.seat(one), self.seat(other));
        std::mem::swap(&mut one.dir, &mut other.dir);
    }

    /// Until it is done: the leader may change, or wait for the member.
    fn ask_leader(&self, question: &str) {
        until(question, || {
            let leader = self.member(self.leader());
            leader.and_then(|leader| leader.ask(question)).is_some_and(|answer| answer.starts_with("ok"))
        });
    }

    /// The position of the leader, once one says so.
    pub(crate) fn leader(&self) -> usize {
        let leads = |at: &usize| self.says(*at, "leads").is_some_and(|answer| answer == "ok true");
        let mut leader = None;
        until("somebody leads", || {
            leader = ALL.into_iter().find(|at| leads(at));
            leader.is_some()
        });
        leader.expect("it was found")
    }

    /// What a member says, if it runs.
    pub(crate) fn says(&self, at: usize, question: &str) -> Option<String> {
        self.member(at)?.ask(question)
    }

    /// The highest term that anybody knows.
    pub(crate) fn term(&self) -> u64 {
        let term = |at: usize| self.says(at, "term")?.strip_prefix("ok ")?.parse::<u64>().ok();
        ALL.into_iter().filter_map(term).max().expect("somebody runs")
    }

    /// Waits until all members stand at the same entry, with the same revision and the same hash of their states.
    pub(crate) fn settle(&self) {
        let mut places = Vec::new();
        let deadline = Instant::now() + SOON;
        loop {
            places.clear();
            places.extend(ALL.map(|at| self.says(at, "place")));
            if places.iter().all(|place| place.is_some() && *place == places[0]) {
                return;
            }
            assert!(Instant::now() < deadline, "the members do not come to the same state: {places:?}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Seat {
    fn everything(&self) -> Vec<(String, String)> {
        let own = [
            ("MEMBER_DIR", self.dir.display().to_string()),
            ("MEMBER_ID", self.id.to_string()),
            ("MEMBER_ADDRESS", self.address.to_string()),
            ("MEMBER_HISTORY", u8::from(self.has_history).to_string()),
        ];
        let own = own.map(|(name, value)| (name.to_owned(), value));
        self.variables.iter().cloned().chain(own).collect()
    }
}

/// Small bounds, so that segments, snapshots and compaction come to pass; what the story wants comes last and counts.
fn defaults(home: &Path, wanted: Vec<(String, String)>) -> Vec<(String, String)> {
    let certificates = home.display().to_string();
    let usual = [
        ("MEMBER_CERTIFICATES", &*certificates),
        ("MEMBER_SEGMENT", "65536"),
        ("MEMBER_SNAPSHOT_ENTRIES", "300"),
        ("MEMBER_HISTORY_REVISIONS", "5000"),
    ];
    let usual = usual.map(|(name, value)| (name.to_owned(), value.to_owned()));
    usual.into_iter().chain(wanted).collect()
}

fn free_address() -> SocketAddr {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("there is a free port");
    listener.local_addr().expect("it is bound")
}
