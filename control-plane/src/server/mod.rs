//! One master, assembled: store, cache, registry, listeners, leader's work.

pub mod config;
pub mod error;
pub mod gate;
pub mod in_flight;
pub mod listener;
pub mod master_file;

pub use config::{Join, ServerConfig};
pub use error::ServerError;
