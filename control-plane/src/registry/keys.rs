//! The one place that maps objects to keys of the store.
//!
//! `/registry/<group, or core>/<plural>[/<namespace>]/<name>`, so that a kind, and a namespace of it, is one prefix.
//! What a transaction reserves beside an object (cluster addresses, node ports) lives under `/reserved/` and is no
//! object: the watch cache does not see it.

use bytes::Bytes;
use xebec_api::{Kind, Scope as KindScope};

const OBJECTS: &str = "/registry/";
const RESERVED: &str = "/reserved/";

/// What a key of an object says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectKey<'a> {
    /// The API group, empty for core.
    pub group: &'a str,
    /// The plural resource name.
    pub plural: &'a str,
    /// Absent for cluster-scoped kinds.
    pub namespace: Option<&'a str>,
    /// The object's name.
    pub name: &'a str,
}

/// The prefix of every object.
pub fn all() -> Bytes {
    Bytes::from_static(OBJECTS.as_bytes())
}

/// The prefix of a kind, or of one namespace of it; ends with a slash. Versions of a kind share it.
pub fn prefix(kind: &Kind, namespace: Option<&str>) -> Bytes {
    let kind = kind.stored();
    let group = if kind.group.is_empty() { "core" } else { kind.group };
    let mut key = format!("{OBJECTS}{group}/{}/", kind.plural);
    if let (KindScope::Namespaced, Some(namespace)) = (kind.scope, namespace) {
        key.push_str(namespace);
        key.push('/');
    }
    Bytes::from(key)
}

/// The key of one object.
pub fn object(kind: &Kind, namespace: Option<&str>, name: &str) -> Bytes {
    let mut key = prefix(kind, namespace).to_vec();
    key.extend_from_slice(name.as_bytes());
    Bytes::from(key)
}

/// The key that reserves something that only one object may hold, such as a cluster address.
pub fn reserved(what: &str, value: &str) -> Bytes {
    Bytes::from(format!("{RESERVED}{what}/{value}"))
}

/// Reads a key back; `None` for whatever is not an object.
pub fn parse(key: &[u8]) -> Option<ObjectKey<'_>> {
    let path = std::str::from_utf8(key).ok()?.strip_prefix(OBJECTS)?;
    let parts: Vec<&str> = path.split('/').collect();
    let (group, plural, namespace, name) = match parts.as_slice() {
        [group, plural, name] => (*group, *plural, None, *name),
        [group, plural, namespace, name] => (*group, *plural, Some(*namespace), *name),
        _ => return None,
    };
    let group = if group == "core" { "" } else { group };
    Some(ObjectKey { group, plural, namespace, name })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_round_trip() {
        let pods = xebec_api::find("", "v1", "pods").unwrap();
        let key = object(pods, Some("web"), "a.b");
        assert_eq!(key, "/registry/core/pods/web/a.b");
        let parsed = parse(&key).unwrap();
        assert_eq!(parsed, ObjectKey { group: "", plural: "pods", namespace: Some("web"), name: "a.b" });

        let nodes = xebec_api::find("", "v1", "nodes").unwrap();
        let key = object(nodes, Some("ignored"), "n1");
        assert_eq!(key, "/registry/core/nodes/n1");
        assert_eq!(parse(&key).unwrap().namespace, None);
    }

    #[test]
    fn what_is_reserved_is_no_object() {
        assert_eq!(parse(&reserved("cluster-addresses", "10.43.0.1")), None);
        assert_eq!(parse(b"/registry/core"), None);
        assert_eq!(parse(b"\xff"), None);
    }
}
