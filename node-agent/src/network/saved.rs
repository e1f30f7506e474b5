//! The pods' addresses on disk, so that they survive the agent.
//!
//! The file is replaced as a whole. It is not synced: after a power failure no pod runs, and a file that is lost then means
//! the same as an empty one.

use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use xebec_node_plan::ipam::Ipam;

use super::NetworkError;

/// The pods' addresses and the file that holds them.
pub(super) struct SavedIpam {
    path: PathBuf,
    ipam: Ipam,
}

impl SavedIpam {
    /// Loads what the last agent left. An unreadable file is reported and replaced: adoption says which pods live.
    pub(super) fn load(data_dir: &Path) -> Result<SavedIpam, NetworkError> {
        fs::create_dir_all(data_dir).map_err(|source| error("create", data_dir, source))?;
        let path = data_dir.join("pod-addresses.json");
        let ipam = match fs::read(&path) {
            Ok(bytes) => serde_json::from_slice(&bytes).unwrap_or_else(|error| {
                tracing::warn!(path = %path.display(), %error, "cannot read the saved pod addresses; starting with none");
                Ipam::default()
            }),
            Err(source) if source.kind() == io::ErrorKind::NotFound => Ipam::default(),
            Err(source) => return Err(error("read", &path, source)),
        };
        Ok(SavedIpam { path, ipam })
    }

    /// Changes the addresses; what `change` returned counts only once it is on disk.
    pub(super) fn change<T>(&mut self, change: impl FnOnce(&mut Ipam) -> T) -> Result<T, NetworkError> {
        let before = self.ipam.clone();
        let result = change(&mut self.ipam);
        if self.ipam != before {
            self.save().inspect_err(|_| self.ipam = before)?;
        }
        Ok(result)
    }

    fn save(&self) -> Result<(), NetworkError> {
        let json = serde_json::to_vec(&self.ipam).expect("addresses have string keys only");
        let new = self.path.with_extension("new");
        let written = fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&new);
        written
            .and_then(|mut file| file.write_all(&json))
            .and_then(|()| fs::rename(&new, &self.path))
            .map_err(|source| error("write", &self.path, source))
    }
}

fn error(operation: &'static str, path: &Path, source: io::Error) -> NetworkError {
    NetworkError::Io { operation, path: path.to_owned(), source }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_survive_and_garbage_is_replaced() {
        let dir = tempfile::tempdir().unwrap();
        let mut saved = SavedIpam::load(dir.path()).unwrap();
        saved.change(|ipam| ipam.set_subnet("10.42.1.0/24".parse().unwrap())).unwrap();
        let address = saved.change(|ipam| ipam.allocate("a")).unwrap().unwrap();
        assert_eq!(SavedIpam::load(dir.path()).unwrap().ipam.address("a"), Some(address));
        fs::write(dir.path().join("pod-addresses.json"), "{").unwrap();
        assert_eq!(SavedIpam::load(dir.path()).unwrap().ipam, Ipam::default());
    }
}
