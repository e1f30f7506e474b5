//! Keeps the sessions that the plan wants.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use k8s_openapi::api::core::v1::Node;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio::time::Instant;
use xebec_node_plan::link::{Action, Event, Masters};
use xebec_proto::v1::Hello;

use super::membership::Membership;
use super::session::{self, Told};
use super::token_client::TokenClient;
use super::{Cluster, NetworkUpdate, TokenIssuer, Uplink, Work, renewal};

/// Work that waits; the master waits with what follows.
const WORK: usize = 64;
const NETWORK: usize = 1024;
const TOLD: usize = 64;
const TICK: Duration = Duration::from_secs(1);

/// The agent's link to its cluster, as parts for those who use them.
pub struct Link {
    /// The cluster.
    pub cluster: Cluster,
    /// Where to report.
    pub uplink: Uplink,
    /// What to do about pods, in order.
    pub work: mpsc::Receiver<Work>,
    /// What to know of the network, in order.
    pub network: mpsc::Receiver<NetworkUpdate>,
    /// Who gives tokens to pods.
    pub tokens: Arc<dyn TokenIssuer>,
    /// Ends the sessions when it is dropped.
    pub guard: LinkGuard,
}

impl Link {
    /// Starts to keep a session with each master. `node` describes this node: labels, taints, capacity, addresses, nodeInfo.
    pub fn start(membership: Membership, node: &Node) -> Link {
        let (work, works) = mpsc::channel(WORK);
        let (network, networks) = mpsc::channel(NETWORK);
        let uplink = Uplink::new();
        let hello = Hello {
            node_name: membership.node_name().to_owned(),
            node_json: serde_json::to_vec(node).expect("API types have string keys only").into(),
            agent_version: env!("CARGO_PKG_VERSION").to_owned(),
        };
        let (identity, tls) = watch::channel(membership.tls.clone());
        let renewal = tokio::spawn(renewal::run(membership.pki.clone(), identity));
        let (masters, known_masters) = watch::channel(membership.masters.clone());
        let tokens = Arc::new(TokenClient::new(tls.clone(), known_masters));
        let last_revision = Arc::new(AtomicU64::new(0));
        let context = session::Context { tls, hello, uplink: uplink.clone(), work, network, last_revision };
        let cluster = membership.cluster.clone();
        let supervisor = tokio::spawn(Supervisor::new(membership, context, masters).run());
        let guard = LinkGuard { tasks: [supervisor, renewal] };
        Link { cluster, uplink, work: works, network: networks, tokens, guard }
    }
}

/// Ends the sessions when it is dropped.
pub struct LinkGuard {
    tasks: [JoinHandle<()>; 2],
}

impl Drop for LinkGuard {
    fn drop(&mut self) {
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}

struct Running {
    id: u64,
    task: JoinHandle<()>,
    /// Turned to true once: this session is the one that work comes from.
    subscribe: watch::Sender<bool>,
}

impl Drop for Running {
    fn drop(&mut self) {
        self.task.abort();
    }
}

struct Supervisor {
    membership: Membership,
    context: session::Context,
    plan: Masters,
    sessions: BTreeMap<String, Running>,
    last_id: u64,
    started: Instant,
    told: mpsc::Sender<Told>,
    hears: mpsc::Receiver<Told>,
    /// The masters, for others of this agent.
    masters: watch::Sender<Vec<String>>,
}

impl Supervisor {
    fn new(membership: Membership, context: session::Context, masters: watch::Sender<Vec<String>>) -> Supervisor {
        let plan = Masters::new(membership.node_name());
        let (told, hears) = mpsc::channel(TOLD);
        let (sessions, started) = (BTreeMap::new(), Instant::now());
        Supervisor { membership, context, plan, sessions, last_id: 0, started, told, hears, masters }
    }

    async fn run(mut self) {
        let mut tick = tokio::time::interval(TICK);
        self.step(Event::Masters(self.membership.masters.clone())).await;
        loop {
            tokio::select! {
                Some(told) = self.hears.recv() => self.hear(told).await,
                _ = tick.tick() => self.step(Event::Tick).await,
            }
        }
    }

    /// What a session said that is not there any more does not count.
    async fn hear(&mut self, Told { master, session, event }: Told) {
        if self.sessions.get(&master).is_none_or(|running| running.id != session) {
            return;
        }
        if let Event::Masters(masters) = &event {
            self.save_masters(masters);
        }
        self.step(event).await;
    }

    async fn step(&mut self, event: Event) {
        let now = u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX);
        for action in self.plan.step(event, now, rand::random::<f64>()) {
            tracing::debug!(?action, "link");
            match action {
                Action::Dial { master, after } => self.dial(master, Duration::from_millis(after)).await,
                Action::Close(master) => self.close(&master).await,
                Action::Subscribe(master) => self.subscribe(&master),
            }
        }
    }

    async fn dial(&mut self, master: String, after: Duration) {
        self.close(&master).await;
        self.last_id += 1;
        let (subscribe, subscribed) = watch::channel(false);
        let teller = session::Teller { master: master.clone(), session: self.last_id, told: self.told.clone() };
        let task = tokio::spawn(session::run(self.context.clone(), teller, subscribed, after));
        self.sessions.insert(master, Running { id: self.last_id, task, subscribe });
    }

    /// Returns when the session hands on nothing any more.
    async fn close(&mut self, master: &str) {
        let Some(mut running) = self.sessions.remove(master) else { return };
        running.task.abort();
        // It has ended by itself, or by this; both are well.
        drop((&mut running.task).await);
    }

    fn subscribe(&self, master: &str) {
        if let Some(running) = self.sessions.get(master) {
            let revision = self.context.last_revision.load(Ordering::Relaxed);
            tracing::info!(master, revision, "work comes from this master now");
            running.subscribe.send_replace(true);
        }
    }

    fn save_masters(&mut self, masters: &[String]) {
        if masters.is_empty() || self.membership.saved.masters == masters {
            return;
        }
        self.membership.saved.masters = masters.to_vec();
        tracing::info!(?masters, "the masters have changed");
        self.masters.send_replace(masters.to_vec());
        if let Err(error) = self.membership.pki.save_cluster(&self.membership.saved) {
            tracing::warn!(error = &error as &dyn std::error::Error, "the masters' addresses were not saved");
        }
    }
}
