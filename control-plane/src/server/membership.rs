//! The store's side of becoming a member: the first master makes itself the cluster, a joined one asks to be taken in.

use std::path::Path;
use std::time::Duration;

use tokio::time::Instant;
use tonic::{Code, Status};
use xebec_proto::v1::AddMemberRequest;
use xebec_store::{Store, StoreError};

use super::error::ServerError;
use super::master_file::{MasterFile, Phase};
use super::settle::remember;
use crate::cluster::peers::MasterClient;

const DIAL_TIMEOUT: Duration = Duration::from_secs(2);
/// Catching up takes as long as the state is large.
const CALL_TIMEOUT: Duration = Duration::from_secs(60);
const PATIENCE: Duration = Duration::from_secs(120);
const PAUSE: Duration = Duration::from_millis(200);

/// Goes on from where `master.json` says that this master is, until it is a member.
pub(super) async fn complete(
    file: &mut MasterFile,
    store: &Store,
    masters: &MasterClient,
    data_dir: &Path,
) -> Result<(), ServerError> {
    match file.phase.clone() {
        Phase::Member | Phase::Removed => return Ok(()),
        Phase::Founding => initialize(store).await?,
        Phase::Joining { masters: known } => be_added(file, &known, masters).await?,
    }
    remember(file, Phase::Member, data_dir)
}

async fn initialize(store: &Store) -> Result<(), ServerError> {
    if store.is_initialized() {
        return Ok(());
    }
    match store.initialize().await {
        Ok(()) | Err(StoreError::AlreadyInitialized) => Ok(()),
        Err(source) => Err(ServerError::Store { operation: "be initialized", source }),
    }
}

async fn be_added(file: &MasterFile, known: &[String], masters: &MasterClient) -> Result<(), ServerError> {
    let give_up = Instant::now() + PATIENCE;
    let mut turn = known.iter().cycle();
    loop {
        let Some(address) = turn.next() else {
            return Err(ServerError::AddMember { status: Box::new(Status::unavailable("no master is known")) });
        };
        match ask(file, address, masters).await {
            Ok(()) => return Ok(()),
            Err(status) if is_transient(&status) && Instant::now() < give_up => {
                tracing::info!(master = address, reason = status.message(), "not a member yet");
                tokio::time::sleep(PAUSE).await;
            }
            Err(status) => return Err(ServerError::AddMember { status: Box::new(status) }),
        }
    }
}

async fn ask(file: &MasterFile, address: &str, masters: &MasterClient) -> Result<(), Status> {
    let mut request = tonic::Request::new(AddMemberRequest {
        id: file.node_id,
        name: file.name.clone(),
        peer_address: file.peer_address(),
        api_address: file.api_address(),
    });
    request.set_timeout(CALL_TIMEOUT);
    let mut cluster = masters.cluster(address, DIAL_TIMEOUT).await?;
    cluster.add_member(request).await.map(|_| ())
}

fn is_transient(status: &Status) -> bool {
    let transient =
        [Code::Unavailable, Code::DeadlineExceeded, Code::Aborted, Code::ResourceExhausted, Code::Cancelled];
    transient.contains(&status.code())
}
