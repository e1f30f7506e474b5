//! Discovery: which groups, versions and resources there are, in the plain and the aggregated form, from the kind
//! table.

use std::collections::BTreeSet;

use axum::response::Response;
use http::{Method, StatusCode};
use serde_json::{Value, json};
use xebec_api::{Catalogue, Kind, Reason, Status, Subresource, Verb};

use super::path::Place;
use super::{Call, negotiate, respond};

/// Serves a place in discovery.
pub(super) fn serve(call: &Call, path: &str, place: &Place) -> Result<Response, Status> {
    if call.method != Method::GET {
        return Err(Status::new(Reason::MethodNotAllowed, "discovery can only be read"));
    }
    call.state.registry.authorize_path(&call.cx, "get", path)?;
    let kinds = call.state.registry.cache().catalogue();
    match place {
        Place::Core | Place::Groups => {
            Ok(aggregated(call, &kinds, place).unwrap_or_else(|| respond::json(StatusCode::OK, &plain(&kinds, place))))
        }
        Place::Group(group) => groups(&kinds)
            .into_iter()
            .find(|known| known == group)
            .map(|group| respond::json(StatusCode::OK, &api_group(&kinds, group)))
            .ok_or_else(Status::no_such_resource),
        Place::Version(group, version) => resources(&kinds, group, version),
        Place::Index | Place::Whole => Err(Status::no_such_resource()),
    }
}

/// The groups beside core, in the order of the kind table.
fn groups(kinds: &Catalogue) -> Vec<&'static str> {
    let mut seen = BTreeSet::new();
    kinds.kinds().map(|kind| kind.group).filter(|group| !group.is_empty() && seen.insert(*group)).collect()
}

/// The versions of a group, newest first as in the kind table.
fn versions(kinds: &Catalogue, group: &str) -> Vec<&'static str> {
    let mut seen = BTreeSet::new();
    kinds
        .kinds()
        .filter(|kind| kind.group == group)
        .map(|kind| kind.version)
        .filter(|version| seen.insert(*version))
        .collect()
}

fn plain(kinds: &Catalogue, place: &Place) -> Value {
    match place {
        Place::Core => json!({
            "kind": "APIVersions", "versions": versions(kinds, ""),
            "serverAddressByClientCIDRs": [{"clientCIDR": "0.0.0.0/0", "serverAddress": ""}],
        }),
        _ => {
            let groups: Vec<Value> = groups(kinds).into_iter().map(|group| api_group(kinds, group)).collect();
            json!({"kind": "APIGroupList", "apiVersion": "v1", "groups": groups})
        }
    }
}

fn api_group(kinds: &Catalogue, group: &str) -> Value {
    let version = |version: &&str| json!({"groupVersion": format!("{group}/{version}"), "version": version});
    let versions: Vec<Value> = versions(kinds, group).iter().map(version).collect();
    let preferred = &versions[0];
    json!({"kind": "APIGroup", "apiVersion": "v1", "name": group, "versions": versions, "preferredVersion": preferred})
}

fn resources(kinds: &Catalogue, group: &str, version: &str) -> Result<Response, Status> {
    let of_version: Vec<&'static Kind> =
        kinds.kinds().filter(|kind| kind.group == group && kind.version == version).collect();
    let Some(first) = of_version.first() else { return Err(Status::no_such_resource()) };
    let resources: Vec<Value> =
        of_version.iter().flat_map(|kind| std::iter::once(resource(kind)).chain(subresources(kind))).collect();
    let version = first.api_version();
    let list = json!({"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": version, "resources": resources});
    Ok(respond::json(StatusCode::OK, &list))
}

fn resource(kind: &Kind) -> Value {
    let mut out = json!({
        "name": kind.plural, "singularName": kind.singular, "namespaced": kind.is_namespaced(), "kind": kind.kind,
        "verbs": verbs(kind),
    });
    name_for_people(&mut out, kind);
    out
}

fn name_for_people(out: &mut Value, kind: &Kind) {
    if !kind.short_names.is_empty() {
        out["shortNames"] = json!(kind.short_names);
    }
    if !kind.categories.is_empty() {
        out["categories"] = json!(kind.categories);
    }
}

fn verbs(kind: &Kind) -> Vec<&'static str> {
    let mut verbs: Vec<&str> = kind.verbs.iter().map(|verb: &Verb| verb.as_str()).collect();
    verbs.sort_unstable();
    verbs
}

fn subresources(kind: &'static Kind) -> impl Iterator<Item = Value> {
    kind.subresources.iter().map(|subresource| {
        let form = SubresourceForm::of(kind, *subresource);
        let mut out = json!({
            "name": format!("{}/{}", kind.plural, subresource.as_str()), "singularName": "",
            "namespaced": kind.is_namespaced(), "kind": form.kind, "verbs": form.verbs,
        });
        if form.group != kind.group {
            out["group"] = json!(form.group);
            out["version"] = json!(form.version);
        }
        out
    })
}

/// What a subresource takes and gives.
struct SubresourceForm {
    group: &'static str,
    version: &'static str,
    kind: &'static str,
    verbs: &'static [&'static str],
}

impl SubresourceForm {
    fn of(kind: &Kind, subresource: Subresource) -> SubresourceForm {
        let (group, version, kind, verbs): (_, _, _, &[&str]) = match subresource {
            Subresource::Status | Subresource::Approval | Subresource::EphemeralContainers | Subresource::Resize => {
                (kind.group, kind.version, kind.kind, &["get", "patch", "update"])
            }
            Subresource::Finalize => (kind.group, kind.version, kind.kind, &["update"]),
            Subresource::Scale => ("autoscaling", "v1", "Scale", &["get", "patch", "update"]),
            Subresource::Binding => ("", "v1", "Binding", &["create"]),
            Subresource::Eviction => ("policy", "v1", "Eviction", &["create"]),
            Subresource::Log => (kind.group, kind.version, kind.kind, &["get"]),
            Subresource::Exec => ("", "v1", "PodExecOptions", &["create", "get"]),
            Subresource::Attach => ("", "v1", "PodAttachOptions", &["create", "get"]),
            Subresource::PortForward => ("", "v1", "PodPortForwardOptions", &["create", "get"]),
            Subresource::Token => ("authentication.k8s.io", "v1", "TokenRequest", &["create"]),
        };
        SubresourceForm { group, version, kind, verbs }
    }
}

const AGGREGATED: &[(&str, &str)] = &[
    ("v2", "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"),
    ("v2beta1", "application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList"),
];

/// Everything in one document, if the client asks for that.
fn aggregated(call: &Call, kinds: &Catalogue, place: &Place) -> Option<Response> {
    let ranges = negotiate::accepted(&call.headers);
    let asked = ranges.iter().filter(|range| {
        range.parameter("as") == "APIGroupDiscoveryList" && range.parameter("g") == "apidiscovery.k8s.io"
    });
    let (version, content_type) =
        asked.filter_map(|range| AGGREGATED.iter().find(|(version, _)| *version == range.parameter("v"))).next()?;
    let groups = if *place == Place::Core { vec![""] } else { groups(kinds) };
    let items: Vec<Value> = groups.into_iter().map(|group| group_discovery(kinds, group)).collect();
    let api_version = format!("apidiscovery.k8s.io/{version}");
    let list = json!({"kind": "APIGroupDiscoveryList", "apiVersion": api_version, "metadata": {}, "items": items});
    Some(respond::json_as(content_type, &list))
}

fn group_discovery(kinds: &Catalogue, group: &'static str) -> Value {
    let version = |version: &str| {
        let of_version = kinds.kinds().filter(|kind| kind.group == group && kind.version == version);
        let resources: Vec<Value> = of_version.map(resource_discovery).collect();
        json!({"version": version, "freshness": "Current", "resources": resources})
    };
    let versions: Vec<Value> = versions(kinds, group).into_iter().map(version).collect();
    let mut metadata = json!({"creationTimestamp": null});
    if !group.is_empty() {
        metadata["name"] = json!(group);
    }
    json!({"metadata": metadata, "versions": versions})
}

fn resource_discovery(kind: &'static Kind) -> Value {
    let response = |group: &str, version: &str, kind: &str| json!({"group": group, "version": version, "kind": kind});
    let mut out = json!({
        "resource": kind.plural, "responseKind": response(kind.group, kind.version, kind.kind), "verbs": verbs(kind),
        "scope": if kind.is_namespaced() { "Namespaced" } else { "Cluster" }, "singularResource": kind.singular,
    });
    name_for_people(&mut out, kind);
    let subresource = |subresource: &Subresource| {
        let form = SubresourceForm::of(kind, *subresource);
        let kind = response(form.group, form.version, form.kind);
        json!({"subresource": subresource.as_str(), "responseKind": kind, "verbs": form.verbs})
    };
    let subresources: Vec<Value> = kind.subresources.iter().map(subresource).collect();
    if !subresources.is_empty() {
        out["subresources"] = json!(subresources);
    }
    out
}
