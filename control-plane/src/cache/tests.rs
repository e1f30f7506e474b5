//! What readers of the cache rely on.

use std::collections::BTreeMap;

use futures::{FutureExt, StreamExt};
use proptest::prelude::*;
use serde_json::json;
use xebec_api::LabelSelector;

use super::*;
use crate::registry::testing::{Fixture, cx, kind, target};
use crate::registry::{
    DeleteOptions, ListOptions, Patch, PatchKind, Scope, WatchEvent, WatchFrom, WatchOptions, WriteOptions,
};

const SMALL: Limits = Limits { events: 4, bytes: 1 << 20 };

#[tokio::test]
async fn a_reader_resumes_where_it_was_and_is_told_when_it_cannot() {
    let f = Fixture::with_limits(SMALL).await;
    let first = f.config_map("a", "1").await.unwrap();
    for i in 0..3 {
        f.config_map(&format!("b{i}"), "1").await.unwrap();
    }
    let mut reader = f.cache.subscribe(kind("configmaps"), None, Some(first.revision)).unwrap();
    assert_eq!(reader.next().await.unwrap().revision, first.revision + 1);
    for i in 0..5 {
        f.config_map(&format!("c{i}"), "1").await.unwrap();
    }
    assert!(reader.next().await.is_err());
    assert!(f.cache.subscribe(kind("configmaps"), None, Some(first.revision)).is_err());
}

#[tokio::test]
async fn a_new_state_expires_every_reader() {
    let f = Fixture::new().await;
    let mut reader = f.cache.subscribe(kind("configmaps"), None, None).unwrap();
    assert!(reader.next().now_or_never().is_none());
    f.cache.restored(&crate::registry::Backend::state(f.store.as_ref()));
    assert!(reader.next().await.is_err());
}

/// One object put into the state: the events of one command.
fn put(state: &mut xebec_kv::State, name: &str, text: &str) -> Vec<Event> {
    let metadata = json!({"name": name, "namespace": "default", "uid": name});
    let object = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {"text": text}});
    let value = Object::from_value(object).unwrap().bytes().clone();
    let key = keys::object(kind("configmaps"), Some("default"), name);
    let success = vec![xebec_kv::Op::Put { key, value, lease: 0 }];
    let body = xebec_kv::Body::Txn(xebec_kv::Txn { success, ..Default::default() });
    state.apply(&xebec_kv::Command { request_id: Default::default(), time_ms: 0, body }).events
}

/// The store applies commands in batches, and tells of each with the state that the whole batch has made.
#[tokio::test]
async fn nothing_is_said_to_be_newer_than_what_has_been_taken_in() {
    let cache = Cache::new(Limits::default());
    let mut state = xebec_kv::State::default();
    cache.restored(&state);
    let (first, second) = (put(&mut state, "a", "1"), put(&mut state, "b", "1"));
    cache.applied(&state, &first);
    let (known, kind) = (first[0].revision, kind("configmaps"));
    assert_eq!((cache.revision(), cache.snapshot(kind).revision()), (known, known));
    let mut reader = cache.subscribe(kind, None, Some(known)).unwrap();
    assert!(reader.try_next().unwrap().is_none());
    assert_eq!(reader.revision(), known);
    cache.applied(&state, &second);
    assert_eq!(reader.try_next().unwrap().unwrap().revision, known + 1);
    assert_eq!(cache.revision(), state.revision());
}

/// A removal keeps the object that it removed, and that counts.
#[tokio::test]
async fn what_was_removed_counts_as_long_as_it_is_kept() {
    let f = Fixture::with_limits(Limits { events: 100, bytes: 4 << 10 }).await;
    for name in ["a", "b", "c"] {
        f.config_map(name, &"x".repeat(2 << 10)).await.unwrap();
    }
    let before = f.cache.revision();
    for name in ["a", "b", "c"] {
        let target = target("configmaps", Some("default"), name);
        f.registry.delete(&cx(), &target, &DeleteOptions::default()).await.unwrap();
    }
    assert!(f.cache.subscribe(kind("configmaps"), None, Some(before)).is_err(), "three removals are above the bound");
    assert!(f.cache.subscribe(kind("configmaps"), None, Some(before + 2)).is_ok());
}

#[tokio::test]
async fn one_feed_shows_all_kinds_in_order() {
    let f = Fixture::new().await;
    let mut feed = f.cache.subscribe_all(None).unwrap();
    assert_eq!(feed.initial().len(), 2);
    f.config_map("a", "1").await.unwrap();
    f.create(&target("secrets", Some("default"), "s"), json!({})).await.unwrap();
    f.registry.delete(&cx(), &target("configmaps", Some("default"), "a"), &DeleteOptions::default()).await.unwrap();
    let mut seen = Vec::new();
    while let Some(event) = feed.try_next().unwrap() {
        seen.push(format!("{event:?}"));
    }
    let revision = f.cache.revision();
    let expected = [
        format!("added /registry/core/configmaps/default/a @{}", revision - 2),
        format!("added /registry/core/secrets/default/s @{}", revision - 1),
        format!("deleted /registry/core/configmaps/default/a @{revision}"),
    ];
    assert_eq!(seen, expected);
    assert_eq!(feed.revision(), revision);
}

async fn label(f: &Fixture, name: &str, app: &str) {
    let patch = Patch { kind: PatchKind::Merge, body: json!({"metadata": {"labels": {"app": app}}}) };
    f.registry
        .patch(&cx(), &target("configmaps", Some("default"), name), &patch, &WriteOptions::default())
        .await
        .unwrap();
}

#[tokio::test]
async fn moving_in_and_out_of_a_selector_adds_and_deletes() {
    let f = Fixture::new().await;
    f.config_map("a", "1").await.unwrap();
    let options = WatchOptions { labels: LabelSelector::parse("app=x").unwrap(), ..WatchOptions::default() };
    let mut watch = f.registry.watch(&cx(), &Scope::all(kind("configmaps")), &options).await.unwrap();
    for app in ["x", "x2", "x"] {
        label(&f, "a", app).await;
    }
    f.registry.delete(&cx(), &target("configmaps", Some("default"), "a"), &DeleteOptions::default()).await.unwrap();
    let mut seen = Vec::new();
    while let Some(Some(event)) = watch.next().now_or_never() {
        seen.push(match event {
            WatchEvent::Added(_) => "added",
            WatchEvent::Modified(_) => "modified",
            WatchEvent::Deleted(stored) => {
                assert_eq!(stored.object.meta().labels["app"], "x");
                "deleted"
            }
            other => panic!("{other:?}"),
        });
    }
    assert_eq!(seen, ["added", "deleted", "added", "deleted"]);
}

#[tokio::test]
async fn a_watch_ends_by_telling_how_far_it_is() {
    let f = Fixture::new().await;
    let timeout = Some(std::time::Duration::from_millis(20));
    let from = WatchFrom::InitialEvents(None);
    let options = WatchOptions { bookmarks: true, timeout, from, ..WatchOptions::default() };
    let mut watch = f.registry.watch(&cx(), &Scope::all(kind("configmaps")), &options).await.unwrap();
    assert!(matches!(watch.next().await, Some(WatchEvent::Bookmark { initial_events_end: true, .. })));
    f.create(&target("secrets", Some("default"), "s"), json!({})).await.unwrap();
    let now = f.cache.revision();
    match watch.next().await {
        Some(WatchEvent::Bookmark { revision, initial_events_end: false }) => assert_eq!(revision, now),
        other => panic!("{other:?}"),
    }
    assert!(watch.next().await.is_none());
}

/// What happens to the objects, in a random order.
#[derive(Debug, Clone)]
enum Act {
    Put(u8, u8),
    Delete(u8),
    /// The reader catches up.
    Read,
    /// The reader starts again from its last revision.
    Resume,
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let act = prop_oneof![
        4 => (0..6u8, 0..3u8).prop_map(|(name, app)| Act::Put(name, app)),
        2 => (0..6u8).prop_map(Act::Delete),
        1 => Just(Act::Read),
        1 => Just(Act::Resume),
    ];
    prop::collection::vec(act, 1..60)
}

type View = BTreeMap<String, u64>;

/// A client that keeps a view up to date by list and watch, relisting when it is expired.
struct Client<'a> {
    fixture: &'a Fixture,
    options: WatchOptions,
    view: View,
    revision: u64,
    watch: Option<crate::registry::WatchStream>,
}

impl Client<'_> {
    async fn list(&mut self) {
        let options = ListOptions { labels: self.options.labels.clone(), ..ListOptions::default() };
        let listing = self.fixture.registry.list(&cx(), &Scope::all(kind("configmaps")), &options).await.unwrap();
        self.view = listing.items.iter().map(|stored| (stored.object.meta().name.clone(), stored.revision)).collect();
        self.revision = listing.revision;
    }

    async fn resume(&mut self) {
        self.options.from = WatchFrom::After(self.revision);
        let scope = Scope::all(kind("configmaps"));
        self.watch = self.fixture.registry.watch(&cx(), &scope, &self.options).await.ok();
        if self.watch.is_none() {
            self.list().await;
            self.options.from = WatchFrom::After(self.revision);
            self.watch = self.fixture.registry.watch(&cx(), &scope, &self.options).await.ok();
        }
    }

    async fn read(&mut self) {
        while let Some(Some(event)) = self.watch.as_mut().and_then(|watch| watch.next().now_or_never()) {
            match event {
                WatchEvent::Added(stored) | WatchEvent::Modified(stored) => {
                    self.revision = stored.revision;
                    self.view.insert(stored.object.meta().name.clone(), stored.revision);
                }
                WatchEvent::Deleted(stored) => {
                    self.revision = stored.revision;
                    self.view.remove(&stored.object.meta().name);
                }
                WatchEvent::Bookmark { revision, .. } => self.revision = revision,
                WatchEvent::Error(_) => {
                    self.list().await;
                    self.resume().await;
                }
            }
        }
    }
}

async fn act(f: &Fixture, client: &mut Client<'_>, act: &Act) {
    match act {
        Act::Put(name, app) => {
            let name = format!("c{name}");
            drop(f.config_map(&name, "x").await);
            label(f, &name, &format!("a{app}")).await;
        }
        Act::Delete(name) => {
            let target = target("configmaps", Some("default"), &format!("c{name}"));
            drop(f.registry.delete(&cx(), &target, &DeleteOptions::default()).await);
        }
        Act::Read => client.read().await,
        Act::Resume => client.resume().await,
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn list_and_watch_reconstruct_the_state(script in acts(), events in 2..20usize) {
        tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
            let f = Fixture::with_limits(Limits { events, bytes: 1 << 20 }).await;
            let options = WatchOptions { labels: LabelSelector::parse("app in (a0,a1)").unwrap(), ..WatchOptions::default() };
            let mut client = Client { fixture: &f, options, view: View::new(), revision: 0, watch: None };
            client.list().await;
            client.resume().await;
            for step in &script {
                act(&f, &mut client, step).await;
            }
            client.read().await;
            let seen = std::mem::take(&mut client.view);
            client.list().await;
            assert_eq!(seen, client.view);
        });
    }
}
