//! kubectl as people use it, on a cluster that really runs what it is told: one release that writes JSON, runs commands over SPDY and
//! reads OpenAPI v2, and the one of the API that is served, with protobuf and WebSockets.
//!
//! A chapter is a list of commands in the order in which a person might type them, each with words that its output must hold.

mod access;
mod discovery;
mod kinds;
mod nodes;
mod objects;
mod streams;
mod workloads;

use std::path::Path;

use anyhow::{Context, Result, ensure};
use xebec_integration_tests::cli::{Client, Following};
use xebec_integration_tests::clients::{Caller, Clients};
use xebec_integration_tests::cluster::Cluster;

pub(crate) fn old(cluster: &mut Cluster) -> Result<()> {
    play(cluster, "kubectl-1.28")
}

pub(crate) fn new(cluster: &mut Cluster) -> Result<()> {
    play(cluster, "kubectl")
}

type Chapter = (&'static str, fn(&Story) -> Result<()>);

const CHAPTERS: [Chapter; 8] = [
    ("discovery", discovery::play),
    ("objects", objects::play),
    ("kinds", kinds::play),
    ("workloads", workloads::play),
    ("streams", streams::play),
    ("access", access::play),
    ("nodes", nodes::play),
    ("deletion", objects::delete),
];

fn play(cluster: &mut Cluster, program: &str) -> Result<()> {
    let clients = Clients::build()?;
    let caller = Caller::new(cluster, &clients, &program.replace('.', "-"))?;
    let kubectl = caller.runs(&clients.program(program))?;
    let worker = cluster.workers.first().context("a worker")?.host.name.clone();
    let story = Story { kubectl, caller, worker, is_new: program == "kubectl" };
    let told = CHAPTERS.iter().filter_map(|(name, chapter)| Some(format!("{name}: {:#}", chapter(&story).err()?)));
    let failures: Vec<String> = told.collect();
    ensure!(failures.is_empty(), "{}", failures.join("\n  "));
    Ok(())
}

/// A kubectl with its place in the cluster.
struct Story {
    kubectl: Client,
    caller: Caller,
    /// A node.
    worker: String,
    /// The newer of the two.
    is_new: bool,
}

impl Story {
    /// A command that must succeed and say this. Words are divided by single spaces.
    fn says(&self, command: &str, expected: &str) -> Result<String> {
        self.says_of("", command, expected)
    }

    /// The same, with standard input.
    fn says_of(&self, input: &str, command: &str, expected: &str) -> Result<String> {
        let arguments: Vec<&str> = command.split(' ').collect();
        let answer = self.kubectl.ask_with_input(&arguments, input)?;
        let said = format!("{}{}", answer.output, answer.errors);
        ensure!(answer.code == 0, "`kubectl {command}` ended with {}: {said}", answer.code);
        ensure!(said.contains(expected), "`kubectl {command}` does not say {expected:?}: {said}");
        Ok(said)
    }

    /// A command that must succeed and print exactly this.
    fn prints(&self, command: &str, expected: &str) -> Result<()> {
        let printed = self.kubectl.run(&command.split(' ').collect::<Vec<_>>())?;
        ensure!(printed.trim() == expected, "`kubectl {command}` prints {printed:?}, not {expected:?}");
        Ok(())
    }

    /// A command that must fail and say why.
    fn refuses(&self, command: &str, expected: &str) -> Result<()> {
        self.refuses_of("", command, expected)
    }

    /// The same, with standard input.
    fn refuses_of(&self, input: &str, command: &str, expected: &str) -> Result<()> {
        let answer = self.kubectl.ask_with_input(&command.split(' ').collect::<Vec<_>>(), input)?;
        let said = format!("{}{}", answer.output, answer.errors);
        ensure!(answer.code != 0, "`kubectl {command}` succeeded: {said}");
        ensure!(said.contains(expected), "`kubectl {command}` does not say {expected:?}: {said}");
        Ok(())
    }

    /// Commands one after the other, each with what it says.
    fn all(&self, steps: &[(&str, &str)]) -> Result<()> {
        steps.iter().try_for_each(|(command, expected)| self.says(command, expected).map(drop))
    }

    fn follow(&self, command: &str) -> Result<Following> {
        self.kubectl.follow(&command.split(' ').collect::<Vec<_>>())
    }

    /// A pod of busybox that runs a shell's script.
    fn runs(&self, pod: &str, script: &str) -> Result<()> {
        let image = format!("--image={}", xebec_integration_tests::images::BUSYBOX);
        let policy = "--image-pull-policy=IfNotPresent";
        self.kubectl.run(&["run", pod, &image, policy, "--", "sh", "-c", script]).map(drop)
    }

    fn home(&self) -> &Path {
        &self.caller.home
    }
}
