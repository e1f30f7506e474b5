//! A member about itself.

use tonic::{Request, Response, Status};
use xebec_store::Store;

use super::convert::{header, signed};
use crate::wire::services::maintenance_server::Maintenance;
use crate::wire::{HashRequest, HashResponse, StatusRequest, StatusResponse};

/// The maintenance service of a member.
pub(super) struct MaintenanceService {
    store: Store,
}

impl MaintenanceService {
    pub(super) fn new(store: Store) -> MaintenanceService {
        MaintenanceService { store }
    }
}

#[tonic::async_trait]
impl Maintenance for MaintenanceService {
    async fn status(&self, _request: Request<StatusRequest>) -> Result<Response<StatusResponse>, Status> {
        let status = self.store.status();
        let mut answered = header(&self.store, status.revision);
        answered.iter_mut().for_each(|header| header.member_id = status.node_id);
        Ok(Response::new(StatusResponse {
            header: answered,
            is_learner: !status.votes(),
            version: concat!("xebec ", env!("CARGO_PKG_VERSION")).to_owned(),
            db_size: signed(self.store.state().bytes()),
            leader: status.leadership.leader.unwrap_or_default(),
            raft_index: status.last_log_index,
            raft_term: status.leadership.term,
            raft_applied_index: status.applied_index,
        }))
    }

    async fn hash(&self, _request: Request<HashRequest>) -> Result<Response<HashResponse>, Status> {
        let state = self.store.state();
        let hash = state.hash();
        let folded = (hash ^ (hash >> 32)) as u32;
        Ok(Response::new(HashResponse { header: header(&self.store, state.revision()), hash: folded }))
    }
}
