//! Between peers: who is called how, and who answers.
//!
//! All calls carry the cluster and both members' ids: a member with a foreign or exchanged disk is refused. All have
//! deadlines. What openraft sends goes through `raft/network.rs`.

mod forward;
mod listener;
mod peers;
mod server;

pub(crate) use forward::{Forwarder, Lost};
pub(crate) use listener::{TlsListener, listen};
pub(crate) use peers::{Lane, Peers, TlsNetwork};
pub(crate) use server::PeerService;
