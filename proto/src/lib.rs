//! The gRPC services, their generated code, and what everybody needs to speak them.
//!
//! Masters, node agents and the CLI all dial with [`dial`], carry errors with [`status`], read certificates with [`tls`], and
//! join with [`join`]. tonic's types stop in this crate and at the faces that serve it.

pub mod dial;
pub mod endpoint;
pub mod join;
pub mod status;
pub mod tls;
pub mod token;
pub mod validity;

/// Everything that clients and node agents speak.
pub mod v1 {
    #![allow(
        missing_docs,
        clippy::all,
        clippy::too_many_lines,
        reason = "generated; the .proto files carry the documentation"
    )]
    tonic::include_proto!("xebec.v1");
}

/// Between masters.
pub mod peer {
    #![allow(
        missing_docs,
        clippy::all,
        clippy::too_many_lines,
        reason = "generated; the .proto files carry the documentation"
    )]
    tonic::include_proto!("xebec.peer.v1");
}
