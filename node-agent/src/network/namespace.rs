//! Work inside another network namespace.
//!
//! A namespace belongs to a thread, so the work gets a thread of its own, which enters the namespace, runs a small runtime and
//! ends. Threads of the agent's runtime never change their namespace.

use std::fs::File;
use std::os::fd::{AsFd, AsRawFd, RawFd};
use std::path::{Path, PathBuf};

use nix::sched::{CloneFlags, setns};

use super::NetworkError;

/// The namespace of the thread that asks. `/proc/self` would be that of the process's first thread.
const OWN: &str = "/proc/thread-self/ns/net";

/// Runs `work` inside the namespace at `path`. It is given the descriptor of the namespace that we came from.
pub(super) async fn within<T, F, W>(path: &Path, work: F) -> Result<T, NetworkError>
where
    F: FnOnce(RawFd) -> W + Send + 'static,
    W: Future<Output = Result<T, NetworkError>>,
    T: Send + 'static,
{
    let (sender, result) = tokio::sync::oneshot::channel();
    let path = path.to_owned();
    let thread = std::thread::Builder::new().name("netns".to_owned());
    let spawned = thread.spawn(move || {
        // The asker may have gone; the work is done all the same.
        drop(sender.send(enter_and_run(&path, work)));
    });
    spawned.map_err(|source| io_error("start a thread for", Path::new(OWN), source))?;
    result.await.unwrap_or_else(|_| {
        Err(io_error("finish work in", Path::new(OWN), std::io::Error::other("its thread ended early")))
    })
}

fn enter_and_run<T, F, W>(path: &Path, work: F) -> Result<T, NetworkError>
where
    F: FnOnce(RawFd) -> W,
    W: Future<Output = Result<T, NetworkError>>,
{
    let own = open(Path::new(OWN))?;
    let target = open(path)?;
    setns(target.as_fd(), CloneFlags::CLONE_NEWNET)
        .map_err(|errno| io_error("enter network namespace", path, errno.into()))?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|source| io_error("start a runtime in", path, source))?;
    runtime.block_on(work(own.as_raw_fd()))
}

fn open(path: &Path) -> Result<File, NetworkError> {
    File::open(path).map_err(|source| io_error("open network namespace", path, source))
}

fn io_error(operation: &'static str, path: &Path, source: std::io::Error) -> NetworkError {
    NetworkError::Io { operation, path: PathBuf::from(path), source }
}
