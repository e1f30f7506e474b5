//! The only place that knows containerd's types.
//!
//! [`Runtime`] is what the rest of the agent asks of a container runtime; [`Containerd`] asks containerd's native API for
//! it (no CRI, no CNI: half the time and CPU per pod). [`Supervisor`] runs a containerd of the agent's own.

mod client;
mod containers;
mod exec;
mod fifo;
mod images;
mod options;
mod runtime;
mod spec;
mod supervisor;
mod tasks;
mod users;

#[cfg(test)]
pub mod fake;

pub use client::{Containerd, Settings};
pub use fifo::{Fifo, make_fifo, open_sender};
pub use runtime::{
    ContainerInfo, ContainerSpec, ExecInput, ExecOutput, ExecSession, ExecSpec, Image, Mount, NamespacePaths, Owner,
    Runtime, RuntimeError, TaskEnd, TaskState, UserWish,
};
pub use supervisor::{Supervisor, SupervisorError};
