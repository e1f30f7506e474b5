//! Starting a member: recover, then run.
//!
//! ```text
//!  lock ─ identity ─ wal ─ snapshots ─ checkpoint ─► newest usable state ─► openraft (applies the log after it)
//! ```

use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::Instant;

use crate::checkpoint::{Checkpointer, Source};
use crate::clock::LeaderClock;
use crate::config::StoreConfig;
use crate::core::Core;
use crate::disk::{Disk, MeteredDisk};
use crate::error::StoreError;
use crate::identity::Identity;
use crate::instruments::Instruments;
use crate::limits::Limits;
use crate::member::Member;
use crate::network::{Forwarder, PeerService, Peers, listen};
use crate::raft::metrics::MetricsWatch;
use crate::raft::types::Raft;
use crate::raft::{Board, LinkFactory, Machine, RaftLog, raft_config};
use crate::reads::ReadQueue;
use crate::recovery::{self, Disks, Recovered, wal_options};
use crate::running::{Parts, Running};
use crate::session::Session;
use crate::space::Space;
use crate::status::Leadership;
use crate::wal::Wal;
use crate::watchdog::Watchdog;
use crate::world::PeerListener;
use crate::{leadership, maintenance, reads};

const FIRST_METRICS: Duration = Duration::from_secs(2);

/// Opens a member and starts its tasks.
pub(crate) async fn open(config: StoreConfig) -> Result<(Arc<Core>, Running), StoreError> {
    let instruments = Instruments::new(&config.tuning);
    let recovered = {
        let ours = Identity::new(&config.cluster_id, config.node_id);
        let (dir, history, options) = (config.data_dir.clone(), config.has_history, wal_options(&config.tuning));
        let disk = config.world.disk.clone();
        let log: Arc<dyn Disk> = Arc::new(MeteredDisk::new(disk.clone(), instruments.clone()));
        let workers = disk.workers();
        let disks = Disks { log, rest: disk, checkpoint: config.world.checkpoint.clone() };
        workers.run(move || recovery::claim_and_recover(&disks, &dir, &ours, history, options)).await
    };
    let recovered = recovered.map_err(|error| StoreError::Stopped { reason: error.to_string() })??;
    start(config, recovered, instruments).await
}

async fn start(
    config: StoreConfig,
    recovered: Recovered,
    instruments: Instruments,
) -> Result<(Arc<Core>, Running), StoreError> {
    let Recovered { wal, snapshots, backend, held, newest, lock } = recovered;
    let snapshots = Arc::new(snapshots);
    let clock = LeaderClock::new(config.world.clock.clone());
    let board = Arc::new(Board::new(newest, config.observer.clone(), clock, config.tuning.watch_bytes));
    let peers = Arc::new(Peers::new(config.world.network.clone(), &config.cluster_id, config.node_id));
    let watchdog = Arc::new(Watchdog::new(&config.tuning));
    let links = LinkFactory {
        peers: peers.clone(),
        snapshots: snapshots.clone(),
        watchdog: watchdog.clone(),
        instruments: instruments.clone(),
    };
    let engine = Engine {
        wal: wal.clone(),
        machine: Machine::new(board.clone(), snapshots.clone(), wal.clone(), instruments.clone()),
        links,
        board: board.clone(),
    };
    let raft = engine.start(&config).await?;
    let (reads, asked) = ReadQueue::new();
    watchdog.watch(MetricsWatch::new(raft.metrics()));
    let leadership = watch::Sender::new(Leadership::default());
    let space = Arc::new(Space::new(config.world.disk.clone(), &config.data_dir, config.tuning.space_reserve));
    let core = Arc::new(Core {
        data_dir: config.data_dir.clone(),
        cluster_id: config.cluster_id.clone(),
        node_id: config.node_id,
        me: me(&config),
        tuning: config.tuning.clone(),
        board: board.clone(),
        wal,
        snapshots,
        forwarder: Forwarder::new(peers.clone()),
        peers,
        reads,
        leadership: leadership.subscribe(),
        session: Session::begin(config.world.session),
        limits: Limits::new(&config.tuning),
        roles: MetricsWatch::new(raft.server_metrics()),
        raft,
        changing: tokio::sync::Mutex::default(),
        leader_heard: Mutex::default(),
        started: Instant::now(),
        space: space.clone(),
        instruments: instruments.clone(),
    });
    let lease = config.tuning.election_max;
    tokio::spawn(leadership::follow(core.watch_metrics(), leadership, lease, instruments.clone()));
    let (stop, stopped) = watch::channel(false);
    let interval = config.tuning.checkpoint_interval;
    let workers = config.world.disk.workers();
    let parts = Parts {
        server: serve(config.world.listener, core.clone(), stopped.clone()),
        reads: tokio::spawn(reads::serve(core.clone(), asked)),
        maintenance: tokio::spawn(maintenance::maintain(core.clone(), stopped)),
        checkpointer: Checkpointer::start(
            backend,
            held,
            Source { board, space, instruments, wal: core.wal.clone() },
            interval,
            workers,
        ),
        lock,
    };
    Ok((core, Running::new(stop, parts)))
}

/// What openraft is started with.
struct Engine {
    wal: Wal,
    machine: Machine,
    links: LinkFactory,
    board: Arc<Board>,
}

impl Engine {
    /// Applies the committed part of the log, then takes part in the cluster.
    async fn start(self, config: &StoreConfig) -> Result<Raft, StoreError> {
        let board = self.board.clone();
        let raft_config = raft_config(&config.cluster_id, &config.tuning)
            .map_err(|error| StoreError::Stopped { reason: error.to_string() })?;
        let raft = Raft::new(config.node_id, raft_config, self.links, RaftLog::new(self.wal), self.machine).await;
        let raft = raft.map_err(|fatal| StoreError::Stopped { reason: fatal.to_string() })?;
        await_metrics(&raft, &board).await;
        Ok(raft)
    }
}

/// openraft shows its membership a moment after it has started; whoever asks for the status must not see none.
async fn await_metrics(raft: &Raft, board: &Board) {
    if board.image().membership.nodes().next().is_none() {
        return;
    }
    let mut metrics = MetricsWatch::new(raft.metrics());
    let shown = metrics.wait_for(|metrics| metrics.membership_config.nodes().next().is_some());
    if tokio::time::timeout(FIRST_METRICS, shown).await.is_err() {
        tracing::warn!("the consensus engine is slow to start");
    }
}

fn me(config: &StoreConfig) -> Member {
    Member {
        id: config.node_id,
        name: config.name.clone(),
        peer_address: config.peer_address.clone(),
        api_address: config.api_address.clone(),
    }
}

fn serve(listener: Box<dyn PeerListener>, core: Arc<Core>, stopped: watch::Receiver<bool>) -> JoinHandle<()> {
    tokio::spawn(async move {
        let service = PeerService::new(core, stopped.clone());
        if let Err(error) = listen(listener.incoming(), service, stopped).await {
            tracing::error!(%error, "the peer port is closed");
        }
    })
}
