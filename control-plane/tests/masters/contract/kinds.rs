//! What holds for every kind, whatever it is: the table of kinds is asked, so a new kind is under test by being there.

use serde_json::json;

use super::ask::*;

/// Every kind, by every verb that it offers.
pub(super) fn cases() -> Vec<Case> {
    xebec_api::kinds().iter().filter(|kind| kind.is_stored()).flat_map(|kind| of_kind(kind)).collect()
}

fn of_kind(kind: &'static xebec_api::Kind) -> Vec<Case> {
    let resource =
        Resource { group: kind.group, version: kind.version, plural: kind.plural, namespaced: kind.is_namespaced() };
    let mut cases = vec![
        list(resource).with("limit", "500").works(),
        list(resource).with("fieldSelector", "metadata.name=absent").works().at("/items", json!([])),
        list(resource).with("fieldSelector", "spec.there.is.no.such=x").refused(400, "BadRequest"),
        get(resource, "absent").refused(404, "NotFound"),
    ];
    let of_another_kind = json!({"kind": "SomethingElse", "metadata": {"name": "x"}});
    let changes = [
        ("delete", delete(resource, "absent").refused(404, "NotFound")),
        ("patch", patch(MERGE, resource, "absent", json!({})).refused(404, "NotFound")),
        ("create", create(resource, of_another_kind).refused(400, "BadRequest")),
        ("create", create(resource, json!({"metadata": "no object"})).refused(400, "BadRequest")),
    ];
    cases.extend(changes.into_iter().filter(|(verb, _)| kind.allows(verb)).map(|(_, case)| case));
    cases
}
