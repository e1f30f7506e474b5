//! `xebec top`: what nodes and pods use now.

use anyhow::Result;
use xebec_proto::v1::UsageRequest;

use crate::args::{Connection, TopArguments, TopWhat};
use crate::client::Session;
use crate::print::{self, Table};

/// Runs it.
pub(crate) async fn run(connection: &Connection, arguments: TopArguments) -> Result<()> {
    let session = Session::open(connection).await?;
    let everywhere = arguments.all_namespaces || arguments.what == TopWhat::Nodes;
    let namespace = if everywhere { String::new() } else { session.namespace().to_owned() };
    let usage = session.cluster().usage(session.request(UsageRequest { namespace })).await?.into_inner();
    let mut table = Table::new(match arguments.what {
        TopWhat::Nodes => &["NAME", "CPU", "MEMORY"],
        TopWhat::Pods => &["NAMESPACE", "NAME", "CPU", "MEMORY"],
    });
    match arguments.what {
        TopWhat::Nodes => usage.nodes.into_iter().for_each(|node| {
            table.push(vec![node.name, cpu(node.cpu_nanocores), memory(node.memory_bytes)]);
        }),
        TopWhat::Pods => usage.pods.into_iter().for_each(|pod| {
            table.push(vec![pod.namespace, pod.name, cpu(pod.cpu_nanocores), memory(pod.memory_bytes)]);
        }),
    }
    if table.is_empty() {
        eprintln!("Nothing is measured yet; agents report every 10 s.");
        return Ok(());
    }
    print::out(&table.drain(true))
}

/// Thousandths of a core, rounded up: what runs uses something.
fn cpu(nanocores: u64) -> String {
    format!("{}m", nanocores.div_ceil(1_000_000))
}

fn memory(bytes: u64) -> String {
    format!("{}Mi", bytes.div_ceil(1024 * 1024))
}
