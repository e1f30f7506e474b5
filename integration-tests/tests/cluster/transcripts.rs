//! What the CLI prints, to the letter but for what differs from run to run; and kubectl reads the same.
//!
//! `UPDATE_EXPECT=1` writes the transcripts anew.

use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};

use anyhow::{Context, Result, anyhow, ensure};
use expect_test::{ExpectFile, expect_file};
use xebec_integration_tests::cli::Client;
use xebec_integration_tests::clients::Clients;
use xebec_integration_tests::cluster::Cluster;
use xebec_integration_tests::mask;

/// Reads whose whole output is held.
const READS: [&str; 8] = [
    "get namespaces",
    "get nodes",
    "get deployments -n shop",
    "get deployments -n shop -o wide",
    "get services -n shop",
    "get pods -n shop -l app=till",
    "get configmap till -n shop -o yaml",
    "get configmaps -n shop -o name",
];
/// Errors, as a person meets them.
const ERRORS: [&str; 5] = [
    "get pdo",
    "get pod nobody -n shop",
    "get pods --context elsewhere",
    "scale deployment/nobody -n shop --replicas 1",
    "logs nobody -n shop",
];
/// Reads that both programs understand and whose names must be the same.
const SHARED: [&str; 6] = [
    "get namespaces -o name",
    "get nodes -o name",
    "get pods -A -o name",
    "get deployments,replicasets,services -n shop -o name",
    "get pods -n shop -l app=till -o name",
    "get pods -n shop --field-selector metadata.name=visitor -o name",
];

pub(crate) fn play(cluster: &mut Cluster) -> Result<()> {
    let client = cluster.client();
    compare(&transcript(&client, &READS)?, &expect_file!["testdata/reads.txt"])?;
    compare(&transcript(&client, &ERRORS)?, &expect_file!["testdata/errors.txt"])?;
    let kubectl = Client::new(&Clients::build()?.program("kubectl"), client.kubeconfig());
    SHARED.iter().try_for_each(|command| same(&client, &kubectl, command))?;
    describes(&kubectl)
}

fn transcript(client: &Client, commands: &[&str]) -> Result<String> {
    let mut text = String::new();
    for command in commands {
        let answer = client.ask(&words(command))?;
        let mut output = mask::transcript(&format!("xebec {command}"), &format!("{}{}", answer.output, answer.errors));
        if answer.code != 0 {
            output.push_str(&format!("(exit code {})\n", answer.code));
        }
        text.push_str(&output);
        text.push('\n');
    }
    Ok(text)
}

fn words(command: &str) -> Vec<&str> {
    command.split(' ').collect()
}

/// A difference is printed by `expect-test` itself.
fn compare(actual: &str, expected: &ExpectFile) -> Result<()> {
    catch_unwind(AssertUnwindSafe(|| expected.assert_eq(actual))).map_err(|_| anyhow!("a transcript differs"))
}

fn same(client: &Client, kubectl: &Client, command: &str) -> Result<()> {
    let ours = client.run(&words(command))?;
    let theirs = kubectl.run(&words(command)).context("kubectl")?;
    let (ours, theirs): (BTreeSet<_>, BTreeSet<_>) = (ours.lines().collect(), theirs.lines().collect());
    ensure!(ours == theirs, "`{command}`: xebec says {ours:?}, kubectl says {theirs:?}");
    Ok(())
}

fn describes(kubectl: &Client) -> Result<()> {
    let described = kubectl.run(&["describe", "deployment", "till", "-n", "shop"])?;
    ensure!(described.contains("6 desired"), "kubectl describes another deployment:\n{described}");
    let nodes = kubectl.run(&["get", "nodes"])?;
    ensure!(nodes.lines().filter(|line| line.contains(" Ready ")).count() == 2, "kubectl sees other nodes:\n{nodes}");
    kubectl.run(&["logs", "-n", "shop", "deployment/till", "--tail", "1"]).map(drop)
}
