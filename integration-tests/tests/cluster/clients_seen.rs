//! What the clients of the scenarios before have asked for and got, as the masters' audit logs have it, is what
//! `docs/compatibility/clients.tsv` says: the page of compatibility lists nothing as used that no scenario used.
//!
//! `UPDATE_EXPECT=1` writes it anew, for the clients that have been at work in this run.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use xebec_integration_tests::artifacts::workspace;
use xebec_integration_tests::clients::Requests;
use xebec_integration_tests::cluster::Cluster;
use xebec_integration_tests::wait;

/// For the last records to get to the disk.
const PATIENCE: Duration = Duration::from_secs(10);

pub(crate) fn play(cluster: &mut Cluster) -> Result<()> {
    let path = workspace().join("docs/compatibility/clients.tsv");
    let text = std::fs::read_to_string(&path).unwrap_or_default();
    let listed = Requests::parse(&text);
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        return write(&path, &listed, &seen(cluster)?);
    }
    wait::until("the audit logs to be complete", PATIENCE, || {
        let seen = seen(cluster)?;
        ensure!(!seen.is_empty(), "no client has been at work in this run");
        let missing = listed.of(&seen.clients()).without(&seen);
        ensure!(missing.is_empty(), "clients.tsv lists what no client did in this run:\n{missing}");
        let unlisted = seen.without(&listed);
        if !unlisted.is_empty() {
            eprintln!("  clients also did what clients.tsv does not list (UPDATE_EXPECT=1 adds it):\n{unlisted}");
        }
        Ok(())
    })
}

fn seen(cluster: &Cluster) -> Result<Requests> {
    let mut seen = Requests::default();
    cluster.masters.iter().try_for_each(|master| seen.of_clients(&master.directory().join("audit")))?;
    Ok(seen)
}

/// Other clients' lines stay as they are.
fn write(path: &PathBuf, listed: &Requests, seen: &Requests) -> Result<()> {
    let others = listed.without(&listed.of(&seen.clients()));
    let folder = path.parent().context("a file is in a folder")?;
    std::fs::create_dir_all(folder).with_context(|| format!("make {}", folder.display()))?;
    std::fs::write(path, others.with(seen).to_string()).with_context(|| format!("write {}", path.display()))
}
