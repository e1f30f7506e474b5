//! What follows from a container's record: started, ready, done for good.

use k8s_openapi::api::core::v1::{Container, PodSpec};

use super::observed::{ContainerRecord, Hook, Observed};
use crate::probe::{ProbeKind, Verdict};
use crate::restart::{RestartPolicy, is_sidecar};

impl ContainerRecord {
    /// Whether the running instance has started: its `postStart` hook is done and its startup probe, if any, has succeeded.
    pub fn is_started(&self, container: &Container) -> bool {
        let hooked = self.running().is_some_and(|running| running.post_start == Hook::Done);
        hooked && (container.startup_probe.is_none() || self.probe(ProbeKind::Startup).verdict == Verdict::Healthy)
    }

    /// Whether traffic may be sent to the running instance.
    pub fn is_ready(&self, container: &Container) -> bool {
        let stopping = self.running().is_none_or(|running| running.stop.is_some());
        let probed =
            container.readiness_probe.is_none() || self.probe(ProbeKind::Readiness).verdict == Verdict::Healthy;
        self.is_started(container) && !stopping && probed
    }

    /// Whether it has ended and will not be started again.
    pub fn is_done(&self, policy: RestartPolicy) -> bool {
        self.exit().is_some_and(|exit| !policy.restarts(exit.code))
    }
}

impl Observed {
    /// Whether the main containers may run: every init container has succeeded, every sidecar has started.
    pub fn is_initialized(&self, spec: &PodSpec) -> bool {
        spec.init_containers.iter().flatten().all(|container| self.is_past(container))
    }

    /// Whether an init container lets the next one start.
    pub fn is_past(&self, container: &Container) -> bool {
        let record = self.container(&container.name);
        if is_sidecar(container) { record.started_once } else { record.exit().is_some_and(|exit| exit.code == 0) }
    }

    /// Whether the pod has ended by itself: all main containers are done, or an init container failed for good.
    pub fn is_finished(&self, spec: &PodSpec) -> bool {
        let failed = spec.init_containers.iter().flatten().any(|container| {
            let policy = RestartPolicy::of_init_container(spec, container);
            let record = self.container(&container.name);
            record.is_done(policy) && record.exit().is_some_and(|exit| exit.code != 0)
        });
        let policy = RestartPolicy::of_pod(spec);
        let done = |container: &Container| self.container(&container.name).is_done(policy);
        failed || (!spec.containers.is_empty() && spec.containers.iter().all(done))
    }
}
