//! The gRPC service about the cluster itself: members, status, tokens.
