//! Follows the APIServices: publishes which there are, and keeps a task for each server that asks it what it serves.
//!
//! A server is asked when its APIService comes or changes, when the endpoints of its Service change, when this master becomes the leader, and
//! every half minute; after a failure sooner, and then ever later up to that. At most twice a second, however much its endpoints change.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::kube_aggregator::pkg::apis::apiregistration::v1::APIServiceSpec;
use rustls::client::ResolvesClientCert;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use xebec_api::kinds::{API_SERVICE, ENDPOINT_SLICE};
use xebec_api::{Catalogue, Reason, Status, Subresource, conditions};
use xebec_store::Leadership;

use super::availability::Verdict;
use super::index::{Aggregator, Entry, Index};
use super::remote::Remote;
use crate::authn::User;
use crate::cache::{Cache, Subscription};
use crate::outbound::Dialler;
use crate::registry::{Registry, RequestContext, Stored, Target, WriteOptions, rfc3339};

const SERVICE_NAME: &str = "kubernetes.io/service-name";
/// While all is well.
const REVIEW: Duration = Duration::from_secs(30);
/// After the first failure; doubled with each.
const RETRY: Duration = Duration::from_secs(1);
/// Between two questions.
const PAUSE: Duration = Duration::from_millis(500);
const WRITE: Duration = Duration::from_secs(5);

/// What following needs.
#[derive(Clone)]
pub struct Follow {
    /// Where APIServices are, and where their conditions are written.
    pub registry: Registry,
    /// Whether this master is the one to write.
    pub leadership: watch::Receiver<Leadership>,
    /// The way to servers.
    pub dialler: Dialler,
    /// Who we are to them.
    pub proxy: Arc<dyn ResolvesClientCert>,
}

/// Keeps `aggregator` true, until shutdown.
pub async fn follow(parts: Follow, aggregator: Aggregator, shutdown: CancellationToken) {
    let work = async {
        let cache = parts.registry.cache().clone();
        let mut running = Running { parts, by_name: BTreeMap::new() };
        loop {
            // Whatever has been missed is in the state that this begins with.
            match cache.subscribe(&API_SERVICE, None, None) {
                Ok(changes) => running.follow(changes, &cache, &aggregator).await,
                Err(_) => tokio::time::sleep(PAUSE).await,
            }
        }
    };
    shutdown.run_until_cancelled(work).await;
}

/// The servers that there are.
struct Running {
    parts: Follow,
    by_name: BTreeMap<String, Asked>,
}

/// A server that is asked by a task.
struct Asked {
    spec: APIServiceSpec,
    remote: Arc<Remote>,
    task: JoinHandle<()>,
}

impl Drop for Asked {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Running {
    /// Until the changes that it would see next are kept no more.
    async fn follow(&mut self, mut changes: Subscription, cache: &Cache, aggregator: &Aggregator) {
        drop(changes.initial());
        loop {
            aggregator.publish(self.take_in(&cache.list(&API_SERVICE, None)));
            if changes.next().await.is_err() {
                return;
            }
        }
    }

    fn take_in(&mut self, services: &[Stored]) -> Index {
        let built_in = Catalogue::default();
        let mut before = std::mem::take(&mut self.by_name);
        let mut index = Index::new();
        for service in services {
            let Ok(object) = service.object.decode::<ApiService>() else { continue };
            let spec = object.spec.unwrap_or_default();
            let key = (spec.group.clone().unwrap_or_default(), spec.version.clone().unwrap_or_default());
            // What is built in, nobody else serves.
            let is_ours = built_in.kinds().any(|kind| kind.group == key.0 && kind.version == key.1);
            let name = service.object.meta().name.clone();
            let entry = Entry {
                group_priority: spec.group_priority_minimum.into(),
                version_priority: spec.version_priority.into(),
                remote: if is_ours { None } else { self.run(&name, before.remove(&name), spec) },
            };
            index.insert(key, entry);
        }
        index
    }

    fn run(&mut self, name: &str, before: Option<Asked>, spec: APIServiceSpec) -> Option<Arc<Remote>> {
        let asked = match before.filter(|asked| asked.spec == spec) {
            Some(same) => same,
            None => {
                let parts = &self.parts;
                let remote = Arc::new(Remote::new(&spec, parts.dialler.clone(), parts.proxy.clone())?);
                let task = tokio::spawn(ask(parts.clone(), name.to_owned(), remote.clone()));
                Asked { spec, remote, task }
            }
        };
        let remote = asked.remote.clone();
        self.by_name.insert(name.to_owned(), asked);
        Some(remote)
    }
}

type ApiService = k8s_openapi::kube_aggregator::pkg::apis::apiregistration::v1::APIService;

/// Asks a server again and again.
async fn ask(mut parts: Follow, name: String, remote: Arc<Remote>) {
    let cache = parts.registry.cache().clone();
    let mut endpoints = Endpoints::of(&cache, &remote);
    let mut retry = RETRY;
    loop {
        let asked = remote.refresh().await;
        let is_leader = parts.leadership.borrow_and_update().is_leader;
        let is_written = !is_leader || say(&parts.registry, &name, &Verdict::of(&asked, &remote)).await;
        let pause = if asked.is_ok() && is_written { REVIEW } else { retry };
        retry = if asked.is_ok() { RETRY } else { REVIEW.min(retry * 2) };
        tokio::time::sleep(PAUSE).await;
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            () = endpoints.change() => {}
            changed = parts.leadership.changed() => if changed.is_err() { return },
        }
    }
}

/// The endpoints of a server's Service.
struct Endpoints {
    cache: Arc<Cache>,
    remote: Arc<Remote>,
    changes: Option<Subscription>,
}

impl Endpoints {
    fn of(cache: &Arc<Cache>, remote: &Arc<Remote>) -> Endpoints {
        let mut endpoints = Endpoints { cache: cache.clone(), remote: remote.clone(), changes: None };
        endpoints.subscribe();
        endpoints
    }

    /// From now on no change is missed, if it succeeds.
    fn subscribe(&mut self) {
        let from = Some(self.cache.revision());
        let namespace = &self.remote.service().namespace;
        self.changes = self.cache.subscribe(&ENDPOINT_SLICE, Some(namespace), from).ok();
    }

    /// Waits until they may have changed.
    async fn change(&mut self) {
        loop {
            let Some(changes) = &mut self.changes else {
                tokio::time::sleep(PAUSE).await;
                return self.subscribe();
            };
            let Ok(event) = changes.next().await else { return self.subscribe() };
            let name = &self.remote.service().name;
            let either = event.current.iter().chain(&event.previous);
            let mut slices = either.map(|entry| &entry.stored().object);
            if slices.any(|slice| slice.meta().labels.get(SERVICE_NAME) == Some(name)) {
                return;
            }
        }
    }
}

/// Writes the condition if it is another. Whether it stands there now.
async fn say(registry: &Registry, name: &str, verdict: &Verdict) -> bool {
    let Some(stored) = registry.cache().get(&API_SERVICE, None, name) else { return true };
    let mut object = stored.to_value();
    if object["status"].is_null() {
        object["status"] = serde_json::json!({});
    }
    if !conditions::set(&mut object, verdict.condition(), &rfc3339(registry.now())) {
        return true;
    }
    tracing::info!(name, condition = ?verdict.condition(), "the availability of an aggregated API has changed");
    match write_status(registry, name, object).await {
        Err(status) if status.reason != Reason::NotFound => {
            tracing::debug!(name, %status, "cannot write the availability of an aggregated API");
            false
        }
        _ => true,
    }
}

pub(super) async fn write_status(registry: &Registry, name: &str, object: serde_json::Value) -> Result<Stored, Status> {
    let target = Target::new(&API_SERVICE, None, name).subresource(Subresource::Status);
    registry.update(&context(), &target, object, &WriteOptions::by(super::keeper::FIELD_MANAGER)).await
}

pub(super) fn context() -> RequestContext {
    RequestContext::new(Arc::new(User::api_server()), Instant::now() + WRITE)
}
