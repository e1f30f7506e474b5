//! Cluster: status, membership, tokens, usage.

use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::time::Instant;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status};
use xebec_proto::v1::cluster_server::Cluster;
use xebec_proto::v1::{
    AddMemberRequest, AddMemberResponse, ClusterStatusRequest, ClusterStatusResponse, CreateTokenRequest,
    CreateTokenResponse, DeleteTokenRequest, DeleteTokenResponse, HashCheckRequest, HashCheckResponse,
    ListTokensRequest, ListTokensResponse, Member, MemberHash, MemberStatus, RemoveMemberRequest, RemoveMemberResponse,
    SnapshotPart, SnapshotRequest, TransferLeaderRequest, TransferLeaderResponse, UsageRequest, UsageResponse,
};
use xebec_store::{HashReport, Store, StoreError, StoreStatus};

use super::access::{Access, METRICS_GROUP, require};
use super::export;
use super::peers::{MasterClient, forwarded, is_forwarded};
use super::store_status;
use super::usage::{self, UsageSource};
use crate::authz::Authorizer;
use crate::bootstrap::names::Names;
use crate::bootstrap::record::{DEFAULT_TTL, MAX_TTL, TokenRole};
use crate::bootstrap::tokens::{Tokens, TokensError};

const DEADLINE: Duration = Duration::from_secs(5);
/// A learner gets the whole state before it is made a voter.
const JOIN_DEADLINE: Duration = Duration::from_secs(60);
/// A status is wanted most when things are broken: the leader is not waited for long.
pub(super) const LEADER_TIMEOUT: Duration = Duration::from_secs(1);
const MAX_DESCRIPTION: usize = 256;

/// The Cluster service of one master.
pub struct ClusterService {
    /// The replicated store.
    pub store: Store,
    /// Join tokens.
    pub tokens: Tokens,
    /// Whose the names are.
    pub names: Names,
    /// Decides who may.
    pub authorizer: Arc<dyn Authorizer>,
    /// For what only the leader can do.
    pub masters: MasterClient,
    /// This master's name.
    pub name: String,
    /// The clusters that this one was made from.
    pub supersedes: Vec<String>,
    /// Usage of nodes and pods.
    pub usage: Arc<UsageSource>,
}

impl ClusterService {
    fn own_status(&self, status: &StoreStatus) -> ClusterStatusResponse {
        ClusterStatusResponse {
            cluster_id: status.cluster_id.clone(),
            answered_by: self.name.clone(),
            leader_id: status.leadership.leader.unwrap_or(0),
            term: status.leadership.term,
            revision: status.revision,
            last_log_index: status.last_log_index,
            applied_index: status.applied_index,
            members: status.members.iter().map(|member| member_status(member, status)).collect(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            committed_members: status.committed_members.clone(),
            supersedes: self.supersedes.clone(),
            no_space: status.no_space,
        }
    }

    /// What the leader knows of the others' logs. `None` when it does not answer.
    async fn leaders_view(&self, status: &StoreStatus) -> Option<Vec<MemberStatus>> {
        let address = leader_address(status)?;
        let asking = async {
            let mut leader = self.masters.cluster(&address, LEADER_TIMEOUT).await?;
            leader.status(forwarded(ClusterStatusRequest {}, LEADER_TIMEOUT)).await
        };
        let answered = tokio::time::timeout(LEADER_TIMEOUT, asking).await.ok()?;
        answered.ok().map(|answer| answer.into_inner().members)
    }

    async fn add_at_leader(&self, member: AddMemberRequest) -> Result<AddMemberResponse, Status> {
        let address =
            leader_address(&self.store.status()).ok_or_else(|| Status::unavailable("there is no leader now"))?;
        let mut leader = self.masters.cluster(&address, LEADER_TIMEOUT).await?;
        Ok(leader.add_member(forwarded(member, JOIN_DEADLINE)).await?.into_inner())
    }

    fn members(&self) -> AddMemberResponse {
        let members = self.store.status().members.iter().map(wire_member).collect();
        AddMemberResponse { members }
    }
}

#[tonic::async_trait]
impl Cluster for ClusterService {
    async fn status(&self, request: Request<ClusterStatusRequest>) -> Result<Response<ClusterStatusResponse>, Status> {
        require(&*self.authorizer, &request, Access::cluster("get", "status"))?;
        let status = self.store.status();
        let mut answer = self.own_status(&status);
        if !status.leadership.is_leader && !is_forwarded(&request) {
            answer.members = self.leaders_view(&status).await.unwrap_or(answer.members);
        }
        Ok(Response::new(answer))
    }

    async fn add_member(&self, request: Request<AddMemberRequest>) -> Result<Response<AddMemberResponse>, Status> {
        require(&*self.authorizer, &request, Access::cluster("create", "members"))?;
        let may_forward = !is_forwarded(&request);
        let asked = request.into_inner();
        let same_name =
            |other: &xebec_store::MemberStatus| other.member.name == asked.name && other.member.id != asked.id;
        if self.store.status().members.iter().any(same_name) {
            return Err(Status::already_exists(name_taken(&asked.name)));
        }
        match self.store.add_member(store_member(&asked)?, Instant::now() + JOIN_DEADLINE).await {
            Ok(()) => Ok(Response::new(self.members())),
            Err(StoreError::NotLeader { .. }) if may_forward => self.add_at_leader(asked).await.map(Response::new),
            Err(error) => Err(store_status(error)),
        }
    }

    async fn remove_member(
        &self,
        request: Request<RemoveMemberRequest>,
    ) -> Result<Response<RemoveMemberResponse>, Status> {
        let access = Access { name: Some(&request.get_ref().member), ..Access::cluster("delete", "members") };
        let user = require(&*self.authorizer, &request, access)?;
        let may_forward = !is_forwarded(&request);
        let answer = self.remove(&request.get_ref().member, may_forward).await?;
        tracing::warn!(member = request.get_ref().member, user = user.name, "a member was removed");
        Ok(Response::new(answer))
    }

    async fn transfer_leader(
        &self,
        request: Request<TransferLeaderRequest>,
    ) -> Result<Response<TransferLeaderResponse>, Status> {
        require(&*self.authorizer, &request, Access::cluster("update", "leader"))?;
        let may_forward = !is_forwarded(&request);
        Ok(Response::new(self.transfer(&request.get_ref().to, may_forward).await?))
    }

    type SnapshotStream = ReceiverStream<Result<SnapshotPart, Status>>;

    async fn snapshot(&self, request: Request<SnapshotRequest>) -> Result<Response<Self::SnapshotStream>, Status> {
        let user = require(&*self.authorizer, &request, Access::cluster("create", "snapshots"))?;
        self.store.read_barrier(Instant::now() + DEADLINE).await.map_err(store_status)?;
        tracing::info!(user = user.name, "the state is exported");
        Ok(Response::new(export::parts(&self.store)))
    }

    async fn hash_check(&self, request: Request<HashCheckRequest>) -> Result<Response<HashCheckResponse>, Status> {
        require(&*self.authorizer, &request, Access::cluster("create", "hashchecks"))?;
        let report = self.store.hash_check(Instant::now() + DEADLINE).await.map_err(store_status)?;
        for member in report.differing() {
            tracing::error!(member = member.name, revision = report.revision, "a master holds another state than most");
        }
        Ok(Response::new(wire_report(report)))
    }

    async fn create_token(
        &self,
        request: Request<CreateTokenRequest>,
    ) -> Result<Response<CreateTokenResponse>, Status> {
        require(&*self.authorizer, &request, Access::cluster("create", "tokens"))?;
        let asked = request.into_inner();
        let role = TokenRole::from_wire(asked.role())
            .ok_or_else(|| Status::invalid_argument("role must be server or agent"))?;
        if asked.description.len() > MAX_DESCRIPTION {
            return Err(Status::invalid_argument(format!("a description has at most {MAX_DESCRIPTION} bytes")));
        }
        let life = token_life(asked.ttl_seconds)?;
        let created = self.tokens.create(role, &asked.description, life, Instant::now() + DEADLINE).await;
        Ok(Response::new(CreateTokenResponse { token: created.map_err(tokens_status)?.reveal() }))
    }

    async fn list_tokens(&self, request: Request<ListTokensRequest>) -> Result<Response<ListTokensResponse>, Status> {
        require(&*self.authorizer, &request, Access::cluster("list", "tokens"))?;
        let now = Timestamp::now();
        let found = self.tokens.list(Instant::now() + DEADLINE).await.map_err(tokens_status)?;
        Ok(Response::new(ListTokensResponse { tokens: found.iter().map(|token| token.to_wire(now)).collect() }))
    }

    async fn delete_token(
        &self,
        request: Request<DeleteTokenRequest>,
    ) -> Result<Response<DeleteTokenResponse>, Status> {
        let access = Access { name: Some(&request.get_ref().id), ..Access::cluster("delete", "tokens") };
        require(&*self.authorizer, &request, access)?;
        let id = request.into_inner().id;
        let deleted = self.tokens.delete(&id, Instant::now() + DEADLINE).await.map_err(tokens_status)?;
        if deleted {
            Ok(Response::new(DeleteTokenResponse {}))
        } else {
            Err(Status::not_found(format!("there is no token {id}")))
        }
    }

    async fn usage(&self, request: Request<UsageRequest>) -> Result<Response<UsageResponse>, Status> {
        let namespace = Some(request.get_ref().namespace.as_str()).filter(|namespace| !namespace.is_empty());
        let pods = Access { verb: "list", group: METRICS_GROUP, resource: "pods", namespace, name: None };
        require(&*self.authorizer, &request, pods)?;
        let nodes = Access { resource: "nodes", namespace: None, ..pods };
        let mut answer = usage::answer((self.usage)(), namespace);
        if require(&*self.authorizer, &request, nodes).is_err() {
            answer.nodes.clear();
        }
        Ok(Response::new(answer))
    }
}

/// Another master has the name, or an earlier life of this one.
fn name_taken(name: &str) -> String {
    format!(
        "the cluster has a master named {name} already; if that one has lost its disk, remove it first: \
         `xebec cluster remove-member {name}`"
    )
}

pub(super) fn leader_address(status: &StoreStatus) -> Option<String> {
    let leader = status.leadership.leader.filter(|leader| *leader != status.node_id)?;
    status.members.iter().find(|member| member.member.id == leader).map(|member| member.member.api_address.clone())
}

fn wire_report(report: HashReport) -> HashCheckResponse {
    let member = |one: xebec_store::MemberHash| MemberHash { id: one.member.id, name: one.member.name, hash: one.hash };
    let HashReport { revision, hash, members } = report;
    HashCheckResponse { revision, hash, members: members.into_iter().map(member).collect() }
}

pub(super) fn wire_member(member: &xebec_store::MemberStatus) -> Member {
    let xebec_store::Member { id, name, peer_address, api_address } = member.member.clone();
    Member { id, name, peer_address, api_address, voter: member.voter }
}

fn member_status(member: &xebec_store::MemberStatus, status: &StoreStatus) -> MemberStatus {
    let is_self = member.member.id == status.node_id;
    let matched = if is_self { Some(status.last_log_index) } else { member.matched_index };
    MemberStatus {
        member: Some(wire_member(member)),
        leader: member.leader,
        reachable: is_self || member.reachable.unwrap_or(false),
        matched_index: matched.unwrap_or(0),
        lag: matched.map_or(0, |matched| status.last_log_index.saturating_sub(matched)),
    }
}

fn store_member(asked: &AddMemberRequest) -> Result<xebec_store::Member, Status> {
    let is_address = |text: &str| text.parse::<xebec_proto::endpoint::Endpoint>().is_ok();
    if asked.id == 0 || asked.name.is_empty() || !is_address(&asked.peer_address) || !is_address(&asked.api_address) {
        return Err(Status::invalid_argument("a member needs an id, a name, and host:port of its peer port and API"));
    }
    let AddMemberRequest { id, name, peer_address, api_address } = asked.clone();
    Ok(xebec_store::Member { id, name, peer_address, api_address })
}

fn token_life(seconds: u64) -> Result<SignedDuration, Status> {
    if seconds == 0 {
        return Ok(DEFAULT_TTL);
    }
    let life = i64::try_from(seconds).ok().map(SignedDuration::from_secs).filter(|life| *life <= MAX_TTL);
    life.ok_or_else(|| Status::invalid_argument("a join token lives for a year at most"))
}

fn tokens_status(error: TokensError) -> Status {
    match error {
        TokensError::Store { source, .. } => store_status(source),
        TokensError::TooMany => Status::resource_exhausted(error.to_string()),
        _ => Status::internal(error.to_string()),
    }
}
