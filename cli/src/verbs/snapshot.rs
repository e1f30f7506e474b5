//! `xebec snapshot`: the state in a file, and back.
//!
//! A file is written aside, compared with the checksum that the master sends last, read through once more, and only then gets
//! its name: what has the name is good. It holds every Secret of the cluster, so only its owner may read it.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tonic::Streaming;
use xebec_control_plane::server::disaster::{self, Summary};
use xebec_control_plane::server::{RestoreOptions, ServerConfig};
use xebec_proto::v1::{SnapshotEnd, SnapshotPart, SnapshotRequest};

use super::cluster::begun_text;
use super::wants_document;
use crate::args::{Connection, Output, RestoreArguments, SnapshotCommand};
use crate::client::Session;
use crate::daemon::host;
use crate::daemon::server::advertise;
use crate::print::{self, Table};
use crate::settings;

/// Runs it.
pub(crate) async fn run(connection: &Connection, command: SnapshotCommand) -> Result<()> {
    match command {
        SnapshotCommand::Save { file } => save(connection, &file).await,
        SnapshotCommand::Inspect { file, output } => inspect(&file, output),
        SnapshotCommand::Restore(arguments) => restore(arguments).await,
    }
}

async fn save(connection: &Connection, path: &Path) -> Result<()> {
    ensure!(!path.exists(), "{} exists already", path.display());
    let session = Session::open(connection).await?;
    // A whole state may take long; each part of it may not.
    let parts = session.cluster().snapshot(SnapshotRequest {}).await?.into_inner();
    let partial = path.with_added_extension("part");
    let saved = write(&partial, parts, connection.request_timeout.0).await;
    let checked = saved.and_then(|end| Ok((end, disaster::inspect(&partial)?)));
    let (end, summary) = match checked {
        Ok(checked) => checked,
        Err(error) => {
            std::fs::remove_file(&partial).context("remove the unfinished file")?;
            return Err(error);
        }
    };
    std::fs::rename(&partial, path).with_context(|| format!("name the file {}", path.display()))?;
    sync_directory(path)?;
    let sum: String = end.sha256.iter().map(|byte| format!("{byte:02x}")).collect();
    print::line(&print::escape(&format!(
        "{} saved: revision {}, {} keys, {}\nsha256 {sum}",
        path.display(),
        summary.revision,
        summary.total.keys,
        size(end.bytes)
    )))
}

async fn write(path: &Path, mut parts: Streaming<SnapshotPart>, patience: Duration) -> Result<SnapshotEnd> {
    let mut options = OpenOptions::new();
    let mut file = options
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(path)
        .with_context(|| format!("create {}", path.display()))?;
    let (mut bytes, mut sum) = (0, Sha256::new());
    loop {
        let part =
            tokio::time::timeout(patience, parts.message()).await.context("the master has stopped sending")??;
        let part = part.context("the master has ended without a checksum")?;
        if let Some(end) = part.end {
            ensure!(end.bytes == bytes && end.sha256[..] == sum.finalize()[..], "the checksum is wrong: save it again");
            file.sync_all().context("sync the file")?;
            return Ok(end);
        }
        bytes += part.data.len() as u64;
        sum.update(&part.data);
        file.write_all(&part.data).with_context(|| format!("write {}", path.display()))?;
    }
}

fn sync_directory(path: &Path) -> Result<()> {
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let synced = File::open(directory).and_then(|directory| directory.sync_all());
    synced.with_context(|| format!("sync {}", directory.display()))
}

fn inspect(path: &Path, output: Output) -> Result<()> {
    let summary = disaster::inspect(path)?;
    if wants_document(output) {
        return print::out(&print::document(&document(&summary), output)?);
    }
    print::out(&overview(&summary))
}

fn overview(summary: &Summary) -> String {
    let members: Vec<&str> = summary.members.iter().map(|member| member.name.as_str()).collect();
    let head = format!(
        "Cluster:   {}\nMasters:   {}\nTaken:     {}\nRevision:  {} (history from {})\nHash:      {:016x}\nSize:      {}\n\n",
        summary.cluster_id,
        members.join(", "),
        taken(summary.time_ms),
        summary.revision,
        summary.compact_revision,
        summary.hash,
        size(summary.file_bytes)
    );
    let mut table = Table::new(&["RESOURCE", "KEYS", "SIZE"]);
    for (resource, usage) in &summary.groups {
        table.push(vec![resource.clone(), usage.keys.to_string(), size(usage.bytes)]);
    }
    table.push(vec!["TOTAL".to_owned(), summary.total.keys.to_string(), size(summary.total.bytes)]);
    format!("{}{}", print::escape(&head), table.drain(true))
}

fn document(summary: &Summary) -> Value {
    let resource = |(name, usage): (&String, &disaster::Usage)| json!({ "resource": name, "keys": usage.keys, "bytes": usage.bytes });
    json!({
        "clusterId": summary.cluster_id,
        "masters": summary.members.iter().map(|member| member.name.clone()).collect::<Vec<_>>(),
        "taken": taken(summary.time_ms),
        "revision": summary.revision,
        "compactRevision": summary.compact_revision,
        "hash": format!("{:016x}", summary.hash),
        "bytes": summary.file_bytes,
        "keys": summary.total.keys,
        "resources": summary.groups.iter().map(resource).collect::<Vec<_>>(),
    })
}

/// The newest write's time.
fn taken(time_ms: u64) -> String {
    let time = i64::try_from(time_ms).ok().and_then(|time| jiff::Timestamp::from_millisecond(time).ok());
    time.map_or_else(|| "unknown".to_owned(), |time| time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string())
}

/// In the unit that leaves up to four digits.
fn size(bytes: u64) -> String {
    let units = ["B", "KiB", "MiB", "GiB"];
    let steps = (0..units.len() - 1).take_while(|step| bytes >> (10 * step) >= 10_240).count();
    format!("{} {}", bytes >> (10 * steps), units[steps])
}

async fn restore(arguments: RestoreArguments) -> Result<()> {
    let file = arguments.file.clone();
    let begun = disaster::restore(&file, &options(arguments)?).await?;
    print::out(&print::escape(&begun_text(&begun)))
}

fn options(arguments: RestoreArguments) -> Result<RestoreOptions> {
    let is_new = !master_file(&arguments.data_dir).exists();
    let defaults = ServerConfig::default();
    let listen = |flag, value: Option<&str>, default| {
        value.map_or(Ok(default), |text| settings::parse(flag, text, "ADDRESS:PORT, for example 0.0.0.0:6443"))
    };
    let cidr = |flag, value: Option<&str>, default| {
        value.map_or(Ok(default), |text| settings::parse(flag, text, "a network, for example 10.42.0.0/16"))
    };
    let config = ServerConfig {
        name: if is_new { arguments.name.map_or_else(host::name, Ok)? } else { defaults.name.clone() },
        advertise_address: if is_new { advertise(arguments.advertise_address)? } else { String::new() },
        listen: listen("listen", arguments.listen.as_deref(), defaults.listen)?,
        peer_listen: listen("peer-listen", arguments.peer_listen.as_deref(), defaults.peer_listen)?,
        cluster_cidr: cidr("cluster-cidr", arguments.cluster_cidr.as_deref(), defaults.cluster_cidr)?,
        service_cidr: cidr("service-cidr", arguments.service_cidr.as_deref(), defaults.service_cidr)?,
        data_dir: arguments.data_dir.clone(),
        ..defaults
    };
    Ok(RestoreOptions { data_dir: arguments.data_dir, pki: arguments.pki, config })
}

fn master_file(data_dir: &Path) -> PathBuf {
    data_dir.join("master.json")
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::expect;

    #[test]
    fn a_file_is_shown_by_resource() {
        let usage = |keys, bytes| disaster::Usage { keys, bytes };
        let summary = Summary {
            cluster_id: "c".to_owned(),
            revision: 41,
            compact_revision: 7,
            applied_index: 50,
            hash: 0xabc,
            time_ms: 1_700_000_000_000,
            members: Vec::new(),
            total: usage(12, 20_000),
            groups: [("pods".to_owned(), usage(10, 19_000)), ("deployments.apps".to_owned(), usage(2, 1_000))].into(),
            file_bytes: 30_000_000,
        };
        expect![[r#"
            Cluster:   c
            Masters:   
            Taken:     2023-11-14T22:13:20Z
            Revision:  41 (history from 7)
            Hash:      0000000000000abc
            Size:      28 MiB

            RESOURCE           KEYS   SIZE
            deployments.apps   2      1000 B
            pods               10     18 KiB
            TOTAL              12     19 KiB
        "#]]
        .assert_eq(&overview(&summary));
    }
}
