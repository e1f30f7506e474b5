//! The whole agent, assembled.
//!
//! ```text
//! Supervisor ─▶ containerd        Link ──Work──▶ Pods ──▶ Workers ──▶ steps ─▶ containerd, Network
//! ImageDirectory ─▶ containerd      └─NetworkUpdate─▶ Network
//!                    health, usage, statuses, events ──▶ Uplink ──▶ Link
//! ```

use std::net::{IpAddr, Ipv4Addr};
use std::os::unix::fs::DirBuilderExt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::api::core::v1::NodeCondition;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::config::{AgentConfig, Layout};
use crate::containerd::{Containerd, Runtime, RuntimeError, Settings, Supervisor, SupervisorError};
use crate::facts::{Health, UsageMeter, conditions, node_object, node_size};
use crate::images::{ImageDirectory, chain};
use crate::link::{Link, LinkConfig, LinkError, LinkGuard, Membership};
use crate::network::{Network, NetworkConfig, NetworkError};
use crate::node::{Node, now};
use crate::pods::{AdoptError, Pods, adopt};

/// Between two measurements of the node's health; a sick node is noticed within this.
const HEALTH: Duration = Duration::from_secs(1);
/// Between two measurements of what is used, as the masters expect it.
const USAGE: u32 = 10;

/// The agent cannot start.
#[derive(Debug, thiserror::Error)]
pub enum AgentError {
    /// Its containerd cannot be run.
    #[error("cannot run containerd")]
    Supervisor(#[from] SupervisorError),
    /// containerd does not do what it is asked.
    #[error("cannot use containerd")]
    Runtime(#[from] RuntimeError),
    /// A directory cannot be used.
    #[error("cannot prepare {path}")]
    Prepare {
        /// Which one.
        path: PathBuf,
        /// Why not.
        #[source]
        source: std::io::Error,
    },
    /// It has no place in a cluster.
    #[error("cannot join the cluster")]
    Link(#[from] LinkError),
    /// The node's network cannot be prepared.
    #[error("cannot prepare the network")]
    Network(#[from] NetworkError),
    /// Pods that still run cannot be taken up.
    #[error("cannot take up the pods of this node")]
    Adopt(#[from] AdoptError),
    /// The overlay between nodes is IPv4.
    #[error("the node's address must be an IPv4 address, not {0}")]
    Address(IpAddr),
}

/// A running node agent.
pub struct Agent {
    supervisor: Option<Supervisor>,
    pods: Pods,
    stop: CancellationToken,
    tasks: Vec<JoinHandle<()>>,
    /// Sessions end and the network stays when these are dropped.
    _link: LinkGuard,
    _network: Arc<Network>,
}

impl Agent {
    /// Starts the agent; it is a member of the cluster and has taken up the pods that still run when this returns.
    pub async fn start(config: AgentConfig) -> Result<Agent, AgentError> {
        let IpAddr::V4(node_address) = config.node_address else {
            return Err(AgentError::Address(config.node_address));
        };
        prepare(&config)?;
        let (supervisor, runtime) = start_runtime(&config).await?;
        let version = runtime.version().await?;
        let images = ImageDirectory::new(Layout::new(&config.data_dir).images(), runtime.clone());
        let membership = Membership::establish(&link_config(&config)).await?;
        let link = Link::start(membership, &node_object(&config, node_size(), &version));
        let network = network_config(&config, node_address, &link);
        let network = Network::start(network, link.network, link.uplink.clone()).await?;
        let node = Arc::new(Node::new(config, runtime, network.clone(), link.uplink, link.tokens));
        let pods = Pods::new(node.clone(), images.generation());
        let adopted = adopt(&node, &pods).await?;
        tracing::info!(adopted, version, "the agent runs");
        let stop = CancellationToken::new();
        let tasks = vec![
            tokio::spawn(images.run(stop.clone())),
            tokio::spawn(pods.clone().run(link.work)),
            tokio::spawn(watch_health(node, pods.clone(), stop.clone())),
        ];
        Ok(Agent { supervisor, pods, stop, tasks, _link: link.guard, _network: network })
    }

    /// Ends the agent. Pods go on.
    pub async fn shutdown(self) {
        self.stop.cancel();
        self.pods.shutdown().await;
        for task in self.tasks {
            if let Err(error) = task.await {
                tracing::warn!(%error, "a task of the agent ended badly");
            }
        }
        if let Some(supervisor) = self.supervisor {
            supervisor.shutdown().await;
        }
    }
}

/// Only root may look into the data directory: secrets of pods lie below it.
fn prepare(config: &AgentConfig) -> Result<(), AgentError> {
    let layout = Layout::new(&config.data_dir);
    for path in [config.data_dir.clone(), layout.images(), layout.pods(), layout.logs(), layout.exec()] {
        let made = std::fs::DirBuilder::new().recursive(true).mode(0o700).create(&path);
        made.map_err(|source| AgentError::Prepare { path, source })?;
    }
    Ok(())
}

async fn start_runtime(config: &AgentConfig) -> Result<(Option<Supervisor>, Arc<dyn Runtime>), AgentError> {
    let layout = Layout::new(&config.data_dir);
    let settings = Settings {
        runtime: config.runtime.clone(),
        runtime_root: layout.runtime_root(),
        exec_dir: layout.exec(),
        snapshotter: "overlayfs".to_owned(),
    };
    let supervisor = match &config.containerd_address {
        Some(_) => None,
        None => Some(Supervisor::start(&layout.containerd(), &config.containerd_binary).await?),
    };
    let own = supervisor.as_ref().map(Supervisor::address);
    let address = config.containerd_address.clone().or(own).expect("one of the two");
    Ok((supervisor, Arc::new(Containerd::connect(&address, settings).await?)))
}

fn link_config(config: &AgentConfig) -> LinkConfig {
    LinkConfig {
        node_name: config.node_name.clone(),
        data_dir: config.data_dir.clone(),
        servers: config.servers.clone(),
        token: config.token.clone(),
    }
}

fn network_config(config: &AgentConfig, node_address: Ipv4Addr, link: &Link) -> NetworkConfig {
    NetworkConfig {
        node_name: config.node_name.clone(),
        data_dir: config.data_dir.clone(),
        node_address,
        cluster_cidr: link.cluster.cluster_cidr,
        service_cidr: link.cluster.service_cidr,
    }
}

/// Measures the node and tells the masters, until the agent stops.
async fn watch_health(node: Arc<Node>, pods: Pods, stop: CancellationToken) {
    let mut meter = UsageMeter::new(node.cgroups.clone());
    let (mut last, mut round): (Vec<NodeCondition>, u32) = (Vec::new(), 0);
    let mut tick = tokio::time::interval(HEALTH);
    tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    while stop.run_until_cancelled(tick.tick()).await.is_some() {
        let answer = node.runtime.version().await;
        if let Err(error) = &answer {
            tracing::warn!(error = chain(error), "the container runtime does not answer");
        }
        let network = *node.network.ready().borrow();
        last = conditions(Health::measure(answer.is_ok(), network, &node.config.data_dir), &last, now());
        node.uplink.conditions(&last);
        if round.is_multiple_of(USAGE) {
            node.uplink.usage(meter.measure(&pods, now()));
        }
        round = round.wrapping_add(1);
    }
}
