//! A running master: assembled here, shut down here.
//!
//! ```text
//! settle (who am I, ports) ─► store opened, cache fed by it ─► services ─► listener ─► member of the cluster ─► running
//! ```
//!
//! The listener runs before this master is a member, so that `/livez` answers while it waits. [`Master::start`] returns when it is
//! a member; a master that starts again does not wait for the others, who may be starting again too.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::watch;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use xebec_store::{PeerTls, Store, StoreConfig, Tuning};

use super::assembly::Assembly;
use super::config::ServerConfig;
use super::error::ServerError;
use super::health::Health;
use super::listener::Listener;
use super::master_file::{MasterFile, Phase};
use super::settle::{Settled, settle};
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
}

impl Master {
    /// Starts, and returns when this master is a member of its cluster.
    pub async fn start(config: ServerConfig) -> Result<Self, ServerError> {
        let Settled { mut file, pki, names, api, peers } = settle(&config).await?;
        let kubeconfig_url = format!("https://{}", file.api_address());
        pki.write_kubeconfig(&config.data_dir, &kubeconfig_url, Timestamp::now())?;
        let cache = Cache::new(Limits::default());
        let store = Store::open(store_config(&config, &file, &pki, peers, cache.clone())?)
            .await
            .map_err(|source| ServerError::Store { operation: "be opened", source })?;
        let is_new_cluster = file.phase == Phase::Founding;
        let masters = MasterClient::new(tls::api_client(&pki)?);
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
        let gate = assembly.build(&tasks, &shutdown);
        let listener =
            Listener { tcp: api, tls: tls::api_server(&pki)?, gate, max_connections: config.max_connections };
        tasks.spawn(listener.run(shutdown.clone()));
        tasks.spawn(view::follow_masters(store.clone(), known, shutdown.clone()));
        tasks.spawn(renew(pki.clone(), names, shutdown.clone()));
        let mut master =
            Self { data_dir: config.data_dir, file: file.clone(), store, join_commands: None, shutdown, tasks };
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
        Ok(master)
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
        name: file.name.clone(),
        peer_address: file.peer_address(),
        api_address: file.api_address(),
        peer_listener,
        peer_tls: PeerTls { server: peers.server, client: peers.client },
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
