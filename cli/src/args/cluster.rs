//! `xebec token …` and `xebec cluster …`.

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
}

/// How to show it.
#[derive(Debug, Args)]
pub(crate) struct StatusArguments {
    /// How to show it
    #[arg(short, long, value_enum, default_value = "table")]
    pub(crate) output: Output,
}
