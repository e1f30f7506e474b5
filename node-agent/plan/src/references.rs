//! The ConfigMaps and Secrets that a pod names, and their contents as the masters sent them; and the tokens of its account.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::api::core::v1::{ConfigMap, Container, PodSpec, Secret, Volume};

use crate::tokens::Tokens;

/// What kind of object a pod refers to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ReferenceKind {
    /// A ConfigMap.
    ConfigMap,
    /// A Secret.
    Secret,
}

impl ReferenceKind {
    /// The kind's name, lower case, as messages use it.
    pub fn word(self) -> &'static str {
        match self {
            ReferenceKind::ConfigMap => "configmap",
            ReferenceKind::Secret => "secret",
        }
    }
}

/// Names one object in the pod's own namespace.
pub type ReferenceKey = (ReferenceKind, String);

/// The contents of the objects a pod refers to; those that do not exist are absent.
#[derive(Clone, Default, PartialEq)]
pub struct References {
    items: BTreeMap<ReferenceKey, BTreeMap<String, Vec<u8>>>,
    tokens: Tokens,
}

impl References {
    /// Sets a ConfigMap's contents.
    pub fn put_config_map(&mut self, name: &str, object: &ConfigMap) {
        let text = object.data.iter().flatten().map(|(key, value)| (key.clone(), value.clone().into_bytes()));
        let binary = object.binary_data.iter().flatten().map(|(key, value)| (key.clone(), value.0.clone()));
        self.items.insert((ReferenceKind::ConfigMap, name.to_owned()), text.chain(binary).collect());
    }

    /// Sets a Secret's contents.
    pub fn put_secret(&mut self, name: &str, object: &Secret) {
        let text = object.string_data.iter().flatten().map(|(key, value)| (key.clone(), value.clone().into_bytes()));
        let data = object.data.iter().flatten().map(|(key, value)| (key.clone(), value.0.clone()));
        self.items.insert((ReferenceKind::Secret, name.to_owned()), data.chain(text).collect());
    }

    /// The same contents, with these tokens.
    #[must_use]
    pub fn with_tokens(&self, tokens: Tokens) -> References {
        References { items: self.items.clone(), tokens }
    }

    /// The tokens of the pod's account.
    pub fn tokens(&self) -> &Tokens {
        &self.tokens
    }

    /// Notes that an object does not exist.
    pub fn remove(&mut self, kind: ReferenceKind, name: &str) {
        self.items.remove(&(kind, name.to_owned()));
    }

    /// An object's contents by key, if it exists.
    pub fn get(&self, kind: ReferenceKind, name: &str) -> Option<&BTreeMap<String, Vec<u8>>> {
        self.items.get(&(kind, name.to_owned()))
    }
}

impl std::fmt::Debug for References {
    /// Keys only: the values may be secret.
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_set().entries(self.items.keys()).finish()
    }
}

/// Every ConfigMap and Secret that the pod names.
pub fn named_by(spec: &PodSpec) -> BTreeSet<ReferenceKey> {
    let containers = spec.init_containers.iter().flatten().chain(&spec.containers);
    let volumes = spec.volumes.iter().flatten();
    containers.flat_map(in_container).chain(volumes.flat_map(in_volume)).collect()
}

fn in_container(container: &Container) -> Vec<ReferenceKey> {
    let sources = container.env.iter().flatten().filter_map(|variable| variable.value_from.as_ref());
    let single = sources.flat_map(|source| {
        let map = source.config_map_key_ref.as_ref().map(|key| (ReferenceKind::ConfigMap, key.name.clone()));
        let secret = source.secret_key_ref.as_ref().map(|key| (ReferenceKind::Secret, key.name.clone()));
        map.into_iter().chain(secret)
    });
    let whole = container.env_from.iter().flatten().flat_map(|source| {
        let map = source.config_map_ref.as_ref().map(|map| (ReferenceKind::ConfigMap, map.name.clone()));
        let secret = source.secret_ref.as_ref().map(|secret| (ReferenceKind::Secret, secret.name.clone()));
        map.into_iter().chain(secret)
    });
    single.chain(whole).collect()
}

fn in_volume(volume: &Volume) -> Vec<ReferenceKey> {
    let map = volume.config_map.as_ref().map(|map| (ReferenceKind::ConfigMap, map.name.clone()));
    let secret = volume.secret.as_ref().and_then(|secret| secret.secret_name.clone());
    let secret = secret.map(|name| (ReferenceKind::Secret, name));
    let projected = volume.projected.iter().flat_map(|projected| projected.sources.iter().flatten());
    let projected = projected.flat_map(|source| {
        let map = source.config_map.as_ref().map(|map| (ReferenceKind::ConfigMap, map.name.clone()));
        let secret = source.secret.as_ref().map(|secret| (ReferenceKind::Secret, secret.name.clone()));
        map.into_iter().chain(secret)
    });
    map.into_iter().chain(secret).chain(projected).collect()
}
