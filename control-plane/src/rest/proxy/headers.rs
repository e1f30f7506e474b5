//! Headers on their way through: what concerns one connection stays behind, credentials too.

use std::net::IpAddr;

use http::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS,
    ACCESS_CONTROL_ALLOW_ORIGIN, AUTHORIZATION, CONNECTION, EXPECT, HOST, PROXY_AUTHENTICATE, PROXY_AUTHORIZATION,
    SEC_WEBSOCKET_PROTOCOL, TE, TRAILER, TRANSFER_ENCODING, UPGRADE,
};
use http::{HeaderMap, HeaderName, HeaderValue};

use crate::aggregation::identity;
use crate::rest::negotiate::words;

const KEEP_ALIVE: HeaderName = HeaderName::from_static("keep-alive");
const PROXY_CONNECTION: HeaderName = HeaderName::from_static("proxy-connection");
const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
const FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
const FORWARDED_URI: HeaderName = HeaderName::from_static("x-forwarded-uri");
/// Headers by which a caller acts as somebody else, and those by which only a front proxy says who somebody is.
const CLAIMS: [&str; 2] = ["impersonate-", identity::PREFIX];
/// A token as the name of a WebSocket's protocol.
const BEARER_PROTOCOL: &str = "base64url.bearer.authorization.k8s.io.";

const ONE_CONNECTION: [HeaderName; 9] = [
    CONNECTION,
    KEEP_ALIVE,
    PROXY_CONNECTION,
    PROXY_AUTHENTICATE,
    PROXY_AUTHORIZATION,
    TE,
    TRAILER,
    TRANSFER_ENCODING,
    UPGRADE,
];
const CROSS_ORIGIN: [HeaderName; 4] = [
    ACCESS_CONTROL_ALLOW_CREDENTIALS,
    ACCESS_CONTROL_ALLOW_HEADERS,
    ACCESS_CONTROL_ALLOW_METHODS,
    ACCESS_CONTROL_ALLOW_ORIGIN,
];

/// What a server is told of where a request came from.
#[derive(Debug, Default)]
pub(super) struct Origin {
    /// The caller's address.
    pub(super) client: Option<IpAddr>,
    /// What the caller calls this master.
    pub(super) host: String,
    /// The path that the caller asked for.
    pub(super) path: String,
}

/// Makes a caller's headers ready for somebody else.
pub(super) fn onward(headers: &mut HeaderMap, origin: &Origin) {
    drop_of_one_connection(headers);
    // This master answers an expectation as it takes the body.
    headers.remove(EXPECT);
    headers.remove(AUTHORIZATION);
    let is_claim = |name: &&HeaderName| CLAIMS.iter().any(|claim| name.as_str().starts_with(claim));
    let claims: Vec<HeaderName> = headers.keys().filter(is_claim).cloned().collect();
    for name in claims {
        headers.remove(name);
    }
    drop_bearer_protocol(headers);
    add_client(headers, origin.client);
    for (name, text) in [(HOST, &origin.host), (FORWARDED_HOST, &origin.host), (FORWARDED_URI, &origin.path)] {
        match HeaderValue::from_str(text) {
            Ok(value) => drop(headers.insert(name, value)),
            Err(_) => drop(headers.remove(name)),
        }
    }
    headers.insert(FORWARDED_PROTO, HeaderValue::from_static("https"));
}

/// Makes a server's headers ready for the caller. What it says about other origins would be said of this master.
pub(super) fn back(headers: &mut HeaderMap) {
    drop_of_one_connection(headers);
    for name in CROSS_ORIGIN {
        headers.remove(name);
    }
}

fn drop_of_one_connection(headers: &mut HeaderMap) {
    let listed: Vec<HeaderName> = words(headers, CONNECTION).filter_map(|word| word.parse().ok()).collect();
    for name in listed.into_iter().chain(ONE_CONNECTION) {
        headers.remove(name);
    }
}

fn drop_bearer_protocol(headers: &mut HeaderMap) {
    let words: Vec<&str> = words(headers, SEC_WEBSOCKET_PROTOCOL).collect();
    if !words.iter().any(|word| word.starts_with(BEARER_PROTOCOL)) {
        return;
    }
    let rest: Vec<&str> = words.into_iter().filter(|word| !word.starts_with(BEARER_PROTOCOL)).collect();
    let rest = HeaderValue::from_str(&rest.join(", ")).ok().filter(|value| !value.is_empty());
    match rest {
        Some(value) => drop(headers.insert(SEC_WEBSOCKET_PROTOCOL, value)),
        None => drop(headers.remove(SEC_WEBSOCKET_PROTOCOL)),
    }
}

fn add_client(headers: &mut HeaderMap, client: Option<IpAddr>) {
    let Some(client) = client else { return };
    let before = headers.get_all(FORWARDED_FOR).iter().filter_map(|value| value.to_str().ok());
    let chain: Vec<String> = before.map(str::to_owned).chain([client.to_canonical().to_string()]).collect();
    if let Ok(value) = HeaderValue::from_str(&chain.join(", ")) {
        headers.insert(FORWARDED_FOR, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(*name, HeaderValue::from_static(value));
        }
        headers
    }

    #[test]
    fn credentials_and_the_connections_own_headers_stay_behind() {
        let mut sent = headers(&[
            ("host", "m1:6443"),
            ("authorization", "Bearer secret"),
            ("impersonate-user", "jane"),
            ("x-remote-group", "system:masters"),
            ("connection", "keep-alive, x-private"),
            ("x-private", "1"),
            ("te", "trailers"),
            ("sec-websocket-protocol", "base64url.bearer.authorization.k8s.io.c2VjcmV0, chat"),
            ("x-forwarded-for", "192.0.2.1"),
            ("accept", "text/html"),
        ]);
        let origin = Origin {
            client: Some("10.0.0.9".parse().unwrap()),
            host: "m1:6443".to_owned(),
            path: "/api/v1/nodes/n1/proxy/".to_owned(),
        };
        onward(&mut sent, &origin);
        let expected = headers(&[
            ("host", "m1:6443"),
            ("sec-websocket-protocol", "chat"),
            ("x-forwarded-for", "192.0.2.1, 10.0.0.9"),
            ("x-forwarded-host", "m1:6443"),
            ("x-forwarded-proto", "https"),
            ("x-forwarded-uri", "/api/v1/nodes/n1/proxy/"),
            ("accept", "text/html"),
        ]);
        assert_eq!(sent, expected);
    }

    #[test]
    fn a_token_is_no_protocol() {
        let mut sent = headers(&[("sec-websocket-protocol", "base64url.bearer.authorization.k8s.io.c2VjcmV0")]);
        onward(&mut sent, &Origin::default());
        assert_eq!(sent.get(SEC_WEBSOCKET_PROTOCOL), None);
    }

    #[test]
    fn an_answer_says_nothing_of_other_origins() {
        let mut answer = headers(&[("access-control-allow-origin", "*"), ("keep-alive", "5"), ("etag", "\"1\"")]);
        back(&mut answer);
        assert_eq!(answer, headers(&[("etag", "\"1\"")]));
    }
}
