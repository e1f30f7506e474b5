//! Which ConfigMaps and Secrets a pod uses.

use std::collections::BTreeSet;

use k8s_openapi::api::core::v1::{Container, Pod, PodSpec, Volume};

/// The kinds that pods refer to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::nodes) enum RefKind {
    ConfigMap,
    Secret,
}

impl RefKind {
    pub(in crate::nodes) fn as_str(self) -> &'static str {
        match self {
            RefKind::ConfigMap => "ConfigMap",
            RefKind::Secret => "Secret",
        }
    }
}

/// One ConfigMap or Secret.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::nodes) struct RefKey {
    pub(in crate::nodes) kind: RefKind,
    pub(in crate::nodes) namespace: String,
    pub(in crate::nodes) name: String,
}

/// Everything that the pod's volumes, environments and image pulls refer to.
pub(super) fn of(namespace: &str, pod: &Pod) -> BTreeSet<RefKey> {
    let Some(spec) = &pod.spec else { return BTreeSet::new() };
    let mut found = Vec::new();
    spec.volumes.iter().flatten().for_each(|volume| in_volume(volume, &mut found));
    containers(spec).for_each(|container| in_environment(container, &mut found));
    let pulls = spec.image_pull_secrets.iter().flatten();
    found.extend(pulls.map(|secret| (RefKind::Secret, secret.name.as_str())));
    let key = |(kind, name): (RefKind, &str)| RefKey { kind, namespace: namespace.to_owned(), name: name.to_owned() };
    found.into_iter().filter(|(_, name)| !name.is_empty()).map(key).collect()
}

fn containers(spec: &PodSpec) -> impl Iterator<Item = &Container> {
    spec.init_containers.iter().flatten().chain(&spec.containers)
}

fn in_volume<'a>(volume: &'a Volume, found: &mut Vec<(RefKind, &'a str)>) {
    if let Some(source) = &volume.config_map {
        found.push((RefKind::ConfigMap, &source.name));
    }
    if let Some(name) = volume.secret.as_ref().and_then(|source| source.secret_name.as_deref()) {
        found.push((RefKind::Secret, name));
    }
    let projected = volume.projected.iter().flat_map(|projected| projected.sources.iter().flatten());
    for source in projected {
        found.extend(source.config_map.iter().map(|source| (RefKind::ConfigMap, source.name.as_str())));
        found.extend(source.secret.iter().map(|source| (RefKind::Secret, source.name.as_str())));
    }
}

fn in_environment<'a>(container: &'a Container, found: &mut Vec<(RefKind, &'a str)>) {
    for source in container.env_from.iter().flatten() {
        found.extend(source.config_map_ref.iter().map(|source| (RefKind::ConfigMap, source.name.as_str())));
        found.extend(source.secret_ref.iter().map(|source| (RefKind::Secret, source.name.as_str())));
    }
    for source in container.env.iter().flatten().filter_map(|variable| variable.value_from.as_ref()) {
        found.extend(source.config_map_key_ref.iter().map(|source| (RefKind::ConfigMap, source.name.as_str())));
        found.extend(source.secret_key_ref.iter().map(|source| (RefKind::Secret, source.name.as_str())));
    }
}
