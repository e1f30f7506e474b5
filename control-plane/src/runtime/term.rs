//! One term of leading: one task, one loop.
//!
//! Each turn takes in what the cache shows, then what has been carried out, then hands out what is to do. The world is
//! brought up to the cache before a finished key is settled, so that a key never sees a world without its own writes.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use futures::FutureExt;
use tokio::task::JoinSet;
use tokio::time::Instant;
use xebec_api::Catalogue;
use xebec_controllers::{Change, Controller, Key, Moment, ObjectRef, Outcome, World, reconcile};

use super::RuntimeParts;
use super::binding::Binder;
use super::events::{Recorder, recorder};
use super::execute::{Carried, Hands};
use super::nodes::Ears;
use super::queue::{Finish, Queue};
use super::scheduling::{Done, Scheduling};
use crate::authn::User;
use crate::cache::{CacheEvent, Expired, Subscription};
use crate::registry::Stored;

/// How long one try to read what was committed before may take.
const BARRIER_PATIENCE: Duration = Duration::from_secs(2);
/// Between two tries.
const BARRIER_PAUSE: Duration = Duration::from_millis(20);
/// Keys reconciled in one turn, before the cache is looked at again.
const KEYS_A_TURN: usize = 256;
/// Changes taken in one turn, before others may run.
const CHANGES_A_TURN: usize = 1024;

/// Works until it is dropped.
pub(super) async fn serve(parts: RuntimeParts) {
    catch_up(&parts).await;
    let (recorder, telling) = recorder(parts.registry.clone());
    let working = async {
        loop {
            let Err(expired) = Term::begin(&parts, &recorder).work().await;
            tracing::warn!(%expired, "the cache has moved on too fast or was replaced: scheduler and controllers begin anew");
        }
    };
    tokio::select! {
        () = telling => {}
        () = working => {}
    }
}

/// Waits until this master has applied everything that was committed before it led.
async fn catch_up(parts: &RuntimeParts) {
    while let Err(status) = parts.registry.read_barrier(Instant::now() + BARRIER_PATIENCE).await {
        tracing::debug!(%status, "not caught up yet");
        tokio::time::sleep(BARRIER_PAUSE).await;
    }
}

/// Nothing, ever.
enum Never {}

struct Term<'a> {
    parts: &'a RuntimeParts,
    started: Instant,
    world: World,
    queue: Queue,
    scheduling: Scheduling,
    ears: Ears,
    hands: Hands,
    carrying: JoinSet<(Key, Carried)>,
    binding: JoinSet<Done>,
}

/// Why the loop woke.
enum Woken {
    Change(std::sync::Arc<CacheEvent>),
    Carried(Key, Carried),
    Scheduled(Done),
    /// A task was ended from outside: the runtime is stopping.
    Ended,
    Nodes,
    Timer,
}

impl<'a> Term<'a> {
    fn begin(parts: &'a RuntimeParts, recorder: &Recorder) -> Self {
        let started = Instant::now();
        let registry = &parts.registry;
        Self {
            parts,
            started,
            world: World::new(parts.settings.clone()),
            queue: Queue::default(),
            scheduling: Scheduling::new(Binder::new(registry.clone(), recorder.clone())),
            ears: Ears::new(started),
            hands: Hands::new(registry.clone(), User::controller_manager(), recorder.clone()),
            carrying: JoinSet::new(),
            binding: JoinSet::new(),
        }
    }

    /// Works until the cache has lost us.
    async fn work(mut self) -> Result<Never, Expired> {
        let mut changes = self.parts.registry.cache().subscribe_all(None)?;
        let position = changes.revision();
        for stored in changes.initial() {
            self.take_in(&stored, true);
        }
        tracing::info!(revision = position, "scheduler and controllers work");
        let mut nodes = self.parts.nodes.changed();
        self.listen();
        loop {
            self.drain(&mut changes)?;
            self.turn();
            let timer = self.next_timer();
            let woken = tokio::select! {
                change = changes.next() => Woken::Change(change?),
                Some(carried) = self.carrying.join_next() => {
                    carried.map_or(Woken::Ended, |(key, carried)| Woken::Carried(key, carried))
                }
                Some(done) = self.binding.join_next() => done.map_or(Woken::Ended, Woken::Scheduled),
                Ok(()) = nodes.changed() => Woken::Nodes,
                () = tokio::time::sleep_until(timer) => Woken::Timer,
            };
            if let Woken::Change(change) = &woken {
                self.change(change);
            }
            self.drain(&mut changes)?;
            self.wake(woken, changes.revision());
        }
    }

    fn wake(&mut self, woken: Woken, position: u64) {
        match woken {
            Woken::Carried(key, carried) => self.carried(key, carried, position),
            Woken::Scheduled(done) => self.scheduling.done(&done, Instant::now()),
            Woken::Nodes => self.listen(),
            Woken::Change(_) | Woken::Timer | Woken::Ended => {}
        }
    }

    /// Takes in what the cache has ready.
    fn drain(&mut self, changes: &mut Subscription) -> Result<(), Expired> {
        for _ in 0..CHANGES_A_TURN {
            let Some(change) = changes.try_next()? else { break };
            self.change(&change);
        }
        self.queue.settle(changes.revision());
        Ok(())
    }

    fn change(&mut self, change: &CacheEvent) {
        match (change.current(), change.left()) {
            (Some(current), _) => self.take_in(current, true),
            (None, Some(left)) => self.take_in(&left, false),
            (None, None) => {}
        }
    }

    /// Takes an object over into the world and the scheduler's snapshot, as it is, or as gone.
    fn take_in(&mut self, stored: &Stored, exists: bool) {
        let kinds = self.parts.registry.cache().catalogue();
        let Some(object) = reference(&kinds, stored) else { return };
        let current = exists.then(|| stored.object.clone());
        self.scheduling.apply(&object, current.as_ref());
        let change = Change { object: object.clone(), current, revision: stored.revision };
        let applied = self.world.apply(change, self.moment());
        if let Some(error) = applied.unreadable {
            tracing::warn!(%object, %error, "an object cannot be read as its kind");
        }
        applied.keys.into_iter().for_each(|key| self.queue.add(key));
    }

    fn listen(&mut self) {
        let keys = self.ears.listen(&*self.parts.nodes, &mut self.world, Instant::now());
        keys.into_iter().for_each(|key| self.queue.add(key));
    }

    /// Hands out what is to do.
    fn turn(&mut self) {
        let now = Instant::now();
        self.queue.ring(now);
        for _ in 0..KEYS_A_TURN {
            let Some(key) = self.queue.next() else { break };
            if key.controller == Controller::NodeLifecycle {
                let keys = self.ears.freshen(&*self.parts.nodes, &mut self.world, now);
                keys.into_iter().for_each(|key| self.queue.add(key));
            }
            self.reconcile(key, now);
        }
        self.scheduling.schedule(&mut self.binding, now);
    }

    fn reconcile(&mut self, key: Key, now: Instant) {
        let moment = self.moment();
        let world = AssertUnwindSafe(&self.world);
        let Ok(outcome) = catch_unwind(|| reconcile(&world, &key, moment)) else {
            tracing::error!(%key, "a controller panicked");
            self.queue.back_off(key, now);
            return;
        };
        let Outcome { actions, requeue } = outcome;
        if let Some(wait) = requeue {
            self.queue.add_after(key.clone(), wait, now);
        }
        if actions.is_empty() {
            self.queue.is_well(&key);
            if self.world.failure(&key).is_some() {
                // What stood in its status as the failure's trace can go.
                self.world.record(&key, None);
                self.queue.add(key);
            }
            return;
        }
        tracing::debug!(%key, actions = actions.len(), "reconcile");
        let hands = self.hands.clone();
        self.queue.begin(key.clone());
        self.carrying.spawn(async move {
            let carried = AssertUnwindSafe(hands.carry_out(actions)).catch_unwind().await;
            (key, carried.unwrap_or_else(|_| Carried::fault()))
        });
    }

    fn carried(&mut self, key: Key, carried: Carried, position: u64) {
        if let Some(failure) = &carried.failure {
            tracing::warn!(%key, reason = failure.reason, message = failure.message, "not done; will be tried again");
        }
        self.world.record(&key, carried.failure);
        let finish = Finish { revision: carried.revision, failed: carried.again };
        self.queue.finish(key, &finish, position, Instant::now());
    }

    /// When to wake without any cause. Work that is left over from this turn is one.
    fn next_timer(&self) -> Instant {
        let now = Instant::now();
        let timers = [self.queue.next_timer(), self.scheduling.next_timer()];
        let rest = self.queue.has_work().then_some(now);
        let far = now + Duration::from_secs(3600);
        timers.into_iter().flatten().chain(rest).min().unwrap_or(far)
    }

    fn moment(&self) -> Moment {
        Moment { wall: self.parts.registry.now(), uptime: self.started.elapsed() }
    }
}

fn reference(kinds: &Catalogue, stored: &Stored) -> Option<ObjectRef> {
    let meta = stored.object.meta();
    let kind = kinds.find_api_version(&meta.api_version, &meta.kind)?;
    Some(ObjectRef::new(kind.into(), meta.namespace.as_deref().unwrap_or_default(), &meta.name))
}
