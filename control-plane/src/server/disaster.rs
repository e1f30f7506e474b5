//! After a disaster, on a stopped master's data directory: recovering a cluster from it, or restoring an exported state.
//!
//! Both begin a new cluster of one member, under a new id, with the old authorities: kubeconfigs, node certificates and join
//! tokens go on being good. The old cluster's id is remembered as superseded, so that its other masters, when they start,
//! find out and join (`standing.rs`). `master.json` is written last; if a crash comes before that, the same command does it
//! again.

use std::path::{Path, PathBuf};

use ipnetwork::IpNetwork;
use jiff::Timestamp;
use xebec_store::{Member, Rebuild};
pub use xebec_store::{Summary, Usage};

use super::config::ServerConfig;
use super::error::ServerError;
use super::master_file::{MasterFile, Phase};
use super::{networks, settle};
use crate::pki::Pki;

/// More revisions than any cluster makes between an export and its loss. They still fit exactly into the numbers of every
/// JSON reader, after a million disasters.
const SKIPPED_REVISIONS: u64 = 1_000_000_000;

/// What came of it.
#[derive(Clone, Debug)]
pub struct Begun {
    /// What the state held.
    pub summary: Summary,
    /// The new cluster's id.
    pub cluster_id: String,
    /// The newest revision now.
    pub revision: u64,
    /// This master's name.
    pub name: String,
}

/// What a restore is told beyond the file, where the data directory does not say it.
#[derive(Clone, Debug)]
pub struct RestoreOptions {
    /// This master's data directory; its store, if it has one, is kept beside the new one.
    pub data_dir: PathBuf,
    /// A directory with the authorities (`<data-dir>/pki` of any old master); not needed if the data directory has them.
    pub pki: Option<PathBuf>,
    /// Used if the data directory has no `master.json`.
    pub config: ServerConfig,
}

/// What is in an exported file: each checksum is compared. Keys are grouped by resource.
pub fn inspect(file: &Path) -> Result<Summary, ServerError> {
    xebec_store::inspect(file, resource_of)
        .map_err(|source| ServerError::Store { operation: "read the snapshot", source })
}

/// Makes a stopped master's own state a cluster of one, writable at once.
pub async fn recover(data_dir: &Path) -> Result<Begun, ServerError> {
    let file = MasterFile::load(data_dir)?.ok_or_else(|| ServerError::NoCluster { path: data_dir.to_owned() })?;
    let to = rebuild(data_dir, &file);
    let summary =
        xebec_store::recover(&to).await.map_err(|source| ServerError::Store { operation: "be recovered", source })?;
    begin(file, to, summary, data_dir)
}

/// Makes an exported state a cluster of one.
pub async fn restore(from: &Path, options: &RestoreOptions) -> Result<Begun, ServerError> {
    let data_dir = &options.data_dir;
    let file = match MasterFile::load(data_dir)? {
        Some(file) => file,
        None => describe(&options.config)?,
    };
    if let Some(source) = &options.pki {
        let config = ServerConfig {
            name: file.name.clone(),
            advertise_address: file.advertise_address.clone(),
            ..options.config.clone()
        };
        Pki::take_over(data_dir, source, &settle::names(&config, &file), Timestamp::now())?;
    }
    Pki::load(data_dir)?;
    let to = rebuild(data_dir, &file);
    let summary = xebec_store::restore(from, &to)
        .await
        .map_err(|source| ServerError::Store { operation: "be restored", source })?;
    begin(file, to, summary, data_dir)
}

fn rebuild(data_dir: &Path, file: &MasterFile) -> Rebuild {
    Rebuild {
        data_dir: data_dir.join("store"),
        cluster_id: uuid::Uuid::new_v4().to_string(),
        member: Member {
            id: settle::fresh_id(),
            name: file.name.clone(),
            peer_address: file.peer_address(),
            api_address: file.api_address(),
        },
        skip_revisions: SKIPPED_REVISIONS,
    }
}

fn begin(mut file: MasterFile, to: Rebuild, summary: Summary, data_dir: &Path) -> Result<Begun, ServerError> {
    for old in [file.cluster_id.clone(), summary.cluster_id.clone()] {
        if !old.is_empty() && !file.supersedes.contains(&old) {
            file.supersedes.push(old);
        }
    }
    file.cluster_id.clone_from(&to.cluster_id);
    file.node_id = to.member.id;
    file.phase = Phase::Member;
    file.save(data_dir)?;
    let revision = summary.revision + to.skip_revisions;
    Ok(Begun { summary, cluster_id: to.cluster_id, revision, name: file.name })
}

/// A master that has never been.
fn describe(config: &ServerConfig) -> Result<MasterFile, ServerError> {
    settle::check(config)?;
    networks::check(&config.cluster_cidr, &config.service_cidr)?;
    let (cluster_cidr, service_cidr): (IpNetwork, IpNetwork) = (config.cluster_cidr, config.service_cidr);
    Ok(MasterFile {
        cluster_id: String::new(),
        node_id: settle::fresh_id(),
        name: config.name.clone(),
        phase: Phase::Member,
        listen: config.listen,
        peer_listen: config.peer_listen,
        advertise_address: config.advertise_address.clone(),
        cluster_cidr,
        service_cidr,
        supersedes: Vec::new(),
    })
}

/// `/registry/<group>/<resource>/…` is of `<resource>.<group>`, as kubectl names it.
fn resource_of(key: &[u8]) -> String {
    let text = String::from_utf8_lossy(key);
    let parts: Vec<&str> = text.split('/').collect();
    match parts.as_slice() {
        ["", "registry", "core", resource, ..] => (*resource).to_owned(),
        ["", "registry", group, resource, ..] => format!("{resource}.{group}"),
        ["", first, ..] => format!("/{first}"),
        _ => "other".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_grouped_by_resource() {
        for (key, expect) in [
            ("/registry/core/pods/shop/till-0", "pods"),
            ("/registry/apps/deployments/shop/till", "deployments.apps"),
            ("/bootstrap/tokens/abc", "/bootstrap"),
            ("x", "other"),
        ] {
            assert_eq!(resource_of(key.as_bytes()), expect, "{key}");
        }
    }
}
