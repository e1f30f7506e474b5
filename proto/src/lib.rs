//! The gRPC services, their generated code, and how to dial them.

/// Everything that clients and node agents speak.
pub mod v1 {
    #![allow(missing_docs, clippy::all, reason = "generated; the .proto files carry the documentation")]
    tonic::include_proto!("xebec.v1");
}

/// Between masters.
pub mod peer {
    #![allow(missing_docs, clippy::all, reason = "generated; the .proto files carry the documentation")]
    tonic::include_proto!("xebec.peer.v1");
}
