//! The processes of a run: those recorded, those whose command line names its directory, and all their descendants.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use anyhow::{Context, Result};
use nix::errno::Errno;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::record::{Record, Started};

/// Everything of the run that still runs, this process and its ancestors apart.
pub(super) fn of_run(directory: &Path) -> Result<Vec<Started>> {
    let parents = parents()?;
    let spared = ancestors(i32::try_from(std::process::id()).context("this process's id")?, &parents);
    let recorded = Record::load(directory)?.processes.into_iter().filter(Started::runs).map(|started| started.pid);
    let named = parents.keys().copied().filter(|pid| names(*pid, directory));
    let roots: BTreeSet<i32> = recorded.chain(named).filter(|pid| !spared.contains(pid)).collect();
    Ok(with_descendants(roots, &parents).into_iter().filter(|pid| !is_zombie(*pid)).filter_map(Started::of).collect())
}

/// SIGKILL, to each that is still the one that was found.
pub(super) fn kill_all(processes: &[Started]) -> Result<()> {
    for process in processes.iter().filter(|process| process.runs()) {
        match kill(Pid::from_raw(process.pid), Signal::SIGKILL) {
            Ok(()) | Err(Errno::ESRCH) => {}
            Err(error) => return Err(error).with_context(|| format!("kill process {}", process.pid)),
        }
    }
    Ok(())
}

/// Whether an argument is the directory or something below it.
fn names(pid: i32, directory: &Path) -> bool {
    let Ok(line) = std::fs::read(format!("/proc/{pid}/cmdline")) else { return false };
    let arguments = line.split(|byte| *byte == 0).map(|argument| String::from_utf8_lossy(argument).into_owned());
    arguments.into_iter().any(|argument| {
        let value = argument.split_once('=').map_or(argument.as_str(), |(_, value)| value);
        Path::new(value).starts_with(directory)
    })
}

fn is_zombie(pid: i32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit_once(") ").is_none_or(|(_, rest)| rest.starts_with('Z'))
}

/// Each process and its parent.
fn parents() -> Result<BTreeMap<i32, i32>> {
    let entries = std::fs::read_dir("/proc").context("list /proc")?;
    let pids = entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<i32>().ok());
    Ok(pids.filter_map(|pid| Some((pid, parent(pid)?))).collect())
}

fn parent(pid: i32) -> Option<i32> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    stat.rsplit_once(')')?.1.split_ascii_whitespace().nth(1)?.parse().ok()
}

fn ancestors(pid: i32, parents: &BTreeMap<i32, i32>) -> BTreeSet<i32> {
    std::iter::successors(Some(pid), |pid| parents.get(pid).copied()).take_while(|pid| *pid > 0).collect()
}

fn with_descendants(roots: BTreeSet<i32>, parents: &BTreeMap<i32, i32>) -> BTreeSet<i32> {
    let mut found = roots;
    loop {
        let children = parents.iter().filter(|(pid, parent)| found.contains(parent) && !found.contains(pid));
        let children: Vec<i32> = children.map(|(pid, _)| *pid).collect();
        if children.is_empty() {
            return found;
        }
        found.extend(children);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn descendants_are_found_however_deep_and_strangers_are_not() {
        let parents = BTreeMap::from([(2, 1), (3, 2), (4, 3), (5, 1)]);
        assert_eq!(with_descendants(BTreeSet::from([2]), &parents), BTreeSet::from([2, 3, 4]));
    }

    #[test]
    fn ancestors_end_at_the_first_process() {
        let parents = BTreeMap::from([(1, 0), (2, 1), (3, 2)]);
        assert_eq!(ancestors(3, &parents), BTreeSet::from([1, 2, 3]));
    }
}
