//! Fairness follows the cluster's FlowSchemas and priority levels.

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use tokio_util::sync::CancellationToken;
use xebec_api::{Kind, find};

use super::{Config, Fairness};
use crate::cache::Cache;

const GROUP: &str = "flowcontrol.apiserver.k8s.io";
/// How often the gauges are brought up to date.
const REPORT: Duration = Duration::from_secs(5);

/// Shares the seats as the objects in the cache say, until shutdown.
pub async fn follow(fairness: Fairness, cache: Arc<Cache>, shutdown: CancellationToken) {
    let work = async {
        let mut revisions = cache.revisions();
        let mut seen = None;
        loop {
            let now = kinds().map(|kind| kind.map_or(0, |kind| cache.kind_revision(kind)));
            if seen.replace(now) != Some(now) {
                fairness.configure(config(&cache));
            }
            fairness.report();
            // A change of something else wakes too; so at most so often.
            tokio::time::sleep(Duration::from_millis(200)).await;
            if let Ok(Err(_)) = tokio::time::timeout(REPORT, revisions.changed()).await {
                return;
            }
        }
    };
    shutdown.run_until_cancelled(work).await;
}

fn kinds() -> [Option<&'static Kind>; 2] {
    ["flowschemas", "prioritylevelconfigurations"].map(|plural| find(GROUP, "v1", plural))
}

/// What the objects say. Before there are any, what a cluster begins with.
fn config(cache: &Cache) -> Config {
    let objects = |kind: Option<&Kind>| -> Vec<Value> {
        kind.map(|kind| cache.list(kind, None))
            .unwrap_or_default()
            .iter()
            .map(|stored| stored.object.to_value())
            .collect()
    };
    let [schemas, levels] = kinds().map(objects);
    if schemas.is_empty() || levels.is_empty() { Config::suggested() } else { Config::new(&schemas, &levels) }
}
