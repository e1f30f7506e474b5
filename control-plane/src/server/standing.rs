//! Whether this master still belongs to its cluster.
//!
//! A member that was removed is usually not told so: nobody sends to it any more. And a cluster that was recovered or
//! restored elsewhere has left its old members behind. So a master looks at the membership that it has applied, and when it
//! hears no leader, it asks the other masters. What it finds ends it: a removed master stops; one that was left behind joins
//! the new cluster with an empty disk and a new id.
//!
//! ```text
//!  applied membership without us, after one with us ─────────────────────────► removed
//!  silence ─► ask others ─┬─ same cluster, knows more than we, without us ─► removed
//!                           └─ a cluster made from ours ─────────────────────► left behind
//! ```

use std::path::{Path, PathBuf};
use std::time::Duration;

use futures::future::join_all;
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;
use xebec_proto::v1::{ClusterStatusRequest, ClusterStatusResponse};
use xebec_store::{Store, StoreStatus};

use super::error::ServerError;
use crate::cluster::peers::{MasterClient, forwarded};
use crate::pki::files;

const INTERVAL: Duration = Duration::from_secs(2);
const ASKING: Duration = Duration::from_secs(1);
/// Where the other masters' addresses are kept, to ask them before anything runs.
const FILE: &str = "masters.json";

/// Why a master does not belong to its cluster any more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Dismissal {
    /// It was removed.
    Removed,
    /// Its cluster was recovered or restored without it.
    LeftBehind {
        /// The cluster that has taken its place.
        cluster_id: String,
        /// All that it was made from.
        supersedes: Vec<String>,
        /// `host:port` of its masters' APIs.
        masters: Vec<String>,
    },
}

/// Watches one master's standing.
pub(super) struct Standing {
    pub(super) store: Store,
    pub(super) masters: MasterClient,
    /// `host:port` of this master's API.
    pub(super) own_address: String,
    pub(super) data_dir: PathBuf,
}

impl Standing {
    /// Waits until this master does not belong any more; `None`: it was shut down before.
    pub(super) async fn lost(&self, shutdown: CancellationToken) -> Option<Dismissal> {
        let mut ticks = tokio::time::interval(INTERVAL);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let (mut was_member, mut known) = (false, Vec::new());
        loop {
            shutdown.run_until_cancelled(ticks.tick()).await?;
            let status = self.store.status();
            let is_member = status.committed_members.contains(&status.node_id);
            if was_member && !is_member {
                return Some(Dismissal::Removed);
            }
            was_member |= is_member;
            self.remember(&status, &mut known);
            if !status.is_led()
                && let Some(dismissal) = self.ask(&status).await
            {
                return Some(dismissal);
            }
        }
    }

    async fn ask(&self, own: &StoreStatus) -> Option<Dismissal> {
        let others = others(&addresses(own), &self.own_address);
        let answers = ask_all(&self.masters, &others).await;
        answers.iter().find_map(|answer| judge(answer, own))
    }

    fn remember(&self, status: &StoreStatus, known: &mut Vec<String>) {
        let now = addresses(status);
        if now.is_empty() || now == *known {
            return;
        }
        let text = serde_json::to_string(&now).expect("addresses have a JSON form");
        match files::write(&self.data_dir.join(FILE), text.as_bytes()) {
            Ok(()) => *known = now,
            Err(error) => tracing::warn!(%error, "cannot note the other masters' addresses"),
        }
    }
}

/// Before anything runs: whether a cluster has taken the place of `cluster_id`. Asks the masters that an earlier run knew.
pub(super) async fn left_behind(
    data_dir: &Path,
    cluster_id: &str,
    own_address: &str,
    masters: &MasterClient,
) -> Result<Option<Dismissal>, ServerError> {
    let path = data_dir.join(FILE);
    if !path.exists() {
        return Ok(None);
    }
    let known: Vec<String> =
        serde_json::from_str(&files::read(&path)?).map_err(|source| ServerError::MasterFile { path, source })?;
    let answers = ask_all(masters, &others(&known, own_address)).await;
    Ok(answers.iter().find_map(|answer| successor(answer, cluster_id)))
}

fn addresses(status: &StoreStatus) -> Vec<String> {
    status.members.iter().map(|member| member.member.api_address.clone()).collect()
}

fn others(known: &[String], own: &str) -> Vec<String> {
    known.iter().filter(|address| *address != own).cloned().collect()
}

async fn ask_all(masters: &MasterClient, addresses: &[String]) -> Vec<ClusterStatusResponse> {
    let answers = addresses.iter().map(|address| ask_one(masters, address));
    join_all(answers).await.into_iter().flatten().collect()
}

async fn ask_one(masters: &MasterClient, address: &str) -> Option<ClusterStatusResponse> {
    let asking = async {
        let mut cluster = masters.cluster(address, ASKING).await?;
        cluster.status(forwarded(ClusterStatusRequest {}, ASKING)).await
    };
    let answer = tokio::time::timeout(ASKING, asking).await.ok()?;
    answer
        .inspect_err(|error| tracing::debug!(address, %error, "another master does not answer"))
        .ok()
        .map(|answer| answer.into_inner())
}

/// What another master's answer means for us.
fn judge(answer: &ClusterStatusResponse, own: &StoreStatus) -> Option<Dismissal> {
    if answer.cluster_id != own.cluster_id {
        return successor(answer, &own.cluster_id);
    }
    // Who has applied less than we have may not know yet that we were added.
    let knows_more = answer.applied_index >= own.applied_index && answer.leader_id != 0;
    let was_member = own.committed_members.contains(&own.node_id);
    let is_member = answer.committed_members.contains(&own.node_id);
    (knows_more && was_member && !is_member).then_some(Dismissal::Removed)
}

fn successor(answer: &ClusterStatusResponse, cluster_id: &str) -> Option<Dismissal> {
    let is_successor = answer.cluster_id != cluster_id && answer.supersedes.iter().any(|old| old == cluster_id);
    is_successor.then(|| Dismissal::LeftBehind {
        cluster_id: answer.cluster_id.clone(),
        supersedes: answer.supersedes.clone(),
        masters: answer.members.iter().filter_map(|one| Some(one.member.as_ref()?.api_address.clone())).collect(),
    })
}

#[cfg(test)]
mod tests {
    use xebec_proto::v1::{Member, MemberStatus};
    use xebec_store::Leadership;

    use super::*;

    fn own() -> StoreStatus {
        StoreStatus {
            cluster_id: "old".to_owned(),
            node_id: 3,
            leadership: Leadership::default(),
            revision: 1,
            compact_revision: 0,
            last_log_index: 9,
            applied_index: 9,
            snapshot_index: 0,
            purged_index: 0,
            members: Vec::new(),
            committed_members: vec![1, 2, 3],
            leader_heard: None,
            no_space: false,
        }
    }

    fn answer(cluster_id: &str, applied_index: u64, committed_members: &[u64]) -> ClusterStatusResponse {
        ClusterStatusResponse {
            cluster_id: cluster_id.to_owned(),
            leader_id: 1,
            applied_index,
            committed_members: committed_members.to_vec(),
            ..ClusterStatusResponse::default()
        }
    }

    #[test]
    fn only_who_knows_more_can_tell_a_master_that_it_was_removed() {
        assert_eq!(judge(&answer("old", 10, &[1, 2]), &own()), Some(Dismissal::Removed));
        assert_eq!(judge(&answer("old", 10, &[1, 2, 3]), &own()), None);
        assert_eq!(judge(&answer("old", 8, &[1, 2]), &own()), None, "it knows less than we do");
        let leaderless = ClusterStatusResponse { leader_id: 0, ..answer("old", 10, &[1, 2]) };
        assert_eq!(judge(&leaderless, &own()), None);
        let joining = StoreStatus { committed_members: vec![1, 2], ..own() };
        assert_eq!(judge(&answer("old", 10, &[1, 2]), &joining), None, "it is not a member yet");
    }

    #[test]
    fn a_cluster_made_from_ours_takes_us_in() {
        assert_eq!(judge(&answer("foreign", 10, &[7]), &own()), None);
        let member = Member { api_address: "10.0.0.1:6443".to_owned(), ..Member::default() };
        let made = ClusterStatusResponse {
            supersedes: vec!["older".to_owned(), "old".to_owned()],
            members: vec![MemberStatus { member: Some(member), ..MemberStatus::default() }],
            ..answer("new", 1, &[7])
        };
        let Some(Dismissal::LeftBehind { cluster_id, masters, .. }) = judge(&made, &own()) else { panic!("it stays") };
        assert_eq!((cluster_id.as_str(), masters), ("new", vec!["10.0.0.1:6443".to_owned()]));
    }
}
