//! Watches: what a list and a watch tell together is the state, whatever happens between them.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::BytesMut;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use serde_json::{Value, json};
use tokio::time::Instant;
use xebec_control_plane::server::Master;
use xebec_proto::v1::TransferLeaderRequest;

use super::faces::Rest;
use crate::support::{TIMEOUT, cluster, eventually};

const MAPS: &str = "/api/v1/namespaces/watched/configmaps";
const JSON: (&str, &str) = ("content-type", "application/json");

/// The events of a watch, one by one.
pub(crate) struct Watch {
    body: Incoming,
    buffer: BytesMut,
}

impl Watch {
    pub(crate) async fn open(rest: &Rest, path: &str, accept: &str) -> Watch {
        let response = rest.open("GET", path, &[("accept", accept)], "").await;
        assert_eq!(response.status(), 200, "{path}");
        Watch { body: response.into_body(), buffer: BytesMut::new() }
    }

    /// The next event; `None` at the end.
    pub(crate) async fn next(&mut self) -> Option<Value> {
        loop {
            if let Some(end) = self.buffer.iter().position(|byte| *byte == b'\n') {
                let line = self.buffer.split_to(end + 1);
                return Some(serde_json::from_slice(&line).unwrap());
            }
            let frame = tokio::time::timeout(TIMEOUT, self.body.frame()).await.expect("a watch speaks in time")?;
            self.buffer.extend_from_slice(&frame.ok()?.into_data().ok()?);
        }
    }
}

/// What a client knows: names and what they hold.
#[derive(Debug, Default, PartialEq, Clone)]
pub(crate) struct Known {
    pub(crate) objects: BTreeMap<String, String>,
    pub(crate) revision: String,
}

impl Known {
    pub(crate) async fn listed(rest: &Rest, path: &str) -> Known {
        let mut known = Known::default();
        let mut next = format!("{path}?limit=7");
        loop {
            let page = async || Some(rest.get(&next).await).filter(|reply| reply.code == 200);
            let list = eventually("a page", page).await.json();
            let items = list["items"].as_array().unwrap_or_else(|| panic!("{list}"));
            items.iter().for_each(|item| known.put(item));
            known.revision = text(&list, "/metadata/resourceVersion");
            match text(&list, "/metadata/continue") {
                token if token.is_empty() => return known,
                token => next = format!("{path}?limit=7&continue={token}"),
            }
        }
    }

    fn put(&mut self, object: &Value) {
        self.objects.insert(text(object, "/metadata/name"), text(object, "/data/k"));
    }

    /// Takes in an event; false when it ends the watch.
    pub(crate) fn take(&mut self, event: &Value) -> bool {
        let object = &event["object"];
        match event["type"].as_str().unwrap() {
            "ADDED" | "MODIFIED" => self.put(object),
            "DELETED" => drop(self.objects.remove(&text(object, "/metadata/name"))),
            "BOOKMARK" => {}
            _ => return false,
        }
        self.revision = text(object, "/metadata/resourceVersion");
        true
    }
}

fn text(value: &Value, pointer: &str) -> String {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned()
}

/// Waits a moment before another attempt: a leader that is just being changed is no reason to give up.
async fn again(what: &str, give_up: Instant) {
    assert!(Instant::now() < give_up, "{what}: not within {TIMEOUT:?}");
    tokio::time::sleep(Duration::from_millis(20)).await;
}

async fn put(rest: &Rest, name: &str, value: &str, labels: Value) -> u64 {
    let body = json!({"metadata": {"name": name, "labels": labels}, "data": {"k": value}}).to_string();
    let give_up = Instant::now() + TIMEOUT;
    loop {
        let reply = rest.send("PUT", &format!("{MAPS}/{name}"), &[JSON], body.clone()).await;
        let reply = if reply.code == 404 { rest.send("POST", MAPS, &[JSON], body.clone()).await } else { reply };
        if reply.code < 300 {
            return text(&reply.json(), "/metadata/resourceVersion").parse().unwrap();
        }
        again("a write", give_up).await;
    }
}

async fn remove(rest: &Rest, name: &str) {
    let give_up = Instant::now() + TIMEOUT;
    while !matches!(rest.send("DELETE", &format!("{MAPS}/{name}"), &[], "").await.code, 200 | 404) {
        again("a delete", give_up).await;
    }
}

pub(super) async fn play(_: &Master, rest: &Rest) {
    let namespace = json!({"metadata": {"name": "watched"}}).to_string();
    rest.send("POST", "/api/v1/namespaces", &[JSON], namespace).await;
    selectors_show_what_comes_into_view(rest).await;
    forms_and_bookmarks(rest).await;
    list_and_watch_make_the_state(rest).await;
    the_future_is_waited_for_and_the_past_is_gone(rest).await;
}

async fn selectors_show_what_comes_into_view(rest: &Rest) {
    let revision = put(rest, "sel", "1", json!({"show": "no"})).await;
    let query = format!("{MAPS}?watch=1&labelSelector=show%3Dyes&resourceVersion={revision}&timeoutSeconds=30");
    let mut watch = Watch::open(rest, &query, "application/json").await;
    put(rest, "sel", "2", json!({"show": "yes"})).await;
    put(rest, "sel", "3", json!({"show": "yes"})).await;
    put(rest, "sel", "4", json!({"show": "no"})).await;
    for (kind, value) in [("ADDED", "2"), ("MODIFIED", "3"), ("DELETED", "3")] {
        let event = watch.next().await.unwrap();
        assert_eq!((&event["type"], &event["object"]["data"]["k"]), (&json!(kind), &json!(value)));
    }
    let one = format!("{MAPS}?watch=1&fieldSelector=metadata.name%3Dother&timeoutSeconds=30");
    let mut watch = Watch::open(rest, &one, "application/json").await;
    put(rest, "sel", "5", json!({})).await;
    put(rest, "other", "1", json!({})).await;
    assert_eq!(watch.next().await.unwrap()["object"]["metadata"]["name"], "other");
    remove(rest, "sel").await;
    remove(rest, "other").await;
}

async fn forms_and_bookmarks(rest: &Rest) {
    put(rest, "form", "1", json!({"show": "form"})).await;
    let initial = format!(
        "{MAPS}?watch=1&labelSelector=show%3Dform&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true"
    );
    let forms = [
        ("application/json", "ConfigMap"),
        ("application/json;as=Table;v=v1;g=meta.k8s.io", "Table"),
        ("application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io", "PartialObjectMetadata"),
    ];
    for (accept, kind) in forms {
        let mut watch = Watch::open(rest, &format!("{initial}&timeoutSeconds=1"), accept).await;
        let added = watch.next().await.unwrap();
        assert_eq!((&added["type"], &added["object"]["kind"]), (&json!("ADDED"), &json!(kind)));
        let mark = watch.next().await.unwrap();
        assert_eq!((&mark["type"], &mark["object"]["kind"]), (&json!("BOOKMARK"), &json!(kind)));
        let metadata = &mark["object"]["metadata"];
        assert_eq!(metadata["annotations"]["k8s.io/initial-events-end"], "true");
        assert!(text(metadata, "/resourceVersion").parse::<u64>().unwrap() > 0);
        let last = watch.next().await.unwrap();
        assert_eq!(last["type"], "BOOKMARK", "and one before the timeout");
        assert_eq!(watch.next().await, None);
    }
    remove(rest, "form").await;
}

/// Writes go on while a reader lists, watches, reads slowly, and begins again whenever its watch ends.
async fn list_and_watch_make_the_state(rest: &Rest) {
    let writer = tokio::spawn(write_and_remove(vec![rest.clone()]));
    let mut known = Known::listed(rest, MAPS).await;
    while !writer.is_finished() {
        follow(rest, &mut known, Duration::from_millis(5)).await;
    }
    writer.await.unwrap();
    catch_up(rest, known).await;
}

/// What the client knows, once it has seen the newest there is, is what there is.
async fn catch_up(rest: &Rest, mut known: Known) {
    let fresh = Known::listed(rest, MAPS).await;
    while known.revision.parse::<u64>().unwrap() < fresh.revision.parse::<u64>().unwrap() {
        follow(rest, &mut known, Duration::ZERO).await;
    }
    assert_eq!(known.objects, fresh.objects);
}

/// A reader that goes on from master to master, while the leader changes and writes go through all of them, misses nothing.
pub(crate) async fn across(masters: &[Master]) {
    let mut rests = Vec::new();
    for master in masters {
        rests.push(Rest::new(master).await);
    }
    let namespace = json!({"metadata": {"name": "watched"}}).to_string();
    assert_eq!(rests[0].send("POST", "/api/v1/namespaces", &[JSON], namespace).await.code, 201);
    let mut known = Known::listed(&rests[0], MAPS).await;
    let writer = tokio::spawn(write_and_remove(rests.clone()));
    let mut turn = 0;
    while !writer.is_finished() {
        if turn == 1 {
            cluster(&masters[0]).await.transfer_leader(TransferLeaderRequest::default()).await.unwrap();
        }
        turn += 1;
        follow(&rests[turn % rests.len()], &mut known, Duration::from_millis(2)).await;
    }
    writer.await.unwrap();
    catch_up(&rests[turn % rests.len()], known).await;
}

/// Through one master after the other.
async fn write_and_remove(masters: Vec<Rest>) {
    for round in 0..40 {
        let name = format!("w{}", round * 7 % 11);
        let rest = &masters[round % masters.len()];
        put(rest, &name, &round.to_string(), json!({})).await;
        if round % 5 == 4 {
            remove(rest, &name).await;
        }
    }
}

/// Watches for a second from where the client is, pausing after each event.
async fn follow(rest: &Rest, known: &mut Known, pause: Duration) {
    let path = format!("{MAPS}?watch=1&allowWatchBookmarks=true&timeoutSeconds=1&resourceVersion={}", known.revision);
    let mut watch = Watch::open(rest, &path, "application/json").await;
    while let Some(event) = watch.next().await {
        if !known.take(&event) {
            *known = Known::listed(rest, MAPS).await;
            return;
        }
        tokio::time::sleep(pause).await;
    }
}

async fn the_future_is_waited_for_and_the_past_is_gone(rest: &Rest) {
    let future = rest.get(&format!("{MAPS}?resourceVersion=999999999")).await;
    assert_eq!(future.code, 504);
    assert_eq!(future.json()["details"]["causes"][0]["reason"], "ResourceVersionTooLarge");
    assert!(text(&future.json(), "/message").contains("Too large resource version"));
    let ancient = format!("{MAPS}?watch=1&resourceVersion=1&timeoutSeconds=5");
    let mut watch = Watch::open(rest, &ancient, "application/json").await;
    let first = watch.next().await.unwrap();
    // Whatever is still kept of so few changes: either everything since, or that it is gone.
    assert!(first["type"] == "ADDED" || first["object"]["code"] == 410, "{first}");
}
