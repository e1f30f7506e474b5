//! `xebec token …`, `xebec cluster …` and `xebec snapshot …`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use super::{Output, Span};

/// `xebec token …`
#[derive(Debug, Subcommand)]
pub(crate) enum TokenCommand {
    /// Make a token and print it; it is shown this once
    Create {
        /// What the joiner will be
        #[arg(long, value_enum)]
        role: RoleName,
        /// How long it may be used
        #[arg(long, default_value = "24h", value_name = "TIME")]
        ttl: Span,
        /// A note for the list
        #[arg(long, default_value = "")]
        description: String,
    },
    /// Show the tokens, without their secrets
    List(StatusArguments),
    /// Make a token worthless
    Delete {
        /// The part between `::` and the dot
        id: String,
    },
    /// Make a bootstrap token worthless: who shows it to the API is nobody from then on
    Revoke {
        /// The part before the dot
        id: String,
    },
}

/// What a joiner will be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum RoleName {
    /// A master
    Server,
    /// A worker
    Agent,
}

/// `xebec cluster …`
#[derive(Debug, Subcommand)]
pub(crate) enum ClusterCommand {
    /// Members, leader, term, revision and lag
    Status(StatusArguments),
    /// The members and their addresses
    Members(StatusArguments),
    /// Compare the states of all masters at one point of the log; fails if one differs
    HashCheck(StatusArguments),
    /// Hand leadership to another master
    TransferLeader {
        /// Name or id [default: whoever has most of the log]
        #[arg(default_value = "", hide_default_value = true)]
        to: String,
    },
    /// Remove a master for good; it stops serving, and comes back only by joining anew
    RemoveMember {
        /// Name or id
        member: String,
    },
    /// Make a cluster of one from this machine's stopped master, when a majority of the masters is lost for good
    ///
    /// Everything that this master knows is kept. What only the lost masters had acknowledged is lost. If the others come back,
    /// they join the new cluster by themselves; they must not run while this command does.
    Recover {
        /// The data directory of the stopped master
        #[arg(long, env = "XEBEC_DATA_DIR", value_name = "DIR", default_value = "/var/lib/xebec/server")]
        data_dir: PathBuf,
    },
}

/// `xebec snapshot …`
#[derive(Debug, Subcommand)]
pub(crate) enum SnapshotCommand {
    /// Save the cluster's whole state into a file; it holds all Secrets
    Save {
        /// Where to; must not exist
        file: PathBuf,
    },
    /// Check a file and show what is in it
    Inspect {
        /// The file
        file: PathBuf,
        /// How to show it
        #[arg(short, long, value_enum, default_value = "table")]
        output: Output,
    },
    /// Make a cluster of one from a file, in the data directory of a stopped or new master
    Restore(RestoreArguments),
}

/// Of `snapshot restore`.
#[derive(Debug, Args)]
pub(crate) struct RestoreArguments {
    /// The file
    pub(crate) file: PathBuf,
    /// The data directory of the master; a store in it is kept as `store.old`
    #[arg(long, env = "XEBEC_DATA_DIR", value_name = "DIR", default_value = "/var/lib/xebec/server")]
    pub(crate) data_dir: PathBuf,
    /// Directory with the cluster's authorities, `pki` in any old master's data directory [default: this one's own]
    #[arg(long, value_name = "DIR")]
    pub(crate) pki: Option<PathBuf>,
    /// Name of the master, if the data directory is new [default: the host's name]
    #[arg(long)]
    pub(crate) name: Option<String>,
    /// Where others reach it, if the data directory is new [default: the address of the default route]
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) advertise_address: Option<String>,
    /// Where the API will be served, if the data directory is new [default: 0.0.0.0:6443]
    #[arg(long, value_name = "ADDRESS:PORT")]
    pub(crate) listen: Option<String>,
    /// Where Raft will be served, if the data directory is new [default: 0.0.0.0:6444]
    #[arg(long, value_name = "ADDRESS:PORT")]
    pub(crate) peer_listen: Option<String>,
    /// Addresses of pods, if the data directory is new; as they were [default: 10.42.0.0/16]
    #[arg(long, value_name = "CIDR")]
    pub(crate) cluster_cidr: Option<String>,
    /// Addresses of services, if the data directory is new; as they were [default: 10.43.0.0/16]
    #[arg(long, value_name = "CIDR")]
    pub(crate) service_cidr: Option<String>,
}

/// How to show it.
#[derive(Debug, Args)]
pub(crate) struct StatusArguments {
    /// How to show it
    #[arg(short, long, value_enum, default_value = "table")]
    pub(crate) output: Output,
}
