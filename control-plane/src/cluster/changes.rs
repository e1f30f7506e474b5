//! Removing a master, and handing leadership over: asked of any master, done by the leader.
//!
//! While leadership moves, nobody may lead for a moment; the master that was asked tries again until its deadline.

use std::time::Duration;

use tokio::time::{Instant, sleep};
use tonic::transport::Channel;
use tonic::{Code, Status};
use xebec_proto::v1::cluster_client::ClusterClient;
use xebec_proto::v1::{RemoveMemberRequest, RemoveMemberResponse, Role, TransferLeaderRequest, TransferLeaderResponse};
use xebec_store::{MemberStatus, StoreStatus};

use super::peers::forwarded;
use super::service::{ClusterService, LEADER_TIMEOUT, leader_address, wire_member};
use super::store_status;

const DEADLINE: Duration = Duration::from_secs(15);
const PAUSE: Duration = Duration::from_millis(200);

impl ClusterService {
    /// Removes the member of this name or id.
    pub(super) async fn remove(&self, wanted: &str, may_forward: bool) -> Result<RemoveMemberResponse, Status> {
        let deadline = Instant::now() + DEADLINE;
        loop {
            let answer = self.remove_once(wanted, may_forward, deadline).await;
            if !self.again(&answer, may_forward, deadline).await {
                return answer;
            }
        }
    }

    /// Hands leadership to the member of this name or id; without one, to whoever has most of the log.
    pub(super) async fn transfer(&self, to: &str, may_forward: bool) -> Result<TransferLeaderResponse, Status> {
        let deadline = Instant::now() + DEADLINE;
        loop {
            let answer = self.transfer_once(to, may_forward, deadline).await;
            if !self.again(&answer, may_forward, deadline).await {
                return answer;
            }
        }
    }

    /// Whether to try again: the leader was not to be found. Waits a little before.
    async fn again<T>(&self, answer: &Result<T, Status>, may_forward: bool, deadline: Instant) -> bool {
        let lost = matches!(answer, Err(status) if status.code() == Code::Unavailable);
        let again = lost && may_forward && Instant::now() + PAUSE < deadline;
        if again {
            sleep(PAUSE).await;
        }
        again
    }

    async fn remove_once(
        &self,
        wanted: &str,
        may_forward: bool,
        deadline: Instant,
    ) -> Result<RemoveMemberResponse, Status> {
        let status = self.store.status();
        if !status.leadership.is_leader {
            let request = forwarded(RemoveMemberRequest { member: wanted.to_owned() }, DEADLINE);
            return Ok(self.leader(&status, may_forward).await?.remove_member(request).await?.into_inner());
        }
        let member = find(&status, wanted)?;
        check_majority(&status, member)?;
        self.store.remove_member(member.member.id, deadline).await.map_err(store_status)?;
        let released = self.names.release(Role::Server, &member.member.name, deadline).await;
        released.map_err(|error| Status::unavailable(error.to_string()))?;
        let left = self.store.status().members.iter().map(wire_member).collect();
        Ok(RemoveMemberResponse { removed: Some(wire_member(member)), members: left })
    }

    async fn transfer_once(
        &self,
        to: &str,
        may_forward: bool,
        deadline: Instant,
    ) -> Result<TransferLeaderResponse, Status> {
        let status = self.store.status();
        if !status.leadership.is_leader {
            let request = forwarded(TransferLeaderRequest { to: to.to_owned() }, DEADLINE);
            return Ok(self.leader(&status, may_forward).await?.transfer_leader(request).await?.into_inner());
        }
        let member = if to.is_empty() { successor(&status)? } else { find(&status, to)? };
        if !member.leader {
            check_successor(member)?;
            self.store.transfer_leader(member.member.id, deadline).await.map_err(store_status)?;
        }
        Ok(TransferLeaderResponse { leader: Some(wire_member(member)) })
    }

    async fn leader(&self, status: &StoreStatus, may_forward: bool) -> Result<ClusterClient<Channel>, Status> {
        let address = leader_address(status).filter(|_| may_forward);
        let address = address.ok_or_else(|| Status::unavailable("this master does not lead, and knows no leader"))?;
        self.masters.cluster(&address, LEADER_TIMEOUT).await
    }
}

/// The member of this name, or of this id in hexadecimal.
fn find<'a>(status: &'a StoreStatus, wanted: &str) -> Result<&'a MemberStatus, Status> {
    let id = u64::from_str_radix(wanted, 16).ok();
    let by_name = status.members.iter().find(|one| one.member.name == wanted);
    let found = by_name.or_else(|| status.members.iter().find(|one| Some(one.member.id) == id));
    let names = || status.members.iter().map(|one| one.member.name.clone()).collect::<Vec<_>>().join(", ");
    found.ok_or_else(|| Status::not_found(format!("there is no master {wanted:?}; the masters are {}", names())))
}

fn successor(status: &StoreStatus) -> Result<&MemberStatus, Status> {
    let others = status.members.iter().filter(|one| one.voter && !one.leader && one.reachable == Some(true));
    let best = others.max_by_key(|one| one.matched_index);
    best.ok_or_else(|| Status::failed_precondition("no other master can be reached"))
}

fn check_successor(member: &MemberStatus) -> Result<(), Status> {
    let name = &member.member.name;
    if !member.voter {
        return Err(Status::failed_precondition(format!("{name} does not vote, so it cannot lead")));
    }
    if member.reachable != Some(true) {
        return Err(Status::failed_precondition(format!("{name} cannot be reached")));
    }
    Ok(())
}

/// Refuses a removal after which those that can be reached would be no majority of those that vote.
fn check_majority(status: &StoreStatus, gone: &MemberStatus) -> Result<(), Status> {
    let left = status.members.iter().filter(|one| one.voter && one.member.id != gone.member.id);
    let (voters, reachable) = left
        .fold((0, 0), |(voters, reachable), one| (voters + 1, reachable + usize::from(one.reachable == Some(true))));
    if gone.voter && voters == 0 {
        return Err(Status::failed_precondition("the last master cannot be removed"));
    }
    if gone.voter && reachable * 2 <= voters {
        return Err(Status::failed_precondition(format!(
            "without {} only {reachable} of {voters} masters could be reached, which is no majority: nothing could be \
             written any more",
            gone.member.name
        )));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use xebec_store::{Leadership, Member};

    use super::*;

    fn status(members: &[(&str, bool)]) -> StoreStatus {
        let member = |(index, (name, reachable)): (usize, &(&str, bool))| MemberStatus {
            member: Member {
                id: 0xa0 + index as u64,
                name: (*name).to_owned(),
                peer_address: String::new(),
                api_address: String::new(),
            },
            voter: true,
            leader: index == 0,
            reachable: Some(*reachable),
            matched_index: Some(index as u64),
        };
        StoreStatus {
            cluster_id: "c".to_owned(),
            node_id: 0xa0,
            leadership: Leadership { leader: Some(0xa0), term: 1, is_leader: true },
            revision: 1,
            compact_revision: 0,
            last_log_index: 9,
            applied_index: 9,
            snapshot_index: 0,
            purged_index: 0,
            members: members.iter().enumerate().map(member).collect(),
            committed_members: Vec::new(),
            leader_heard: None,
            no_space: false,
        }
    }

    fn removable(members: &[(&str, bool)], name: &str) -> bool {
        let status = status(members);
        check_majority(&status, find(&status, name).unwrap()).is_ok()
    }

    #[test]
    fn a_member_has_a_name_and_an_id() {
        let status = status(&[("m1", true), ("m2", true)]);
        assert_eq!(find(&status, "m2").unwrap().member.id, 0xa1);
        assert_eq!(find(&status, "a1").unwrap().member.name, "m2");
        let refused = find(&status, "m9").unwrap_err();
        assert_eq!(refused.message(), "there is no master \"m9\"; the masters are m1, m2");
    }

    #[test]
    fn no_removal_costs_the_majority() {
        assert!(removable(&[("m1", true), ("m2", true), ("m3", true)], "m2"));
        assert!(removable(&[("m1", true), ("m2", true), ("m3", false)], "m3"));
        assert!(!removable(&[("m1", true), ("m2", true), ("m3", false)], "m2"));
        assert!(removable(&[("m1", true), ("m2", true)], "m2"));
        assert!(!removable(&[("m1", true)], "m1"));
    }

    #[test]
    fn leadership_goes_to_whoever_can_take_it() {
        let some = status(&[("m1", true), ("m2", true), ("m3", false)]);
        assert_eq!(successor(&some).unwrap().member.name, "m2");
        assert!(check_successor(find(&some, "m3").unwrap()).is_err());
        assert!(successor(&status(&[("m1", true)])).is_err());
    }
}
