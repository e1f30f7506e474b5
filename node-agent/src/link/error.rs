//! Why the agent has no place in a cluster.

use std::io;
use std::path::PathBuf;

use xebec_proto::endpoint::EndpointError;
use xebec_proto::join::JoinError;
use xebec_proto::tls::TlsError;
use xebec_proto::token::TokenError;

/// The agent could not become, or be again, a member of a cluster. Once it is one, nothing here fails any more.
#[derive(Debug, thiserror::Error)]
pub enum LinkError {
    /// Nothing in the data directory, and no invitation.
    #[error(
        "this node is not a member of a cluster: give the address of a master (--server) and a join token (--token)"
    )]
    NotInvited,
    /// An address cannot be read.
    #[error(transparent)]
    Server(#[from] EndpointError),
    /// The token cannot be read.
    #[error("the join token cannot be read")]
    Token(#[from] TokenError),
    /// The cluster refuses this node.
    #[error("joining the cluster failed")]
    Join(#[source] Box<JoinError>),
    /// What the cluster told, or what was saved of it, is unusable.
    #[error("the cluster's {what} {value:?} cannot be read")]
    Cluster {
        /// Which part.
        what: &'static str,
        /// What it says.
        value: String,
    },
    /// The certificates that were saved are unusable.
    #[error("the node's certificates in {path} are unusable")]
    Certificates {
        /// Their directory.
        path: PathBuf,
        /// Why.
        #[source]
        source: TlsError,
    },
    /// A file could not be used.
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
}
