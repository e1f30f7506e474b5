//! Tells people what happened: writes Events, like ones together.
//!
//! An Event's name follows from what it tells, so a repetition finds the Event that is there, whichever master wrote it,
//! and raises its count. Within [`QUIET`] repetitions are only counted. Telling must never hold up doing: the channel
//! is bounded, and what does not fit is dropped; the log says so at level debug.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::Instant;
use xebec_api::kinds::EVENT;
use xebec_api::patch::PatchKind;
use xebec_api::{Kind, Reason, Status};
use xebec_controllers::ObjectEvent;

use super::FIELD_MANAGER;
use crate::authn::User;
use crate::registry::{Patch, Registry, RequestContext, Target, WriteOptions, rfc3339};

const WAITING: usize = 4096;
/// Different events whose repetitions are counted. Beyond it the count starts anew.
const REMEMBERED: usize = 4096;
/// How often one event is written at most.
const QUIET: Duration = Duration::from_secs(10);
const PATIENCE: Duration = Duration::from_secs(5);
/// Events being written at once.
const CONCURRENCY: usize = 16;

/// Takes events to be told.
#[derive(Clone)]
pub(super) struct Recorder(mpsc::Sender<ObjectEvent>);

impl Recorder {
    /// Takes an event, if there is room.
    pub(super) fn record(&self, event: ObjectEvent) {
        if let Err(refused) = self.0.try_send(event) {
            let (mpsc::error::TrySendError::Full(event) | mpsc::error::TrySendError::Closed(event)) = refused;
            tracing::debug!(object = %event.regarding, reason = event.reason, "too many events: one is not told");
        }
    }
}

/// A recorder, and what writes its events until it is dropped.
pub(super) fn recorder(registry: Registry) -> (Recorder, impl Future<Output = ()>) {
    let (sender, receiver) = mpsc::channel(WAITING);
    let users = Users { scheduler: Arc::new(User::scheduler()), controllers: Arc::new(User::controller_manager()) };
    let writer = Writer { pen: Pen { registry, users }, told: BTreeMap::new(), writing: JoinSet::new() };
    (Recorder(sender), writer.run(receiver))
}

#[derive(Clone)]
struct Users {
    scheduler: Arc<User>,
    controllers: Arc<User>,
}

struct Told {
    at: Instant,
    untold: u32,
}

struct Writer {
    pen: Pen,
    told: BTreeMap<ObjectEvent, Told>,
    writing: JoinSet<()>,
}

/// Who writes events, and where.
#[derive(Clone)]
struct Pen {
    registry: Registry,
    users: Users,
}

impl Writer {
    async fn run(mut self, mut events: mpsc::Receiver<ObjectEvent>) {
        let mut quiet = tokio::time::interval(QUIET);
        quiet.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                event = events.recv() => match event {
                    Some(event) => self.take(event).await,
                    None => return,
                },
                _ = quiet.tick() => self.catch_up().await,
                Some(_) = self.writing.join_next() => {}
            }
        }
    }

    async fn take(&mut self, event: ObjectEvent) {
        let now = Instant::now();
        if let Some(told) = self.told.get_mut(&event).filter(|told| now < told.at + QUIET) {
            told.untold += 1;
            return;
        }
        self.tell(event.clone(), 1).await;
        if self.told.len() >= REMEMBERED {
            self.told.clear();
        }
        self.told.insert(event, Told { at: now, untold: 0 });
    }

    /// Writes the counts of what was repeated, and forgets what was not.
    async fn catch_up(&mut self) {
        let (repeated, quiet): (BTreeMap<_, _>, BTreeMap<_, _>) =
            std::mem::take(&mut self.told).into_iter().partition(|(_, told)| told.untold > 0);
        let now = Instant::now();
        for (event, told) in repeated {
            self.tell(event.clone(), told.untold).await;
            self.told.insert(event, Told { at: now, untold: 0 });
        }
        self.told.extend(quiet.into_iter().filter(|(_, told)| now < told.at + QUIET));
    }

    /// Has an event written; waits while too many are.
    async fn tell(&mut self, event: ObjectEvent, times: u32) {
        while self.writing.len() >= CONCURRENCY {
            self.writing.join_next().await;
        }
        let pen = self.pen.clone();
        self.writing.spawn(async move {
            if let Err(status) = pen.write(&event, times).await {
                tracing::debug!(object = %event.regarding, reason = event.reason, %status, "an event is not told");
            }
        });
    }
}

impl Pen {
    async fn write(&self, event: &ObjectEvent, times: u32) -> Result<(), Status> {
        let user =
            if event.component == super::binding::COMPONENT { &self.users.scheduler } else { &self.users.controllers };
        let context = RequestContext::new(user.clone(), Instant::now() + PATIENCE);
        let target = target(&EVENT, event);
        let count = self.count(&target);
        if count == 0 {
            let body = body(event, &target, times, &self.now());
            let created = self.registry.create(&context, &target, body, &WriteOptions::by(FIELD_MANAGER)).await;
            return match created {
                Err(status) if status.reason == Reason::AlreadyExists => Ok(()),
                other => other.map(drop),
            };
        }
        let body = json!({"count": count + u64::from(times), "lastTimestamp": self.now()});
        let patch = Patch { kind: PatchKind::Merge, body };
        self.registry.patch(&context, &target, &patch, &WriteOptions::by(FIELD_MANAGER)).await.map(drop)
    }

    /// How often the event was told before.
    fn count(&self, target: &Target) -> u64 {
        let stored = self.registry.cache().get(target.kind, target.namespace.as_deref(), &target.name);
        stored.map_or(0, |stored| stored.object.to_value()["count"].as_u64().unwrap_or(1))
    }

    fn now(&self) -> String {
        rfc3339(self.registry.now())
    }
}

fn target(kind: &'static Kind, event: &ObjectEvent) -> Target {
    let namespace = if event.regarding.namespace.is_empty() { "default" } else { &event.regarding.namespace };
    let mut digest = Sha256::new();
    for part in [&event.uid, event.kind.as_str(), event.reason, &event.message, event.component] {
        digest.update(part);
        digest.update([0]);
    }
    let digest: [u8; 32] = digest.finalize().into();
    let suffix: String = digest[..8].iter().map(|byte| format!("{byte:02x}")).collect();
    Target::new(kind, Some(namespace), &format!("{}.{suffix}", event.regarding.name))
}

fn body(event: &ObjectEvent, target: &Target, times: u32, now: &str) -> Value {
    let regarding = &event.regarding;
    let kind = regarding.resource.kind();
    let api_version = kind.map(|kind| match kind.group {
        "" => kind.version.to_owned(),
        group => format!("{group}/{}", kind.version),
    });
    let mut involved = json!({
        "kind": kind.map(|kind| kind.kind), "apiVersion": api_version, "name": &*regarding.name, "uid": event.uid,
    });
    if !regarding.namespace.is_empty() {
        involved["namespace"] = json!(&*regarding.namespace);
    }
    json!({
        "apiVersion": "v1", "kind": "Event",
        "metadata": {"name": target.name, "namespace": target.namespace},
        "involvedObject": involved, "type": event.kind.as_str(), "reason": event.reason, "message": event.message,
        "source": {"component": event.component}, "reportingComponent": event.component, "reportingInstance": "",
        "count": times, "firstTimestamp": now, "lastTimestamp": now,
    })
}
