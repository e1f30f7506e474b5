//! One master, assembled: store, cache, registry, listeners, leader's work.

pub mod config;

pub use config::{Join, ServerConfig};
