//! Why a master does not start.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

use xebec_proto::join::JoinError;
use xebec_proto::tls::TlsError;
use xebec_store::StoreError;

use crate::authn::jwt::KeyError;
use crate::bootstrap::tokens::TokensError;
use crate::pki::PkiError;

/// A master could not be started.
#[derive(Debug, thiserror::Error)]
pub enum ServerError {
    /// The data directory is empty, and nothing says which cluster to be in.
    #[error("{} holds no cluster: start a new one with --cluster-init, or join one with --server and --token", path.display())]
    NoCluster {
        /// The data directory.
        path: PathBuf,
    },
    /// A new cluster and one to join, both.
    #[error("--cluster-init starts a new cluster, --server joins one: give one of both")]
    Ambiguous,
    /// The name cannot be in certificates and addresses.
    #[error(
        "{name:?} cannot be the name of a master: it must be a DNS name of lower-case letters, digits, `-` and `.`"
    )]
    Name {
        /// As it was given.
        name: String,
    },
    /// The addresses for pods or services cannot be used.
    #[error("{what} {cidr} cannot be used: {reason}")]
    Network {
        /// `cluster CIDR` or `service CIDR`.
        what: &'static str,
        /// As it was given.
        cidr: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// Others would be told an address that nobody can dial.
    #[error(
        "{address:?} cannot be dialled by the other masters: give --advertise-address an IP address or DNS name of this machine"
    )]
    Advertise {
        /// As it was given.
        address: String,
    },
    /// Nothing may happen that is not recorded, if it is to be.
    #[error("cannot keep audit records; --audit-log-path says where, `none` does without")]
    Audit {
        /// As the system said it.
        #[source]
        source: io::Error,
    },
    /// A port could not be opened.
    #[error("cannot listen on {address}")]
    Listen {
        /// Where.
        address: SocketAddr,
        /// As the system said it.
        #[source]
        source: io::Error,
    },
    /// What an earlier start has left is damaged.
    #[error("{} cannot be read", path.display())]
    MasterFile {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        #[source]
        source: serde_json::Error,
    },
    /// Certificates or their files.
    #[error(transparent)]
    Pki(#[from] PkiError),
    /// The key that tokens of service accounts are signed with.
    #[error("pki/service-account.key cannot be used")]
    ServiceAccountKey(#[from] KeyError),
    /// TLS could not be set up.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The token or the cluster's address led nowhere.
    #[error("cannot join the cluster")]
    Join(#[from] JoinError),
    /// The cluster gave certificates, and then did not take this master as a member.
    #[error("the cluster did not take this master as a member: {}", status.message())]
    AddMember {
        /// Its answer.
        status: Box<tonic::Status>,
    },
    /// It was removed.
    #[error(
        "this master was removed from its cluster and does not serve any more; to join again, make a token on another \
         master (`xebec token create --role server`) and start with --server and --token, or empty {}",
        path.display()
    )]
    Removed {
        /// The data directory.
        path: PathBuf,
    },
    /// A member without its memory.
    #[error(
        "{} has lost what this master has acknowledged as a member, so it must not vote under its old id; on another \
         master, remove it (`xebec cluster remove-member {name}`) and make a token (`xebec token create --role server`), \
         then empty {} and join",
        store.display(), data_dir.display()
    )]
    Emptied {
        /// The store's directory.
        store: PathBuf,
        /// The data directory.
        data_dir: PathBuf,
        /// This master's name.
        name: String,
    },
    /// A file or directory could not be moved.
    #[error("cannot move {} aside", path.display())]
    Move {
        /// Which.
        path: PathBuf,
        /// As the system said it.
        #[source]
        source: io::Error,
    },
    /// The store.
    #[error("the store cannot {operation}")]
    Store {
        /// What it was to do.
        operation: &'static str,
        /// Its answer.
        #[source]
        source: StoreError,
    },
    /// The first join tokens.
    #[error("cannot make the first join tokens")]
    Tokens(#[from] TokensError),
    /// A new cluster's first master leads it within a second, or something is wrong.
    #[error("the new cluster has no leader and no first objects after {seconds} s")]
    NoLeader {
        /// How long was waited.
        seconds: u64,
    },
}
