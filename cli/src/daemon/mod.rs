//! The long-running commands: settings in, a running master or agent, an orderly end on SIGTERM or Ctrl-C.

pub(crate) mod agent;
pub(crate) mod dev;
pub(crate) mod host;
mod log;
pub(crate) mod server;
mod signals;
