//! Requests and limits as the kernel takes them, and the quality of service that follows from them.

use k8s_openapi::api::core::v1::{Container, PodSpec};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;

/// The period of the CPU quota, in microseconds: the kernel's default.
const CPU_PERIOD_US: u64 = 100_000;
/// The kernel refuses shorter quotas.
const LEAST_QUOTA_US: i64 = 1_000;
/// The kernel's bounds of CPU shares.
const LEAST_SHARES: u64 = 2;
const MOST_SHARES: u64 = 262_144;

/// What one container may use.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Limits {
    /// Its weight against other containers: 1024 a core requested.
    pub cpu_shares: u64,
    /// Microseconds of CPU time in each period; absent: no limit.
    pub cpu_quota_us: Option<i64>,
    /// The period.
    pub cpu_period_us: u64,
    /// Bytes of memory; absent: no limit.
    pub memory_bytes: Option<i64>,
}

/// The limits of a container.
pub fn limits(container: &Container) -> Limits {
    let cpu_limit = limit(container, "cpu").map(milli);
    let cpu_request = request(container, "cpu").map(milli).or(cpu_limit).unwrap_or(0);
    Limits {
        cpu_shares: (cpu_request.max(0).unsigned_abs() * 1024 / 1000).clamp(LEAST_SHARES, MOST_SHARES),
        cpu_quota_us: cpu_limit.filter(|milli| *milli > 0).map(|milli| (milli.saturating_mul(100)).max(LEAST_QUOTA_US)),
        cpu_period_us: CPU_PERIOD_US,
        memory_bytes: limit(container, "memory").map(whole).filter(|bytes| *bytes > 0),
    }
}

/// How readily the kernel kills a pod when memory is short.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum QosClass {
    /// Every container's requests equal its limits.
    Guaranteed,
    /// Something is requested or limited.
    Burstable,
    /// Nothing is.
    BestEffort,
}

impl QosClass {
    /// As the API writes it.
    pub fn word(self) -> &'static str {
        match self {
            QosClass::Guaranteed => "Guaranteed",
            QosClass::Burstable => "Burstable",
            QosClass::BestEffort => "BestEffort",
        }
    }
}

/// The pod's class.
pub fn qos_class(spec: &PodSpec) -> QosClass {
    let containers: Vec<&Container> = spec.init_containers.iter().flatten().chain(&spec.containers).collect();
    let set = |container: &&Container| {
        ["cpu", "memory"].iter().any(|name| request(container, name).or(limit(container, name)).is_some())
    };
    let pinned = |container: &&Container| {
        ["cpu", "memory"].iter().all(|name| {
            let limit = limit(container, name).map(milli);
            limit.is_some() && request(container, name).map(milli).is_none_or(|request| Some(request) == limit)
        })
    };
    match (containers.iter().any(set), containers.iter().all(pinned)) {
        (false, _) => QosClass::BestEffort,
        (true, true) => QosClass::Guaranteed,
        (true, false) => QosClass::Burstable,
    }
}

/// The kernel's score for killing a container when memory is short: never first for Guaranteed, first for BestEffort, and
/// in between the less of the node's memory it requested, the sooner.
pub fn oom_score_adj(spec: &PodSpec, container: &Container, node_memory_bytes: i64) -> i32 {
    match qos_class(spec) {
        QosClass::Guaranteed => -997,
        QosClass::BestEffort => 1000,
        QosClass::Burstable => {
            let requested = request(container, "memory").map_or(0, whole).max(0);
            let share = requested.saturating_mul(1000) / node_memory_bytes.max(1);
            i32::try_from((1000 - share).clamp(3, 999)).expect("clamped")
        }
    }
}

/// A container's request or limit as an environment variable or file shows it: in units of `divisor`, rounded up.
pub fn shown(container: &Container, resource: &str, divisor: Option<&Quantity>, node: &NodeSize) -> Option<String> {
    let (which, name) = resource.split_once('.')?;
    let set = match which {
        "limits" => limit(container, name),
        "requests" => request(container, name).or(limit(container, name)),
        _ => return None,
    };
    let value = set.map(milli).or(match (which, name) {
        ("limits", "cpu") => Some(node.cpu_milli),
        ("limits", "memory") => Some(node.memory_bytes.saturating_mul(1000)),
        ("requests", _) => Some(0),
        _ => None,
    })?;
    let divisor = divisor.map(milli).filter(|divisor| *divisor > 0).unwrap_or(1000);
    Some(value.saturating_add(divisor - 1).div_euclid(divisor).to_string())
}

/// What the node has, for containers without limits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NodeSize {
    /// Thousandths of a core.
    pub cpu_milli: i64,
    /// Bytes.
    pub memory_bytes: i64,
}

fn limit<'a>(container: &'a Container, name: &str) -> Option<&'a Quantity> {
    container.resources.as_ref()?.limits.as_ref()?.get(name)
}

fn request<'a>(container: &'a Container, name: &str) -> Option<&'a Quantity> {
    container.resources.as_ref()?.requests.as_ref()?.get(name)
}

/// Thousandths of the unit, rounded up; what cannot be read counts as nothing, for the API has validated it.
pub fn milli(quantity: &Quantity) -> i64 {
    parse(quantity).milli_value()
}

/// Whole units, rounded up.
pub fn whole(quantity: &Quantity) -> i64 {
    parse(quantity).value()
}

fn parse(quantity: &Quantity) -> xebec_api::quantity::Quantity {
    xebec_api::quantity::Quantity::parse(&quantity.0).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn container(requests: &[(&str, &str)], limits: &[(&str, &str)]) -> Container {
        let map = |items: &[(&str, &str)]| {
            Some(items.iter().map(|(name, value)| ((*name).to_owned(), Quantity((*value).to_owned()))).collect())
        };
        let resources = k8s_openapi::api::core::v1::ResourceRequirements {
            requests: map(requests),
            limits: map(limits),
            ..Default::default()
        };
        Container { resources: Some(resources), ..Container::default() }
    }

    #[test]
    fn quantities_become_kernel_numbers() {
        let limits = limits(&container(&[("cpu", "250m")], &[("cpu", "1.5"), ("memory", "64Mi")]));
        assert_eq!(limits.cpu_shares, 256);
        assert_eq!(limits.cpu_quota_us, Some(150_000));
        assert_eq!(limits.memory_bytes, Some(67_108_864));
    }

    #[test]
    fn classes_follow_requests_and_limits() {
        let class = |container: Container| qos_class(&PodSpec { containers: vec![container], ..PodSpec::default() });
        assert_eq!(class(Container::default()), QosClass::BestEffort);
        assert_eq!(class(container(&[("cpu", "1")], &[])), QosClass::Burstable);
        assert_eq!(class(container(&[], &[("cpu", "1"), ("memory", "1Gi")])), QosClass::Guaranteed);
        assert_eq!(class(container(&[("cpu", "500m")], &[("cpu", "1"), ("memory", "1Gi")])), QosClass::Burstable);
    }

    #[test]
    fn shown_values_are_divided_and_rounded_up() {
        let container = container(&[], &[("cpu", "1500m"), ("memory", "1Mi")]);
        let node = NodeSize { cpu_milli: 2000, memory_bytes: 1 << 30 };
        let shown = |resource: &str, divisor: &str| {
            shown(&container, resource, Some(&Quantity(divisor.to_owned())), &node).unwrap()
        };
        assert_eq!(shown("limits.cpu", "1"), "2");
        assert_eq!(shown("limits.cpu", "1m"), "1500");
        assert_eq!(shown("limits.memory", "1Ki"), "1024");
    }
}
