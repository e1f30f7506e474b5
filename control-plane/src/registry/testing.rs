//! A registry over the pure state machine, for the tests of this crate: everything is real but the disk and the other
//! masters.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use serde_json::{Value, json};
use tokio::time::Instant;
use xebec_api::{Kind, Status};
use xebec_kv::{Body, Command, Event, Outcome, RequestId, SharedLease, State, Txn, TxnOutcome};
use xebec_store::{ApplyObserver, StoreError};

use super::{
    Backend, Environment, Registry, RegistryParts, RequestContext, Stored, SystemEnvironment, Target, WriteOptions,
};
use crate::admission;
use crate::admission::webhooks::{WebhookMetrics, WebhookParts, Webhooks};
use crate::authn::User;
use crate::authn::bearer::BearerTokens;
use crate::authn::service_account::ServiceAccountTokens;
use crate::authz::{Attributes, Authorizer, Decision};
use crate::cache::{Cache, Limits};
use crate::conversion::Conversions;
use crate::outbound::Dialler;

/// The state machine alone: applies at once and tells the cache.
pub(crate) struct MemoryStore {
    state: Mutex<State>,
    /// The leader's clock.
    time_ms: AtomicU64,
    observer: Arc<dyn ApplyObserver>,
}

impl MemoryStore {
    pub(crate) fn new(observer: Arc<dyn ApplyObserver>) -> Arc<MemoryStore> {
        let state = State::default();
        observer.restored(&state);
        Arc::new(MemoryStore { state: Mutex::new(state), time_ms: AtomicU64::new(0), observer })
    }

    /// Applies a command, as the log would.
    pub(crate) fn apply(&self, body: Body) -> Outcome {
        let mut state = self.state.lock().unwrap();
        let time_ms = self.time_ms.load(Ordering::Relaxed);
        let applied = state.apply(&Command { request_id: RequestId::default(), time_ms, body });
        if !applied.events.is_empty() {
            self.observer.applied(&state, &applied.events);
        }
        applied.outcome
    }

    /// Lets time pass; what expires by that goes.
    pub(crate) fn pass(&self, time: Duration) {
        let time_ms = time.as_millis() as u64;
        let now_ms = self.time_ms.fetch_add(time_ms, Ordering::Relaxed) + time_ms;
        let expired: Vec<u64> = self.state().expired_leases(now_ms).collect();
        expired.into_iter().for_each(|id| drop(self.apply(Body::LeaseRevoke { id })));
    }
}

#[async_trait]
impl Backend for MemoryStore {
    async fn txn(&self, txn: Txn, _deadline: Instant) -> Result<TxnOutcome, StoreError> {
        match self.apply(Body::Txn(txn)) {
            Outcome::Txn(outcome) => Ok(outcome),
            other => panic!("a transaction answered {other:?}"),
        }
    }

    async fn shared_lease(&self, ttl: Duration, _deadline: Instant) -> Result<u64, StoreError> {
        let now_ms = self.time_ms.load(Ordering::Relaxed);
        match self.state().shared_lease(now_ms, ttl.as_millis() as u64) {
            SharedLease::There { id } => Ok(id),
            SharedLease::Grant { id, ttl_ms } => {
                self.apply(Body::LeaseGrant { id, ttl_ms });
                Ok(id)
            }
        }
    }

    async fn read_barrier(&self, _deadline: Instant) -> Result<u64, StoreError> {
        Ok(self.state.lock().unwrap().revision())
    }

    fn state(&self) -> Arc<State> {
        Arc::new(self.state.lock().unwrap().clone())
    }
}

/// A clock that stands still, and numbers that are the same in every run.
pub(crate) struct FixedEnvironment(AtomicU64);

impl Environment for FixedEnvironment {
    fn now(&self) -> jiff::Timestamp {
        "2030-01-01T00:00:00Z".parse().unwrap()
    }

    fn uid(&self) -> String {
        format!("uid-{}", self.0.fetch_add(1, Ordering::Relaxed))
    }

    fn pick(&self, below: u64) -> u64 {
        let step = self.0.fetch_add(1, Ordering::Relaxed) + 1;
        (step.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 32) % below
    }
}

/// Bearer tokens by a key of their own.
pub(crate) fn tokens(cache: Arc<Cache>) -> BearerTokens {
    let key = rcgen::KeyPair::generate().unwrap().serialize_pem();
    BearerTokens::new(ServiceAccountTokens::new(&key, cache.clone()).unwrap(), cache)
}

/// Those of the configurations in `cache`; Services have nobody behind them.
pub(crate) fn webhooks(cache: &Arc<Cache>) -> Webhooks {
    let environment: Arc<dyn Environment> = Arc::new(SystemEnvironment);
    let dialler = Dialler::new(cache.clone(), environment.clone());
    Webhooks::new(WebhookParts {
        cache: cache.clone(),
        dialler,
        conversions: conversions(cache),
        authorizer: Arc::new(AllButNobody),
        environment,
        metrics: WebhookMetrics::default(),
    })
}

/// By webhooks on hosts; Services have nobody behind them.
pub(crate) fn conversions(cache: &Arc<Cache>) -> Arc<Conversions> {
    let environment: Arc<dyn Environment> = Arc::new(SystemEnvironment);
    Arc::new(Conversions::new(Dialler::new(cache.clone(), environment.clone()), environment))
}

/// Lets in everybody but `nobody`.
pub(crate) struct AllButNobody;

impl Authorizer for AllButNobody {
    fn authorize(&self, attributes: &Attributes<'_>) -> Decision {
        match attributes.user.name.as_str() {
            "nobody" => Decision::Deny { reason: String::new() },
            _ => Decision::Allow,
        }
    }
}

/// What the store told of one command.
type Applied = (State, Vec<Event>);

/// Stands between store and cache, as a follower's network does: what happens while it is held waits.
pub(crate) struct Behind {
    cache: Arc<Cache>,
    held: Mutex<Option<Vec<Applied>>>,
}

impl Behind {
    pub(crate) fn new(cache: Arc<Cache>) -> Arc<Behind> {
        Arc::new(Behind { cache, held: Mutex::default() })
    }

    /// From now on the cache hears of nothing.
    pub(crate) fn hold(&self) {
        self.held.lock().unwrap().get_or_insert_default();
    }

    /// The cache hears of everything.
    pub(crate) fn catch_up(&self) {
        let held = self.held.lock().unwrap().take();
        held.iter().flatten().for_each(|(state, events)| self.cache.applied(state, events));
    }
}

impl ApplyObserver for Behind {
    fn restored(&self, state: &State) {
        self.cache.restored(state);
    }

    fn applied(&self, state: &State, events: &[Event]) {
        match self.held.lock().unwrap().as_mut() {
            Some(held) => held.push((state.clone(), events.to_vec())),
            None => self.cache.applied(state, events),
        }
    }
}

/// A registry with a `default` namespace, and what is under it.
pub(crate) struct Fixture {
    pub(crate) registry: Registry,
    pub(crate) cache: Arc<Cache>,
    pub(crate) store: Arc<MemoryStore>,
}

impl Fixture {
    pub(crate) async fn new() -> Fixture {
        Fixture::with_limits(Limits::default()).await
    }

    pub(crate) async fn with_limits(limits: Limits) -> Fixture {
        let cache = Cache::new(limits);
        Fixture::observed(cache.clone(), cache).await
    }

    /// A store that tells `observer`, which is to tell the cache.
    pub(crate) async fn observed(cache: Arc<Cache>, observer: Arc<dyn ApplyObserver>) -> Fixture {
        let store = MemoryStore::new(observer);
        let registry = Registry::new(RegistryParts {
            store: store.clone(),
            cache: cache.clone(),
            authorizer: Arc::new(AllButNobody),
            admission: admission::plugins(&cache, Duration::from_secs(10)),
            webhooks: webhooks(&cache),
            conversions: conversions(&cache),
            tokens: Arc::new(tokens(cache.clone())),
            environment: Arc::new(FixedEnvironment(AtomicU64::new(0))),
            service_cidr: "10.43.0.0/16".parse().unwrap(),
        });
        let fixture = Fixture { registry, cache, store };
        fixture.create(&target("namespaces", None, "default"), json!({})).await.unwrap();
        fixture.create(&target("serviceaccounts", Some("default"), "default"), json!({})).await.unwrap();
        fixture
    }

    pub(crate) async fn create(&self, target: &Target, body: Value) -> Result<Stored, Status> {
        self.registry.create(&cx(), target, body, &WriteOptions::default()).await
    }

    pub(crate) async fn update(&self, target: &Target, body: Value) -> Result<Stored, Status> {
        self.registry.update(&cx(), target, body, &WriteOptions::default()).await
    }

    /// A ConfigMap with one entry.
    pub(crate) async fn config_map(&self, name: &str, text: &str) -> Result<Stored, Status> {
        self.create(&target("configmaps", Some("default"), name), json!({"data": {"text": text}})).await
    }
}

/// A caller who may do everything.
pub(crate) fn cx() -> RequestContext {
    cx_of("jane")
}

pub(crate) fn cx_of(name: &str) -> RequestContext {
    RequestContext::new(Arc::new(User::new(name, [])), Instant::now() + Duration::from_secs(5))
}

pub(crate) fn kind(plural: &str) -> &'static Kind {
    xebec_api::resolve(plural).unwrap()
}

pub(crate) fn target(plural: &str, namespace: Option<&str>, name: &str) -> Target {
    Target::new(kind(plural), namespace, name)
}
