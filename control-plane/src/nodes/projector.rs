//! The task that turns changes of the cluster into messages for the nodes.
//!
//! One task owns the [`Projection`], reads the watch cache's feed of all kinds and answers subscriptions between two changes,
//! so a node gets a whole state and then every later change, with neither gap nor overlap.

use std::cell::OnceCell;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::hub::Shared;
use super::projection::{Acknowledged, At, Change, Lookup, Millis, Outgoing, Projection, RefKey, To};
use crate::cache::{Cache, CacheEvent, Expired, Subscription};
use crate::registry::Stored;

/// How long the feed may be out of order before it is tried again.
const RETRY: Duration = Duration::from_millis(100);
/// Changes taken in one turn, before others may run.
const CHANGES_A_TURN: usize = 256;
/// With nothing held back, the task wakes for changes only.
const IDLE: Duration = Duration::from_secs(3600);

/// What sessions ask of the projector.
pub(super) enum Command {
    /// Send the whole state, then changes.
    Subscribe {
        /// The node.
        node: String,
        /// Its session.
        session: u64,
    },
    /// A node has acknowledged a generation.
    Applied,
}

pub(super) struct Projector {
    shared: Arc<Shared>,
    projection: Projection,
    started: Instant,
}

impl Projector {
    pub(super) fn new(shared: Arc<Shared>) -> Projector {
        Projector { shared, projection: Projection::default(), started: Instant::now() }
    }

    /// Runs until the hub stops. When the feed has lost changes, everything is built anew and the agents subscribe again.
    pub(super) async fn run(mut self, mut commands: mpsc::Receiver<Command>) {
        loop {
            if let Ok(feed) = self.shared.registry.cache().subscribe_all(None)
                && self.follow(feed, &mut commands).await.is_ok()
            {
                return;
            }
            tracing::info!("the feed of changes starts again; all nodes get their whole state");
            self.projection = Projection::default();
            self.shared.sessions.cut_subscribed();
            tokio::time::sleep(RETRY).await;
        }
    }

    /// Ends well when nobody can ask for anything any more.
    async fn follow(&mut self, mut feed: Subscription, commands: &mut mpsc::Receiver<Command>) -> Result<(), Expired> {
        for stored in feed.initial() {
            self.initial(&stored);
        }
        self.projection.advance(feed.revision());
        loop {
            let wake = self.next_wake();
            tokio::select! {
                event = feed.next() => {
                    self.event(&*event?);
                    self.drain(&mut feed)?;
                }
                command = commands.recv() => match command {
                    Some(Command::Subscribe { node, session }) => self.subscribe(&mut feed, &node, session)?,
                    Some(Command::Applied) => {}
                    None => return Ok(()),
                },
                () = tokio::time::sleep_until(wake) => {}
            }
            self.release();
        }
    }

    /// Takes in what is there already, so that what is held back is looked at once for many changes.
    fn drain(&mut self, feed: &mut Subscription) -> Result<(), Expired> {
        for _ in 1..CHANGES_A_TURN {
            let Some(event) = feed.try_next()? else { break };
            self.event(&event);
        }
        Ok(())
    }

    fn subscribe(&mut self, feed: &mut Subscription, node: &str, session: u64) -> Result<(), Expired> {
        while let Some(event) = feed.try_next()? {
            self.event(&event);
        }
        self.projection.advance(feed.revision());
        let Some(outbox) = self.shared.sessions.subscribe(node, session) else { return Ok(()) };
        outbox.send(self.projection.sync(node, &Content(self.shared.registry.cache())));
        Ok(())
    }

    fn initial(&mut self, stored: &Stored) {
        let meta = stored.object.meta();
        let Some(kind) = known(&meta.kind) else { return };
        let change = Change {
            kind,
            namespace: meta.namespace.clone().unwrap_or_default(),
            name: meta.name.clone(),
            current: Some(At { object: stored.object.clone(), revision: stored.revision }),
            revision: stored.revision,
        };
        let now = self.now();
        // Nobody is subscribed to a projection that is being built.
        drop(self.projection.apply(&change, now, &Content(self.shared.registry.cache())));
    }

    fn event(&mut self, event: &CacheEvent) {
        let Some(change) = read(event) else { return };
        let now = self.now();
        let outgoing = self.projection.apply(&change, now, &Content(self.shared.registry.cache()));
        if change.kind == "Node" {
            self.node_changed(&change);
        }
        self.send(outgoing);
    }

    fn node_changed(&self, change: &Change) {
        self.shared.sessions.node_changed(&change.name);
        if change.current.is_none() {
            // Its certificate is good no longer; neither is a session that began with it.
            self.shared.sessions.cut(&change.name);
            self.shared.liveness.forget(&change.name);
        }
    }

    fn release(&mut self) {
        let acknowledged = Acknowledgements { shared: &self.shared, now: Instant::now(), generation: OnceCell::new() };
        let now = self.now();
        let outgoing = self.projection.release(now, &acknowledged, &Content(self.shared.registry.cache()));
        self.send(outgoing);
    }

    fn send(&self, outgoing: Vec<Outgoing>) {
        for Outgoing { to, message } in outgoing {
            match to {
                To::One(node) => self.shared.sessions.tell_one(&node, vec![message]),
                To::All => self.shared.sessions.tell_subscribed(&[message]),
            }
        }
    }

    fn now(&self) -> Millis {
        Millis::try_from(self.started.elapsed().as_millis()).unwrap_or(Millis::MAX)
    }

    fn next_wake(&self) -> Instant {
        match self.projection.next_deadline() {
            Some(millis) => self.started + Duration::from_millis(millis),
            None => Instant::now() + IDLE,
        }
    }
}

/// The kinds that the projection takes.
fn known(kind: &str) -> Option<&'static str> {
    ["Pod", "ConfigMap", "Secret", "Node", "Service", "EndpointSlice"].into_iter().find(|known| *known == kind)
}

fn read(event: &CacheEvent) -> Option<Change> {
    let kind = known(event.kind.kind)?;
    let shown = event.current().or(event.previous())?;
    let meta = shown.object.meta();
    let at = |stored: &Stored| At { object: stored.object.clone(), revision: stored.revision };
    Some(Change {
        kind,
        namespace: meta.namespace.clone().unwrap_or_default(),
        name: meta.name.clone(),
        current: event.current().map(at),
        revision: event.revision,
    })
}

/// ConfigMaps and Secrets as the cache has them. It may be ahead of the feed; the change itself follows then.
struct Content<'a>(&'a Cache);

impl Lookup for Content<'_> {
    fn reference(&self, key: &RefKey) -> Option<(u64, Bytes)> {
        let kind = xebec_api::find_kind("", "v1", key.kind.as_str())?;
        let stored = self.0.get(kind, Some(&key.namespace), &key.name)?;
        Some((stored.revision, stored.to_json()))
    }
}

/// Looked up once for all that is held back, and only if anything is.
struct Acknowledgements<'a> {
    shared: &'a Shared,
    now: Instant,
    generation: OnceCell<u64>,
}

impl Acknowledged for Acknowledgements<'_> {
    fn by_all(&self, generation: u64) -> bool {
        *self.generation.get_or_init(|| self.shared.liveness.applied_by_all(self.now)) >= generation
    }
}
