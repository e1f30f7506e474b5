//! `xebec version`: ours, and the cluster's.

use anyhow::Result;
use xebec_proto::v1::ClusterStatusRequest;

use crate::args::{Connection, VersionArguments};
use crate::client::Session;
use crate::print;

/// Runs it.
pub(crate) async fn run(connection: &Connection, arguments: &VersionArguments) -> Result<()> {
    print::line(&format!("client {}", env!("CARGO_PKG_VERSION")))?;
    if arguments.client {
        return Ok(());
    }
    let session = Session::open(connection).await?;
    let status = session.cluster().status(session.request(ClusterStatusRequest {})).await?.into_inner();
    print::line(&print::escape(&format!("server {} ({})", status.version, status.answered_by)))
}
