//! WATCH: a cursor over the cache's history, seen through selectors.
//!
//! An object that a change moves into a selector is added for the watcher, one that it moves out is deleted. When the
//! reader is slower than the ring, the stream ends with an error of code 410, never with a gap.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use futures::Stream;
use tokio::time::{Instant, sleep_until};
use xebec_api::{FieldSelector, Kind, LabelSelector, Status};

use super::{Registry, RequestContext, Scope, Stored, WatchFrom, WatchOptions, keys};
use crate::cache::{CacheEvent, Entry, Expired, Subscription};

/// How often a quiet watch tells its reader how far it is.
const BOOKMARK_EVERY: Duration = Duration::from_secs(60);
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
        self.authorize_scope(cx, "watch", scope)?;
        let after = match options.from {
            WatchFrom::Latest | WatchFrom::InitialEvents(None) => self.read_barrier(cx.deadline).await.map(|_| None)?,
            WatchFrom::Any => None,
            WatchFrom::InitialEvents(Some(revision)) => self.wait_for(cx, revision).await.map(|()| None)?,
            WatchFrom::After(revision) => self.wait_for(cx, revision).await.map(|()| Some(revision))?,
        };
        let subscription = self.parts.cache.subscribe(scope.kind, scope.namespace.as_deref(), after);
        let subscription = subscription.map_err(|expired| too_old(after.unwrap_or_default(), expired))?;
        let watcher = Watcher::new(subscription, scope, options, self.watch_timeout(options));
        Ok(Box::pin(futures::stream::unfold(watcher, Watcher::step)))
    }

    fn watch_timeout(&self, options: &WatchOptions) -> Duration {
        let default =
            || Duration::from_secs(DEFAULT_TIMEOUT_SECONDS + self.parts.environment.pick(DEFAULT_TIMEOUT_SECONDS));
        options.timeout.unwrap_or_else(default).min(LONGEST)
    }
}

/// What comes next.
enum Stage {
    /// The rest of the state.
    Initial(std::vec::IntoIter<Arc<Entry>>),
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
    next_bookmark: Instant,
    end: Instant,
}

impl Watcher {
    fn new(mut subscription: Subscription, scope: &Scope, options: &WatchOptions, timeout: Duration) -> Watcher {
        let prefix = keys::prefix(scope.kind, scope.namespace.as_deref());
        let state = subscription.take_state();
        let entries: Vec<Arc<Entry>> =
            state.iter().flat_map(|snapshot| snapshot.range(&prefix, None)).map(|(_, entry)| entry.clone()).collect();
        let now = Instant::now();
        Watcher {
            subscription,
            view: View { kind: scope.kind, labels: options.labels.clone(), fields: options.fields.clone() },
            stage: Stage::Initial(entries.into_iter()),
            marks_initial_end: matches!(options.from, WatchFrom::InitialEvents(_)),
            bookmarks: options.bookmarks,
            next_bookmark: now + BOOKMARK_EVERY,
            end: now + timeout,
        }
    }

    async fn step(mut self) -> Option<(WatchEvent, Watcher)> {
        loop {
            self.stage = match std::mem::replace(&mut self.stage, Stage::Over) {
                Stage::Initial(mut rest) => match rest.find(|entry| self.view.shows(entry)) {
                    Some(entry) => {
                        self.stage = Stage::Initial(rest);
                        return Some((WatchEvent::Added(self.view.of(entry.stored().clone())), self));
                    }
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
        self.next_bookmark = Instant::now() + BOOKMARK_EVERY;
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
