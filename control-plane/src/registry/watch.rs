//! WATCH: a cursor over the cache's history, seen through selectors.
//!
//! An object that a change moves into a selector is added for the watcher, one that it moves out is deleted. When the
//! reader is slower than the ring, or asks for changes that are not kept any more, the stream ends with an error of code
//! 410, never with a gap.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::Stream;
use tokio::time::{Instant, sleep_until};
use xebec_api::{FieldSelector, Kind, LabelSelector, Status};

use super::{Registry, RequestContext, Scope, Stored, WatchFrom, WatchOptions, keys};
use crate::cache::{CacheEvent, Entry, Expired, Snapshot, Subscription};

/// How often a quiet watch tells its reader how far it is, at least; up to a quarter more, so that many watches that began
/// together do not speak together for ever.
const BOOKMARK_EVERY: Duration = Duration::from_secs(60);
const BOOKMARK_JITTER_MS: u64 = 15_000;
/// A watch without a timeout of its own ends after this, and up to as much again, so that clients spread over the
/// masters.
const DEFAULT_TIMEOUT_SECONDS: u64 = 30 * 60;
/// However long a client wants it: a clock cannot count to any number, and rights that were lost must end some time.
const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);

/// What a watch reports.
#[derive(Debug, Clone)]
pub enum WatchEvent {
    /// An object came into view.
    Added(Stored),
    /// An object in view changed.
    Modified(Stored),
    /// An object left the view; this is its last state there.
    Deleted(Stored),
    /// Nothing happened up to this revision.
    Bookmark {
        /// The reader is up to date with it.
        revision: u64,
        /// Whether this ends the objects that a streaming list begins with.
        initial_events_end: bool,
    },
    /// The watch is over.
    Error(Status),
}

/// The events of a watch. It ends after an error, or at its timeout.
pub type WatchStream = Pin<Box<dyn Stream<Item = WatchEvent> + Send>>;

impl Registry {
    /// Follows the objects in `scope`.
    pub async fn watch(
        &self,
        cx: &RequestContext,
        scope: &Scope,
        options: &WatchOptions,
    ) -> Result<WatchStream, Status> {
        self.authorize_scope(cx, "watch", scope, &options.fields)?;
        let after = match options.from {
            WatchFrom::Latest | WatchFrom::InitialEvents(None) => self.read_barrier(cx.deadline).await.map(|_| None)?,
            WatchFrom::Any => None,
            WatchFrom::InitialEvents(Some(revision)) => self.wait_for(cx, revision).await.map(|()| None)?,
            WatchFrom::After(revision) => self.wait_for(cx, revision).await.map(|()| Some(revision))?,
        };
        let subscription = self.parts.cache.subscribe(scope.kind, scope.namespace.as_deref(), after);
        let subscription = match subscription {
            Ok(subscription) => subscription,
            Err(expired) => {
                let error = WatchEvent::Error(too_old(after.unwrap_or_default(), expired));
                return Ok(Box::pin(futures::stream::iter([error])));
            }
        };
        let watcher = Watcher::new(subscription, scope, options, self.rhythm(options));
        let events = futures::stream::unfold(watcher, Watcher::step);
        Ok(match scope.kind.conversion_webhook() {
            Some(_) => Box::pin(self.seen_events(scope.kind, events)),
            None => Box::pin(events),
        })
    }

    fn rhythm(&self, options: &WatchOptions) -> Rhythm {
        let jitter = Duration::from_millis(self.parts.environment.pick(BOOKMARK_JITTER_MS));
        Rhythm { timeout: self.watch_timeout(options), bookmarks_every: BOOKMARK_EVERY + jitter }
    }

    fn watch_timeout(&self, options: &WatchOptions) -> Duration {
        let default =
            || Duration::from_secs(DEFAULT_TIMEOUT_SECONDS + self.parts.environment.pick(DEFAULT_TIMEOUT_SECONDS));
        options.timeout.unwrap_or_else(default).min(LONGEST)
    }
}

/// When a watch speaks unasked.
struct Rhythm {
    timeout: Duration,
    bookmarks_every: Duration,
}

/// Entries of the state taken at a time: between two batches others get their turn.
const BATCH: usize = 128;

/// The state that a watch begins with, read as it is sent, so that a watcher holds a pointer to it and a batch of it.
struct Initial {
    states: Vec<Snapshot>,
    prefix: Bytes,
    after: Option<Bytes>,
    batch: VecDeque<Arc<Entry>>,
    /// Whether the last batch was a whole one, so that more is likely to follow.
    was_full: bool,
}

impl Initial {
    /// The next entry, in view or not.
    async fn next(&mut self) -> Option<Arc<Entry>> {
        if self.batch.is_empty() {
            if self.was_full {
                tokio::task::yield_now().await;
            }
            self.refill();
        }
        self.batch.pop_front()
    }

    fn refill(&mut self) {
        let Some(state) = self.states.last() else { return };
        let entries = state.range(&self.prefix, self.after.clone()).take(BATCH);
        let mut last = None;
        for (key, entry) in entries {
            last = Some(key.clone());
            self.batch.push_back(entry.clone());
        }
        self.was_full = self.batch.len() == BATCH;
        match last {
            Some(key) => self.after = Some(key),
            None => drop(self.states.pop()),
        }
    }
}

/// What comes next.
enum Stage {
    /// The rest of the state.
    Initial(Initial),
    /// The bookmark that ends the state.
    InitialEnd,
    /// Changes.
    Changes,
    /// Nothing.
    Over,
}

/// Why a waiting watcher wakes.
enum Turn {
    Event(Result<Arc<CacheEvent>, Expired>),
    Bookmark,
    End,
}

struct Watcher {
    subscription: Subscription,
    view: View,
    stage: Stage,
    marks_initial_end: bool,
    bookmarks: bool,
    bookmarks_every: Duration,
    next_bookmark: Instant,
    end: Instant,
}

impl Watcher {
    fn new(mut subscription: Subscription, scope: &Scope, options: &WatchOptions, rhythm: Rhythm) -> Watcher {
        let prefix = keys::prefix(scope.kind, scope.namespace.as_deref());
        let initial =
            Initial { states: subscription.take_state(), prefix, after: None, batch: VecDeque::new(), was_full: false };
        let now = Instant::now();
        Watcher {
            subscription,
            view: View { kind: scope.kind, labels: options.labels.clone(), fields: options.fields.clone() },
            stage: Stage::Initial(initial),
            marks_initial_end: matches!(options.from, WatchFrom::InitialEvents(_)),
            bookmarks: options.bookmarks,
            bookmarks_every: rhythm.bookmarks_every,
            next_bookmark: now + rhythm.bookmarks_every,
            end: now + rhythm.timeout,
        }
    }

    async fn step(mut self) -> Option<(WatchEvent, Watcher)> {
        loop {
            self.stage = match std::mem::replace(&mut self.stage, Stage::Over) {
                Stage::Initial(mut rest) => match rest.next().await {
                    Some(entry) if self.view.shows(&entry) => {
                        self.stage = Stage::Initial(rest);
                        return Some((WatchEvent::Added(self.view.of(entry.stored().clone())), self));
                    }
                    Some(_) => Stage::Initial(rest),
                    None if self.marks_initial_end => Stage::InitialEnd,
                    None => Stage::Changes,
                },
                Stage::InitialEnd => {
                    self.stage = Stage::Changes;
                    let revision = self.subscription.revision();
                    return Some((WatchEvent::Bookmark { revision, initial_events_end: true }, self));
                }
                Stage::Changes => return self.change().await.map(|event| (event, self)),
                Stage::Over => return None,
            }
        }
    }

    /// The next event in the stage of changes. Ends that stage by returning an error or nothing.
    async fn change(&mut self) -> Option<WatchEvent> {
        loop {
            let event = match self.wait().await {
                Turn::End => return self.last_bookmark(),
                Turn::Bookmark => self.bookmark(),
                Turn::Event(event) => self.shown(event),
            };
            if event.is_some() {
                return event;
            }
        }
    }

    /// What the reader sees of a change, if anything.
    fn shown(&mut self, event: Result<Arc<CacheEvent>, Expired>) -> Option<WatchEvent> {
        match event {
            Ok(event) => {
                self.stage = Stage::Changes;
                self.view.through(&event)
            }
            Err(expired) => {
                self.stage = Stage::Over;
                Some(WatchEvent::Error(too_old(self.subscription.revision(), expired)))
            }
        }
    }

    /// A bookmark, unless there is a change to read first.
    fn bookmark(&mut self) -> Option<WatchEvent> {
        self.next_bookmark = Instant::now() + self.bookmarks_every;
        match self.subscription.try_next().transpose() {
            Some(event) => self.shown(event),
            None => {
                self.stage = Stage::Changes;
                Some(bookmark_at(self.subscription.revision()))
            }
        }
    }

    async fn wait(&mut self) -> Turn {
        tokio::select! {
            biased;
            () = sleep_until(self.end) => Turn::End,
            () = sleep_until(self.next_bookmark), if self.bookmarks => Turn::Bookmark,
            event = self.subscription.next() => Turn::Event(event),
        }
    }

    /// Before the end, unless there is something unread, which a later watch will read.
    fn last_bookmark(&mut self) -> Option<WatchEvent> {
        self.stage = Stage::Over;
        let before = self.subscription.revision();
        let read_all = matches!(self.subscription.try_next(), Ok(None));
        let revision = if read_all { self.subscription.revision() } else { before };
        self.bookmarks.then(|| bookmark_at(revision))
    }
}

fn bookmark_at(revision: u64) -> WatchEvent {
    WatchEvent::Bookmark { revision, initial_events_end: false }
}

/// What a watcher's selectors let through.
struct View {
    kind: &'static Kind,
    labels: LabelSelector,
    fields: FieldSelector,
}

impl View {
    fn shows(&self, entry: &Entry) -> bool {
        entry.matches(self.kind, &self.labels, &self.fields)
    }

    /// The object in the version that is watched.
    fn of(&self, stored: Stored) -> Stored {
        stored.seen_as(self.kind)
    }

    fn through(&self, event: &CacheEvent) -> Option<WatchEvent> {
        let was = event.previous.as_ref().is_some_and(|entry| self.shows(entry));
        let is = event.current.as_ref().is_some_and(|entry| self.shows(entry));
        match (was, is) {
            (false, true) => event.shown().map(|stored| WatchEvent::Added(self.of(stored))),
            (true, true) => event.shown().map(|stored| WatchEvent::Modified(self.of(stored))),
            (true, false) => event.left().map(|stored| WatchEvent::Deleted(self.of(stored))),
            (false, false) => None,
        }
    }
}

fn too_old(revision: u64, expired: Expired) -> Status {
    Status::expired(format!("too old resource version: {revision} ({})", expired.oldest))
}
