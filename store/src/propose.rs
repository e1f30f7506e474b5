//! From a command to its outcome, over followers, elections and lost answers.
//!
//! An attempt can end in three ways. *Refused*: it is certainly not in any log. *Unknown*: it may be, or may get there
//! yet. *Done*. Because the command carries a request id that the state machine remembers, an unknown attempt is
//! simply tried again: if the first one was applied, the second gets its answer. A caller is told "unknown" only when
//! its deadline has come, or nobody leads for so long that no election can be under way (`patience.rs`).

use std::time::Duration;

use bytes::Bytes;
use openraft::errors::{ClientWriteError, LinearizableReadError, RaftError};
use openraft::{LinearizerOption, ReadPolicy};
use tokio::time::{Instant, sleep, timeout_at};
use xebec_kv::{Body, Outcome, wire};
use xebec_proto::peer::{ProposeRequest, ReadIndexRequest, TooLarge, propose_response, read_index_response};

use crate::core::Core;
use crate::error::StoreError;
use crate::limits::command_too_large;
use crate::network::{Lane, Lost};
use crate::patience::Patience;
use crate::raft::types::{Proposal, Reply};
use crate::reads::Missed;

/// Between attempts, when no change of leader wakes us before.
const PAUSE: Duration = Duration::from_millis(15);

/// How long a read looks for a leader that has a majority: an election ends sooner, and in a minority there is none.
const NO_LEADER: Duration = Duration::from_millis(1500);

/// How a leader says between peers that its disk is nearly full.
pub(crate) const NO_SPACE: &str = "no space";

/// What a command is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// Whatever it says.
    Any,
    /// It leads to a delete, so it is taken even when space is short.
    Freeing,
}

/// A command on its way to the log.
pub(crate) struct Draft {
    pub(crate) command: Bytes,
    pub(crate) purpose: Purpose,
}

/// How one attempt ended without an outcome.
enum Attempt {
    /// It is in no log.
    Refused,
    /// It may be in a log.
    Unknown,
    /// Trying again is of no use.
    Failed(StoreError),
}

impl Core {
    /// Proposes wherever the leader is, until there is an outcome or the deadline.
    pub(crate) async fn propose(&self, body: &Body, deadline: Instant) -> Result<Outcome, StoreError> {
        self.propose_for(body, Purpose::Any, deadline).await
    }

    /// The same; what [`Purpose::Freeing`] is taken even when space is short.
    pub(crate) async fn propose_for(
        &self,
        body: &Body,
        purpose: Purpose,
        deadline: Instant,
    ) -> Result<Outcome, StoreError> {
        let _pending = self.instruments.proposed();
        let outcome = self.propose_until(body, purpose, deadline).await;
        if outcome.is_err() {
            self.instruments.proposal_failed();
        }
        outcome
    }

    async fn propose_until(&self, body: &Body, purpose: Purpose, deadline: Instant) -> Result<Outcome, StoreError> {
        let ticket = self.session.ticket();
        let command = Draft { command: wire::encode_body(&ticket.request_id(), body), purpose };
        let _admitted = self.limits.admit(command.command.len())?;
        let (mut unsure, mut patience) = (false, Patience::default());
        loop {
            match self.attempt(&command, deadline).await {
                Ok(Outcome::Rejected(rejection)) => return Err(rejection.into()),
                Ok(outcome) => return Ok(outcome),
                // An earlier attempt may have got through: only an outcome ends the doubt.
                Err(Attempt::Failed(StoreError::Overloaded | StoreError::NoSpace)) if unsure => {}
                Err(Attempt::Failed(error)) => return Err(error),
                Err(Attempt::Unknown) => unsure = true,
                Err(Attempt::Refused) => {}
            }
            if patience.is_over(self) || !self.pause(deadline).await {
                return Err(too_late(unsure));
            }
        }
    }

    /// Proposes on this member, which must lead.
    pub(crate) async fn propose_here(&self, command: Draft, deadline: Instant) -> Result<Outcome, StoreError> {
        let _admitted = self.limits.admit(command.command.len())?;
        self.write(&command, deadline).await.map_err(|attempt| match attempt {
            Attempt::Refused => StoreError::NotLeader { leader: self.presumed_leader() },
            Attempt::Unknown => StoreError::Timeout,
            Attempt::Failed(error) => error,
        })
    }

    /// The index up to which a linearizable read must see the log; this member must lead.
    pub(crate) async fn read_index_here(&self, deadline: Instant) -> Result<u64, StoreError> {
        let patience = deadline.saturating_duration_since(Instant::now());
        let option = LinearizerOption::from(ReadPolicy::ReadIndex).with_wait_timeout(patience);
        let asked = timeout_at(deadline, self.raft.get_read_linearizer(option)).await;
        match asked.map_err(|_| StoreError::NoQuorum)? {
            Ok(linearizer) => Ok(linearizer.read_log_id().index()),
            Err(RaftError::APIError(LinearizableReadError::ForwardToLeader(forward))) => {
                Err(StoreError::NotLeader { leader: forward.leader_id })
            }
            Err(RaftError::APIError(LinearizableReadError::QuorumNotEnough(_))) => Err(StoreError::NoQuorum),
            Err(RaftError::Fatal(fatal)) => Err(StoreError::Stopped { reason: fatal.to_string() }),
        }
    }

    /// Waits until this member's state holds everything acknowledged before.
    pub(crate) async fn read_barrier(&self, deadline: Instant) -> Result<u64, StoreError> {
        let start = Instant::now();
        let index = self.await_index(deadline.min(start + NO_LEADER)).await;
        self.instruments.read_index(start.elapsed(), index.is_err());
        let index = index?;
        if self.board.image().applied_index() >= index {
            return Ok(self.board.image().state.revision());
        }
        let mut applied = self.board.applied();
        let reached = timeout_at(deadline, applied.wait_for(|applied| *applied >= index)).await;
        reached.map_err(|_| StoreError::Timeout)?.map_err(|_| stopped())?;
        Ok(self.board.image().state.revision())
    }

    /// Asks for rounds until one gives an index.
    async fn await_index(&self, deadline: Instant) -> Result<u64, StoreError> {
        let mut patience = Patience::default();
        loop {
            match self.reads.index(deadline).await {
                Some(Ok(index)) => return Ok(index),
                Some(Err(Missed::Stopped)) => return Err(stopped()),
                Some(Err(Missed::Round)) if !patience.is_over(self) && self.pause(deadline).await => {}
                Some(Err(_)) | None => return Err(StoreError::NoQuorum),
            }
        }
    }

    /// One round: wherever the leader is, its index.
    pub(crate) async fn read_index(&self, deadline: Instant) -> Result<u64, StoreError> {
        match self.presumed_leader() {
            _ if self.is_unled() => Err(StoreError::NoQuorum),
            Some(leader) if leader == self.node_id => self.read_index_here(deadline).await,
            Some(leader) => self.read_index_at(leader, deadline).await,
            None => Err(StoreError::NotLeader { leader: None }),
        }
    }

    async fn attempt(&self, command: &Draft, deadline: Instant) -> Result<Outcome, Attempt> {
        match self.presumed_leader() {
            Some(leader) if leader == self.node_id => self.write(command, deadline).await,
            _ if self.is_unled() => Err(Attempt::Refused),
            Some(leader) => self.forward(leader, command, deadline).await,
            None => Err(Attempt::Refused),
        }
    }

    async fn write(&self, draft: &Draft, deadline: Instant) -> Result<Outcome, Attempt> {
        let body = || wire::decode_body(&draft.command).ok().map(|(_, body)| body);
        self.space.spend(draft.command.len() as u64);
        self.space.check(body, draft.purpose == Purpose::Freeing).map_err(Attempt::Failed)?;
        let proposal = Proposal::new(self.board.time_ms(), &draft.command);
        let written = self.while_led(deadline, self.raft.client_write(proposal)).await;
        match written.ok_or(Attempt::Unknown)? {
            Ok(response) => {
                let Reply(outcome) = response.data;
                Ok(outcome)
            }
            Err(RaftError::APIError(ClientWriteError::ForwardToLeader(_))) => Err(Attempt::Refused),
            Err(RaftError::APIError(_)) => Err(Attempt::Unknown),
            Err(RaftError::Fatal(fatal)) => Err(Attempt::Failed(StoreError::Stopped { reason: fatal.to_string() })),
        }
    }

    async fn forward(&self, leader: u64, draft: &Draft, deadline: Instant) -> Result<Outcome, Attempt> {
        let address = self.peer_address(leader).ok_or(Attempt::Refused)?;
        let freeing = draft.purpose == Purpose::Freeing;
        let request = ProposeRequest { command: draft.command.clone(), freeing, ..ProposeRequest::default() };
        let answered = self.while_led_by(leader, deadline, self.forwarder.propose(leader, &address, request)).await;
        answered.ok_or(Attempt::Unknown)??.outcome.map_or(Err(Attempt::Unknown), answered_by_leader)
    }

    async fn read_index_at(&self, leader: u64, deadline: Instant) -> Result<u64, StoreError> {
        let not_leader = || StoreError::NotLeader { leader: None };
        let address = self.peer_address(leader).ok_or_else(not_leader)?;
        let mut client = self.peers.client(&address, Lane::Forward).map_err(|_| not_leader())?;
        let request = ReadIndexRequest { envelope: Some(self.peers.envelope(leader)) };
        let answered = self.while_led_by(leader, deadline, client.read_index(request)).await;
        match answered.and_then(Result::ok).and_then(|answer| answer.into_inner().outcome) {
            Some(read_index_response::Outcome::Index(index)) => Ok(index),
            _ => Err(not_leader()),
        }
    }

    /// Waits for an answer of the leader, as long as it is taken for the leader: a dead machine does not answer, and
    /// does not say so either.
    async fn while_led_by<T>(&self, leader: u64, deadline: Instant, call: impl Future<Output = T>) -> Option<T> {
        let mut roles = self.roles.clone();
        tokio::select! {
            answered = self.while_led(deadline, call) => answered,
            _ = roles.wait_for(|roles| roles.current_leader != Some(leader)) => None,
        }
    }

    /// A moment before the next attempt; false: there is no time left.
    async fn pause(&self, deadline: Instant) -> bool {
        let mut leadership = self.leadership.clone();
        leadership.mark_unchanged();
        let until = deadline.min(Instant::now() + PAUSE);
        if timeout_at(until, leadership.changed()).await.is_ok_and(|changed| changed.is_err()) {
            // The watcher is gone: the store stops. Do not spin.
            sleep(PAUSE).await;
        }
        Instant::now() < deadline
    }
}

fn answered_by_leader(answer: propose_response::Outcome) -> Result<Outcome, Attempt> {
    use propose_response::Outcome as Answer;
    Err(match answer {
        Answer::Result(outcome) => return wire::decode_outcome(&outcome).map_err(|_| Attempt::Unknown),
        Answer::NotLeader(_) => Attempt::Refused,
        Answer::Refused(reason) if reason == NO_SPACE => Attempt::Failed(StoreError::NoSpace),
        Answer::Refused(_) => Attempt::Failed(StoreError::Overloaded),
        Answer::TooLarge(TooLarge { size, limit }) => Attempt::Failed(command_too_large(size as usize, limit as usize)),
        Answer::Unknown(_) => Attempt::Unknown,
    })
}

/// What a proposer is told who has waited long enough.
fn too_late(unsure: bool) -> StoreError {
    if unsure { StoreError::Timeout } else { StoreError::NoQuorum }
}

impl From<Lost> for Attempt {
    fn from(lost: Lost) -> Attempt {
        match lost {
            Lost::Refused => Attempt::Refused,
            Lost::Unknown => Attempt::Unknown,
        }
    }
}

fn stopped() -> StoreError {
    StoreError::Stopped { reason: "shut down".to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_leader_finds_too_large_comes_back_as_that() {
        let answer = propose_response::Outcome::TooLarge(TooLarge { size: 40 << 20, limit: 31 << 20 });
        let Err(Attempt::Failed(error)) = answered_by_leader(answer) else { panic!("it is refused for good") };
        assert_eq!(error.to_string(), "the command is 41943040, more than the limit of 32505856");
    }
}
