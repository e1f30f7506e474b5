//! Leaving the machine as it was, also after a run that was killed in the middle.
//!
//! Pods outlive their agent on purpose, so ending the agents is not enough. What a run owns is told by its directory and its
//! prefix alone: processes whose command line names the directory (containerd and shims) with all their descendants, mounts
//! below it, cgroups and namespaces that start with the prefix. Nothing is found by a program's name.

mod cgroups;
mod mounts;
mod processes;

use std::time::Duration;

use anyhow::{Context, Result, bail};

use crate::hosts::{self, Plan};
use crate::record::Record;
use crate::wait;

/// Ends everything of `plan` and removes all it left. Idempotent.
pub fn remove_everything(plan: &Plan) -> Result<()> {
    let directory = plan.directory();
    end_processes(plan)?;
    mounts::unmount_below(&directory)?;
    cgroups::remove_with_prefix(&plan.prefix)?;
    hosts::remove(plan)?;
    if directory.exists() {
        std::fs::remove_dir_all(&directory).with_context(|| format!("remove {}", directory.display()))?;
    }
    Ok(())
}

/// Refuses to clean up under a run that is alive.
pub fn refuse_if_owned(plan: &Plan) -> Result<()> {
    let own = i32::try_from(std::process::id()).context("this process's id")?;
    match Record::load(&plan.directory())?.owner {
        Some(owner) if owner.runs() && owner.pid != own => {
            bail!("process {} still runs this cluster; end it (Ctrl-C in its terminal, or `kill {0}`) first", owner.pid)
        }
        _ => Ok(()),
    }
}

/// Twice over: a shim that was just starting may appear while its containerd ends.
fn end_processes(plan: &Plan) -> Result<()> {
    let directory = plan.directory();
    wait::until("the run's processes to end", Duration::from_secs(20), || {
        let left = processes::of_run(&directory)?;
        processes::kill_all(&left)?;
        if left.is_empty() { Ok(()) } else { bail!("{} still run", left.len()) }
    })
}
