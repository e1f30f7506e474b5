//! What a node should do next.
//!
//! Pure functions from what is observed and what is desired to a list of actions. The node agent observes, asks, and acts; it
//! makes no choices of its own. Time, ids and randomness are arguments. Absent on purpose: containers, files, sockets, clocks.

pub mod env;
pub mod field;
pub mod files;
pub mod hosts;
pub mod image;
pub mod ipam;
pub mod link;
pub mod logline;
pub mod moment;
pub mod nft;
pub mod pod;
pub mod probe;
pub mod process;
pub mod references;
pub mod resources;
pub mod restart;
pub mod routes;
pub mod seccomp;
pub mod security;
pub mod service_env;
pub mod tokens;
