//! Streams between a client and a pod: exec, attach, port-forward.
//!
//! A request becomes a stream by an upgrade of its HTTP/1.1 connection. Everything that can be refused is refused before the
//! upgrade, with a status code; the node's stream is open by then. Afterwards one task carries the session, speaking what the
//! client chose, and the session ends with its client, its node or its silence.
//!
//! ```text
//!                    ┌ v5, v4 channels ─ websocket ──────────────┐
//! client ─ upgrade ──┤                                           ├─ exec, port_forward ─ NodeStream ─ node
//!                    └ SPDY/3.1 ─ spdy ─ (raw, or in a WebSocket)┘
//! ```

mod channels;
mod exec;
mod exec_spdy;
mod exec_websocket;
mod outcome;
mod port_forward;
mod port_forward_spdy;
mod port_forward_websocket;
mod spdy;
mod upgrade;
mod vital;
mod websocket;

#[cfg(test)]
mod tests;

use axum::response::Response;
use http::Method;
use tokio::sync::Semaphore;
use xebec_api::{Status, Subresource};
use xebec_proto::v1::{OpenStream, open_stream};

use super::Call;
use crate::registry::Target;
use upgrade::{Door, Handshake};

/// Sessions of this process at once; each holds buffers of a few hundred KiB. One more is refused with 429.
pub(super) static SESSIONS: Semaphore = Semaphore::const_new(256);

/// Whether the subresource is a stream that needs an upgrade.
pub(super) fn carries(subresource: Subresource) -> bool {
    matches!(subresource, Subresource::Exec | Subresource::Attach | Subresource::PortForward)
}

/// Serves one of the streams.
pub(super) async fn serve(mut call: Call, target: Target) -> Result<Response, Status> {
    if !matches!(call.method, Method::GET | Method::POST) {
        return Err(Status::method_not_supported(target.kind, call.method.as_str()));
    }
    // A stream does things, whatever its method: who may only read must not open one with a GET.
    if call.method == Method::GET {
        call.state.registry.authorize(&call.cx, "get", &target)?;
    }
    call.state.registry.authorize(&call.cx, "create", &target)?;
    let handshake = Handshake::read(&call.method, &call.headers)?;
    let upgrade = call.upgrade.take().ok_or_else(Handshake::missing)?;
    let slot = SESSIONS.try_acquire().map_err(|_| Status::too_many_requests("too many streams are open", 1))?;
    let door = Door { handshake, upgrade, slot };
    match target.subresource {
        Some(Subresource::PortForward) => port_forward::serve(call, target, door).await,
        _ => exec::serve(call, target, door).await,
    }
}

/// What a node is asked for.
fn message(target: &Target, pod_uid: String, container: String, kind: open_stream::Kind) -> OpenStream {
    OpenStream {
        stream_id: String::new(),
        namespace: target.namespace.clone().unwrap_or_default(),
        pod: target.name.clone(),
        pod_uid,
        container,
        kind: Some(kind),
    }
}
