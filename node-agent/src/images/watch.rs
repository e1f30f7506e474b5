//! The image directory: archives that appear in it are imported, once.
//!
//! An archive is taken when its size and time have not changed between two looks, so that one being copied is left alone; a
//! rename into the directory is the sure way. What fails is tried again when the file changes. Pods that wait for an image are
//! told by a counter.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::archive::ImageArchive;
use crate::containerd::{Runtime, RuntimeError};

/// Between two looks. It is the longest that a new archive goes unnoticed; a look costs one directory listing.
const PERIOD: Duration = Duration::from_millis(500);

/// Directories in which archives are unpacked begin so.
const SCRATCH: &str = ".unpacked-";

type Stamp = (u64, Option<SystemTime>);

/// Watches the image directory.
pub struct ImageDirectory {
    directory: PathBuf,
    runtime: Arc<dyn Runtime>,
    generation: watch::Sender<u64>,
    seen: BTreeMap<PathBuf, Stamp>,
    done: BTreeMap<PathBuf, Stamp>,
}

impl ImageDirectory {
    /// A watcher of `directory`.
    pub fn new(directory: PathBuf, runtime: Arc<dyn Runtime>) -> ImageDirectory {
        ImageDirectory {
            directory,
            runtime,
            generation: watch::Sender::new(0),
            seen: BTreeMap::new(),
            done: BTreeMap::new(),
        }
    }

    /// Counts imports.
    pub fn generation(&self) -> watch::Receiver<u64> {
        self.generation.subscribe()
    }

    /// Imports what is there, and then what appears, until cancelled. At the start nothing is being copied.
    pub async fn run(mut self, stop: CancellationToken) {
        remove_scratch(&self.directory);
        self.seen = archives(&self.directory);
        let mut tick = tokio::time::interval(PERIOD);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        while stop.run_until_cancelled(tick.tick()).await.is_some() {
            self.import_settled().await;
        }
    }

    async fn import_settled(&mut self) {
        let now = archives(&self.directory);
        let before = std::mem::replace(&mut self.seen, now);
        let settled = self.seen.iter().filter(|(path, stamp)| before.get(*path) == Some(*stamp));
        let due = settled.filter(|(path, stamp)| self.done.get(*path) != Some(*stamp));
        let due: Vec<(PathBuf, Stamp)> = due.map(|(path, stamp)| (path.clone(), *stamp)).collect();
        // Without a runtime even a look into the archives is in vain.
        if due.is_empty() || self.runtime.version().await.is_err() {
            return;
        }
        for (path, stamp) in due {
            match import(self.runtime.as_ref(), &path).await {
                Ok(names) => tracing::info!(path = %path.display(), ?names, "imported images"),
                Err(error) if is_transient(error.as_ref()) => {
                    tracing::info!(path = %path.display(), error = chain(error.as_ref()), "an import is put off");
                    return;
                }
                Err(error) => {
                    tracing::warn!(path = %path.display(), error = chain(error.as_ref()), "cannot import images")
                }
            }
            self.done.insert(path, stamp);
            self.generation.send_modify(|generation| *generation += 1);
        }
        self.done.retain(|path, _| self.seen.contains_key(path));
    }
}

/// Whether the same archive may be imported at the next look: the runtime was away for a moment.
fn is_transient(error: &(dyn std::error::Error + Send + Sync + 'static)) -> bool {
    error.downcast_ref::<RuntimeError>().is_some_and(RuntimeError::is_transient)
}

/// What imports that were cut short have left.
fn remove_scratch(directory: &Path) {
    let Ok(entries) = std::fs::read_dir(directory) else { return };
    let left = entries.flatten().filter(|entry| entry.file_name().to_string_lossy().starts_with(SCRATCH));
    for path in left.map(|entry| entry.path()) {
        if let Err(error) = std::fs::remove_dir_all(&path) {
            tracing::warn!(path = %path.display(), %error, "what is left of an import could not be removed");
        }
    }
}

/// Imports one archive.
async fn import(runtime: &dyn Runtime, path: &Path) -> Result<Vec<String>, Box<dyn std::error::Error + Send + Sync>> {
    let scratch = path.with_file_name(format!("{SCRATCH}{}", uuid::Uuid::new_v4().simple()));
    std::fs::create_dir(&scratch)?;
    let (archive, scratch_of_reader) = (path.to_owned(), scratch.clone());
    let opened = tokio::task::spawn_blocking(move || ImageArchive::open(&archive, &scratch_of_reader)).await;
    let imported = match opened {
        Ok(Ok(archive)) => runtime.import(&archive).await.map_err(Into::into),
        Ok(Err(error)) => Err(error.into()),
        Err(error) => Err(error.into()),
    };
    std::fs::remove_dir_all(&scratch)?;
    imported
}

fn archives(directory: &Path) -> BTreeMap<PathBuf, Stamp> {
    let Ok(entries) = std::fs::read_dir(directory) else { return BTreeMap::new() };
    let is_archive = |path: &Path| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        !name.starts_with('.') && (name.ends_with(".tar") || name.ends_with(".tar.gz") || name.ends_with(".tgz"))
    };
    let stamped = entries.flatten().filter_map(|entry| {
        let metadata = entry.metadata().ok().filter(std::fs::Metadata::is_file)?;
        Some((entry.path(), (metadata.len(), metadata.modified().ok())))
    });
    stamped.filter(|(path, _)| is_archive(path)).collect()
}

/// An error with its causes, in one line.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |cause| cause.source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}
