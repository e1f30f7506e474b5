//! What a run has started, on disk before it is started for good: a later run can clean up after one that was killed.
//!
//! A pid alone names another process after a while, so it is kept with the time that process started.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

/// A process, for good: pids are used again, a pid with its start time is not.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Started {
    /// Its process id.
    pub pid: i32,
    /// In clock ticks since the machine started, from `/proc/<pid>/stat`.
    pub start_time: u64,
}

impl Started {
    /// The process of this id that runs now.
    pub fn of(pid: i32) -> Option<Started> {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        Some(Started { pid, start_time: start_time(&stat)? })
    }

    /// Whether it still runs.
    pub fn runs(&self) -> bool {
        Started::of(self.pid).as_ref() == Some(self)
    }
}

/// Field 22; the second is a name in brackets that may itself hold spaces and brackets.
fn start_time(stat: &str) -> Option<u64> {
    let (_, after_name) = stat.rsplit_once(')')?;
    after_name.split_ascii_whitespace().nth(19)?.parse().ok()
}

/// The processes of one run.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Record {
    /// Who runs it all; nobody else may clean up while it lives.
    pub owner: Option<Started>,
    /// Masters and agents. What agents started is found by its data directory.
    pub processes: Vec<Started>,
}

impl Record {
    fn path(directory: &Path) -> PathBuf {
        directory.join("run.json")
    }

    /// The record in `directory`, or an empty one.
    pub fn load(directory: &Path) -> Result<Record> {
        let path = Record::path(directory);
        match std::fs::read(&path) {
            Ok(bytes) => serde_json::from_slice(&bytes).with_context(|| format!("read {}", path.display())),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Record::default()),
            Err(error) => Err(error).with_context(|| format!("read {}", path.display())),
        }
    }

    /// Replaces the record in `directory`.
    pub fn save(&self, directory: &Path) -> Result<()> {
        let path = Record::path(directory);
        let bytes = serde_json::to_vec_pretty(self).context("encode the record")?;
        std::fs::write(&path, bytes).with_context(|| format!("write {}", path.display()))
    }
}

/// Copies the logs of a run out of its directory, before it is removed.
pub fn save_logs(directory: &Path, to: &Path) -> Result<()> {
    std::fs::create_dir_all(to).with_context(|| format!("make {}", to.display()))?;
    let entries = std::fs::read_dir(directory).with_context(|| format!("list {}", directory.display()))?;
    let paths = entries.filter_map(|entry| Some(entry.ok()?.path()));
    for log in paths.filter(|path| path.extension().is_some_and(|extension| extension == "log")) {
        let copy = to.join(log.file_name().unwrap_or_default());
        std::fs::copy(&log, &copy).with_context(|| format!("copy {}", log.display()))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_with_a_bracket_in_its_name_is_read_rightly() {
        let fields = (3..=25).map(|field| field.to_string()).collect::<Vec<_>>().join(" ");
        assert_eq!(start_time(&format!("7 (a) b) {fields}")), Some(22));
    }

    #[test]
    fn this_process_runs_and_its_namesake_does_not() {
        let this = Started::of(i32::try_from(std::process::id()).expect("pids fit")).expect("we run");
        assert!(this.runs());
        assert!(!Started { start_time: this.start_time + 1, ..this }.runs());
    }
}
