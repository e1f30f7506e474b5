//! Keeps the Node object what its agent says.
//!
//! It compares with the object as it is, not with what it wrote last: when the leader has marked the node as unknown and
//! takes that back, nothing new is reported, and yet the object must change.

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use tokio::sync::{Notify, watch};
use xebec_api::{Status, Subresource};

use super::node::HelloNode;
use super::retry::until_done;
use super::{FIELD_MANAGER, Reporter, kind};
use crate::registry::{Target, WriteOptions};

/// Whoever disagrees with the agent about its node, its conditions change no faster than this.
const PAUSE: Duration = Duration::from_millis(100);

pub(super) async fn run(
    reporter: Reporter,
    hello: HelloNode,
    mut conditions: watch::Receiver<Option<Vec<Value>>>,
    node_changed: Arc<Notify>,
) {
    until_done("a node's registration", || register(&reporter, &hello)).await;
    loop {
        let reported = conditions.borrow_and_update().clone().unwrap_or_default();
        until_done("a node's status", || write_status(&reporter, &hello, &reported)).await;
        tokio::select! {
            changed = conditions.changed() => if changed.is_err() { return },
            () = node_changed.notified() => tokio::time::sleep(PAUSE).await,
        }
    }
}

async fn register(reporter: &Reporter, hello: &HelloNode) -> Result<(), Status> {
    let (cx, target) = (reporter.context(), Target::new(kind("Node"), None, &reporter.node));
    let (registry, options) = (&reporter.shared.registry, WriteOptions::by(FIELD_MANAGER));
    let Some(stored) = reporter.cached(kind("Node"), None, &reporter.node) else {
        registry.create(&cx, &target, hello.object(), &options).await?;
        tracing::info!(node = reporter.node, "a node has been registered");
        return Ok(());
    };
    match hello.with_metadata(&stored.to_value()) {
        Some(updated) => registry.update(&cx, &target, updated, &options).await.map(drop),
        None => Ok(()),
    }
}

/// A Node that somebody has deleted stays deleted until its agent connects again.
async fn write_status(reporter: &Reporter, hello: &HelloNode, reported: &[Value]) -> Result<(), Status> {
    let Some(stored) = reporter.cached(kind("Node"), None, &reporter.node) else { return Ok(()) };
    let Some(updated) = hello.with_status(&stored.to_value(), reported, &reporter.now()) else { return Ok(()) };
    let target = Target::new(kind("Node"), None, &reporter.node).subresource(Subresource::Status);
    let registry = &reporter.shared.registry;
    registry.update(&reporter.context(), &target, updated, &WriteOptions::by(FIELD_MANAGER)).await.map(drop)
}
