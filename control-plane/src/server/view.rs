//! What this master knows of the cluster's shape: the masters' addresses as they change, and the facts that joiners are told.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;
use xebec_api::kinds::NODE;
use xebec_store::{Store, StoreStatus};

use super::master_file::MasterFile;
use super::networks;
use crate::bootstrap::admit::ClusterFacts;
use crate::bootstrap::record::TokenRole;
use crate::bootstrap::service::Facts;
use crate::cache::Cache;

/// Membership changes a few times in a cluster's life; a second late is early enough.
const MEMBERSHIP_INTERVAL: Duration = Duration::from_secs(1);

/// `host:port` of every master's API, sorted.
pub(super) fn masters(status: &StoreStatus) -> Vec<String> {
    let mut addresses: Vec<String> = status.members.iter().map(|member| member.member.api_address.clone()).collect();
    addresses.sort();
    addresses
}

/// Keeps the masters' addresses until shutdown.
pub(super) async fn follow_masters(store: Store, to: watch::Sender<Vec<String>>, shutdown: CancellationToken) {
    let mut ticks = tokio::time::interval(MEMBERSHIP_INTERVAL);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    while shutdown.run_until_cancelled(ticks.tick()).await.is_some() {
        let now = masters(&store.status());
        to.send_if_modified(|known| {
            let changed = *known != now && !now.is_empty();
            if changed {
                known.clone_from(&now);
            }
            changed
        });
    }
}

/// The facts that a joiner is told, from store and cache.
pub(super) struct View {
    pub(super) store: Store,
    pub(super) cache: Arc<Cache>,
    pub(super) file: MasterFile,
}

impl View {
    fn is_taken(&self, role: TokenRole, name: &str, status: &StoreStatus) -> bool {
        match role {
            TokenRole::Agent => self.cache.get(&NODE, None, name).is_some(),
            TokenRole::Server => status.members.iter().any(|member| member.member.name == name),
        }
    }
}

impl Facts for View {
    fn facts(&self, role: TokenRole, name: &str) -> ClusterFacts {
        let status = self.store.status();
        ClusterFacts {
            cluster_id: self.file.cluster_id.clone(),
            cluster_cidr: self.file.cluster_cidr.to_string(),
            service_cidr: self.file.service_cidr.to_string(),
            masters: masters(&status),
            shared_names: networks::shared_names(&self.file.service_cidr),
            supersedes: self.file.supersedes.clone(),
            name_taken: self.is_taken(role, name, &status),
        }
    }
}
