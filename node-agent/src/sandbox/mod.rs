//! A pod's sandbox: namespaces pinned by bind mounts, without a pause container.
//!
//! A short-lived thread leaves the node's namespaces and binds its own to files; they live as long as the mounts do, through
//! any restart of agent, containerd and containers. A restart of the machine unpins them.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use nix::mount::{MntFlags, MsFlags, mount, umount2};
use nix::sched::{CloneFlags, unshare};
use nix::sys::statfs::{NSFS_MAGIC, statfs};

use crate::containerd::NamespacePaths;

/// A sandbox cannot be made or taken down.
#[derive(Debug, thiserror::Error)]
pub enum SandboxError {
    /// A file of it cannot be used.
    #[error("cannot {operation} {path}")]
    File {
        /// What was attempted.
        operation: &'static str,
        /// On which file.
        path: PathBuf,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// The kernel refused new namespaces.
    #[error("cannot make namespaces")]
    Namespaces(#[source] io::Error),
}

/// Which namespaces a pod has of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Own {
    /// Network and host name; not of a pod that shares the node's network.
    pub network: bool,
    /// Inter-process communication; not of a pod that shares the node's.
    pub ipc: bool,
}

const NET: &str = "net";
const UTS: &str = "uts";
const IPC: &str = "ipc";

impl Own {
    fn kinds(self) -> Vec<(&'static str, CloneFlags)> {
        let network =
            [(NET, CloneFlags::CLONE_NEWNET), (UTS, CloneFlags::CLONE_NEWUTS)].into_iter().filter(|_| self.network);
        let ipc = [(IPC, CloneFlags::CLONE_NEWIPC)].into_iter().filter(|_| self.ipc);
        network.chain(ipc).collect()
    }

    /// Where the namespaces are pinned.
    pub fn paths(self, directory: &Path, host_pid: bool) -> NamespacePaths {
        NamespacePaths {
            net: self.network.then(|| directory.join(NET)),
            uts: self.network.then(|| directory.join(UTS)),
            ipc: self.ipc.then(|| directory.join(IPC)),
            host_pid,
        }
    }

    /// Whether all of them are pinned.
    pub fn are_pinned(self, directory: &Path) -> bool {
        self.kinds().iter().all(|(name, _)| is_pinned(&directory.join(name)))
    }
}

/// Makes and pins namespaces; those that are pinned already are kept. Blocking.
pub fn pin(directory: &Path, own: Own, hostname: &str) -> Result<(), SandboxError> {
    if own.are_pinned(directory) {
        return Ok(());
    }
    unpin(directory)?;
    let failed = |source| SandboxError::File { operation: "create", path: directory.to_owned(), source };
    std::fs::create_dir_all(directory).map_err(failed)?;
    let (directory, hostname) = (directory.to_owned(), hostname.to_owned());
    let thread = std::thread::spawn(move || pin_here(&directory, own, &hostname));
    thread.join().unwrap_or_else(|_| Err(SandboxError::Namespaces(io::Error::other("the thread died"))))
}

/// Runs on a thread of its own, which is not used for anything else.
fn pin_here(directory: &Path, own: Own, hostname: &str) -> Result<(), SandboxError> {
    let kinds = own.kinds();
    let flags = kinds.iter().fold(CloneFlags::empty(), |flags, (_, flag)| flags | *flag);
    unshare(flags).map_err(|error| SandboxError::Namespaces(error.into()))?;
    if own.network {
        nix::unistd::sethostname(hostname).map_err(|error| SandboxError::Namespaces(error.into()))?;
    }
    for (name, _) in kinds {
        let (pin, namespace) = (directory.join(name), format!("/proc/thread-self/ns/{name}"));
        let failed = |operation| {
            let path = pin.clone();
            move |source| SandboxError::File { operation, path, source }
        };
        File::create(&pin).map_err(failed("create"))?;
        let bound = mount(Some(namespace.as_str()), &pin, None::<&str>, MsFlags::MS_BIND, None::<&str>);
        bound.map_err(|error| failed("pin a namespace at")(error.into()))?;
    }
    Ok(())
}

/// Lets the pinned namespaces go; they end with the last process in them. Blocking.
pub fn unpin(directory: &Path) -> Result<(), SandboxError> {
    for name in [NET, UTS, IPC] {
        let path = directory.join(name);
        if is_pinned(&path) {
            let gone = umount2(&path, MntFlags::MNT_DETACH);
            gone.map_err(|error| SandboxError::File {
                operation: "unmount",
                path: path.clone(),
                source: error.into(),
            })?;
        }
        match std::fs::remove_file(&path) {
            Err(source) if source.kind() != io::ErrorKind::NotFound => {
                return Err(SandboxError::File { operation: "remove", path, source });
            }
            _ => {}
        }
    }
    Ok(())
}

fn is_pinned(path: &Path) -> bool {
    statfs(path).is_ok_and(|stat| stat.filesystem_type() == NSFS_MAGIC)
}
