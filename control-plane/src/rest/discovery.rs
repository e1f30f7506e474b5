//! Discovery: which groups, versions and resources there are, in the plain and the aggregated form, from the kind
//! table and from what servers of aggregated APIs say.

use std::cmp::Reverse;
use std::collections::BTreeSet;
use std::sync::Arc;

use axum::response::Response;
use bytes::Bytes;
use http::header::VARY;
use http::{HeaderValue, Method, StatusCode};
use serde_json::{Value, json};
use xebec_api::{Catalogue, Kind, Reason, Status, Subresource, Verb};

use super::path::Place;
use super::{Call, etag, negotiate, respond};
use crate::aggregation::{Aggregator, Remote};

/// Serves a place in discovery.
pub(super) fn serve(call: &Call, path: &str, place: &Place) -> Result<Response, Status> {
    if call.method != Method::GET {
        return Err(Status::new(Reason::MethodNotAllowed, "discovery can only be read"));
    }
    call.state.registry.authorize_path(&call.cx, "get", path)?;
    let own = call.state.registry.cache().catalogue();
    let kinds = Kinds::new(&own, &call.state.aggregator);
    match place {
        Place::Core | Place::Groups => {
            let plain = || respond::json(StatusCode::OK, &plain(&kinds, place));
            let mut answer = aggregated(call, &kinds, place).unwrap_or_else(plain);
            // One path, two documents: a cache must not mix them up.
            answer.headers_mut().append(VARY, HeaderValue::from_static("Accept"));
            Ok(answer)
        }
        Place::Group(group) => match kinds.groups().contains(group) {
            true => Ok(respond::json(StatusCode::OK, &api_group(&kinds, group))),
            false => Err(Status::no_such_resource()),
        },
        Place::Version(group, version) => resources(&own, group, version),
        Place::Index | Place::Whole => Err(Status::no_such_resource()),
    }
}

/// The kinds that there are, here and at servers in the cluster.
struct Kinds<'a> {
    own: &'a Catalogue,
    aggregator: &'a Aggregator,
    remotes: Vec<Arc<Remote>>,
}

impl<'a> Kinds<'a> {
    fn new(own: &'a Catalogue, aggregator: &'a Aggregator) -> Kinds<'a> {
        Kinds { own, aggregator, remotes: aggregator.remotes() }
    }

    /// The groups beside core, as their priorities have it.
    fn groups(&self) -> Vec<String> {
        let own = self.own.kinds().map(|kind| kind.group.to_owned());
        let all: BTreeSet<String> = own.chain(self.remotes.iter().map(|remote| remote.group.clone())).collect();
        let mut groups: Vec<String> = all.into_iter().filter(|group| !group.is_empty()).collect();
        groups.sort_by_cached_key(|group| Reverse(self.aggregator.group_priority(group)));
        groups
    }

    /// The versions of a group, as their priorities have it; otherwise newest first, as in the kind table.
    fn versions(&self, group: &str) -> Vec<String> {
        let mut seen = BTreeSet::new();
        let own = self.own.kinds().filter(|kind| kind.group == group).map(|kind| kind.version.to_owned());
        let remote = self.remotes.iter().filter(|remote| remote.group == group).map(|remote| remote.version.clone());
        let mut versions: Vec<String> = own.chain(remote).filter(|version| seen.insert(version.clone())).collect();
        versions.sort_by_cached_key(|version| Reverse(self.aggregator.version_priority(group, version)));
        versions
    }

    fn remote(&self, group: &str, version: &str) -> Option<&Arc<Remote>> {
        self.remotes.iter().find(|remote| remote.group == group && remote.version == version)
    }
}

fn plain(kinds: &Kinds<'_>, place: &Place) -> Value {
    match place {
        Place::Core => json!({
            "kind": "APIVersions", "versions": kinds.versions(""),
            "serverAddressByClientCIDRs": [{"clientCIDR": "0.0.0.0/0", "serverAddress": ""}],
        }),
        _ => {
            let groups: Vec<Value> = kinds.groups().iter().map(|group| api_group(kinds, group)).collect();
            json!({"kind": "APIGroupList", "apiVersion": "v1", "groups": groups})
        }
    }
}

fn api_group(kinds: &Kinds<'_>, group: &str) -> Value {
    let version = |version: &String| json!({"groupVersion": format!("{group}/{version}"), "version": version});
    let versions: Vec<Value> = kinds.versions(group).iter().map(version).collect();
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
            Subresource::Proxy => ("", "v1", proxy_options(kind), &["create", "delete", "get", "patch", "update"]),
            Subresource::Token => ("authentication.k8s.io", "v1", "TokenRequest", &["create"]),
        };
        SubresourceForm { group, version, kind, verbs }
    }
}

/// What a request to a proxy is called, as an object.
pub(super) fn proxy_options(kind: &Kind) -> &'static str {
    if kind.plural == "pods" { "PodProxyOptions" } else { "ServiceProxyOptions" }
}

const AGGREGATED: &[(&str, &str)] = &[
    ("v2", "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"),
    ("v2beta1", "application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList"),
];

/// Everything in one document, if the client asks for that.
fn aggregated(call: &Call, kinds: &Kinds<'_>, place: &Place) -> Option<Response> {
    let ranges = negotiate::accepted(&call.headers);
    let asked = ranges.iter().filter(|range| {
        range.parameter("as") == "APIGroupDiscoveryList" && range.parameter("g") == "apidiscovery.k8s.io"
    });
    let (version, content_type) =
        asked.filter_map(|range| AGGREGATED.iter().find(|(version, _)| *version == range.parameter("v"))).next()?;
    let groups = if *place == Place::Core { vec![String::new()] } else { kinds.groups() };
    let items: Vec<Value> = groups.iter().map(|group| group_discovery(kinds, group)).collect();
    let api_version = format!("apidiscovery.k8s.io/{version}");
    let list = json!({"kind": "APIGroupDiscoveryList", "apiVersion": api_version, "metadata": {}, "items": items});
    let bytes = Bytes::from(list.to_string());
    let tag = etag::of(&bytes);
    Some(etag::tagged(&call.headers, &tag, respond::bytes_as(content_type, bytes)))
}

fn group_discovery(kinds: &Kinds<'_>, group: &str) -> Value {
    let versions: Vec<Value> =
        kinds.versions(group).iter().map(|version| version_discovery(kinds, group, version)).collect();
    let mut metadata = json!({"creationTimestamp": null});
    if !group.is_empty() {
        metadata["name"] = json!(group);
    }
    json!({"metadata": metadata, "versions": versions})
}

/// What a server last said counts until it can be asked again; clients are told that it is not fresh.
fn version_discovery(kinds: &Kinds<'_>, group: &str, version: &str) -> Value {
    let (freshness, resources) = match kinds.remote(group, version) {
        Some(remote) => {
            let served = remote.served();
            (if served.is_fresh { "Current" } else { "Stale" }, served.resources.clone())
        }
        None => {
            let own = kinds.own.kinds().filter(|kind| kind.group == group && kind.version == version);
            ("Current", own.map(resource_discovery).collect())
        }
    };
    json!({"version": version, "freshness": freshness, "resources": resources})
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
