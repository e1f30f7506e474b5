//! The verbs on objects.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::Span;

/// How objects are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Output {
    /// Columns
    Table,
    /// More columns
    Wide,
    /// JSON
    Json,
    /// YAML
    Yaml,
    /// `kind/name`, one a line
    Name,
}

/// Which objects of a kind.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct Filter {
    /// Only those with these labels: `app=till,tier!=db,env in (a,b)`
    #[arg(short = 'l', long, value_name = "LABELS")]
    pub(crate) selector: Option<String>,
    /// Only those with these fields: `status.phase=Running`
    #[arg(long, value_name = "FIELDS")]
    pub(crate) field_selector: Option<String>,
    /// In all namespaces
    #[arg(short = 'A', long)]
    pub(crate) all_namespaces: bool,
}

/// Of `get`.
#[derive(Debug, Args)]
pub(crate) struct GetArguments {
    /// `pods`, `pods,services`, `pod NAME...`, `pod/NAME svc/NAME`, `all`
    #[arg(required = true, value_name = "KIND[/NAME]")]
    pub(crate) what: Vec<String>,
    #[command(flatten)]
    pub(crate) filter: Filter,
    /// How to show them
    #[arg(short, long, value_enum, default_value = "table")]
    pub(crate) output: Output,
    /// Then stay and show every change
    #[arg(short, long)]
    pub(crate) watch: bool,
    /// Read what the master has that answers, without asking the others: may be old, and works without a majority of masters
    #[arg(long)]
    pub(crate) stale: bool,
    /// With a column of labels
    #[arg(long)]
    pub(crate) show_labels: bool,
    /// JSON and YAML with who owns which field
    #[arg(long)]
    pub(crate) show_managed_fields: bool,
    /// Without the line of column names
    #[arg(long)]
    pub(crate) no_headers: bool,
}

/// Of `describe`.
#[derive(Debug, Args)]
pub(crate) struct DescribeArguments {
    /// `pod NAME`, `pod/NAME`, `nodes`
    #[arg(required = true, value_name = "KIND[/NAME]")]
    pub(crate) what: Vec<String>,
    #[command(flatten)]
    pub(crate) filter: Filter,
}

/// Of `apply`.
#[derive(Debug, Args)]
pub(crate) struct ApplyArguments {
    /// A file, a directory of .yaml, .yml and .json files, or `-` for standard input
    #[arg(short, long = "filename", required = true, value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
    /// Let the cluster check everything and store nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Let the cluster merge, and keep who owns which field; `=false` merges here, as `kubectl apply` does
    #[arg(long, value_name = "BOOL", default_value_t = true, default_missing_value = "true", num_args = 0..=1, require_equals = true, action = clap::ArgAction::Set)]
    pub(crate) server_side: bool,
    /// In whose name fields are owned
    #[arg(long, value_name = "NAME", default_value = "xebec")]
    pub(crate) field_manager: String,
    /// Take over fields that others own
    #[arg(long)]
    pub(crate) force_conflicts: bool,
}

/// Of `create`.
#[derive(Debug, Args)]
pub(crate) struct CreateArguments {
    /// A file, a directory of .yaml, .yml and .json files, or `-` for standard input
    #[arg(short, long = "filename", required = true, value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
    /// Let the cluster check everything and store nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
}

/// Of `delete`.
#[derive(Debug, Args)]
pub(crate) struct DeleteArguments {
    /// `pod NAME...`, `pod/NAME svc/NAME`, or a kind with -l or --all
    #[arg(required_unless_present = "files", value_name = "KIND[/NAME]")]
    pub(crate) what: Vec<String>,
    /// What these files name
    #[arg(short, long = "filename", value_name = "FILE", conflicts_with = "what")]
    pub(crate) files: Vec<PathBuf>,
    #[command(flatten)]
    pub(crate) filter: Filter,
    /// All objects of the kind
    #[arg(long)]
    pub(crate) all: bool,
    /// Seconds a pod gets to end [default: what the pod says]
    #[arg(long, value_name = "SECONDS")]
    pub(crate) grace_period: Option<i64>,
    /// Forget pods at once, whether their node answers or not
    #[arg(long, conflicts_with = "grace_period")]
    pub(crate) force: bool,
    /// Do not wait until they are gone
    #[arg(long)]
    pub(crate) no_wait: bool,
    /// How long to wait until they are gone
    #[arg(long, value_name = "TIME", default_value = "2m")]
    pub(crate) timeout: Span,
}

/// Of `scale`.
#[derive(Debug, Args)]
pub(crate) struct ScaleArguments {
    /// `deployment NAME` or `deployment/NAME`
    #[arg(required = true, value_name = "KIND[/NAME]")]
    pub(crate) what: Vec<String>,
    /// How many
    #[arg(long)]
    pub(crate) replicas: u32,
}

/// Of `logs`.
#[derive(Debug, Args)]
pub(crate) struct LogsArguments {
    /// The pod: NAME or pod/NAME
    pub(crate) pod: String,
    /// The container [default: the pod's only or first one]
    #[arg(short, long)]
    pub(crate) container: Option<String>,
    /// Stay and print what comes
    #[arg(short, long)]
    pub(crate) follow: bool,
    /// Of the container before its last restart
    #[arg(short, long)]
    pub(crate) previous: bool,
    /// Each line with its time
    #[arg(long)]
    pub(crate) timestamps: bool,
    /// Only the last lines
    #[arg(long, value_name = "LINES")]
    pub(crate) tail: Option<u64>,
    /// Only what is newer than this
    #[arg(long, value_name = "TIME")]
    pub(crate) since: Option<Span>,
}

/// Of `exec`.
#[derive(Debug, Args)]
pub(crate) struct ExecArguments {
    /// The pod: NAME or pod/NAME
    pub(crate) pod: String,
    /// The container [default: the pod's only or first one]
    #[arg(short, long)]
    pub(crate) container: Option<String>,
    /// Pass standard input on
    #[arg(short = 'i', long)]
    pub(crate) stdin: bool,
    /// With a terminal
    #[arg(short = 't', long)]
    pub(crate) tty: bool,
    /// The command and its arguments
    #[arg(last = true, required = true, value_name = "COMMAND")]
    pub(crate) command: Vec<String>,
}

/// Of `port-forward`.
#[derive(Debug, Args)]
pub(crate) struct PortForwardArguments {
    /// The pod: NAME or pod/NAME
    pub(crate) pod: String,
    /// Ports: PORT, LOCAL:PORT, or :PORT for any local one
    #[arg(required = true, value_name = "[LOCAL:]PORT")]
    pub(crate) ports: Vec<PortPair>,
}

/// A local port, 0 for any, and the pod's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PortPair {
    pub(crate) local: u16,
    pub(crate) remote: u16,
}

impl std::str::FromStr for PortPair {
    type Err = String;

    fn from_str(word: &str) -> Result<PortPair, String> {
        let (local, remote) = word.split_once(':').unwrap_or((word, word));
        let local = if local.is_empty() { Ok(0) } else { local.parse() };
        match (local, remote.parse()) {
            (Ok(local), Ok(remote @ 1..)) => Ok(PortPair { local, remote }),
            _ => Err(format!("{word} is no pair of ports such as 8080:80")),
        }
    }
}

/// Of `top`.
#[derive(Debug, Args)]
pub(crate) struct TopArguments {
    /// Of what
    #[arg(value_enum)]
    pub(crate) what: TopWhat,
    /// Pods of all namespaces
    #[arg(short = 'A', long)]
    pub(crate) all_namespaces: bool,
}

/// What `top` shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum TopWhat {
    /// Nodes
    #[value(alias = "node", alias = "no")]
    Nodes,
    /// Pods
    #[value(alias = "pod", alias = "po")]
    Pods,
}

/// Of `events`.
#[derive(Debug, Args)]
pub(crate) struct EventsArguments {
    /// Only those about this object: `pod/NAME`
    #[arg(long = "for", value_name = "KIND/NAME")]
    pub(crate) object: Option<String>,
    /// In all namespaces
    #[arg(short = 'A', long)]
    pub(crate) all_namespaces: bool,
    /// Then stay and show what happens
    #[arg(short, long)]
    pub(crate) watch: bool,
}
