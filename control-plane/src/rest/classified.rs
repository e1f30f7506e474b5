//! What a request is about, in the few words that metrics know it by.

use http::{Method, Uri};
use xebec_api::{Catalogue, Status};

use super::path::{self, Route};
use super::query::Query;
use crate::request_info::RequestInfo;

/// What a request is about.
pub(crate) fn info(method: &Method, uri: &Uri) -> RequestInfo {
    let path = uri.path().to_owned();
    let Ok(Route::Resource(resource)) = path::parse(uri.path()) else {
        return RequestInfo { verb: verb_of_path(method), path, ..RequestInfo::default() };
    };
    let query = Query::parse(uri.query().unwrap_or_default()).unwrap_or_default();
    let watches = resource.name.is_none() && query.flag("watch");
    RequestInfo {
        verb: verb_of_api(method, resource.name.is_some(), watches),
        is_resource: true,
        group: resource.group,
        version: resource.version,
        resource: resource.plural,
        subresource: resource.subresource.unwrap_or_default(),
        namespace: resource.namespace,
        name: resource.name.unwrap_or_default(),
        path,
        limit: query.number("limit").ok().flatten().unwrap_or_default(),
    }
}

/// The verb, as rules of authorization name it.
pub(super) fn verb_of_api(method: &Method, has_name: bool, watches: bool) -> &'static str {
    match *method {
        Method::GET | Method::HEAD if watches => "watch",
        Method::GET | Method::HEAD if !has_name => "list",
        Method::GET | Method::HEAD => "get",
        Method::POST => "create",
        Method::PUT => "update",
        Method::PATCH => "patch",
        Method::DELETE if !has_name => "deletecollection",
        Method::DELETE => "delete",
        _ => "",
    }
}

/// The verb for a path that is no resource's: the method.
pub(super) fn verb_of_path(method: &Method) -> &'static str {
    lower(word(method))
}

fn lower(word: &'static str) -> &'static str {
    let words = [
        ("GET", "get"),
        ("HEAD", "head"),
        ("POST", "post"),
        ("PUT", "put"),
        ("PATCH", "patch"),
        ("DELETE", "delete"),
        ("OPTIONS", "options"),
    ];
    words.into_iter().find(|(upper, _)| *upper == word).map_or("", |(_, lower)| lower)
}

/// Verb and subject of a request. Everything comes from the kind table or is empty.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Classified {
    /// `LIST`, `WATCH`, or the method.
    pub verb: &'static str,
    /// The API group.
    pub group: String,
    /// Its version.
    pub version: String,
    /// The plural; empty when it is not about objects.
    pub resource: String,
    /// Empty when it is about the object.
    pub subresource: String,
    /// `cluster`, `namespace`, `resource`, or empty.
    pub scope: &'static str,
}

impl Classified {
    /// Of a request for this; whether it is a stream has been found out already. Only built-in kinds are named: anybody may
    /// ask for other names, and each would be a series of its own.
    pub fn of(method: &Method, uri: &Uri, is_stream: bool) -> Self {
        let resource = match path::parse(uri.path()) {
            Ok(Route::Resource(address)) => address.resource(&Catalogue::default()),
            _ => Err(Status::no_such_resource()),
        };
        let Ok(resource) = resource else { return Self { verb: word(method), ..Self::default() } };
        let known = |subresource: &&str| SUBRESOURCES.contains(subresource);
        let subresource = resource.subresource.as_deref().filter(known).unwrap_or_default();
        Self {
            verb: verb(method, resource.name.is_some(), subresource, is_stream),
            group: resource.kind.group.to_owned(),
            version: resource.kind.version.to_owned(),
            resource: resource.kind.plural.to_owned(),
            subresource: subresource.to_owned(),
            scope: match (&resource.name, &resource.namespace) {
                (Some(_), _) => "resource",
                (None, Some(_)) => "namespace",
                (None, None) => "cluster",
            },
        }
    }
}

const SUBRESOURCES: [&str; 11] = [
    "attach",
    "binding",
    "ephemeralcontainers",
    "eviction",
    "exec",
    "finalize",
    "log",
    "portforward",
    "proxy",
    "scale",
    "status",
];
const CONNECTED: [&str; 4] = ["attach", "exec", "portforward", "proxy"];

fn verb(method: &Method, has_name: bool, subresource: &str, is_stream: bool) -> &'static str {
    match *method {
        _ if CONNECTED.contains(&subresource) => "CONNECT",
        Method::GET if is_stream && subresource.is_empty() => "WATCH",
        Method::GET if !has_name => "LIST",
        Method::DELETE if !has_name => "DELETECOLLECTION",
        _ => word(method),
    }
}

fn word(method: &Method) -> &'static str {
    let words = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];
    words.into_iter().find(|word| *word == method.as_str()).unwrap_or("other")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(method: Method, uri: &str, is_stream: bool, expect: &str) {
        let Classified { verb, group, resource, subresource, scope, .. } =
            Classified::of(&method, &uri.parse().unwrap(), is_stream);
        assert_eq!(format!("{verb} {group}/{resource}/{subresource} {scope}"), expect, "{method} {uri}");
    }

    #[test]
    fn requests_are_known_by_verb_and_kind() {
        check(Method::GET, "/api/v1/pods", false, "LIST /pods/ cluster");
        check(Method::GET, "/api/v1/namespaces/a/pods?watch=1", true, "WATCH /pods/ namespace");
        check(Method::GET, "/api/v1/namespaces/a/pods/b/log?follow=true", true, "GET /pods/log resource");
        check(Method::POST, "/api/v1/namespaces/a/pods/b/exec", true, "CONNECT /pods/exec resource");
        check(
            Method::DELETE,
            "/apis/apps/v1/namespaces/a/deployments",
            false,
            "DELETECOLLECTION apps/deployments/ namespace",
        );
        check(Method::PATCH, "/api/v1/nodes/n1", false, "PATCH /nodes/ resource");
        check(Method::GET, "/version", false, "GET // ");
        check(Method::GET, "/api/v1/nonsense", false, "GET // ");
    }
}
