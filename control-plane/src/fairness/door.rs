//! Waiting for a seat, and giving it back.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwap;
use prometheus_client::registry::Registry;
use tokio::sync::oneshot;
use tokio::time::Instant;

use super::config::Config;
use super::core::{Arrival, Core, Dispatch, Grant};
use super::metrics::FairnessMetrics;
use super::queues::Ticket;
use crate::authn::User;
use crate::request_info::RequestInfo;

/// How long a request may wait for a seat: half of what it may take in all.
const QUEUE_WAIT: Duration = Duration::from_secs(15);

/// Lets requests through in a fair order. Clones share the seats.
#[derive(Clone)]
pub struct Fairness {
    inner: Arc<Inner>,
}

struct Inner {
    config: ArcSwap<Config>,
    state: Mutex<State>,
    wait: Duration,
    metrics: FairnessMetrics,
}

struct State {
    core: Core,
    waiters: BTreeMap<Ticket, oneshot::Sender<Seat>>,
}

/// The right to run. Dropping it lets the next one run.
pub struct Seat {
    inner: Arc<Inner>,
    grant: Grant,
    since: Instant,
}

/// Let through, and by what.
pub struct Admitted {
    /// To be held while the request runs.
    pub seat: Seat,
    /// Which objects decided.
    pub by: Classification,
}

/// Which FlowSchema and priority level decided about a request, by their uids; empty for those that are no objects.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Classification {
    /// Of the FlowSchema.
    pub flow_schema: String,
    /// Of the PriorityLevelConfiguration.
    pub priority_level: String,
}

/// Not let through.
#[derive(Debug, PartialEq, Eq)]
pub struct Refused {
    /// Which objects decided.
    pub by: Classification,
    /// Why, in a word that metrics know.
    pub reason: &'static str,
}

impl Fairness {
    /// With so many seats, shared as `config` says.
    pub fn new(seats: u32, config: Config) -> Fairness {
        Fairness::patient(seats, config, QUEUE_WAIT)
    }

    fn patient(seats: u32, config: Config, wait: Duration) -> Fairness {
        let core = Core::new(seats, &config);
        let state = Mutex::new(State { core, waiters: BTreeMap::new() });
        let inner = Inner { config: ArcSwap::from_pointee(config), state, wait, metrics: FairnessMetrics::default() };
        Fairness { inner: Arc::new(inner) }
    }

    /// Tells of itself.
    pub fn register(&self, registry: &mut Registry) {
        self.inner.metrics.register(registry);
    }

    /// Shares the seats as `config` says from now on.
    pub fn configure(&self, config: Config) {
        let dispatched = {
            let mut state = self.inner.state();
            state.core.configure(&config);
            state.core.dispatch()
        };
        self.inner.config.store(Arc::new(config));
        wake(&self.inner, dispatched);
    }

    /// Waits for `seats` seats, but not for long. Dropping the future gives the place in the queue up.
    pub async fn enter(&self, user: &User, request: &RequestInfo, seats: u32) -> Result<Admitted, Refused> {
        let config = self.inner.config.load_full();
        let Some(found) = config.find(user, request) else {
            return Err(Refused { by: Classification::default(), reason: "no-schema" });
        };
        let by = Classification { flow_schema: found.schema.uid.clone(), priority_level: found.level.uid.clone() };
        let (level, schema) = (&found.level.name, &found.schema.name);
        match self.seat(level, found.flow, seats).await {
            Ok(seat) => {
                self.inner.metrics.dispatched(level, schema);
                Ok(Admitted { seat, by })
            }
            Err(reason) => {
                self.inner.metrics.refused(level, schema, reason);
                Err(Refused { by, reason })
            }
        }
    }

    async fn seat(&self, level: &str, flow: u64, seats: u32) -> Result<Seat, &'static str> {
        let (ticket, woken, dispatched) = {
            let mut state = self.inner.state();
            match state.core.arrive(level, flow, seats) {
                Arrival::Runs(grant) => return Ok(Seat::new(&self.inner, grant)),
                Arrival::Refused(reason) => return Err(reason),
                Arrival::Waits(ticket) => {
                    let (wake, woken) = oneshot::channel();
                    state.waiters.insert(ticket, wake);
                    (ticket, woken, state.core.dispatch())
                }
            }
        };
        // From here on, whoever drops this future leaves the queue.
        let place = Place { inner: &self.inner, ticket };
        wake(&self.inner, dispatched);
        let seat = tokio::time::timeout(self.inner.wait, woken).await;
        drop(place);
        seat.map_err(|_| "time-out")?.map_err(|_| "time-out")
    }

    /// Tells metrics how full the levels are.
    pub fn report(&self) {
        let state = self.inner.state();
        state.core.loads().for_each(|(level, seats, waiting)| self.inner.metrics.load(level, seats, waiting));
    }
}

impl Inner {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Gives seats to those whose turn it is. One who has just gone gives it on at once, so no lock may be held here.
fn wake(inner: &Arc<Inner>, dispatched: Vec<Dispatch>) {
    for (ticket, grant) in dispatched {
        let waiter = inner.state().waiters.remove(&ticket);
        let seat = Seat::new(inner, grant);
        if let Some(waiter) = waiter {
            drop(waiter.send(seat));
        }
    }
}

/// A place in a queue.
struct Place<'a> {
    inner: &'a Arc<Inner>,
    ticket: Ticket,
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        let dispatched = {
            let mut state = self.inner.state();
            match state.waiters.remove(&self.ticket) {
                Some(_) => state.core.leave(self.ticket),
                None => return,
            }
        };
        wake(self.inner, dispatched);
    }
}

impl Seat {
    fn new(inner: &Arc<Inner>, grant: Grant) -> Seat {
        Seat { inner: inner.clone(), grant, since: Instant::now() }
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let took = u64::try_from(self.since.elapsed().as_millis()).unwrap_or(u64::MAX);
        let dispatched = self.inner.state().core.finish(&self.grant, took);
        wake(&self.inner, dispatched);
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;
    use serde_json::json;

    use super::*;

    fn one_seat(wait: Duration) -> Fairness {
        let level = json!({"metadata": {"name": "one", "uid": "l"}, "spec": {"type": "Limited", "limited": {
            "nominalConcurrencyShares": 1_000, "limitResponse": {"type": "Queue", "queuing": {"queues": 8, "handSize": 1, "queueLengthLimit": 2}},
        }}});
        let rule = json!({"subjects": [{"kind": "Group", "group": {"name": "*"}}],
            "nonResourceRules": [{"verbs": ["*"], "nonResourceURLs": ["*"]}]});
        let schema = json!({"metadata": {"name": "all", "uid": "s"}, "spec": {"matchingPrecedence": 5,
            "priorityLevelConfiguration": {"name": "one"}, "distinguisherMethod": {"type": "ByUser"}, "rules": [rule]}});
        Fairness::patient(1, Config::new(&[schema], &[level]), wait)
    }

    fn ask() -> RequestInfo {
        RequestInfo { verb: "get", path: "/api".into(), ..RequestInfo::default() }
    }

    #[tokio::test]
    async fn a_seat_goes_to_the_next_when_it_is_given_back() {
        let fairness = one_seat(QUEUE_WAIT);
        let (jane, joe) = (User::new("jane", []), User::new("joe", []));
        let ask = ask();
        let held =
            fairness.enter(&jane, &ask, 1).await.unwrap_or_else(|refused| panic!("a free seat: {}", refused.reason));
        assert_eq!(held.by, Classification { flow_schema: "s".into(), priority_level: "l".into() });
        let mut waits = Box::pin(fairness.enter(&joe, &ask, 1));
        assert!(waits.as_mut().now_or_never().is_none());
        drop(held);
        assert!(waits.await.is_ok());
        assert!(fairness.enter(&jane, &ask, 1).now_or_never().is_some_and(|entered| entered.is_ok()));
    }

    #[tokio::test]
    async fn nobody_waits_for_ever() {
        let fairness = one_seat(Duration::from_millis(10));
        let (jane, ask) = (User::new("jane", []), ask());
        let _held = fairness.enter(&jane, &ask, 1).await.ok();
        let refused = fairness.enter(&jane, &ask, 1).await.err().map(|refused| refused.reason);
        assert_eq!(refused, Some("time-out"));
    }

    #[tokio::test]
    async fn who_gives_up_waiting_leaves_the_queue() {
        let fairness = one_seat(QUEUE_WAIT);
        let (jane, ask) = (User::new("jane", []), ask());
        let held = fairness.enter(&jane, &ask, 1).await.ok();
        for _ in 0..20 {
            let mut waits = Box::pin(fairness.enter(&jane, &ask, 1));
            assert!(waits.as_mut().now_or_never().is_none(), "the queue takes two");
        }
        drop(held);
        assert!(fairness.enter(&jane, &ask, 1).now_or_never().is_some_and(|entered| entered.is_ok()));
    }
}
