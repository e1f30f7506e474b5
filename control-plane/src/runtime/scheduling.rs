//! The pods that wait for a node, and what becomes of them.
//!
//! ```text
//!  unbound pod ─▶ waiting ─place─▶ binding ─▶ bound (the cache shows it)
//!                  ▲  ▲               │ refused
//!                  │  └───────────────┘ after a pause
//!                  └── room may be: unfit ◀─place─ no node fits
//! ```

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use k8s_openapi::api::core::v1::{Node, Pod};
use tokio::task::JoinSet;
use tokio::time::Instant;
use xebec_api::Object;
use xebec_controllers::{ObjectRef, Resource};
use xebec_scheduler::{Candidate, Decision, Demand, Effect, Snapshot, Unfit};

use super::binding::{Binder, COMPONENT, PodId};

/// Pods placed in one go.
const BATCH: usize = 4096;
/// Writes under way at once. What is placed beyond it would only queue before the log.
const CONCURRENCY: usize = 512;
/// How often pods that found no node are tried again at most, however much changes.
const RETRY_PAUSE: Duration = Duration::from_millis(50);
/// How long a pod waits after its binding was refused.
const REFUSED_PAUSE: Duration = Duration::from_millis(200);

/// The more important first, then the one that came first.
type Turn = (Reverse<i32>, u64);

struct Waiting {
    id: PodId,
    turn: Turn,
    demand: Arc<Demand>,
    stage: Stage,
    /// What it was last told.
    told: Option<Arc<Unfit>>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// To be placed.
    Waiting,
    /// No node fits.
    Unfit,
    /// Being bound.
    Binding,
    /// Refused: waits for its pause to end.
    Paused(Instant),
}

/// What a task of ours did.
pub(super) enum Done {
    /// A pod was bound, or refused.
    Bound { uid: Arc<str>, bound: bool },
    /// A pod was told why it waits.
    Told,
}

pub(super) struct Scheduling {
    snapshot: Snapshot,
    pods: BTreeMap<Arc<str>, Waiting>,
    /// Pods to be placed, in their order.
    turns: BTreeSet<(Turn, Arc<str>)>,
    unfit: BTreeSet<Arc<str>>,
    paused: BTreeSet<(Instant, Arc<str>)>,
    uids: BTreeMap<ObjectRef, Arc<str>>,
    arrivals: u64,
    room: bool,
    retried: Option<Instant>,
    binder: Binder,
}

impl Scheduling {
    pub(super) fn new(binder: Binder) -> Self {
        Self {
            snapshot: Snapshot::new(),
            pods: BTreeMap::new(),
            turns: BTreeSet::new(),
            unfit: BTreeSet::new(),
            paused: BTreeSet::new(),
            uids: BTreeMap::new(),
            arrivals: 0,
            room: false,
            retried: None,
            binder,
        }
    }

    /// Takes in a change.
    pub(super) fn apply(&mut self, object: &ObjectRef, current: Option<&Object>) {
        let effect = match (object.resource, current) {
            (Resource::NODES, Some(current)) => match current.decode::<Node>() {
                Ok(node) => self.snapshot.apply_node(&object.name, &node),
                Err(_) => Effect::None,
            },
            (Resource::NODES, None) => self.snapshot.remove_node(&object.name),
            (Resource::PODS, current) => self.apply_pod(object, current),
            _ => Effect::None,
        };
        self.room |= effect == Effect::MayFit;
    }

    fn apply_pod(&mut self, object: &ObjectRef, current: Option<&Object>) -> Effect {
        let uid: Option<Arc<str>> = current.map(|current| current.meta().uid.as_str().into());
        let mut effect = Effect::None;
        if let Some(old) = self.uids.get(object).filter(|old| Some(*old) != uid.as_ref()).cloned() {
            self.stop_waiting(&old);
            effect = self.snapshot.remove_pod(&old);
            self.uids.remove(object);
        }
        let (Some(uid), Some(pod)) = (uid, current.and_then(|current| current.decode::<Pod>().ok())) else {
            return effect;
        };
        self.uids.insert(object.clone(), uid.clone());
        if wants_node(&pod) {
            self.wait(object, uid, &pod);
            return effect;
        }
        self.stop_waiting(&uid);
        match self.snapshot.apply_pod(&uid, &pod) {
            Effect::None => effect,
            Effect::MayFit => Effect::MayFit,
        }
    }

    fn wait(&mut self, object: &ObjectRef, uid: Arc<str>, pod: &Pod) {
        let demand = Demand::from_pod(pod);
        if let Some(known) = self.pods.get_mut(&uid) {
            if *known.demand != demand && known.stage == Stage::Unfit {
                known.demand = Arc::new(demand);
                self.set_stage(&uid, Stage::Waiting);
            }
            return;
        }
        self.arrivals += 1;
        let priority = pod.spec.as_ref().and_then(|spec| spec.priority).unwrap_or(0);
        let turn = (Reverse(priority), self.arrivals);
        let id = PodId { object: object.clone(), uid: uid.clone() };
        let demand = Arc::new(demand);
        self.pods.insert(uid.clone(), Waiting { id, turn, demand, stage: Stage::Binding, told: None });
        self.set_stage(&uid, Stage::Waiting);
    }

    fn stop_waiting(&mut self, uid: &Arc<str>) {
        self.leave_stage(uid);
        self.pods.remove(uid);
    }

    fn set_stage(&mut self, uid: &Arc<str>, stage: Stage) {
        self.leave_stage(uid);
        let Some(pod) = self.pods.get_mut(uid) else { return };
        pod.stage = stage;
        match stage {
            Stage::Waiting => _ = self.turns.insert((pod.turn, uid.clone())),
            Stage::Unfit => _ = self.unfit.insert(uid.clone()),
            Stage::Paused(until) => _ = self.paused.insert((until, uid.clone())),
            Stage::Binding => {}
        }
    }

    /// Takes a pod out of the set of its stage.
    fn leave_stage(&mut self, uid: &Arc<str>) {
        let Some(pod) = self.pods.get(uid) else { return };
        match pod.stage {
            Stage::Waiting => _ = self.turns.remove(&(pod.turn, uid.clone())),
            Stage::Unfit => _ = self.unfit.remove(uid),
            Stage::Paused(until) => _ = self.paused.remove(&(until, uid.clone())),
            Stage::Binding => {}
        }
    }

    /// A task of ours has ended.
    pub(super) fn done(&mut self, done: &Done, now: Instant) {
        let Done::Bound { uid, bound: false } = done else { return };
        if self.pods.contains_key(uid) {
            self.room |= self.snapshot.remove_pod(uid) == Effect::MayFit;
            self.set_stage(uid, Stage::Paused(now + REFUSED_PAUSE));
        }
    }

    /// When something is to be tried again even if nothing changes.
    pub(super) fn next_timer(&self) -> Option<Instant> {
        let pause = self.paused.first().map(|(until, _)| *until);
        let retry = self.retried.filter(|_| self.room && !self.unfit.is_empty()).map(|at| at + RETRY_PAUSE);
        [pause, retry].into_iter().flatten().min()
    }

    /// Brings back what has paused for long enough, and, if there may be room, what found none.
    fn bring_back(&mut self, now: Instant) {
        while let Some((_, uid)) = self.paused.first().filter(|(until, _)| *until <= now).cloned() {
            self.set_stage(&uid, Stage::Waiting);
        }
        if self.room && self.retried.is_none_or(|at| at + RETRY_PAUSE <= now) {
            self.room = false;
            self.retried = Some(now);
            for uid in std::mem::take(&mut self.unfit) {
                self.set_stage(&uid, Stage::Waiting);
            }
        }
    }

    /// Places a batch of what waits, and starts the writes.
    pub(super) fn schedule(&mut self, tasks: &mut JoinSet<Done>, now: Instant) {
        self.bring_back(now);
        let room = CONCURRENCY.saturating_sub(tasks.len()).min(BATCH);
        let batch: Vec<Arc<str>> = self.turns.iter().take(room).map(|(_, uid)| uid.clone()).collect();
        if batch.is_empty() {
            return;
        }
        let demands: Vec<Arc<Demand>> = batch.iter().map(|uid| self.pods[uid].demand.clone()).collect();
        let candidates: Vec<Candidate<'_>> =
            batch.iter().zip(&demands).map(|(uid, demand)| Candidate { uid, demand }).collect();
        let decisions = self.snapshot.place(&candidates);
        for (uid, decision) in batch.iter().zip(decisions) {
            self.follow(uid, decision, tasks);
        }
    }

    fn follow(&mut self, uid: &Arc<str>, decision: Decision, tasks: &mut JoinSet<Done>) {
        let binder = self.binder.clone();
        match decision {
            Decision::Bind { node } => {
                self.set_stage(uid, Stage::Binding);
                let (id, uid) = (self.pods[uid].id.clone(), uid.clone());
                tasks.spawn(async move {
                    let bound = AssertUnwindSafe(binder.bind(&id, &node)).catch_unwind().await;
                    Done::Bound { uid, bound: bound.unwrap_or(false) }
                });
            }
            Decision::Unfit(unfit) => {
                self.set_stage(uid, Stage::Unfit);
                let Some(pod) = self.pods.get_mut(uid).filter(|pod| pod.told.as_ref() != Some(&unfit)) else { return };
                pod.told = Some(unfit.clone());
                let id = pod.id.clone();
                tasks.spawn(async move {
                    binder.explain(&id, unfit.to_string()).await;
                    Done::Told
                });
            }
        }
    }
}

/// Whether it is for us to find it a node.
fn wants_node(pod: &Pod) -> bool {
    let Some(spec) = &pod.spec else { return false };
    let ours = spec.scheduler_name.as_deref().is_none_or(|name| name == COMPONENT);
    let bound = spec.node_name.as_deref().is_some_and(|name| !name.is_empty());
    let gated = spec.scheduling_gates.iter().flatten().next().is_some();
    let phase = pod.status.as_ref().and_then(|status| status.phase.as_deref());
    let ended = matches!(phase, Some("Succeeded" | "Failed"));
    ours && !bound && !gated && !ended && pod.metadata.deletion_timestamp.is_none()
}
