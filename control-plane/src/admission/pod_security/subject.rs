//! What the standards look at: a pod's spec and annotations, wherever it is found.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{Capabilities, Container, ContainerPort, Lifecycle, PodSpec, Probe, SecurityContext};
use serde::Deserialize;
use serde_json::Value;
use xebec_api::Kind;

/// A pod, or the pods that something will make.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Subject {
    /// Whether it is a pod itself.
    pub(super) is_pod: bool,
    /// Of the pod, or of the template.
    pub(super) annotations: BTreeMap<String, String>,
    /// Its spec.
    pub(super) spec: PodSpec,
}

/// One container of any sort.
#[derive(Clone, Copy)]
pub(super) struct Member<'a> {
    pub(super) name: &'a str,
    pub(super) security: Option<&'a SecurityContext>,
    pub(super) ports: &'a [ContainerPort],
    pub(super) probes: [Option<&'a Probe>; 3],
    pub(super) lifecycle: Option<&'a Lifecycle>,
}

/// Where objects of this kind have the template of their pods, as a JSON pointer; a pod is its own. `None`: they have no pods.
pub(super) fn place(kind: &Kind) -> Option<&'static str> {
    match (kind.group, kind.plural) {
        ("", "pods") => Some(""),
        ("", "podtemplates") => Some("/template"),
        ("", "replicationcontrollers")
        | ("apps", "deployments" | "replicasets" | "statefulsets" | "daemonsets")
        | ("batch", "jobs") => Some("/spec/template"),
        ("batch", "cronjobs") => Some("/spec/jobTemplate/spec/template"),
        _ => None,
    }
}

impl Subject {
    /// The pods of an object that has them in this [`place`]; `None` when it has none.
    pub(super) fn of(object: &Value, place: &str) -> Option<Self> {
        Some(Self { is_pod: place.is_empty(), ..Self::of_pod(object.pointer(place)?)? })
    }

    /// A pod, or a template as if it were one.
    pub(super) fn of_pod(pod: &Value) -> Option<Self> {
        let spec = PodSpec::deserialize(pod.get("spec")?).ok()?;
        let annotations = pod.pointer("/metadata/annotations").map(BTreeMap::deserialize);
        Some(Self { is_pod: true, annotations: annotations.and_then(Result::ok).unwrap_or_default(), spec })
    }

    /// Whether it is to run on Windows.
    pub(super) fn is_windows(&self) -> bool {
        self.spec.os.as_ref().is_some_and(|os| os.name == "windows")
    }

    /// All containers, ephemeral ones too.
    pub(super) fn members(&self) -> impl Iterator<Item = Member<'_>> {
        let ordinary = self.spec.init_containers.iter().flatten().chain(&self.spec.containers).map(Member::of);
        let ephemeral = self.spec.ephemeral_containers.iter().flatten().map(|container| Member {
            name: &container.name,
            security: container.security_context.as_ref(),
            ports: container.ports.as_deref().unwrap_or_default(),
            probes: [&container.liveness_probe, &container.readiness_probe, &container.startup_probe]
                .map(Option::as_ref),
            lifecycle: container.lifecycle.as_ref(),
        });
        ordinary.chain(ephemeral)
    }
}

impl<'a> Member<'a> {
    fn of(container: &'a Container) -> Self {
        Self {
            name: &container.name,
            security: container.security_context.as_ref(),
            ports: container.ports.as_deref().unwrap_or_default(),
            probes: [&container.liveness_probe, &container.readiness_probe, &container.startup_probe]
                .map(Option::as_ref),
            lifecycle: container.lifecycle.as_ref(),
        }
    }

    /// What it adds and drops.
    pub(super) fn capabilities(&self) -> Option<&'a Capabilities> {
        self.security.and_then(|security| security.capabilities.as_ref())
    }
}
