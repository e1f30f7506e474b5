//! What nodes and pods use, as `xebec top` shows it, from the agents' newest reports.

use xebec_proto::v1::{NodeUsageRow, PodUsageRow, UsageResponse};

use crate::nodes::NodeUsageReport;

/// The newest report of each node that this master hears.
pub type UsageSource = dyn Fn() -> Vec<NodeUsageReport> + Send + Sync;

/// All nodes, and the pods of one namespace (`None`: of all), by name.
pub fn answer(reports: Vec<NodeUsageReport>, namespace: Option<&str>) -> UsageResponse {
    let mut answer = UsageResponse::default();
    for NodeUsageReport { node, usage } in reports {
        let row = NodeUsageRow { name: node, cpu_nanocores: usage.cpu_nanocores, memory_bytes: usage.memory_bytes };
        answer.nodes.push(row);
        let wanted = usage.pods.into_iter().filter(|pod| namespace.is_none_or(|namespace| pod.namespace == namespace));
        answer.pods.extend(wanted.map(|pod| PodUsageRow {
            namespace: pod.namespace,
            name: pod.name,
            cpu_nanocores: pod.cpu_nanocores,
            memory_bytes: pod.memory_bytes,
        }));
    }
    answer.nodes.sort_by(|a, b| a.name.cmp(&b.name));
    answer.pods.sort_by(|a, b| (&a.namespace, &a.name).cmp(&(&b.namespace, &b.name)));
    answer
}

#[cfg(test)]
mod tests {
    use xebec_proto::v1::{NodeUsage, PodUsage};

    use super::*;

    #[test]
    fn pods_are_those_of_the_namespace() {
        let pod = |namespace: &str, name: &str| PodUsage {
            namespace: namespace.into(),
            name: name.into(),
            ..PodUsage::default()
        };
        let usage =
            NodeUsage { pods: vec![pod("shop", "b"), pod("bank", "c"), pod("shop", "a")], ..NodeUsage::default() };
        let reports = vec![NodeUsageReport { node: "n1".into(), usage }];
        let names =
            |namespace| answer(reports.clone(), namespace).pods.into_iter().map(|pod| pod.name).collect::<Vec<_>>();
        assert_eq!(names(Some("shop")), ["a", "b"]);
        assert_eq!(names(None), ["c", "a", "b"]);
    }
}
