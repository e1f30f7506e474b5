//! What makes this node a member, on disk: its certificate and key, the CA of the masters, and who they are.
//!
//! Certificate and key are one file, so that a renewal replaces both or neither. Everything lies in `<data dir>/pki`, mode 0700, its files 0600. The file about the cluster is written last, so a node whose
//! join was interrupted joins again.

use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use xebec_proto::join::{Joined, KeyedChain};

use super::LinkError;

/// The certificate chain, then the key.
const IDENTITY: &str = "node.pem";
const SERVING_CA: &str = "serving-ca.crt";
const CLUSTER: &str = "cluster.json";

/// The cluster as it introduced itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct SavedCluster {
    pub(super) node_name: String,
    pub(super) cluster_id: String,
    pub(super) cluster_cidr: String,
    pub(super) service_cidr: String,
    /// API addresses, `host:port`.
    pub(super) masters: Vec<String>,
}

/// Certificate, key and CA, as PEM. Each is looked for in its text, which may hold more.
pub(super) struct Credentials {
    pub(super) certificate: Vec<u8>,
    pub(super) key: Vec<u8>,
    pub(super) serving_ca: Vec<u8>,
}

/// The directory.
#[derive(Debug, Clone)]
pub(super) struct Pki {
    directory: PathBuf,
}

impl Pki {
    pub(super) fn new(data_dir: &Path) -> Pki {
        Pki { directory: data_dir.join("pki") }
    }

    pub(super) fn directory(&self) -> &Path {
        &self.directory
    }

    /// What was saved, when this node is a member.
    pub(super) fn load(&self) -> Result<Option<(SavedCluster, Credentials)>, LinkError> {
        let path = self.directory.join(CLUSTER);
        let text = match fs::read(&path) {
            Ok(text) => text,
            Err(source) if source.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(source) => return Err(LinkError::Io { operation: "read", path, source }),
        };
        let cluster = serde_json::from_slice(&text).map_err(|source| LinkError::Io {
            operation: "understand",
            path,
            source: source.into(),
        })?;
        let identity = self.read(IDENTITY)?;
        let credentials =
            Credentials { certificate: identity.clone(), key: identity, serving_ca: self.read(SERVING_CA)? };
        Ok(Some((cluster, credentials)))
    }

    /// Saves what a join gave.
    pub(super) fn save(&self, cluster: &SavedCluster, joined: &Joined) -> Result<(), LinkError> {
        let created = fs::DirBuilder::new().recursive(true).mode(0o700).create(&self.directory);
        created.map_err(|source| LinkError::Io { operation: "create", path: self.directory.clone(), source })?;
        self.save_identity(&joined.client)?;
        self.write(SERVING_CA, joined.response.serving_ca.as_bytes())?;
        self.save_cluster(cluster)
    }

    /// Saves this node's certificate and its key.
    pub(super) fn save_identity(&self, identity: &KeyedChain) -> Result<(), LinkError> {
        self.write(IDENTITY, format!("{}\n{}", identity.chain.trim_end(), identity.key).as_bytes())
    }

    /// Saves who the masters are.
    pub(super) fn save_cluster(&self, cluster: &SavedCluster) -> Result<(), LinkError> {
        let json = serde_json::to_vec_pretty(cluster).expect("strings only");
        self.write(CLUSTER, &json)
    }

    fn read(&self, name: &str) -> Result<Vec<u8>, LinkError> {
        let path = self.directory.join(name);
        fs::read(&path).map_err(|source| LinkError::Io { operation: "read", path, source })
    }

    /// The file is whole or not there, even after a power failure.
    fn write(&self, name: &str, content: &[u8]) -> Result<(), LinkError> {
        let path = self.directory.join(name);
        let new = self.directory.join(format!("{name}.new"));
        let written = fs::OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&new)
            .and_then(|mut file| file.write_all(content).and_then(|()| file.sync_all()))
            .and_then(|()| fs::rename(&new, &path))
            .and_then(|()| fs::File::open(&self.directory)?.sync_all());
        written.map_err(|source| LinkError::Io { operation: "write", path, source })
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use xebec_proto::v1::JoinResponse;

    use super::*;

    #[test]
    fn what_is_saved_is_loaded_and_private() {
        let dir = tempfile::tempdir().unwrap();
        let pki = Pki::new(dir.path());
        assert!(pki.load().unwrap().is_none());
        let cluster = SavedCluster {
            node_name: "n1".into(),
            cluster_id: "c".into(),
            cluster_cidr: "10.42.0.0/16".into(),
            service_cidr: "10.43.0.0/16".into(),
            masters: vec!["m1:6443".into()],
        };
        let client = KeyedChain { chain: "chain".into(), key: "key".into() };
        let response = JoinResponse { serving_ca: "ca".into(), ..Default::default() };
        pki.save(&cluster, &Joined { client, serving: None, peer: None, response }).unwrap();
        let (loaded, credentials) = pki.load().unwrap().unwrap();
        assert_eq!((loaded, credentials.key.as_slice()), (cluster, b"chain\nkey".as_slice()));
        for entry in fs::read_dir(pki.directory()).unwrap() {
            assert_eq!(entry.unwrap().metadata().unwrap().permissions().mode() & 0o777, 0o600);
        }
    }
}
