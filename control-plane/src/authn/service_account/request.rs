//! TokenRequest: what may be asked for.

use k8s_openapi::api::authentication::v1::TokenRequest;
use serde::Deserialize;
use serde_json::Value;
use xebec_api::{FieldError, FieldErrors, FieldPath, Status};

/// When the caller does not say.
const DEFAULT_SECONDS: i64 = 3600;
/// A token that lives for less is renewed all the time.
const MIN_SECONDS: i64 = 10 * 60;
/// The bound that the API has for the field.
const MAX_SECONDS: i64 = 1 << 32;

/// A request that is in order, defaults filled in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    /// For whom; never empty.
    pub audiences: Vec<String>,
    /// For how long.
    pub seconds: i64,
    /// What it is to be bound to.
    pub bound: Option<Binding>,
}

/// What a token is to be bound to, as it was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Binding {
    /// Which kind.
    pub kind: BindingKind,
    /// Its name.
    pub name: String,
    /// Its uid; empty: whichever it has.
    pub uid: String,
}

/// The kinds that tokens are bound to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BindingKind {
    /// A pod that runs as the account.
    Pod,
    /// A Secret of the account's namespace.
    Secret,
    /// A node.
    Node,
}

impl BindingKind {
    fn parse(kind: &str, api_version: &str) -> Option<Self> {
        match (kind, api_version) {
            ("Pod", "v1") => Some(Self::Pod),
            ("Secret", "v1") => Some(Self::Secret),
            ("Node", "v1") => Some(Self::Node),
            _ => None,
        }
    }
}

/// Reads a TokenRequest; every fault is reported.
pub fn read(body: &Value, issuer: &str) -> Result<Result<Asked, FieldErrors>, Status> {
    let request = TokenRequest::deserialize(body)
        .map_err(|error| Status::bad_request(format!("the TokenRequest cannot be read: {error}")))?;
    let mut errors = FieldErrors::new();
    let spec = FieldPath::new("spec");
    let asked = request.spec;
    let seconds = asked.expiration_seconds.unwrap_or(DEFAULT_SECONDS);
    check_seconds(seconds, &spec.child("expirationSeconds"), &mut errors);
    let bound = asked.bound_object_ref.and_then(|object| {
        let (kind, version) = (object.kind.unwrap_or_default(), object.api_version.unwrap_or_default());
        let path = spec.child("boundObjectRef");
        let name = object.name.unwrap_or_default();
        errors.require(!name.is_empty(), || FieldError::required(&path.child("name"), "the object's name"));
        let Some(kind) = BindingKind::parse(&kind, &version) else {
            let why = "tokens are bound to a Pod, Secret or Node of apiVersion v1";
            errors.push(FieldError::invalid(&path.child("kind"), serde_json::json!(kind), why));
            return None;
        };
        Some(Binding { kind, name, uid: object.uid.unwrap_or_default() })
    });
    if !errors.is_empty() {
        return Ok(Err(errors));
    }
    let mut audiences = asked.audiences;
    audiences.retain(|audience| !audience.is_empty());
    if audiences.is_empty() {
        audiences.push(issuer.to_owned());
    }
    Ok(Ok(Asked { audiences, seconds, bound }))
}

fn check_seconds(seconds: i64, path: &FieldPath, errors: &mut FieldErrors) {
    let why = match seconds {
        ..MIN_SECONDS => "may not specify a duration less than 10 minutes",
        MIN_SECONDS..=MAX_SECONDS => return,
        _ => "may not specify a duration larger than 2^32 seconds",
    };
    errors.push(FieldError::invalid(path, serde_json::json!(seconds), why));
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn check(spec: Value, expect: Result<Asked, &[&str]>) {
        let read = read(&json!({"spec": spec}), "api").unwrap();
        let fields = |errors: FieldErrors| errors.iter().map(|error| error.path.to_string()).collect::<Vec<_>>();
        match expect {
            Ok(asked) => assert_eq!(read.map_err(fields), Ok(asked)),
            Err(paths) => assert_eq!(read.map_err(fields).unwrap_err(), paths),
        }
    }

    #[test]
    fn an_empty_request_is_for_an_hour_and_for_the_api() {
        check(json!({}), Ok(Asked { audiences: vec!["api".into()], seconds: 3600, bound: None }));
        let binding = Binding { kind: BindingKind::Pod, name: "p".into(), uid: "u".into() };
        check(
            json!({"audiences": ["vault"], "expirationSeconds": 600,
                "boundObjectRef": {"kind": "Pod", "apiVersion": "v1", "name": "p", "uid": "u"}}),
            Ok(Asked { audiences: vec!["vault".into()], seconds: 600, bound: Some(binding) }),
        );
    }

    #[test]
    fn bounds_and_kinds_are_held() {
        check(json!({"expirationSeconds": 599}), Err(&["spec.expirationSeconds"]));
        check(json!({"expirationSeconds": (1_i64 << 32) + 1}), Err(&["spec.expirationSeconds"]));
        check(json!({"boundObjectRef": {"kind": "Pod", "apiVersion": "v1"}}), Err(&["spec.boundObjectRef.name"]));
        check(
            json!({"boundObjectRef": {"kind": "ConfigMap", "apiVersion": "v1", "name": "c"}}),
            Err(&["spec.boundObjectRef.kind"]),
        );
        assert!(super::read(&json!({"spec": {"audiences": "x"}}), "api").is_err());
    }
}
