//! Paths: segments first, then the kinds that there are.
//!
//! Segments are decoded once and looked at only then; one that could mean another path (`..`, an encoded slash) is
//! refused, so authorization and the registry see the same names.

use xebec_api::{Catalogue, Kind, Status};

/// Where a path leads.
#[derive(Debug, PartialEq)]
pub(super) enum Route {
    /// Pages that need no authentication.
    Open(Page),
    /// What there is.
    Discovery(Place),
    /// What it looks like.
    OpenApi(Place),
    /// How to verify the tokens of ServiceAccounts.
    OpenId(OpenId),
    /// Objects.
    Resource(Address),
}

/// The two documents of OpenID Connect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum OpenId {
    /// Who issues tokens, and where the keys are.
    Configuration,
    /// The keys.
    Keys,
}

/// Pages that need no authentication.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Page {
    /// Which version this is.
    Version,
    /// Whether the process lives.
    Live,
    /// Whether it can serve.
    Ready,
}

/// A place in discovery or OpenAPI.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Place {
    /// `/api`, the versions of the core group.
    Core,
    /// `/apis`, all other groups.
    Groups,
    /// `/apis/GROUP`.
    Group(String),
    /// `/api/v1` or `/apis/GROUP/VERSION`.
    Version(String, String),
    /// The index of OpenAPI v3.
    Index,
    /// All in one, as OpenAPI v2.
    Whole,
}

/// The address of a collection, an object, or a subresource, whether there is such a kind or not.
#[derive(Debug, PartialEq)]
pub(super) struct Address {
    pub(super) group: String,
    pub(super) version: String,
    pub(super) plural: String,
    pub(super) namespace: Option<String>,
    pub(super) name: Option<String>,
    pub(super) subresource: Option<String>,
    /// What follows `/proxy`, as it was sent: empty, or from its slash on. It is a path of somebody else's.
    pub(super) tail: Option<String>,
}

/// A collection, an object, or a subresource.
#[derive(Debug, PartialEq)]
pub(super) struct Resource {
    pub(super) kind: &'static Kind,
    pub(super) namespace: Option<String>,
    pub(super) name: Option<String>,
    pub(super) subresource: Option<String>,
}

/// Reads a path.
pub(super) fn parse(path: &str) -> Result<Route, Status> {
    let Some((head, tail)) = split_proxy(path) else { return parse_own(path) };
    let route = parse_own(head)?;
    Ok(match route {
        Route::Resource(address) => Route::Resource(Address { tail: Some(tail.to_owned()), ..address }),
        other => other,
    })
}

/// Parts a proxied path from what leads to the proxy: `/api/v1/nodes/NAME/proxy`, or the same of a namespace's pods or services.
fn split_proxy(path: &str) -> Option<(&str, &str)> {
    let parts: Vec<&str> = path.splitn(9, '/').collect();
    let position = match parts.as_slice() {
        ["", "api", "v1", "nodes", _, "proxy", ..] => 5,
        ["", "api", "v1", "namespaces", _, "pods" | "services", _, "proxy", ..] => 7,
        _ => return None,
    };
    let length = parts[..=position].iter().map(|part| part.len()).sum::<usize>() + position;
    Some(path.split_at(length))
}

/// Reads a path of which every segment is ours.
fn parse_own(path: &str) -> Result<Route, Status> {
    let segments = segments(path)?;
    let parts: Vec<&str> = segments.iter().map(String::as_str).collect();
    let version = |group: &str, version: &str| Place::Version(group.to_owned(), version.to_owned());
    Ok(match parts.as_slice() {
        ["version"] => Route::Open(Page::Version),
        ["livez" | "healthz", ..] => Route::Open(Page::Live),
        ["readyz", ..] => Route::Open(Page::Ready),
        ["api"] => Route::Discovery(Place::Core),
        ["apis"] => Route::Discovery(Place::Groups),
        ["api", v] => Route::Discovery(version("", v)),
        ["apis", group] => Route::Discovery(Place::Group((*group).to_owned())),
        ["apis", group, v] => Route::Discovery(version(group, v)),
        ["openapi", "v2"] => Route::OpenApi(Place::Whole),
        ["openapi", "v3"] => Route::OpenApi(Place::Index),
        ["openapi", "v3", "api", v] => Route::OpenApi(version("", v)),
        ["openapi", "v3", "apis", group, v] => Route::OpenApi(version(group, v)),
        [".well-known", "openid-configuration"] => Route::OpenId(OpenId::Configuration),
        ["openid", "v1", "jwks"] => Route::OpenId(OpenId::Keys),
        ["api", v, rest @ ..] => Route::Resource(address("", v, rest)?),
        ["apis", group, v, rest @ ..] if !group.is_empty() => Route::Resource(address(group, v, rest)?),
        _ => return Err(Status::no_such_resource()),
    })
}

fn address(group: &str, version: &str, rest: &[&str]) -> Result<Address, Status> {
    let owned = |text: &str| Some(text.to_owned());
    let (plural, namespace, name, subresource) = match rest {
        [plural] => (*plural, None, None, None),
        [plural, name] => (*plural, None, owned(name), None),
        ["namespaces", name, part @ ("status" | "finalize")] => ("namespaces", None, owned(name), owned(part)),
        ["namespaces", namespace, plural] => (*plural, owned(namespace), None, None),
        ["namespaces", namespace, plural, name] => (*plural, owned(namespace), owned(name), None),
        ["namespaces", namespace, plural, name, sub] => (*plural, owned(namespace), owned(name), owned(sub)),
        [plural, name, sub] => (*plural, None, owned(name), owned(sub)),
        _ => return Err(Status::no_such_resource()),
    };
    let (group, version, plural) = (group.to_owned(), version.to_owned(), plural.to_owned());
    // However it is spelt: whoever asks for a proxy gets one, and nothing that is kept under that name.
    let tail = subresource.as_ref().filter(|word| *word == "proxy").map(|_| String::new());
    Ok(Address { group, version, plural, namespace, name, subresource, tail })
}

/// Reads a path below `/apis`, of which a server in the cluster decides what is there: parts beyond a subresource are its own. `None` for
/// a path that is about no object.
pub(super) fn remote_address(path: &str) -> Result<Option<Address>, Status> {
    let segments = segments(path)?;
    let parts: Vec<&str> = segments.iter().map(String::as_str).collect();
    let ["apis", group, version, rest @ ..] = parts.as_slice() else { return Ok(None) };
    let most = if rest.first() == Some(&"namespaces") && rest.len() > 2 { 5 } else { 3 };
    match rest {
        [] => Ok(None),
        _ => address(group, version, &rest[..rest.len().min(most)]).map(Some),
    }
}

impl Address {
    /// What is there, if there is such a kind.
    pub(super) fn resource(self, kinds: &Catalogue) -> Result<Resource, Status> {
        let kind = kinds.find(&self.group, &self.version, &self.plural).ok_or_else(Status::no_such_resource)?;
        let Self { namespace, name, subresource, .. } = self;
        let misplaced = kind.is_namespaced() != namespace.is_some() && (name.is_some() || namespace.is_some());
        if misplaced {
            return Err(Status::no_such_resource());
        }
        Ok(Resource { kind, namespace, name, subresource })
    }
}

/// The decoded segments; one slash at the end does not matter.
fn segments(path: &str) -> Result<Vec<String>, Status> {
    let path = path.strip_prefix('/').unwrap_or(path);
    let path = path.strip_suffix('/').unwrap_or(path);
    path.split('/').map(segment).collect()
}

fn segment(raw: &str) -> Result<String, Status> {
    let refuse = || Status::bad_request(format!("the path segment \"{}\" is not allowed", raw.escape_default()));
    let text = percent_decode(raw).ok_or_else(refuse)?;
    let tricky = text.is_empty()
        || text == "."
        || text == ".."
        || text.contains(['/', '\\', '%'])
        || text.chars().any(char::is_control);
    if tricky { Err(refuse()) } else { Ok(text) }
}

/// Decodes `%XX`; `None` where that is no UTF-8.
pub(crate) fn percent_decode(raw: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(raw.len());
    let mut rest = raw.as_bytes();
    while let Some((first, tail)) = rest.split_first() {
        rest = tail;
        if *first != b'%' {
            bytes.push(*first);
            continue;
        }
        let digits = std::str::from_utf8(tail.get(..2)?).ok()?;
        bytes.push(u8::from_str_radix(digits, 16).ok()?);
        rest = &tail[2..];
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(path: &str) -> String {
        match parse(path) {
            Ok(Route::Resource(address)) => match address.resource(&Catalogue::default()) {
                Ok(r) => format!("{} {:?} {:?} {:?}", r.kind.plural, r.namespace, r.name, r.subresource),
                Err(status) => status.code.to_string(),
            },
            Ok(other) => format!("{other:?}"),
            Err(status) => status.code.to_string(),
        }
    }

    #[test]
    fn paths_lead_to_kinds() {
        let cases = [
            ("/api/v1/pods", r#"pods None None None"#),
            ("/api/v1/namespaces/web/pods/", r#"pods Some("web") None None"#),
            ("/api/v1/namespaces/web/pods/a%2Db/log", r#"pods Some("web") Some("a-b") Some("log")"#),
            ("/api/v1/namespaces", r#"namespaces None None None"#),
            ("/api/v1/namespaces/web", r#"namespaces None Some("web") None"#),
            ("/api/v1/namespaces/web/status", r#"namespaces None Some("web") Some("status")"#),
            ("/api/v1/nodes/n1", r#"nodes None Some("n1") None"#),
            ("/api/v1/nodes/n1/status", r#"nodes None Some("n1") Some("status")"#),
            ("/apis/apps/v1/deployments", r#"deployments None None None"#),
            ("/api", "Discovery(Core)"),
            ("/apis/apps/v1", r#"Discovery(Version("apps", "v1"))"#),
            ("/openapi/v3/api/v1", r#"OpenApi(Version("", "v1"))"#),
            ("/readyz/etcd", "Open(Ready)"),
            ("/.well-known/openid-configuration", "OpenId(Configuration)"),
            ("/openid/v1/jwks/", "OpenId(Keys)"),
        ];
        for (path, expected) in cases {
            assert_eq!(read(path), expected, "{path}");
        }
    }

    #[test]
    fn what_follows_a_proxy_is_left_as_it_is() {
        let tail = |path: &str| match parse(path) {
            Ok(Route::Resource(address)) => (address.name, address.tail),
            _ => (None, None),
        };
        let cases = [
            ("/api/v1/namespaces/a/pods/https:p:443/proxy", "https:p:443", ""),
            ("/api/v1/namespaces/a/services/s/proxy/", "s", "/"),
            ("/api/v1/namespaces/a/services/s:80/proxy/x//y%2Fz/../", "s:80", "/x//y%2Fz/../"),
            ("/api/v1/nodes/n1/proxy/proxy", "n1", "/proxy"),
            ("/api/v1/nodes/n1/prox%79", "n1", ""),
        ];
        for (path, name, expected) in cases {
            assert_eq!(tail(path), (Some(name.to_owned()), Some(expected.to_owned())), "{path}");
        }
        assert_eq!(tail("/api/v1/nodes/n1").1, None);
        assert_eq!(tail("/api/v1/namespaces/a/pods/../proxy/x"), (None, None));
    }

    #[test]
    fn what_a_server_adds_to_a_path_is_part_of_the_object() {
        let read = |path: &str| remote_address(path).unwrap().map(|a| (a.namespace, a.plural, a.name, a.subresource));
        let some = |text: &str| Some(text.to_owned());
        let deep = read("/apis/a.b/v1/namespaces/n/pods/p/logs/x/y");
        assert_eq!(deep, Some((some("n"), "pods".to_owned(), some("p"), some("logs"))));
        assert_eq!(read("/apis/a.b/v1/nodes/n1/x/y"), Some((None, "nodes".to_owned(), some("n1"), some("x"))));
        assert_eq!(read("/apis/a.b/v1/namespaces/n"), Some((None, "namespaces".to_owned(), some("n"), None)));
        assert_eq!(read("/apis/a.b/v1/"), None);
        assert!(remote_address("/apis/a.b/v1/pods/../x").is_err());
    }

    #[test]
    fn tricks_are_refused() {
        let cases = [
            ("/", "400"),
            ("/api/v1/namespaces/web/pods/..", "400"),
            ("/api/v1/namespaces/web/pods/%2e%2e", "400"),
            ("/api/v1/namespaces/web%2Fpods/x", "400"),
            ("/api/v1/namespaces/web//x", "400"),
            ("/api/v1/pods/%00", "400"),
            ("/api/v1/pods/%ff", "400"),
            ("/api/v1/pods/%2", "400"),
            ("/api/v1/pods/a", "404"),
            ("/api/v1/namespaces/web/nodes/n1", "404"),
            ("/api/v1/widgets", "404"),
            ("/api/v2/pods", "404"),
            ("/metrics", "404"),
        ];
        for (path, expected) in cases {
            assert_eq!(read(path), expected, "{path}");
        }
    }
}
