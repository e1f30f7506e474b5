//! The gRPC face of the registry.
