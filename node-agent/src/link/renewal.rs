//! Renews this node's certificate when a third of its life is left.
//!
//! The new certificate is on disk before it is used. Sessions that stand go on with the one they began with, since nobody
//! looks at it again; every later one shows the newest. So nothing is interrupted. What fails is tried again, for months if
//! need be, and the log says so.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rustls::ClientConfig;
use tokio::sync::watch;
use xebec_proto::join::{JoinError, KeyedChain, renew};
use xebec_proto::tls::{TlsError, certificates};
use xebec_proto::validity::{UnreadableCertificate, Validity};

use super::LinkError;
use super::membership::read_credentials;
use super::pki::{Pki, SavedCluster};

/// The clock is looked at so often, for it may be set meanwhile.
const LOOK: Duration = Duration::from_secs(3600);
/// After a failure.
const RETRY: Duration = Duration::from_secs(60);
/// Connecting and asking take no longer than this each; then the next master is tried.
const PATIENCE: Duration = Duration::from_secs(5);

/// Why the certificate was not renewed.
#[derive(Debug, thiserror::Error)]
enum RenewalError {
    #[error(transparent)]
    Link(#[from] LinkError),
    #[error("no master gave a new certificate")]
    Join(#[from] JoinError),
    #[error(transparent)]
    Certificate(#[from] UnreadableCertificate),
    #[error("the new certificate cannot be used")]
    Tls(#[from] TlsError),
}

/// What sessions dial with, kept fresh until it is dropped.
pub(super) async fn run(pki: Pki, tls: watch::Sender<Arc<ClientConfig>>) {
    loop {
        let wait = match renew_if_due(&pki, &tls).await {
            Ok(wait) => wait.min(LOOK),
            Err(error) => {
                tracing::warn!(error = &error as &dyn std::error::Error, "this node's certificate is not renewed yet");
                RETRY
            }
        };
        tokio::time::sleep(wait).await;
    }
}

/// Returns when to look again.
async fn renew_if_due(pki: &Pki, tls: &watch::Sender<Arc<ClientConfig>>) -> Result<Duration, RenewalError> {
    let (cluster, mut credentials) = pki.load()?.ok_or(LinkError::NotInvited)?;
    let wait = until_due(&credentials.certificate)?;
    if !wait.is_zero() {
        return Ok(wait);
    }
    let shown = tls.borrow().clone();
    let keyed = ask(&cluster, &shown).await?;
    (credentials.certificate, credentials.key) = (keyed.chain.clone().into_bytes(), keyed.key.clone().into_bytes());
    let renewed = read_credentials(&credentials)?;
    pki.save_identity(&keyed)?;
    tls.send_replace(renewed);
    tracing::info!(node = cluster.node_name, "this node's certificate is renewed");
    Ok(until_due(&credentials.certificate)?.max(RETRY))
}

fn until_due(chain: &[u8]) -> Result<Duration, RenewalError> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let validity = Validity::of(&certificates(chain)?[0])?;
    Ok(validity.until_due(i64::try_from(now.as_secs()).unwrap_or(i64::MAX)))
}

/// Asks one master after the other. The last refusal is reported.
async fn ask(cluster: &SavedCluster, tls: &Arc<ClientConfig>) -> Result<KeyedChain, RenewalError> {
    let mut refusal = LinkError::NotInvited.into();
    for master in &cluster.masters {
        let endpoint = master.parse().map_err(LinkError::Server)?;
        match renew(&endpoint, tls.clone(), &cluster.node_name, PATIENCE).await {
            Ok(keyed) => return Ok(keyed),
            Err(error) => refusal = error.into(),
        }
    }
    Err(refusal)
}

#[cfg(test)]
#[path = "renewal_tests.rs"]
mod tests;
