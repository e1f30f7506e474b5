//! Hosts as network namespaces on a bridge that lives in a namespace of its own.
//!
//! The machine itself is one more station on the bridge, so that a person's kubectl and curl reach every host. Names all start
//! with the plan's prefix: two plans stand side by side, and what one left behind can be found by name.

mod cable;
mod plan;

pub use cable::Cable;
pub use plan::{Host, Plan};

use anyhow::Result;

use crate::command::{run, words};

/// Builds the bridge, the machine's own cable, and a namespace for each host.
pub fn build(plan: &Plan) -> Result<()> {
    let bridge = plan.bridge_namespace();
    words(&format!("ip netns add {bridge}"))?;
    words(&format!("ip -n {bridge} link add br0 type bridge"))?;
    words(&format!("ip -n {bridge} link set br0 up"))?;
    words(&format!("ip -n {bridge} link set lo up"))?;
    connect_machine(plan)?;
    plan.hosts().iter().try_for_each(|host| connect_host(plan, host))
}

/// Removes every namespace of the plan; cables and routes go with them. Absent ones are passed over.
pub fn remove(plan: &Plan) -> Result<()> {
    for name in namespaces(plan)? {
        words(&format!("ip netns delete {name}"))?;
    }
    Ok(())
}

/// The namespaces of the plan that exist.
pub fn namespaces(plan: &Plan) -> Result<Vec<String>> {
    let listed = words("ip netns list")?;
    let names = listed.lines().filter_map(|line| line.split_ascii_whitespace().next());
    Ok(names.filter(|name| plan.owns(name)).map(str::to_owned).collect())
}

/// Sends what the machine has for `network` (services, say) through `host`.
pub fn route_through(plan: &Plan, network: &str, host: &Host) -> Result<()> {
    let via = host.address.to_string();
    run("ip", &["route", "replace", network, "via", &via, "dev", &plan.machine_interface()])?;
    Ok(())
}

fn connect_machine(plan: &Plan) -> Result<()> {
    let (bridge, interface) = (plan.bridge_namespace(), plan.machine_interface());
    words(&format!("ip link add {interface} type veth peer name machine netns {bridge}"))?;
    words(&format!("ip -n {bridge} link set machine master br0 up"))?;
    words(&format!("ip addr add {}/24 dev {interface}", plan.machine_address()))?;
    words(&format!("ip link set {interface} up"))?;
    Ok(())
}

fn connect_host(plan: &Plan, host: &Host) -> Result<()> {
    let (bridge, namespace) = (plan.bridge_namespace(), &host.namespace);
    words(&format!("ip netns add {namespace}"))?;
    words(&format!("ip link add {} netns {bridge} type veth peer name eth0 netns {namespace}", host.name))?;
    words(&format!("ip -n {bridge} link set {} master br0 up", host.name))?;
    words(&format!("ip -n {namespace} link set lo up"))?;
    words(&format!("ip -n {namespace} addr add {}/24 dev eth0", host.address))?;
    words(&format!("ip -n {namespace} link set eth0 up"))?;
    words(&format!("ip -n {namespace} route add default via {}", plan.machine_address()))?;
    Ok(())
}
