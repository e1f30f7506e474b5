//! A member as a host of the simulated world: the real store, with its clients and watchers beside it.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::task::spawn_local;
use tokio::time::Instant;
use xebec_store::kv::{Event, State};
use xebec_store::testing::MemoryCheckpoint;
use xebec_store::world::{Checkpoint, Clock};
use xebec_store::{ApplyObserver, Member, Store, StoreConfig, StoreError, Tuning, World};

use crate::chance::Chance;
use crate::clients::Client;
use crate::disk::SimDisk;
use crate::mutant::Mutant;
use crate::network::{PORT, SimListener, SimNetwork};
use crate::record::{Heard, Recorder};
use crate::watchers::{Place, Pool};

/// Clients at each member.
const CLIENTS: u64 = 3;
const COMMANDS: usize = 64;
/// How long a command may take.
pub(crate) const PATIENCE: Duration = Duration::from_secs(5);
/// 2026-01-01, in milliseconds since 1970: when all simulations begin.
const EPOCH_MS: i64 = 1_767_225_600_000;

/// What the world tells a member to do.
#[derive(Clone, Debug)]
pub(crate) enum Command {
    /// Be the first member of a cluster.
    Initialize,
    /// Take somebody in.
    Add(Member),
    /// Put somebody out.
    Remove(u64),
    /// Let somebody else lead.
    Transfer(u64),
    /// Forget most of history.
    Compact,
    /// Stop in good order.
    Shutdown,
    /// Read every key, as a client.
    ReadAll,
}

/// What all members of a simulation share.
#[derive(Clone)]
pub(crate) struct Common {
    /// Where everything is written down.
    pub(crate) recorder: Recorder,
    /// The watchers.
    pub(crate) pool: Pool,
    /// Bounds and times of the stores.
    pub(crate) tuning: Tuning,
    /// A fault put in on purpose.
    pub(crate) mutant: Option<Mutant>,
    /// Clients ask nothing new.
    pub(crate) quiet: Arc<AtomicBool>,
}

/// A member's place, which outlives its processes.
pub(crate) struct Seat {
    /// The member's id.
    pub(crate) id: u64,
    /// Its disk.
    pub(crate) disk: SimDisk,
    /// How far its wall clock is off.
    pub(crate) skew_ms: Arc<AtomicI64>,
    common: Common,
    checkpoint: MemoryCheckpoint,
    chance: RefCell<Chance>,
    life: Cell<u64>,
    running: RefCell<Option<Running>>,
}

struct Running {
    store: Store,
    commands: mpsc::Sender<Command>,
}

impl Seat {
    /// An empty place.
    pub(crate) fn new(id: u64, mut chance: Chance, common: Common) -> Seat {
        let lies = common.mutant == Some(Mutant::SkippedSync);
        Seat {
            id,
            disk: SimDisk::new(chance.fork(), lies),
            skew_ms: Arc::default(),
            common,
            checkpoint: MemoryCheckpoint::default(),
            chance: RefCell::new(chance),
            life: Cell::new(0),
            running: RefCell::new(None),
        }
    }

    /// The host's name.
    pub(crate) fn host(&self) -> String {
        host(self.id)
    }

    /// As the others know it.
    pub(crate) fn member(&self) -> Member {
        Member {
            id: self.id,
            name: self.host(),
            peer_address: format!("{}:{PORT}", self.host()),
            api_address: format!("{}:6443", self.host()),
        }
    }

    /// Its store, while it runs.
    pub(crate) fn store(&self) -> Option<Store> {
        self.running.borrow().as_ref().map(|running| running.store.clone())
    }

    /// How often it has been started.
    pub(crate) fn life(&self) -> u64 {
        self.life.get()
    }

    /// Tells it what to do; one that does not run does not hear it.
    pub(crate) fn command(&self, command: Command) {
        if let Some(running) = &*self.running.borrow()
            && running.commands.try_send(command).is_err()
        {
            self.common.recorder.open().problems.push(format!("member {} takes no more commands", self.id));
        }
    }

    /// It is gone.
    pub(crate) fn forget_process(&self) {
        *self.running.borrow_mut() = None;
    }

    /// The host's software.
    pub(crate) async fn run(self: Rc<Self>) -> turmoil::Result {
        self.life.set(self.life.get() + 1);
        let store = match Store::open(self.config()).await {
            Ok(store) => store,
            Err(StoreError::Io { .. }) if self.disk.is_failing() => {
                self.disk.stop();
                return Ok(());
            }
            Err(error) => {
                let problem = format!("member {} does not start: {error}", self.id);
                self.common.recorder.open().problems.push(problem);
                return Ok(());
            }
        };
        let (commands, told) = mpsc::channel(COMMANDS);
        *self.running.borrow_mut() = Some(Running { store: store.clone(), commands });
        self.seat_clients(&store);
        self.obey(store, told).await;
        Ok(())
    }

    fn config(&self) -> StoreConfig {
        let Member { name, peer_address, api_address, .. } = self.member();
        StoreConfig {
            data_dir: "/store".into(),
            cluster_id: "simulated".to_owned(),
            node_id: self.id,
            has_history: false,
            name,
            peer_address,
            api_address,
            world: World {
                disk: Arc::new(self.disk.clone()),
                clock: Arc::new(SimClock(self.skew_ms.clone())),
                network: Arc::new(SimNetwork { mutant: self.common.mutant }),
                listener: Box::new(SimListener),
                checkpoint: Checkpoint::Memory(self.checkpoint.clone()),
                session: self.id << 32 | self.life.get(),
            },
            observer: Arc::new(Listener {
                member: self.id,
                life: self.life.get(),
                recorder: self.common.recorder.clone(),
            }),
            tuning: self.common.tuning.clone(),
        }
    }

    fn seat_clients(&self, store: &Store) {
        for n in 0..CLIENTS {
            spawn_local(self.client(store, n).run(self.common.quiet.clone()));
        }
        let (recorder, mutant) = (self.common.recorder.clone(), self.common.mutant);
        let (pool, chance, store) = (self.common.pool.clone(), self.chance.borrow_mut().fork(), store.clone());
        spawn_local(Place { pool, store, recorder, chance, mutant }.run());
    }

    fn client(&self, store: &Store, n: u64) -> Client {
        Client {
            number: (self.id << 32 | self.life.get()) << 8 | n,
            member: self.id,
            store: store.clone(),
            recorder: self.common.recorder.clone(),
            chance: self.chance.borrow_mut().fork(),
            mutant: self.common.mutant,
        }
    }

    async fn obey(&self, store: Store, mut told: mpsc::Receiver<Command>) {
        while let Some(command) = told.recv().await {
            match command {
                Command::Shutdown => {
                    self.forget_process();
                    return store.shutdown().await;
                }
                Command::ReadAll => {
                    spawn_local(self.client(&store, CLIENTS).read_all());
                    continue;
                }
                _ => {}
            }
            let store = store.clone();
            spawn_local(async move {
                // What is refused or times out under faults is asked again when they have ended.
                let _outcome = obey(&store, command).await.is_ok();
            });
        }
    }
}

/// The name of a member's host.
pub(crate) fn host(id: u64) -> String {
    format!("m{id}")
}

async fn obey(store: &Store, command: Command) -> Result<(), StoreError> {
    let deadline = Instant::now() + PATIENCE;
    match command {
        Command::Initialize => store.initialize().await,
        Command::Add(member) => store.add_member(member, deadline).await,
        Command::Remove(id) => store.remove_member(id, deadline).await,
        Command::Transfer(to) => store.transfer_leader(to, deadline).await,
        Command::Compact => {
            let state = store.state();
            let revision = (state.compact_revision() + 3 * state.revision()) / 4;
            store.compact(revision, deadline).await
        }
        Command::Shutdown | Command::ReadAll => Ok(()),
    }
}

/// Wall time of the simulated world, as a member's clock shows it.
struct SimClock(Arc<AtomicI64>);

impl Clock for SimClock {
    fn now_ms(&self) -> u64 {
        let passed = turmoil::sim_elapsed().unwrap_or_default().as_millis() as i64;
        (EPOCH_MS + passed + self.0.load(Ordering::Relaxed)) as u64
    }
}

/// Writes down what a member applies.
struct Listener {
    member: u64,
    life: u64,
    recorder: Recorder,
}

impl Listener {
    fn note(&self, state: &State, events: &[Event]) {
        let (member, life, revision, events) = (self.member, self.life, state.revision(), events.to_vec());
        let at = turmoil::sim_elapsed().unwrap_or_default();
        self.recorder.open().heard.push(Heard { member, life, at, revision, events });
    }
}

impl ApplyObserver for Listener {
    fn restored(&self, state: &State) {
        self.note(state, &[]);
    }

    fn applied(&self, state: &State, events: &[Event]) {
        self.note(state, events);
    }
}
