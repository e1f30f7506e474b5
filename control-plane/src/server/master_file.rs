//! What a master remembers of itself between starts (`<data_dir>/master.json`): which cluster, who it is, where it is reached.
//!
//! It is written before the store is opened, and says how far joining has come, so that a crash at any point is continued.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use ipnetwork::IpNetwork;
use serde::{Deserialize, Serialize};

use super::error::ServerError;
use crate::pki::files;

const FILE: &str = "master.json";

/// How far a master has come.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Phase {
    /// The first of a new cluster; the store may not be initialized yet.
    Founding,
    /// It has its certificates; whether it is a member is known to the masters at these addresses.
    Joining {
        /// `host:port` of their APIs.
        masters: Vec<String>,
    },
    /// A member.
    Member,
    /// It was a member, and was removed.
    Removed,
}

/// The file's content.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MasterFile {
    /// The cluster's id.
    pub cluster_id: String,
    /// This member's id; never used again.
    pub node_id: u64,
    /// This master's name.
    pub name: String,
    /// How far it has come.
    pub phase: Phase,
    /// Where the API listens.
    pub listen: SocketAddr,
    /// Where Raft listens.
    pub peer_listen: SocketAddr,
    /// IP address or DNS name under which others reach this master.
    pub advertise_address: String,
    /// Pods' addresses.
    pub cluster_cidr: IpNetwork,
    /// Services' addresses.
    pub service_cidr: IpNetwork,
    /// Ids of the clusters that this one was made from by recovery or restore.
    #[serde(default)]
    pub supersedes: Vec<String>,
}

impl MasterFile {
    /// What an earlier start has written; `None` when this is the first.
    pub fn load(data_dir: &Path) -> Result<Option<Self>, ServerError> {
        let path = path(data_dir);
        if !path.exists() {
            return Ok(None);
        }
        let text = files::read(&path)?;
        serde_json::from_str(&text).map(Some).map_err(|source| ServerError::MasterFile { path, source })
    }

    /// Remembers.
    pub fn save(&self, data_dir: &Path) -> Result<(), ServerError> {
        let text = serde_json::to_string_pretty(self).expect("names, numbers and addresses have a JSON form");
        Ok(files::write(&path(data_dir), text.as_bytes())?)
    }

    /// `host:port` of this master's API, as the others are told.
    pub fn api_address(&self) -> String {
        self.at(self.listen.port())
    }

    /// `host:port` of this master's Raft, as the others are told.
    pub fn peer_address(&self) -> String {
        self.at(self.peer_listen.port())
    }

    fn at(&self, port: u16) -> String {
        xebec_proto::endpoint::Endpoint::new(self.advertise_address.clone(), port).to_string()
    }
}

fn path(data_dir: &Path) -> PathBuf {
    data_dir.join(FILE)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::server::ServerConfig;

    #[test]
    fn a_master_remembers_itself() {
        let dir = tempfile::tempdir().unwrap();
        let config = ServerConfig::default();
        assert_eq!(MasterFile::load(dir.path()).unwrap(), None);
        let file = MasterFile {
            cluster_id: "c".into(),
            node_id: 7,
            name: "m1".into(),
            phase: Phase::Joining { masters: vec!["m0:6443".into()] },
            listen: config.listen,
            peer_listen: config.peer_listen,
            advertise_address: "fd00::1".into(),
            cluster_cidr: config.cluster_cidr,
            service_cidr: config.service_cidr,
            supersedes: vec!["old".into()],
        };
        file.save(dir.path()).unwrap();
        assert_eq!(MasterFile::load(dir.path()).unwrap().as_ref(), Some(&file));
        assert_eq!((file.api_address(), file.peer_address()), ("[fd00::1]:6443".into(), "[fd00::1]:6444".into()));
        std::fs::write(path(dir.path()), "{").unwrap();
        assert!(matches!(MasterFile::load(dir.path()), Err(ServerError::MasterFile { .. })));
    }
}
