//! The node's conditions: Ready, MemoryPressure, DiskPressure, PIDPressure, each measured.

use std::path::Path;

use k8s_openapi::api::core::v1::NodeCondition;
use xebec_node_plan::moment::Moment;

use super::system::{disk, memory, processes};

/// Less available memory than this is pressure.
const LEAST_MEMORY: u64 = 100 << 20;

/// What the conditions follow from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Health {
    /// Whether the container runtime answers.
    pub runtime: bool,
    /// Whether the network is programmed.
    pub network: bool,
    /// Whether memory is short.
    pub memory: bool,
    /// Whether less than a tenth of the data directory's file system is free.
    pub disk: bool,
    /// Whether nine tenths of all process numbers are in use.
    pub processes: bool,
}

impl Health {
    /// Measures what can be measured without asking anybody.
    pub fn measure(runtime: bool, network: bool, data_dir: &Path) -> Health {
        Health {
            runtime,
            network,
            memory: memory("MemAvailable:").is_some_and(|bytes| bytes < LEAST_MEMORY),
            disk: disk(data_dir).is_some_and(|(all, free)| free < all / 10),
            processes: processes().is_some_and(|(now, most)| now > most / 10 * 9),
        }
    }
}

/// The conditions; those that have not changed keep their transition time from `previous`.
pub fn conditions(health: Health, previous: &[NodeCondition], now: Moment) -> Vec<NodeCondition> {
    let ready = match (health.runtime, health.network) {
        (true, true) => (true, "AgentReady", "the agent is posting ready status"),
        (false, _) => (false, "ContainerRuntimeNotReady", "the container runtime does not answer"),
        (true, false) => (false, "NetworkNotReady", "the pod network is not ready"),
    };
    let pressures = [
        ("MemoryPressure", health.memory, "AgentHasInsufficientMemory", "AgentHasSufficientMemory"),
        ("DiskPressure", health.disk, "AgentHasDiskPressure", "AgentHasNoDiskPressure"),
        ("PIDPressure", health.processes, "AgentHasInsufficientPID", "AgentHasSufficientPID"),
    ];
    let pressures = pressures.map(|(type_, holds, bad, good)| (type_, (holds, if holds { bad } else { good }, "")));
    let all = pressures.into_iter().chain([("Ready", ready)]);
    all.map(|(type_, verdict)| condition(type_, verdict, previous, now)).collect()
}

fn condition(
    type_: &str,
    (holds, reason, message): (bool, &str, &str),
    previous: &[NodeCondition],
    now: Moment,
) -> NodeCondition {
    let status = if holds { "True" } else { "False" };
    let unchanged = previous.iter().find(|old| old.type_ == type_ && old.status == status);
    let since = unchanged.and_then(|old| old.last_transition_time.clone()).unwrap_or_else(|| now.time());
    NodeCondition {
        type_: type_.to_owned(),
        status: status.to_owned(),
        reason: Some(reason.to_owned()),
        message: Some(message.to_owned()),
        last_transition_time: Some(since),
        last_heartbeat_time: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn transition_times_change_only_with_the_status() {
        let health = Health { runtime: true, network: false, memory: false, disk: true, processes: false };
        let first = conditions(health, &[], Moment(1000));
        let words = |conditions: &[NodeCondition]| -> Vec<String> {
            let word = |condition: &NodeCondition| {
                let since = condition.last_transition_time.as_ref().unwrap().0.as_second();
                format!("{}={}@{since}", condition.type_, condition.status)
            };
            conditions.iter().map(word).collect()
        };
        assert_eq!(
            words(&first),
            ["MemoryPressure=False@1", "DiskPressure=True@1", "PIDPressure=False@1", "Ready=False@1"]
        );
        let second = conditions(Health { network: true, ..health }, &first, Moment(2000));
        assert_eq!(
            words(&second),
            ["MemoryPressure=False@1", "DiskPressure=True@1", "PIDPressure=False@1", "Ready=True@2"]
        );
    }
}
