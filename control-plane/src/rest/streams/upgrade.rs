//! The HTTP side of an upgrade: what the client offers, what we choose, and the task that has the connection afterwards.

use std::time::Duration;

use axum::body::Body;
use axum::response::Response;
use http::header::{
    CONNECTION, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_PROTOCOL, SEC_WEBSOCKET_VERSION,
};
use http::header::{HeaderName, UPGRADE};
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;
use tokio::sync::SemaphorePermit;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use xebec_api::Status;

use crate::rest::negotiate::words;

/// Where SPDY clients list what they speak on top of it, and are told what was chosen.
const STREAM_PROTOCOL: HeaderName = HeaderName::from_static("x-stream-protocol-version");
const SPDY: &str = "SPDY/3.1";
/// From the answer's head to the connection: the time to write a few hundred bytes.
const HANDOVER: Duration = Duration::from_secs(10);
/// Base64 of sixteen bytes.
const KEY_LENGTH: usize = 24;

/// The connection after the upgrade.
pub(super) type Connection = TokioIo<Upgraded>;

/// What the client wants the connection to become, with the protocols it offers on top.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Handshake {
    WebSocket { key: String, offered: Vec<String> },
    Spdy { offered: Vec<String> },
}

impl Handshake {
    /// Reads the head of a request.
    pub(super) fn read(method: &Method, headers: &HeaderMap) -> Result<Handshake, Status> {
        let wants = |word: &str| words(headers, UPGRADE).any(|offered| offered.eq_ignore_ascii_case(word));
        if !words(headers, CONNECTION).any(|word| word.eq_ignore_ascii_case("upgrade")) {
            return Err(Handshake::missing());
        }
        if wants(SPDY) {
            return Ok(Handshake::Spdy { offered: list(headers, STREAM_PROTOCOL) });
        }
        if !wants("websocket") {
            return Err(Handshake::missing());
        }
        let key = words(headers, SEC_WEBSOCKET_KEY).next().unwrap_or_default();
        let is_13 = words(headers, SEC_WEBSOCKET_VERSION).eq(["13"]);
        if method != Method::GET || !is_13 || key.len() != KEY_LENGTH {
            return Err(Status::bad_request("a WebSocket is opened by a GET with Sec-WebSocket-Version 13 and a key"));
        }
        Ok(Handshake::WebSocket { key: key.to_owned(), offered: list(headers, SEC_WEBSOCKET_PROTOCOL) })
    }

    /// The request is an ordinary one.
    pub(super) fn missing() -> Status {
        Status::bad_request("unable to upgrade: the request must ask for websocket or SPDY/3.1 over HTTP/1.1")
    }

    /// The first of ours that the client offers.
    pub(super) fn choose<P: Copy>(&self, ours: &[(&'static str, P)]) -> Result<(&'static str, P), Status> {
        let (Handshake::WebSocket { offered, .. } | Handshake::Spdy { offered }) = self;
        ours.iter().find(|(name, _)| offered.iter().any(|word| word == name)).copied().ok_or_else(|| {
            let names: Vec<&str> = ours.iter().map(|(name, _)| *name).collect();
            Status::bad_request(format!("unable to upgrade: the client must offer one of: {}", names.join(", ")))
        })
    }

    fn accept(&self, protocol: &'static str) -> Response {
        let mut response = Response::new(Body::empty());
        *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
        let headers = response.headers_mut();
        headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
        let protocol = HeaderValue::from_static(protocol);
        match self {
            Handshake::Spdy { .. } => {
                headers.insert(UPGRADE, HeaderValue::from_static(SPDY));
                headers.insert(STREAM_PROTOCOL, protocol);
            }
            Handshake::WebSocket { key, .. } => {
                let accepted = HeaderValue::from_str(&derive_accept_key(key.as_bytes())).expect("base64 is ASCII");
                headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
                headers.insert(SEC_WEBSOCKET_ACCEPT, accepted);
                headers.insert(SEC_WEBSOCKET_PROTOCOL, protocol);
            }
        }
        response
    }
}

/// A request that may become a stream.
pub(super) struct Door {
    pub(super) handshake: Handshake,
    pub(super) upgrade: OnUpgrade,
    pub(super) slot: SemaphorePermit<'static>,
}

impl Door {
    /// Answers the request, and gives its connection to `session` on a task of its own.
    pub(super) fn enter<S, F>(self, protocol: &'static str, session: S) -> Response
    where
        S: FnOnce(Connection) -> F + Send + 'static,
        F: Future<Output = ()> + Send,
    {
        let Door { handshake, upgrade, slot } = self;
        tokio::spawn(async move {
            match tokio::time::timeout(HANDOVER, upgrade).await {
                Ok(Ok(upgraded)) => session(TokioIo::new(upgraded)).await,
                Ok(Err(error)) => tracing::debug!(%error, "an upgraded connection was lost"),
                Err(_) => tracing::debug!("an upgraded connection was not handed over in time"),
            }
            drop(slot);
        });
        handshake.accept(protocol)
    }
}

fn list(headers: &HeaderMap, name: HeaderName) -> Vec<String> {
    words(headers, name).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(method: Method, pairs: &[(&'static str, &'static str)]) -> Result<Handshake, u16> {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(*name, HeaderValue::from_static(value));
        }
        Handshake::read(&method, &headers).map_err(|status| status.code)
    }

    const KEY: (&str, &str) = ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==");
    const VERSION: (&str, &str) = ("sec-websocket-version", "13");

    #[test]
    fn offers_are_read() {
        let socket = [("connection", "keep-alive, Upgrade"), ("upgrade", "WebSocket"), KEY, VERSION];
        let offered = [("sec-websocket-protocol", "v5.channel.k8s.io, v4.channel.k8s.io")];
        let handshake = read(Method::GET, &[&socket[..], &offered].concat()).unwrap();
        assert_eq!(handshake.choose(&[("v4.channel.k8s.io", 4), ("x", 0)]), Ok(("v4.channel.k8s.io", 4)));
        assert_eq!(handshake.choose(&[("v3.channel.k8s.io", 3)]).unwrap_err().code, 400);
        let accepted = handshake.accept("v4.channel.k8s.io");
        assert_eq!(accepted.headers()["sec-websocket-accept"], "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
        let spdy = [("connection", "Upgrade"), ("upgrade", "SPDY/3.1")];
        let offered = [("x-stream-protocol-version", "v4"), ("x-stream-protocol-version", "v3")];
        let handshake = read(Method::POST, &[&spdy[..], &offered].concat()).unwrap();
        assert_eq!(handshake, Handshake::Spdy { offered: vec!["v4".to_owned(), "v3".to_owned()] });
        assert_eq!(handshake.accept("v4").headers()["x-stream-protocol-version"], "v4");
    }

    #[test]
    fn what_is_no_upgrade_is_refused() {
        let socket = [("connection", "upgrade"), ("upgrade", "websocket")];
        assert_eq!(read(Method::GET, &[]), Err(400));
        assert_eq!(read(Method::GET, &socket), Err(400));
        assert_eq!(read(Method::GET, &[socket[1], KEY, VERSION]), Err(400));
        assert_eq!(read(Method::POST, &[socket[0], socket[1], KEY, VERSION]), Err(400));
        assert_eq!(read(Method::GET, &[socket[0], ("upgrade", "h2c")]), Err(400));
        assert_eq!(read(Method::GET, &[socket[0], socket[1], KEY, ("sec-websocket-version", "8")]), Err(400));
    }
}
