//! What a delete makes of an object: a plain function of the object, the options and the time.
//!
//! An object with finalizers, or with a grace period to run, is marked and stays; whoever takes the last finalizer
//! away, or confirms that the pod has stopped by deleting it with a grace period of zero, removes it. A grace period
//! may be shortened and never extended.

use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};
use xebec_api::kinds::CUSTOM_RESOURCE_DEFINITION;
use xebec_api::{Kind, Object, Status, custom, value};

use super::settle::Step;
use super::{DeleteOptions, Propagation, Stored, rfc3339};

const FOREGROUND: &str = "foregroundDeletion";
const ORPHAN: &str = "orphan";

/// What becomes of `stored`.
pub(super) fn plan(kind: &Kind, stored: &Stored, options: &DeleteOptions, now: Timestamp) -> Result<Step, Status> {
    let mut object = stored.object.to_value();
    set_propagation(&mut object, options.propagation);
    let grace = grace(kind, &object, options);
    mark(&mut object, grace, now);
    if *kind == CUSTOM_RESOURCE_DEFINITION && stored.object.meta().deletion_timestamp.is_none() {
        hold_for_cleanup(&mut object, now);
    }
    if kind.plural == "namespaces" {
        object["status"]["phase"] = json!("Terminating");
    }
    let object = Object::from_value(object)?;
    if is_complete(kind, &object) {
        return Ok(Step::Remove(object));
    }
    Ok(if object == stored.object { Step::Keep } else { Step::Put(object) })
}

/// A definition stays until its objects are gone.
fn hold_for_cleanup(definition: &mut Value, now: Timestamp) {
    let mut finalizers = value::list(definition, "/metadata/finalizers").to_vec();
    if !finalizers.iter().any(|name| name == custom::CLEANUP) {
        finalizers.push(json!(custom::CLEANUP));
    }
    definition["metadata"]["finalizers"] = json!(finalizers);
    custom::terminate(definition, &rfc3339(now));
}

/// Whether a marked object waits for nothing any more.
pub(super) fn is_complete(kind: &Kind, object: &Object) -> bool {
    let meta = object.meta();
    meta.deletion_timestamp.is_some()
        && meta.deletion_grace_period_seconds.unwrap_or_default() == 0
        && meta.finalizers.is_empty()
        && !has_spec_finalizers(kind, object)
}

/// Namespaces have a second list of finalizers, of those who must empty them.
fn has_spec_finalizers(kind: &Kind, object: &Object) -> bool {
    kind.group.is_empty()
        && kind.plural == "namespaces"
        && !value::list(&object.to_value(), "/spec/finalizers").is_empty()
}

/// The seconds the object may take, 0 for none.
fn grace(kind: &Kind, object: &Value, options: &DeleteOptions) -> i64 {
    let Some(default) = kind.grace_seconds(object) else { return 0 };
    let wanted = match options.grace_period_seconds {
        // As the API has it: a negative period is as short as can be without being none.
        Some(seconds) if seconds < 0 => 1,
        Some(seconds) => seconds,
        None => default,
    };
    let running = value::text(object, "/metadata/deletionTimestamp")
        .and(value::number(object, "/metadata/deletionGracePeriodSeconds"));
    running.map_or(wanted, |running| wanted.min(running))
}

/// Sets when the object is to be gone, unless that stands already.
fn mark(object: &mut Value, grace: i64, now: Timestamp) {
    let marked = value::text(object, "/metadata/deletionTimestamp").is_some();
    if marked && value::number(object, "/metadata/deletionGracePeriodSeconds").unwrap_or_default() == grace {
        return;
    }
    let seconds = Duration::from_secs(grace.unsigned_abs());
    let gone = now.checked_add(seconds).unwrap_or(Timestamp::MAX);
    let generation = value::number(object, "/metadata/generation");
    let metadata = &mut object["metadata"];
    metadata["deletionTimestamp"] = json!(rfc3339(gone));
    metadata["deletionGracePeriodSeconds"] = json!(grace);
    if let Some(generation) = generation.filter(|generation| *generation > 0 && !marked) {
        metadata["generation"] = json!(generation + 1);
    }
}

/// The finalizers that tell the garbage collector what to do about dependents. Without a word from the caller they stay
/// as they are.
fn set_propagation(object: &mut Value, propagation: Option<Propagation>) {
    let Some(propagation) = propagation else { return };
    let wanted = match propagation {
        Propagation::Background => None,
        Propagation::Foreground => Some(FOREGROUND),
        Propagation::Orphan => Some(ORPHAN),
    };
    let listed = value::list(object, "/metadata/finalizers").iter().filter_map(Value::as_str);
    let mut finalizers: Vec<String> =
        listed.filter(|name| *name != FOREGROUND && *name != ORPHAN).map(str::to_owned).collect();
    finalizers.extend(wanted.map(str::to_owned));
    if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) {
        if finalizers.is_empty() {
            metadata.remove("finalizers");
        } else {
            metadata.insert("finalizers".into(), json!(finalizers));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: &str = "2030-01-01T00:00:00Z";

    fn decide(plural: &str, mut object: Value, options: &DeleteOptions) -> Step {
        let kind = xebec_api::find("", "v1", plural).unwrap();
        object["metadata"]["name"] = json!("x");
        let stored = Stored { object: Object::from_value(object).unwrap(), revision: 1 };
        plan(kind, &stored, options, NOW.parse().unwrap()).unwrap()
    }

    fn put(step: &Step) -> Value {
        match step {
            Step::Put(object) => object.to_value()["metadata"].clone(),
            other => panic!("expected a marked object, got {other:?}"),
        }
    }

    fn grace(seconds: i64) -> DeleteOptions {
        DeleteOptions { grace_period_seconds: Some(seconds), ..DeleteOptions::default() }
    }

    #[test]
    fn a_plain_object_goes_at_once() {
        assert!(matches!(decide("configmaps", json!({}), &DeleteOptions::default()), Step::Remove(_)));
    }

    #[test]
    fn a_bound_pod_has_its_grace_period_and_an_unbound_one_none() {
        let bound = json!({"spec": {"nodeName": "n1", "terminationGracePeriodSeconds": 30}});
        let marked = put(&decide("pods", bound.clone(), &DeleteOptions::default()));
        assert_eq!(marked["deletionTimestamp"], "2030-01-01T00:00:30Z");
        assert_eq!(marked["deletionGracePeriodSeconds"], 30);
        assert!(matches!(decide("pods", bound, &grace(0)), Step::Remove(_)));
        let unbound = json!({"spec": {"terminationGracePeriodSeconds": 30}});
        assert!(matches!(decide("pods", unbound, &DeleteOptions::default()), Step::Remove(_)));
    }

    #[test]
    fn a_grace_period_is_shortened_but_not_extended() {
        let going = json!({
            "metadata": {"deletionTimestamp": "2030-01-01T00:00:05Z", "deletionGracePeriodSeconds": 10},
            "spec": {"nodeName": "n1", "terminationGracePeriodSeconds": 30},
        });
        assert_eq!(decide("pods", going.clone(), &grace(60)), Step::Keep);
        assert_eq!(put(&decide("pods", going, &grace(2)))["deletionTimestamp"], "2030-01-01T00:00:02Z");
    }

    #[test]
    fn finalizers_hold_an_object_back() {
        let held = json!({"metadata": {"finalizers": ["a/b"]}});
        assert_eq!(put(&decide("configmaps", held, &DeleteOptions::default()))["deletionTimestamp"], NOW);
    }

    #[test]
    fn propagation_is_a_finalizer() {
        let options = |propagation| DeleteOptions { propagation: Some(propagation), ..DeleteOptions::default() };
        let foreground = decide("configmaps", json!({}), &options(Propagation::Foreground));
        assert_eq!(put(&foreground)["finalizers"], json!(["foregroundDeletion"]));
        let orphan = json!({"metadata": {"finalizers": ["foregroundDeletion"]}});
        assert_eq!(
            put(&decide("configmaps", orphan.clone(), &options(Propagation::Orphan)))["finalizers"],
            json!(["orphan"])
        );
        assert!(matches!(decide("configmaps", orphan, &options(Propagation::Background)), Step::Remove(_)));
    }

    #[test]
    fn a_namespace_waits_until_it_is_empty() {
        let step = decide("namespaces", json!({"spec": {"finalizers": ["kubernetes"]}}), &DeleteOptions::default());
        match step {
            Step::Put(object) => assert_eq!(object.to_value()["status"]["phase"], "Terminating"),
            other => panic!("expected a terminating namespace, got {other:?}"),
        }
        assert!(matches!(decide("namespaces", json!({}), &DeleteOptions::default()), Step::Remove(_)));
    }
}
