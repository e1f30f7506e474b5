//! What a node should do next.

pub mod ipam;
pub mod link;
pub mod nft;
pub mod routes;
pub mod service_env;
