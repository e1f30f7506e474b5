//! A container's environment: service variables, `envFrom`, `env`, references, and `$(VAR)`.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{Container, EnvFromSource, EnvVar, EnvVarSource};

use crate::field::Surroundings;
use crate::references::{ReferenceKind, References};

/// A variable has no value; the container cannot be made until it has.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EnvError {
    /// The ConfigMap or Secret does not exist.
    #[error("{kind} \"{name}\" not found", kind = .kind.word())]
    NoObject {
        /// Which kind.
        kind: ReferenceKind,
        /// Which one.
        name: String,
    },
    /// It exists but lacks the key.
    #[error("couldn't find key {key} in {kind} {name}", kind = .kind.word())]
    NoKey {
        /// Which kind.
        kind: ReferenceKind,
        /// Which one.
        name: String,
        /// Which key.
        key: String,
    },
    /// There is no such field or resource.
    #[error("no field or resource \"{0}\"")]
    NoField(String),
    /// The value is not text.
    #[error("the value of variable {0} is not UTF-8")]
    NotText(String),
}

/// The environment, in order; a later variable wins over an earlier one of the same name.
pub fn environment(
    container: &Container,
    services: &[(String, String)],
    references: &References,
    around: &Surroundings<'_>,
) -> Result<Vec<(String, String)>, EnvError> {
    let mut variables = Variables::default();
    for (name, value) in services {
        variables.set(name, value.clone());
    }
    for source in container.env_from.iter().flatten() {
        for (name, value) in from_object(source, references)? {
            variables.set(&name, value);
        }
    }
    for variable in container.env.iter().flatten() {
        if let Some(value) = value_of(variable, container, references, around, &variables)? {
            variables.set(&variable.name, value);
        }
    }
    Ok(variables.in_order)
}

#[derive(Default)]
struct Variables {
    in_order: Vec<(String, String)>,
    index: BTreeMap<String, usize>,
}

impl Variables {
    fn set(&mut self, name: &str, value: String) {
        match self.index.get(name) {
            Some(index) => self.in_order[*index].1 = value,
            None => {
                self.index.insert(name.to_owned(), self.in_order.len());
                self.in_order.push((name.to_owned(), value));
            }
        }
    }

    fn get(&self, name: &str) -> Option<&str> {
        self.index.get(name).map(|index| self.in_order[*index].1.as_str())
    }
}

fn from_object(source: &EnvFromSource, references: &References) -> Result<Vec<(String, String)>, EnvError> {
    let map = source.config_map_ref.as_ref().map(|map| (ReferenceKind::ConfigMap, &map.name, map.optional));
    let secret = source.secret_ref.as_ref().map(|secret| (ReferenceKind::Secret, &secret.name, secret.optional));
    let Some((kind, name, optional)) = map.or(secret) else { return Ok(Vec::new()) };
    let Some(values) = references.get(kind, name) else {
        return if optional == Some(true) {
            Ok(Vec::new())
        } else {
            Err(EnvError::NoObject { kind, name: name.clone() })
        };
    };
    let prefix = source.prefix.as_deref().unwrap_or_default();
    values.iter().map(|(key, value)| Ok((format!("{prefix}{key}"), text(key, value)?))).collect()
}

fn value_of(
    variable: &EnvVar,
    container: &Container,
    references: &References,
    around: &Surroundings<'_>,
    before: &Variables,
) -> Result<Option<String>, EnvError> {
    let Some(source) = &variable.value_from else {
        let value = variable.value.as_deref().unwrap_or_default();
        return Ok(Some(expand(value, |name| before.get(name).map(str::to_owned))));
    };
    if let Some(selector) = &source.field_ref {
        let value = around.field(selector);
        return value.map(Some).ok_or_else(|| EnvError::NoField(selector.field_path.clone()));
    }
    if let Some(selector) = &source.resource_field_ref {
        let value = around.resource(selector, Some(container));
        return value.map(Some).ok_or_else(|| EnvError::NoField(selector.resource.clone()));
    }
    match key_reference(source) {
        Some(reference) => lookup(&variable.name, &reference, references),
        None => Ok(None),
    }
}

struct KeyReference<'a> {
    kind: ReferenceKind,
    name: &'a str,
    key: &'a str,
    optional: bool,
}

fn key_reference(source: &EnvVarSource) -> Option<KeyReference<'_>> {
    let map = source.config_map_key_ref.as_ref().map(|selector| KeyReference {
        kind: ReferenceKind::ConfigMap,
        name: &selector.name,
        key: &selector.key,
        optional: selector.optional == Some(true),
    });
    map.or_else(|| {
        source.secret_key_ref.as_ref().map(|selector| KeyReference {
            kind: ReferenceKind::Secret,
            name: &selector.name,
            key: &selector.key,
            optional: selector.optional == Some(true),
        })
    })
}

fn lookup(variable: &str, wanted: &KeyReference<'_>, references: &References) -> Result<Option<String>, EnvError> {
    let (kind, name, key) = (wanted.kind, wanted.name.to_owned(), wanted.key.to_owned());
    let Some(values) = references.get(kind, wanted.name) else {
        return if wanted.optional { Ok(None) } else { Err(EnvError::NoObject { kind, name }) };
    };
    match values.get(wanted.key) {
        Some(value) => text(variable, value).map(Some),
        None if wanted.optional => Ok(None),
        None => Err(EnvError::NoKey { kind, name, key }),
    }
}

fn text(variable: &str, value: &[u8]) -> Result<String, EnvError> {
    String::from_utf8(value.to_vec()).map_err(|_| EnvError::NotText(variable.to_owned()))
}

/// Replaces `$(NAME)` by what `lookup` gives; what it does not know stays as it is, and `$$` is a dollar.
pub fn expand(text: &str, lookup: impl Fn(&str) -> Option<String>) -> String {
    let (mut result, mut rest) = (String::with_capacity(text.len()), text);
    while let Some(at) = rest.find('$') {
        result.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        if let Some(after) = rest.strip_prefix('$') {
            result.push('$');
            rest = after;
        } else if let Some((name, after)) = rest.strip_prefix('(').and_then(|inner| inner.split_once(')')) {
            result.push_str(&lookup(name).unwrap_or_else(|| format!("$({name})")));
            rest = after;
        } else {
            result.push('$');
        }
    }
    result.push_str(rest);
    result
}

#[cfg(test)]
mod tests {
    use k8s_openapi::api::core::v1::{ConfigMap, Pod};

    use super::*;

    fn around(pod: &Pod) -> Surroundings<'_> {
        Surroundings {
            pod,
            address: Some([10, 42, 0, 5].into()),
            host: [10, 0, 0, 1].into(),
            node_name: "n1",
            node: crate::resources::NodeSize::default(),
        }
    }

    fn check(container: serde_json::Value, expect: &[(&str, &str)]) {
        let container: Container = serde_json::from_value(container).unwrap();
        let pod = Pod { metadata: Default::default(), ..Pod::default() };
        let mut references = References::default();
        let data = [("a".to_owned(), "1".to_owned()), ("b".to_owned(), "2".to_owned())].into();
        references.put_config_map("m", &ConfigMap { data: Some(data), ..ConfigMap::default() });
        let services = [("WEB_SERVICE_HOST".to_owned(), "10.43.0.9".to_owned())];
        let found = environment(&container, &services, &references, &around(&pod)).unwrap();
        let found: Vec<_> = found.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        assert_eq!(found, expect);
    }

    #[test]
    fn later_sources_win_and_earlier_variables_expand() {
        check(
            serde_json::json!({"name": "c", "envFrom": [{"configMapRef": {"name": "m"}, "prefix": "P_"}], "env": [
                {"name": "P_a", "value": "x$(P_b)"},
                {"name": "URL", "value": "http://$(WEB_SERVICE_HOST)/$$(A)/$(NONE)"},
                {"name": "IP", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}},
                {"name": "K", "valueFrom": {"configMapKeyRef": {"name": "m", "key": "b"}}},
                {"name": "O", "valueFrom": {"secretKeyRef": {"name": "s", "key": "b", "optional": true}}},
            ]}),
            &[
                ("WEB_SERVICE_HOST", "10.43.0.9"),
                ("P_a", "x2"),
                ("P_b", "2"),
                ("URL", "http://10.43.0.9/$(A)/$(NONE)"),
                ("IP", "10.42.0.5"),
                ("K", "2"),
            ],
        );
    }

    #[test]
    fn missing_objects_and_keys_are_named() {
        let container: Container = serde_json::from_value(serde_json::json!({"name": "c", "env": [
            {"name": "K", "valueFrom": {"secretKeyRef": {"name": "s", "key": "b"}}}]}))
        .unwrap();
        let error = environment(&container, &[], &References::default(), &around(&Pod::default())).unwrap_err();
        assert_eq!(error.to_string(), "secret \"s\" not found");
    }
}
