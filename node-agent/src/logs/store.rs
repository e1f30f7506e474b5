//! Where logs lie, and who is told when one grows.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use bytes::Bytes;
use k8s_openapi::api::core::v1::Pod;
use tokio::sync::{broadcast, watch};
use xebec_node_plan::logline::Stream;

/// Names the log of one instance of a container.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct LogKey {
    /// The pod's directory.
    pub pod: String,
    /// The container.
    pub container: String,
    /// Which instance.
    pub attempt: u32,
}

impl LogKey {
    /// The log of an instance of a container of `pod`.
    pub fn new(pod: &Pod, container: &str, attempt: u32) -> LogKey {
        LogKey { pod: pod_directory(pod), container: container.to_owned(), attempt }
    }
}

/// How a log grows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Feed {
    /// Bytes written by this agent process.
    pub written: u64,
    /// Whether nothing more will come.
    pub ended: bool,
}

/// Chunks of output that wait for whoever is attached; who falls further behind is told that some were lost.
const ATTACHED: usize = 64;

/// A chunk of output as it came, not cut into lines.
pub type Chunk = (Stream, Bytes);

/// Where a container's output shows: how its log grows, and the output itself for those who are attached.
#[derive(Clone)]
pub(super) struct Source {
    pub(super) feed: watch::Sender<Feed>,
    attached: broadcast::Sender<Chunk>,
}

impl Source {
    /// Shows a chunk to those who are attached.
    pub(super) fn show(&self, stream: Stream, bytes: &[u8]) {
        if self.attached.receiver_count() > 0 {
            // The last of them may have gone in this moment.
            self.attached.send((stream, Bytes::copy_from_slice(bytes))).ok();
        }
    }
}

/// All logs of the node.
pub struct LogStore {
    root: PathBuf,
    sources: Mutex<BTreeMap<LogKey, Source>>,
}

impl LogStore {
    /// Logs under `root`.
    pub fn new(root: PathBuf) -> LogStore {
        LogStore { root, sources: Mutex::default() }
    }

    /// The newest file of a log.
    pub fn path(&self, key: &LogKey) -> PathBuf {
        self.root.join(&key.pod).join(&key.container).join(format!("{}.log", key.attempt))
    }

    /// Starts to feed a log.
    pub(super) fn open_source(&self, key: &LogKey) -> Source {
        let source = Source { feed: watch::Sender::new(Feed::default()), attached: broadcast::Sender::new(ATTACHED) };
        self.lock().insert(key.clone(), source.clone());
        source
    }

    /// Ends the feed of a log, unless another has taken its place.
    pub(super) fn close_source(&self, key: &LogKey, source: &Source) {
        source.feed.send_modify(|feed| feed.ended = true);
        let mut sources = self.lock();
        if sources.get(key).is_some_and(|current| current.feed.same_channel(&source.feed)) {
            sources.remove(key);
        }
    }

    /// Tells when a log grows; absent if nothing more will come.
    pub fn feed(&self, key: &LogKey) -> Option<watch::Receiver<Feed>> {
        self.lock().get(key).map(|source| source.feed.subscribe())
    }

    /// The output from now on; absent if nothing more will come.
    pub fn attach(&self, key: &LogKey) -> Option<broadcast::Receiver<Chunk>> {
        self.lock().get(key).map(|source| source.attached.subscribe())
    }

    /// Removes the logs of instances that are older than the one before `newest`.
    pub fn forget_old(&self, pod: &Pod, container: &str, newest: u32) {
        let Some(oldest_kept) = newest.checked_sub(1) else { return };
        for attempt in 0..oldest_kept {
            let path = self.path(&LogKey::new(pod, container, attempt));
            super::file::remove_all(&path);
        }
    }

    /// Removes a pod's logs.
    pub fn forget_pod(&self, pod: &Pod) -> io::Result<()> {
        remove(&self.root.join(pod_directory(pod)))
    }

    /// Removes the logs of pods whose uid `keep` does not know.
    pub fn sweep(&self, keep: impl Fn(&str) -> bool) {
        let Ok(entries) = std::fs::read_dir(&self.root) else { return };
        for entry in entries.flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            let uid = name.rsplit('_').next().unwrap_or_default();
            if !keep(uid)
                && let Err(error) = remove(&entry.path())
            {
                tracing::warn!(path = %entry.path().display(), %error, "logs of a pod that is gone could not be removed");
            }
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<LogKey, Source>> {
        self.sources.lock().expect("no holder of the sources can panic")
    }
}

fn remove(directory: &Path) -> io::Result<()> {
    match std::fs::remove_dir_all(directory) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

fn pod_directory(pod: &Pod) -> String {
    let part = |part: &Option<String>| part.clone().unwrap_or_default();
    let metadata = &pod.metadata;
    format!("{}_{}_{}", part(&metadata.namespace), part(&metadata.name), part(&metadata.uid))
}
