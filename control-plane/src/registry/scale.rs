//! The `scale` subresource: the same view of every kind that has replicas.

use serde_json::{Value, json};
use xebec_api::{Kind, Object, Status, value};

use super::{Stored, Target, decode};

/// The scale of an object, at the object's revision.
pub(super) fn view(kind: &Kind, stored: &Stored) -> Result<Stored, Status> {
    if !kind.has(xebec_api::Subresource::Scale) {
        return Err(Status::no_such_resource());
    }
    let object = Object::from_value(xebec_api::scale::read(kind, &stored.to_value()))?;
    Ok(Stored { object, revision: stored.revision })
}

/// What an applied Scale says of the object: its number of replicas.
pub(super) fn configuration(kind: &Kind, scale: &Value) -> Result<Value, Status> {
    let found = (value::text(scale, "/apiVersion"), value::text(scale, "/kind"));
    if found != (Some("autoscaling/v1"), Some("Scale")) {
        return Err(Status::bad_request("the configuration of a scale must be an autoscaling/v1 Scale"));
    }
    let mut config = json!({ "apiVersion": kind.api_version(), "kind": kind.kind, "metadata": scale.get("metadata") });
    if scale.pointer("/spec/replicas").is_some() {
        xebec_api::scale::write(kind, &mut config, scale)?;
    }
    Ok(config)
}

/// The object, in the version that the request is about, with what `propose` makes of its scale.
pub(super) fn apply(
    target: &Target,
    current: &Stored,
    old: &Value,
    propose: &(dyn Fn(&Value) -> Result<Value, Status> + Send + Sync),
) -> Result<Value, Status> {
    let proposed = propose(&xebec_api::scale::read(target.kind, old))?;
    decode::check_preconditions(target, current, &proposed)?;
    let mut object = old.clone();
    xebec_api::scale::write(target.kind, &mut object, &proposed)?;
    Ok(object)
}
