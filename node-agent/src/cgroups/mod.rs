//! Control groups: where pods' are, what they use, whether the kernel killed for memory, and their removal.
//!
//! The OCI runtime makes them; `/<root>/pod<uid>/<container>` in every hierarchy of version 1, or in the one of version 2.
//! Statistics are read from their files: a tenth of the cost of asking containerd.

mod files;

use std::path::{Path, PathBuf};

/// The node's cgroups.
#[derive(Clone, Debug)]
pub struct Cgroups {
    mount: PathBuf,
    root: String,
    unified: bool,
}

/// What something uses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Nanoseconds of CPU time since its start.
    pub cpu_ns: u64,
    /// Bytes that cannot be given back at once.
    pub memory_bytes: u64,
}

impl Cgroups {
    /// Cgroups under `root`, such as `xebec`.
    pub fn new(root: &str) -> Cgroups {
        let mount = PathBuf::from("/sys/fs/cgroup");
        let unified = mount.join("cgroup.controllers").exists();
        Cgroups { mount, root: root.trim_matches('/').to_owned(), unified }
    }

    /// A pod's cgroup, from the root of the hierarchies.
    pub fn pod(&self, uid: &str) -> String {
        format!("/{}/pod{uid}", self.root)
    }

    /// A container's cgroup, from the root of the hierarchies.
    pub fn container(&self, uid: &str, id: &str) -> String {
        format!("{}/{id}", self.pod(uid))
    }

    /// What a cgroup uses; absent if it does not exist.
    pub fn usage(&self, cgroup: &str) -> Option<Usage> {
        let cgroup = cgroup.trim_start_matches('/');
        if self.unified { files::usage_v2(&self.mount.join(cgroup)) } else { files::usage_v1(&self.mount, cgroup) }
    }

    /// How often the kernel killed a process of the cgroup because it needed more memory than it may use.
    pub fn oom_kills(&self, cgroup: &str) -> u64 {
        let cgroup = cgroup.trim_start_matches('/');
        if self.unified {
            files::field(&self.mount.join(cgroup).join("memory.events"), "oom_kill")
        } else {
            files::field(&self.mount.join("memory").join(cgroup).join("memory.oom_control"), "oom_kill")
        }
        .unwrap_or(0)
    }

    /// Removes a pod's cgroup and what is left below it, in every hierarchy.
    pub fn remove_pod(&self, uid: &str) {
        for hierarchy in self.hierarchies() {
            remove(&hierarchy.join(self.pod(uid).trim_start_matches('/')));
        }
    }

    /// The uids of pods that have cgroups.
    pub fn pods(&self) -> Vec<String> {
        let mut uids: Vec<String> =
            self.hierarchies().iter().flat_map(|path| pods_in(&path.join(&self.root))).collect();
        uids.sort();
        uids.dedup();
        uids
    }

    /// Version 1 has a directory for each hierarchy, `systemd` and `unified` among them.
    fn hierarchies(&self) -> Vec<PathBuf> {
        if self.unified {
            return vec![self.mount.clone()];
        }
        let Ok(entries) = std::fs::read_dir(&self.mount) else { return Vec::new() };
        entries
            .flatten()
            .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()))
            .map(|entry| entry.path())
            .collect()
    }
}

fn pods_in(directory: &Path) -> Vec<String> {
    let Ok(entries) = std::fs::read_dir(directory) else { return Vec::new() };
    let names = entries.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned());
    names.filter_map(|name| name.strip_prefix("pod").map(str::to_owned)).collect()
}

/// A cgroup is removed with `rmdir`, after those below it.
fn remove(directory: &Path) {
    let Ok(entries) = std::fs::read_dir(directory) else { return };
    for entry in entries.flatten().filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir())) {
        remove(&entry.path());
    }
    if let Err(error) = std::fs::remove_dir(directory) {
        tracing::debug!(path = %directory.display(), %error, "a cgroup could not be removed");
    }
}
