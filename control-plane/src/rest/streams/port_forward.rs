//! port-forward: connections into a pod's network, over whichever protocol the client speaks.

use std::sync::Arc;
use std::time::Duration;

use axum::response::Response;
use bytes::Bytes;
use serde_json::json;
use tokio::time::Instant;
use xebec_api::Status;
use xebec_proto::v1::stream_frame::Frame;
use xebec_proto::v1::{PortForwardStream, StreamFrame, open_stream};

use super::upgrade::{Connection, Door, Handshake};
use super::{message, port_forward_spdy, port_forward_websocket, websocket};
use crate::nodes::{NodeStream, NodeStreams};
use crate::registry::{Access, PodPlace, Target, node_refusal};
use crate::rest::Call;
use crate::rest::query::Query;

/// To ask the node, and for the node to dial back and to connect.
const CONNECT: Duration = Duration::from_secs(15);
/// Ports of one WebSocket: each has two of its 256 channels, and a connection from the first moment on.
const MAX_PORTS: usize = 32;

#[derive(Clone, Copy)]
enum Protocol {
    Spdy,
    Tunnel,
    Channels,
}

// A tunnel carries any number of connections, channels one to each port.
const OVER_WEBSOCKET: &[(&str, Protocol)] =
    &[("SPDY/3.1+portforward.k8s.io", Protocol::Tunnel), ("v4.channel.k8s.io", Protocol::Channels)];
const OVER_SPDY: &[(&str, Protocol)] = &[("portforward.k8s.io", Protocol::Spdy)];

/// The pod whose ports are forwarded.
pub(super) struct Pod {
    target: Target,
    place: PodPlace,
    streams: Arc<dyn NodeStreams>,
}

/// What a connection says.
pub(super) enum Heard {
    Data(Bytes),
    Closed,
    /// It could not be made, or broke; a sentence for people.
    Failed(String),
}

impl Pod {
    /// Asks for a connection to a port.
    pub(super) async fn connect(&self, port: u16) -> Result<NodeStream, Status> {
        let kind = open_stream::Kind::PortForward(PortForwardStream { port: port.into() });
        let open = message(&self.target, self.place.uid.clone(), String::new(), kind);
        self.streams.open(&self.place.node, open, Instant::now() + CONNECT).await
    }

    /// What a frame of a connection means.
    pub(super) fn heard(&self, frame: Option<StreamFrame>) -> Heard {
        match frame.and_then(|frame| frame.frame) {
            Some(Frame::Stdout(bytes)) => Heard::Data(bytes),
            Some(Frame::ErrorJson(json)) => Heard::Failed(node_refusal(&json).message),
            Some(_) => Heard::Closed,
            None => Heard::Failed(format!("the connection to node {} was lost", self.place.node)),
        }
    }
}

/// Serves port-forward.
pub(super) async fn serve(call: Call, target: Target, door: Door) -> Result<Response, Status> {
    let (name, protocol) = door.handshake.choose(match &door.handshake {
        Handshake::WebSocket { .. } => OVER_WEBSOCKET,
        Handshake::Spdy { .. } => OVER_SPDY,
    })?;
    let ports = match protocol {
        Protocol::Channels => ports(&call.query)?,
        Protocol::Spdy | Protocol::Tunnel => Vec::new(),
    };
    let access = Access::Connect("PodPortForwardOptions", json!({"ports": ports}));
    let place = call.state.registry.locate_pod(&call.cx, access, &target).await?;
    let pod = Pod { target, place, streams: call.state.streams.clone() };
    Ok(door.enter(name, move |connection| run(connection, protocol, pod, ports)))
}

async fn run(connection: Connection, protocol: Protocol, pod: Pod, ports: Vec<u16>) {
    match protocol {
        Protocol::Channels => port_forward_websocket::run(connection, &pod, &ports).await,
        Protocol::Spdy => {
            let (reader, writer) = tokio::io::split(connection);
            port_forward_spdy::run(reader, writer, &pod).await;
        }
        Protocol::Tunnel => {
            let (reader, writer) = websocket::tunnel(connection).await;
            port_forward_spdy::run(reader, writer, &pod).await;
        }
    }
}

/// The ports that the query lists, one by one or with commas.
fn ports(query: &Query) -> Result<Vec<u16>, Status> {
    let words = query.all("ports");
    let ports: Option<Vec<u16>> = words.iter().flat_map(|word| word.split(',')).map(port).collect();
    let fits = |ports: &Vec<u16>| (1..=MAX_PORTS).contains(&ports.len());
    let refusal = || Status::bad_request(format!("query parameter \"ports\" must list 1 to {MAX_PORTS} ports"));
    ports.filter(fits).ok_or_else(refusal)
}

/// A port's number.
pub(super) fn port(word: &str) -> Option<u16> {
    word.trim().parse().ok().filter(|port| *port > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_are_listed_in_two_ways() {
        let read = |query: &str| ports(&Query::parse(query).unwrap()).map_err(|status| status.code);
        assert_eq!(read("ports=80&ports=443,8080"), Ok(vec![80, 443, 8080]));
        for bad in ["", "ports=", "ports=0", "ports=65536", "ports=80,x", &"ports=1&".repeat(33)] {
            assert_eq!(read(bad), Err(400), "{bad}");
        }
    }
}
