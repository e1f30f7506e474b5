//! What can be typed. Every command's help is written here, and nothing is decided here.

mod cluster;
mod daemon;
mod objects;
mod span;

pub(crate) use cluster::{ClusterCommand, RestoreArguments, RoleName, SnapshotCommand, StatusArguments, TokenCommand};
pub(crate) use daemon::{AgentArguments, DevArguments, ServerArguments};
pub(crate) use objects::{
    ApplyArguments, CreateArguments, DeleteArguments, DescribeArguments, EventsArguments, ExecArguments, Filter,
    GetArguments, LogsArguments, Output, PortForwardArguments, PortPair, ScaleArguments, TopArguments, TopWhat,
};
pub(crate) use span::Span;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

/// A Kubernetes-style cluster in one binary: three masters, one token, no etcd.
///
/// A first cluster on this machine: `xebec dev`. A real one: `xebec server --cluster-init` on the first master; it prints how
/// the others join.
#[derive(Debug, Parser)]
#[command(name = "xebec", version, propagate_version = true, max_term_width = 100, disable_help_subcommand = true)]
pub(crate) struct Arguments {
    #[command(flatten)]
    pub(crate) connection: Connection,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Which cluster, as whom, in which namespace.
#[derive(Clone, Debug, Args)]
pub(crate) struct Connection {
    /// Kubeconfig file [default: $KUBECONFIG, else /etc/xebec/admin.kubeconfig, else ~/.kube/config]
    #[arg(long, global = true, value_name = "FILE", help_heading = "Connection")]
    pub(crate) kubeconfig: Option<PathBuf>,
    /// Context of the kubeconfig [default: its current-context]
    #[arg(long, global = true, value_name = "NAME", help_heading = "Connection")]
    pub(crate) context: Option<String>,
    /// Namespace [default: the context's, else "default"]
    #[arg(short, long, global = true, value_name = "NAME", help_heading = "Connection")]
    pub(crate) namespace: Option<String>,
    /// How long one request may take
    #[arg(long, global = true, value_name = "TIME", default_value = "30s", help_heading = "Connection")]
    pub(crate) request_timeout: Span,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run a master
    Server(ServerArguments),
    /// Run a node agent
    Agent(AgentArguments),
    /// Run a whole cluster in this process: one master, one node, for trying things out
    Dev(DevArguments),
    /// Create, list and delete join tokens; revoke bootstrap tokens
    #[command(subcommand)]
    Token(TokenCommand),
    /// Look at the masters, and change who they are
    #[command(subcommand)]
    Cluster(ClusterCommand),
    /// Save the state, look into a saved one, restore it
    #[command(subcommand)]
    Snapshot(SnapshotCommand),
    /// Show objects: `get pods`, `get pod/web-1 svc/web`, `get nodes -o wide`
    Get(GetArguments),
    /// Show one object or several in full, with their events
    Describe(DescribeArguments),
    /// Make the cluster's objects be as the files say: create what is missing, change what differs
    Apply(ApplyArguments),
    /// Create objects from files; those that exist already are an error
    Create(CreateArguments),
    /// Delete objects by name, by label or by file
    Delete(DeleteArguments),
    /// Set how many replicas something has
    Scale(ScaleArguments),
    /// Print what a container has written
    Logs(LogsArguments),
    /// Run a command in a container
    Exec(ExecArguments),
    /// Reach ports of a pod on this machine's loopback, until interrupted
    PortForward(PortForwardArguments),
    /// Show what nodes or pods use now
    Top(TopArguments),
    /// Show what happened, the newest last
    Events(EventsArguments),
    /// Print a completion script for a shell
    Completion(CompletionArguments),
    /// Print this program's version, and the cluster's
    Version(VersionArguments),
}

/// Of `completion`.
#[derive(Debug, Args)]
pub(crate) struct CompletionArguments {
    /// `source <(xebec completion bash)` uses it at once
    pub(crate) shell: clap_complete::Shell,
}

/// Of `version`.
#[derive(Debug, Args)]
pub(crate) struct VersionArguments {
    /// Do not ask the cluster
    #[arg(long)]
    pub(crate) client: bool,
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn no_flag_is_defined_twice() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn the_namespace_may_stand_before_or_after_the_verb() {
        for line in [["xebec", "-n", "shop", "get", "pods"], ["xebec", "get", "pods", "-n", "shop"]] {
            let parsed = Arguments::try_parse_from(line).expect("a valid line");
            assert_eq!(parsed.connection.namespace.as_deref(), Some("shop"));
        }
    }

    #[test]
    fn ports_are_paired() {
        for (word, local, remote) in [("80", 80, 80), ("8080:80", 8080, 80), (":80", 0, 80), ("0:80", 0, 80)] {
            assert_eq!(word.parse(), Ok(PortPair { local, remote }), "{word}");
        }
        for word in ["", ":", "80:", "0", "1:0", "x", "1:2:3", "65536"] {
            assert!(word.parse::<PortPair>().is_err(), "{word}");
        }
    }
}
