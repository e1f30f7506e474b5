//! Programs on the client libraries of Go, Rust and Python: each is a story of its own, told in its own language
//! (`integration-tests/clients/`), and ends with an error when anything is not as it should be.

use anyhow::{Result, ensure};
use xebec_integration_tests::cli::Client;
use xebec_integration_tests::clients::{Caller, Clients};
use xebec_integration_tests::cluster::Cluster;

pub(crate) fn client_go(cluster: &mut Cluster) -> Result<()> {
    let clients = Clients::build()?;
    let caller = Caller::new(cluster, &clients, "client-go")?;
    run(&caller.runs(&clients.program("informer"))?, &[&caller.name])
}

pub(crate) fn kube_rs(cluster: &mut Cluster) -> Result<()> {
    let clients = Clients::build()?;
    let caller = Caller::new(cluster, &clients, "kube-rs")?;
    run(&caller.runs(&clients.program("kube-rs"))?, &[])
}

pub(crate) fn python(cluster: &mut Cluster) -> Result<()> {
    let clients = Clients::build()?;
    let caller = Caller::new(cluster, &clients, "python")?;
    let story = clients.python_story();
    run(&caller.runs(&clients.python())?, &[&story.display().to_string(), &caller.name])
}

fn run(program: &Client, arguments: &[&str]) -> Result<()> {
    let answer = program.ask(arguments)?;
    ensure!(answer.code == 0, "it ended with {}:\n{}{}", answer.code, answer.output, answer.errors);
    Ok(())
}
