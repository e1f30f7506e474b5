//! `/livez` and `/readyz`: the process runs; this master can answer for the cluster.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::get;
use xebec_api::kinds::NAMESPACE;
use xebec_store::Store;

use crate::cache::Cache;

/// What readiness is judged by.
#[derive(Clone)]
pub struct Health {
    /// Whether somebody leads.
    pub store: Store,
    /// Whether the cluster's state is here.
    pub cache: Arc<Cache>,
}

impl Health {
    /// What is missing before this master can answer for the cluster.
    pub fn missing(&self) -> Option<&'static str> {
        if self.store.leadership().borrow().leader.is_none() {
            return Some("no leader is known");
        }
        let is_filled = self.cache.get(&NAMESPACE, None, "default").is_some();
        (!is_filled).then_some("the cluster's state has not arrived")
    }

    /// Waits until nothing is missing; looks again whenever something was applied or the leader changed.
    pub async fn ready(&self) {
        let (mut leadership, mut revisions) = (self.store.leadership(), self.cache.revisions());
        while self.missing().is_some() {
            let moved = tokio::select! {
                moved = leadership.changed() => moved,
                moved = revisions.changed() => moved,
            };
            if moved.is_err() {
                return;
            }
        }
    }
}

/// The two paths.
pub fn router(health: Health) -> Router {
    Router::new().route("/livez", get(async || "ok")).route("/readyz", get(ready)).with_state(health)
}

async fn ready(State(health): State<Health>) -> (StatusCode, String) {
    match health.missing() {
        None => (StatusCode::OK, "ok".to_owned()),
        Some(missing) => (StatusCode::SERVICE_UNAVAILABLE, format!("not ready: {missing}\n")),
    }
}
