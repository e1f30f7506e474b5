//! A running master: assembled here, shut down here.
//!
//! ```text
//! settle (who am I, ports) ─► store opened, cache fed by it ─► services ─► listener ─► member of the cluster ─► running
//! ```
//!
//! The listener runs before this master is a member, so that `/livez` answers while it waits. [`Master::start`] returns when it is
//! a member; a master that starts again does not wait for the others, who may be starting again too.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::watch;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use xebec_store::{PeerTls, Store, StoreConfig, StoreError, Tuning, World};

use super::assembly::Assembly;
use super::config::ServerConfig;
use super::error::ServerError;
use super::health::Health;
use super::listener::Listener;
use super::master_file::{MasterFile, Phase};
use super::settle::{Settled, fresh_id, remember, set_aside, settle};
use super::standing::{self, Dismissal, Standing};
use super::{membership, view};
use crate::bootstrap::record::{DEFAULT_TTL, TokenRole};
use crate::bootstrap::tokens::Tokens;
use crate::cache::{Cache, Limits};
use crate::cluster::peers::MasterClient;
use crate::pki::directory::{KUBECONFIG, MasterNames};
use crate::pki::{Pki, tls};

/// A new cluster's one master elects itself.
const FIRST_LEADER: Duration = Duration::from_secs(10);
const TOKEN_DEADLINE: Duration = Duration::from_secs(10);
/// Certificates live a year; nobody is late who looks twice a day.
const RENEWAL_INTERVAL: Duration = Duration::from_secs(12 * 60 * 60);
/// What tasks are given to end before the process goes on without them.
const SHUTDOWN_DEADLINE: Duration = Duration::from_secs(10);

/// The commands that a new cluster's operator types next, each with a fresh token in it.
#[derive(Clone)]
pub struct JoinCommands {
    /// On the next masters.
    pub server: String,
    /// On the nodes.
    pub agent: String,
}

/// A running master.
pub struct Master {
    data_dir: PathBuf,
    file: MasterFile,
    store: Store,
    join_commands: Option<JoinCommands>,
    shutdown: CancellationToken,
    tasks: TaskTracker,
    standing: watch::Receiver<Option<Dismissal>>,
}

impl Master {
    /// Starts, and returns when this master is a member of its cluster.
    pub async fn start(config: ServerConfig) -> Result<Self, ServerError> {
        let Settled { mut file, pki, names, api, peers } = settle(&config).await?;
        let masters = MasterClient::new(tls::api_client(&pki)?);
        follow_the_cluster(&config, &mut file, &masters).await?;
        let kubeconfig_url = format!("https://{}", file.api_address());
        pki.write_kubeconfig(&config.data_dir, &kubeconfig_url, Timestamp::now())?;
        let cache = Cache::new(Limits::default());
        let store = Store::open(store_config(&config, &file, &pki, peers, cache.clone())?)
            .await
            .map_err(|source| cannot_open(source, &config, &file))?;
        let is_new_cluster = file.phase == Phase::Founding;
        let (known, known_masters) = watch::channel(view::masters(&store.status()));
        let assembly = Assembly {
            config: &config,
            file: &file,
            pki: &pki,
            store: &store,
            cache: &cache,
            client: &masters,
            masters: known_masters,
        };
        let (shutdown, tasks) = (CancellationToken::new(), TaskTracker::new());
        let gate = assembly.build(&tasks, &shutdown)?;
        let listener =
            Listener { tcp: api, tls: tls::api_server(&pki)?, gate, max_connections: config.max_connections };
        tasks.spawn(listener.run(shutdown.clone()));
        tasks.spawn(view::follow_masters(store.clone(), known, shutdown.clone()));
        tasks.spawn(renew(pki.clone(), names, shutdown.clone()));
        let (lost, standing) = watch::channel(None);
        let mut master = Self {
            data_dir: config.data_dir,
            file: file.clone(),
            store,
            join_commands: None,
            shutdown,
            tasks,
            standing,
        };
        let completed = membership::complete(&mut file, &master.store, &masters, &master.data_dir).await;
        let invited = match completed {
            Ok(()) if is_new_cluster => master.open_the_cluster(&pki, cache).await,
            other => other,
        };
        if let Err(error) = invited {
            master.shutdown().await;
            return Err(error);
        }
        master.file = file;
        master.watch_standing(masters, lost);
        Ok(master)
    }

    /// Waits until this master does not belong to its cluster any more. Then [`Master::step_down`] is the only thing to do.
    pub async fn dismissed(&self) -> Dismissal {
        let mut standing = self.standing.clone();
        match standing.wait_for(Option::is_some).await.map(|dismissal| dismissal.clone()) {
            Ok(Some(dismissal)) => dismissal,
            // It shuts down already.
            Ok(None) | Err(_) => std::future::pending().await,
        }
    }

    /// Stops. A master that was left behind has been made ready to join the new cluster when it starts again; one that was
    /// removed says so, now and at each start.
    pub async fn step_down(self, dismissal: Dismissal) -> Result<(), ServerError> {
        let (data_dir, mut file) = (self.data_dir.clone(), self.file.clone());
        self.shutdown().await;
        match dismissal {
            Dismissal::Removed => {
                remember(&mut file, Phase::Removed, &data_dir)?;
                Err(ServerError::Removed { path: data_dir })
            }
            left_behind => follow(&mut file, left_behind, &data_dir),
        }
    }

    fn watch_standing(&self, masters: MasterClient, lost: watch::Sender<Option<Dismissal>>) {
        let standing = Standing {
            store: self.store.clone(),
            masters,
            own_address: self.file.api_address(),
            data_dir: self.data_dir.clone(),
        };
        let shutdown = self.shutdown.clone();
        self.tasks.spawn(async move {
            if let Some(dismissal) = standing.lost(shutdown).await {
                tracing::error!(?dismissal, "this master does not belong to its cluster any more");
                lost.send_replace(Some(dismissal));
            }
        });
    }

    /// What to type on the other machines. Only the start that creates a cluster knows: tokens are shown once.
    pub fn join_commands(&self) -> Option<&JoinCommands> {
        self.join_commands.as_ref()
    }

    /// The admin's kubeconfig, for this master.
    pub fn admin_kubeconfig(&self) -> PathBuf {
        self.data_dir.join(KUBECONFIG)
    }

    /// `host:port` of this master's API.
    pub fn api_address(&self) -> String {
        self.file.api_address()
    }

    /// The store, for tests and tools in the same process.
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// Stops accepting, ends what runs, hands leadership over, and leaves everything on disk.
    pub async fn shutdown(self) {
        self.shutdown.cancel();
        self.tasks.close();
        if tokio::time::timeout(SHUTDOWN_DEADLINE, self.tasks.wait()).await.is_err() {
            tracing::warn!("some tasks did not end in time");
        }
        self.store.shutdown().await;
    }

    /// A new cluster: waits for its first leader and its first objects, and makes the first tokens.
    async fn open_the_cluster(&mut self, pki: &Pki, cache: Arc<Cache>) -> Result<(), ServerError> {
        let health = Health { store: self.store.clone(), cache };
        if tokio::time::timeout(FIRST_LEADER, health.ready()).await.is_err() {
            return Err(ServerError::NoLeader { seconds: FIRST_LEADER.as_secs() });
        }
        let tokens = Tokens::new(self.store.clone(), pki.authorities.serving.hash());
        let url = format!("https://{}", self.file.api_address());
        let mut commands = Vec::new();
        for role in [TokenRole::Server, TokenRole::Agent] {
            let deadline = Instant::now() + TOKEN_DEADLINE;
            let token = tokens.create(role, "made when the cluster was created", DEFAULT_TTL, deadline).await?;
            commands.push(format!("xebec {} --server {url} --token {}", role.word(), token.reveal()));
        }
        let [server, agent] = <[String; 2]>::try_from(commands).expect("one command for each of two roles");
        self.join_commands = Some(JoinCommands { server, agent });
        Ok(())
    }
}

/// A master that was away while its cluster was recovered or restored goes over to the new one.
async fn follow_the_cluster(
    config: &ServerConfig,
    file: &mut MasterFile,
    masters: &MasterClient,
) -> Result<(), ServerError> {
    if file.phase != Phase::Member {
        return Ok(());
    }
    let found = standing::left_behind(&config.data_dir, &file.cluster_id, &file.api_address(), masters).await?;
    found.map_or(Ok(()), |dismissal| follow(file, dismissal, &config.data_dir))
}

/// Makes a master ready to join the cluster that has taken the place of its own: without its store, under a new id. Its
/// certificates are good there, so it needs no token.
fn follow(file: &mut MasterFile, dismissal: Dismissal, data_dir: &Path) -> Result<(), ServerError> {
    let Dismissal::LeftBehind { cluster_id, supersedes, masters } = dismissal else { return Ok(()) };
    tracing::warn!(old = file.cluster_id, new = cluster_id, "joining the cluster that has taken the place of this one");
    // The store first: a crash after it leaves a member without one, which asks again and ends here again.
    set_aside(&data_dir.join("store"))?;
    file.cluster_id = cluster_id;
    file.supersedes = supersedes;
    file.node_id = fresh_id();
    remember(file, Phase::Joining { masters }, data_dir)
}

fn cannot_open(source: StoreError, config: &ServerConfig, file: &MasterFile) -> ServerError {
    match source {
        StoreError::Emptied { path, .. } => {
            ServerError::Emptied { store: path, data_dir: config.data_dir.clone(), name: file.name.clone() }
        }
        source => ServerError::Store { operation: "be opened", source },
    }
}

fn store_config(
    config: &ServerConfig,
    file: &MasterFile,
    pki: &Pki,
    peer_listener: tokio::net::TcpListener,
    observer: Arc<Cache>,
) -> Result<StoreConfig, ServerError> {
    let peers = tls::peers(pki)?;
    Ok(StoreConfig {
        data_dir: config.data_dir.join("store"),
        cluster_id: file.cluster_id.clone(),
        node_id: file.node_id,
        has_history: file.phase == Phase::Member,
        name: file.name.clone(),
        peer_address: file.peer_address(),
        api_address: file.api_address(),
        world: World::real(peer_listener, PeerTls { server: peers.server, client: peers.client }),
        observer,
        tuning: Tuning::default(),
    })
}

async fn renew(pki: Arc<Pki>, names: MasterNames, shutdown: CancellationToken) {
    while shutdown.run_until_cancelled(tokio::time::sleep(RENEWAL_INTERVAL)).await.is_some() {
        match pki.renew(&names, Timestamp::now()) {
            Ok(0) => {}
            Ok(count) => tracing::info!(count, "certificates renewed"),
            Err(error) => tracing::error!(error = &error as &dyn std::error::Error, "certificates cannot be renewed"),
        }
    }
}
