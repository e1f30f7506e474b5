//! The masters: registry, REST, gRPC, identity, bootstrap, and the driver of scheduler and controllers.

pub mod admission;
pub mod aggregation;
pub mod audit;
pub mod authn;
pub mod authz;
pub mod bootstrap;
pub mod cache;
pub mod cluster;
pub mod conversion;
pub mod fairness;
pub mod grpc;
pub mod metrics;
pub mod nodes;
pub mod outbound;
pub mod pki;
pub mod registry;
pub mod request_info;
pub mod rest;
pub mod runtime;
pub mod server;
pub mod webhooks;
