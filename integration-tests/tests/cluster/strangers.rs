//! A process with a bad invitation is refused with a clear word, and learns no secret.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use xebec_integration_tests::cluster::Cluster;
use xebec_integration_tests::process::Process;
use xebec_integration_tests::wait;

const REFUSAL: Duration = Duration::from_secs(30);

pub(crate) fn play(cluster: &mut Cluster) -> Result<()> {
    let good = cluster.token("server")?;
    refused(cluster, "wrong-secret", &with_other_end(&good), "token")?;
    refused(cluster, "wrong-ca", &with_other_ca(&good)?, "CA")?;
    let agents = cluster.token("agent")?;
    refused(cluster, "wrong-role", &agents, "role")?;
    let expired = expired(cluster)?;
    refused(cluster, "expired", &expired, "expired")?;
    revoked(cluster)
}

/// A bootstrap token is there until it is revoked, once.
fn revoked(cluster: &Cluster) -> Result<()> {
    let client = cluster.client();
    let secret = r#"{"apiVersion": "v1", "kind": "Secret", "type": "bootstrap.kubernetes.io/token",
        "metadata": {"name": "bootstrap-token-abc012", "namespace": "kube-system"},
        "stringData": {"token-id": "abc012", "token-secret": "0123456789abcdef"}}"#;
    let file = cluster.plan.directory().join("bootstrap-token.json");
    std::fs::write(&file, secret).with_context(|| format!("write {}", file.display()))?;
    client.run(&["apply", "-f", &file.display().to_string()])?;
    let said = client.run(&["token", "revoke", "abc012.0123456789abcdef"])?;
    ensure!(said.trim() == "bootstrap token abc012 revoked", "{said}");
    ensure!(client.run(&["token", "revoke", "abc012"]).is_err(), "a token is revoked once");
    Ok(())
}

/// Another secret of the same form.
fn with_other_end(token: &str) -> String {
    let (start, last) = token.split_at(token.len() - 1);
    format!("{start}{}", if last == "0" { "1" } else { "0" })
}

/// As if the cluster that answers were not the one that invited.
fn with_other_ca(token: &str) -> Result<String> {
    let (_, rest) = token.split_once("::").context("a token has two parts")?;
    Ok(format!("XB1{}::{rest}", "0".repeat(64)))
}

fn expired(cluster: &Cluster) -> Result<String> {
    let client = cluster.client();
    let token = client.run(&["token", "create", "--role", "server", "--ttl", "1s"])?.trim().to_owned();
    let id = token.split("::").nth(1).and_then(|rest| rest.split('.').next()).context("a token has an id")?.to_owned();
    wait::until("a token to expire", REFUSAL, || {
        let listed = client.run(&["token", "list"])?;
        let row = listed.lines().find(|line| line.starts_with(&id));
        ensure!(row.is_none_or(|row| row.contains("expired")), "it is still valid");
        Ok(())
    })?;
    Ok(token)
}

/// A fourth master tries to join with `token`; it must end with an error that holds `word`.
fn refused(cluster: &Cluster, name: &str, token: &str, word: &str) -> Result<()> {
    let first = &cluster.masters[0];
    let directory = cluster.plan.directory().join(name);
    let log = directory.with_extension("log");
    let directory_text = directory.display().to_string();
    let server = first.api();
    let pairs = [
        ["--name", name],
        ["--data-dir", &directory_text],
        ["--listen", "0.0.0.0:7443"],
        ["--peer-listen", "0.0.0.0:7444"],
        ["--advertise-address", "127.0.0.1"],
        ["--server", &server],
        ["--token", token],
    ];
    let arguments: Vec<_> = std::iter::once("server").chain(pairs.into_iter().flatten()).map(str::to_owned).collect();
    let mut process = Process::start(&first.host, cluster.program(), &arguments, &log)?;
    let status = process.wait(REFUSAL).with_context(|| format!("{name}:\n{}", process.last_words()));
    if status.is_err() {
        process.kill()?;
    }
    let said = process.last_words();
    ensure!(!status?.success(), "{name} was let in");
    ensure!(said.to_lowercase().contains(&word.to_lowercase()), "{name}: the error does not speak of {word}:\n{said}");
    knows_no_secret(cluster, &directory).with_context(|| name.to_owned())
}

/// No file of the stranger holds a key of the cluster.
fn knows_no_secret(cluster: &Cluster, directory: &Path) -> Result<()> {
    let secrets = keys(cluster.masters[0].directory())?;
    ensure!(!secrets.is_empty(), "the first master keeps its keys somewhere");
    for file in files(directory) {
        let text = std::fs::read(&file).with_context(|| format!("read {}", file.display()))?;
        ensure!(!secrets.contains(&text), "{} is a key of the cluster", file.display());
    }
    Ok(())
}

fn keys(directory: &Path) -> Result<Vec<Vec<u8>>> {
    let read = |file: PathBuf| std::fs::read(&file).with_context(|| format!("read {}", file.display()));
    let texts = files(directory).into_iter().map(read).collect::<Result<Vec<_>>>()?;
    Ok(texts.into_iter().filter(|text| text.starts_with(b"-----BEGIN") && contains(text, b"PRIVATE KEY")).collect())
}

fn contains(text: &[u8], word: &[u8]) -> bool {
    text.windows(word.len()).any(|window| window == word)
}

/// All files below; none if there is no such directory.
fn files(directory: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(directory) else { return Vec::new() };
    let paths = entries.filter_map(|entry| Some(entry.ok()?.path()));
    paths.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}
