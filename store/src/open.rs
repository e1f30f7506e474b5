//! Starting a member: recover, then run.
//!
//! ```text
//!  lock ─ identity ─ wal ─ snapshots ─ checkpoint ─► newest usable state ─► openraft (applies the log after it)
//! ```

use std::fs::{File, OpenOptions};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use nix::fcntl::{Flock, FlockArg};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::checkpoint::{Checkpointer, SledBackend, StateBackend};
use crate::config::{StoreConfig, Tuning};
use crate::core::Core;
use crate::disk::{Disk, RealDisk, io_error};
use crate::error::StoreError;
use crate::limits::Limits;
use crate::member::Member;
use crate::network::{PeerService, Peers, listen};
use crate::raft::metrics::MetricsWatch;
use crate::raft::types::Raft;
use crate::raft::{Board, Image, LinkFactory, Machine, RaftLog, raft_config};
use crate::running::{Parts, Running};
use crate::session::Session;
use crate::snapshot::SnapshotDir;
use crate::status::Leadership;
use crate::wal::{Wal, WalOptions};
use crate::watchdog::Watchdog;
use crate::{identity, leadership, maintenance};

/// Newest log entries kept in memory.
const LOG_CACHE: usize = 16 << 20;
const FIRST_METRICS: Duration = Duration::from_secs(2);

/// What the disk held.
struct Recovered {
    wal: Wal,
    snapshots: SnapshotDir,
    backend: SledBackend,
    /// What the backend holds.
    held: Image,
    /// Where to go on from.
    newest: Image,
    lock: Flock<File>,
}

/// Opens a member and starts its tasks.
pub(crate) async fn open(config: StoreConfig) -> Result<(Arc<Core>, Running), StoreError> {
    let recovered = {
        let (dir, cluster, node, tuning) =
            (config.data_dir.clone(), config.cluster_id.clone(), config.node_id, config.tuning.clone());
        tokio::task::spawn_blocking(move || recover(&dir, &cluster, node, &tuning)).await
    };
    let recovered = recovered.map_err(|error| StoreError::Stopped { reason: error.to_string() })??;
    start(config, recovered).await
}

fn recover(dir: &Path, cluster_id: &str, node_id: u64, tuning: &Tuning) -> Result<Recovered, StoreError> {
    let disk: Arc<dyn Disk> = Arc::new(RealDisk);
    disk.create_dir(dir).map_err(io_error("create", dir))?;
    let lock = lock(&dir.join("lock"))?;
    identity::claim(&disk, dir, cluster_id, node_id)?;
    let options = WalOptions { segment_bytes: tuning.segment_bytes, cache_bytes: LOG_CACHE };
    let wal = Wal::open(disk.clone(), &dir.join("wal"), options)?;
    let (snapshots, snapshot) = SnapshotDir::open(disk, &dir.join("snap"), cluster_id)?;
    let mut backend = SledBackend::new(&dir.join("state.sled"));
    let held = backend.load()?.unwrap_or_default();
    let newest = snapshot.filter(|snapshot| snapshot.applied > held.applied).unwrap_or_else(|| held.clone());
    check_gap(dir, &wal, &newest)?;
    Ok(Recovered { wal, snapshots, backend, held, newest, lock })
}

/// Between the state and the first entry of the log, nothing may be missing.
fn check_gap(dir: &Path, wal: &Wal, newest: &Image) -> Result<(), StoreError> {
    let purged = wal.extent().purged.map_or(0, |purged| purged.index);
    if newest.applied_index() >= purged {
        return Ok(());
    }
    let reason =
        format!("entries up to {purged} were purged, but no good state reaches beyond {}", newest.applied_index());
    Err(StoreError::Corrupt { path: dir.to_owned(), reason })
}

fn lock(path: &Path) -> Result<Flock<File>, StoreError> {
    let file = OpenOptions::new().create(true).truncate(false).write(true).mode(0o600).open(path);
    let file = file.map_err(io_error("open", path))?;
    Flock::lock(file, FlockArg::LockExclusiveNonblock).map_err(|(_, errno)| io_error("lock", path)(errno.into()))
}

async fn start(config: StoreConfig, recovered: Recovered) -> Result<(Arc<Core>, Running), StoreError> {
    let Recovered { wal, snapshots, backend, held, newest, lock } = recovered;
    let snapshots = Arc::new(snapshots);
    let board = Arc::new(Board::new(newest, config.observer.clone()));
    let peers = Arc::new(Peers::new(config.peer_tls.client.clone(), &config.cluster_id, config.node_id));
    let watchdog = Arc::new(Watchdog::new(&config.tuning));
    let links = LinkFactory { peers: peers.clone(), snapshots: snapshots.clone(), watchdog: watchdog.clone() };
    let engine = Engine {
        wal: wal.clone(),
        machine: Machine::new(board.clone(), snapshots.clone()),
        links,
        board: board.clone(),
    };
    let raft = engine.start(&config).await?;
    watchdog.watch(MetricsWatch::new(raft.metrics()));
    let leadership = watch::Sender::new(Leadership::default());
    let core = Arc::new(Core {
        cluster_id: config.cluster_id.clone(),
        node_id: config.node_id,
        me: me(&config),
        tuning: config.tuning.clone(),
        board: board.clone(),
        wal,
        snapshots,
        peers,
        leadership: leadership.subscribe(),
        session: Session::begin(),
        limits: Limits::new(&config.tuning),
        raft,
    });
    tokio::spawn(leadership::follow(core.watch_metrics(), leadership, config.tuning.election_max));
    let (stop, stopped) = watch::channel(false);
    let interval = config.tuning.checkpoint_interval;
    let parts = Parts {
        server: serve(config, core.clone(), stopped.clone()),
        maintenance: tokio::spawn(maintenance::maintain(core.clone(), stopped)),
        checkpointer: Checkpointer::start(Box::new(backend), held, move || board.image(), interval)?,
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

fn serve(config: StoreConfig, core: Arc<Core>, stopped: watch::Receiver<bool>) -> JoinHandle<()> {
    tokio::spawn(async move {
        let service = PeerService::new(core);
        if let Err(error) = listen(config.peer_listener, &config.peer_tls.server, service, stopped).await {
            tracing::error!(%error, "the peer port is closed");
        }
    })
}
