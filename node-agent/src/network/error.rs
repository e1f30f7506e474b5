//! What can go wrong with the node's network.

use std::io;
use std::path::PathBuf;

/// An operation on the node's network failed. Every operation may be repeated.
#[derive(Debug, thiserror::Error)]
pub enum NetworkError {
    /// No pod subnet has been allocated to this node yet, or it is not programmed.
    #[error("the pod network is not ready: no subnet has been allocated to this node yet")]
    NotReady,
    /// Every address of the node's pod subnet is in use.
    #[error("no free address in {subnet}")]
    Exhausted {
        /// The node's pod subnet.
        subnet: String,
    },
    /// A netlink request failed.
    #[error("cannot {operation}")]
    Netlink {
        /// What was attempted, with the object's name.
        operation: String,
        /// The kernel's answer.
        #[source]
        source: Box<rtnetlink::Error>,
    },
    /// A device that should exist does not.
    #[error("no network device {0}")]
    NoDevice(String),
    /// A file, a sysctl or a namespace could not be used.
    #[error("cannot {operation} {path}")]
    Io {
        /// What was attempted.
        operation: &'static str,
        /// On which file.
        path: PathBuf,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// nft refused a transaction; nothing of it was applied.
    #[error("nft refused the rules: {message}")]
    Nft {
        /// What it said.
        message: String,
    },
    /// nft did not finish in time.
    #[error("nft did not finish in time")]
    NftTimeout,
}
