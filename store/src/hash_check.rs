//! Whether all members hold the same state.
//!
//! A hash of a state that goes on changing says nothing, so the question goes through the log: a command that changes
//! nothing makes each member note its state hash at that very entry. Then the members are asked for what they noted.

use std::collections::BTreeMap;
use std::time::Duration;

use futures::future::join_all;
use tokio::time::{Instant, timeout_at};
use xebec_kv::{Body, HashMark, Outcome, Rejection, Revision};
use xebec_proto::peer::StateHashRequest;

use crate::core::Core;
use crate::error::StoreError;
use crate::member::Member;
use crate::network::Lane;

/// A member that has not applied the entry by then lags or is away.
pub(crate) const PATIENCE: Duration = Duration::from_secs(3);

/// The state hashes of all members at one entry of the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HashReport {
    /// The store's revision at that entry.
    pub revision: Revision,
    /// The hash that most of those who answered have; of equally many, the leader's.
    pub hash: u64,
    /// All members, by id.
    pub members: Vec<MemberHash>,
}

/// What one member answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MemberHash {
    /// Who.
    pub member: Member,
    /// Its state hash; `None`: it did not answer in time.
    pub hash: Option<u64>,
}

impl HashReport {
    /// Those whose state is another one than that of most.
    pub fn differing(&self) -> impl Iterator<Item = &Member> {
        let differs = |one: &&MemberHash| one.hash.is_some_and(|hash| hash != self.hash);
        self.members.iter().filter(differs).map(|one| &one.member)
    }

    /// Those who did not answer.
    pub fn silent(&self) -> impl Iterator<Item = &Member> {
        self.members.iter().filter(|one| one.hash.is_none()).map(|one| &one.member)
    }

    fn new(leaders: HashMark, members: Vec<MemberHash>) -> HashReport {
        let mut counts = BTreeMap::from([(leaders.hash, 0_usize)]);
        members.iter().filter_map(|one| one.hash).for_each(|hash| *counts.entry(hash).or_default() += 1);
        let most = counts.iter().max_by_key(|(hash, count)| (**count, **hash == leaders.hash));
        let hash = most.map_or(leaders.hash, |(hash, _)| *hash);
        HashReport { revision: leaders.revision, hash, members }
    }
}

impl Core {
    /// Compares the states of all members that answer.
    pub(crate) async fn hash_check(&self, deadline: Instant) -> Result<HashReport, StoreError> {
        let id = self.session.unique();
        let leaders = match self.propose(&Body::HashCheck { id }, deadline).await? {
            Outcome::Hash(mark) => mark,
            _ => return Err(StoreError::Rejected(Rejection::Malformed)),
        };
        let deadline = deadline.min(Instant::now() + PATIENCE);
        let members = self.status().members;
        let asked = members.into_iter().map(|status| self.hash_of(status.member, id, deadline));
        Ok(HashReport::new(leaders, join_all(asked).await))
    }

    async fn hash_of(&self, member: Member, id: u64, deadline: Instant) -> MemberHash {
        let hash = match member.id == self.node_id {
            true => self.board.mark(id, deadline).await.map(|mark| mark.hash),
            false => self.hash_at_peer(&member, id, deadline).await,
        };
        MemberHash { member, hash }
    }

    async fn hash_at_peer(&self, member: &Member, id: u64, deadline: Instant) -> Option<u64> {
        let mut client = self.peers.client(&member.peer_address, Lane::Forward).ok()?;
        let request = StateHashRequest { envelope: Some(self.peers.envelope(member.id)), id };
        let answered = timeout_at(deadline, client.state_hash(request)).await.ok()?;
        answered.ok()?.into_inner().hash
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(leaders: u64, hashes: &[Option<u64>]) -> (u64, Vec<u64>, Vec<u64>) {
        let member =
            |id: u64| Member { id, name: String::new(), peer_address: String::new(), api_address: String::new() };
        let members = (1..).zip(hashes).map(|(id, hash)| MemberHash { member: member(id), hash: *hash }).collect();
        let report = HashReport::new(HashMark { id: 0, revision: 9, hash: leaders }, members);
        let ids = |members: &mut dyn Iterator<Item = &Member>| members.map(|member| member.id).collect();
        (report.hash, ids(&mut report.differing()), ids(&mut report.silent()))
    }

    #[test]
    fn whoever_differs_from_most_is_named_even_if_it_leads() {
        assert_eq!(report(7, &[Some(7), Some(7), Some(7)]), (7, vec![], vec![]));
        assert_eq!(report(7, &[Some(7), Some(5), Some(7)]), (7, vec![2], vec![]));
        assert_eq!(report(7, &[Some(7), Some(5), Some(5)]), (5, vec![1], vec![]));
    }

    #[test]
    fn without_a_majority_the_leader_is_right_and_the_silent_are_named() {
        assert_eq!(report(7, &[Some(7), Some(9), None]), (7, vec![2], vec![3]));
        assert_eq!(report(7, &[None, None, None]), (7, vec![], vec![1, 2, 3]));
    }
}
