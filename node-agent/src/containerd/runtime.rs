//! What the agent asks of a container runtime.

use std::path::PathBuf;

use async_trait::async_trait;
use bytes::Bytes;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;
use xebec_node_plan::process::{ImageConfig, Process};
use xebec_node_plan::resources::Limits;
use xebec_node_plan::security::Security;

use crate::images::ImageArchive;

/// An operation of the runtime failed.
#[derive(Debug, thiserror::Error)]
pub enum RuntimeError {
    /// The runtime does not answer; it is started again, or somebody has to start it.
    #[error("cannot {operation}: containerd does not answer")]
    Unavailable {
        /// What was attempted.
        operation: &'static str,
        /// Why not.
        #[source]
        source: Box<tonic::Status>,
    },
    /// There is no such thing.
    #[error("cannot {operation} {object}: it does not exist")]
    NotFound {
        /// What was attempted.
        operation: &'static str,
        /// On what.
        object: String,
    },
    /// It took too long.
    #[error("cannot {operation} {object} in time")]
    Timeout {
        /// What was attempted.
        operation: &'static str,
        /// On what.
        object: String,
    },
    /// The runtime refused.
    #[error("cannot {operation} {object}: {}", .source.message())]
    Refused {
        /// What was attempted.
        operation: &'static str,
        /// On what.
        object: String,
        /// What it said.
        #[source]
        source: Box<tonic::Status>,
    },
    /// The container asks for something that cannot be given.
    #[error("{0}")]
    Invalid(String),
    /// A file of the container could not be used.
    #[error("cannot {operation} {path}")]
    Io {
        /// What was attempted.
        operation: &'static str,
        /// On which file.
        path: PathBuf,
        /// Why not.
        #[source]
        source: std::io::Error,
    },
}

impl RuntimeError {
    /// Whether the object was not there, which is as good as done for a deletion.
    pub fn is_not_found(&self) -> bool {
        matches!(self, RuntimeError::NotFound { .. })
    }

    /// Whether asking again may help because the runtime itself was away.
    pub fn is_transient(&self) -> bool {
        matches!(self, RuntimeError::Unavailable { .. } | RuntimeError::Timeout { .. })
    }
}

/// An image that is present and unpacked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Image {
    /// Its full name.
    pub name: String,
    /// Its identifier: the digest of its configuration.
    pub id: String,
    /// How to run it.
    pub config: ImageConfig,
    /// The name of the snapshot of its top layer.
    pub chain_id: String,
}

/// Whose container it is; kept with the container, so that another agent process recognises it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Owner {
    /// The pod's uid.
    pub pod_uid: String,
    /// The container's name.
    pub container: String,
    /// Which instance it is.
    pub attempt: u32,
}

/// A container to be made.
#[derive(Clone, Debug)]
pub struct ContainerSpec {
    /// Its identifier.
    pub id: String,
    /// Whose it is.
    pub owner: Owner,
    /// Its image.
    pub image: Image,
    /// What it runs.
    pub process: Process,
    /// As whom.
    pub user: UserWish,
    /// What it may do.
    pub security: Security,
    /// What it may use.
    pub limits: Limits,
    /// How readily the kernel kills it.
    pub oom_score_adj: i32,
    /// The pod's namespaces.
    pub namespaces: NamespacePaths,
    /// Its host name; absent if it shares the node's.
    pub hostname: Option<String>,
    /// Its cgroup, from the root of the hierarchies.
    pub cgroup: String,
    /// Files and directories of the node that it sees.
    pub mounts: Vec<Mount>,
    /// Whether it gets a terminal.
    pub terminal: bool,
    /// FIFO of its standard input; absent if it reads nothing.
    pub stdin: Option<PathBuf>,
    /// FIFO of its standard output.
    pub stdout: PathBuf,
    /// FIFO of its standard error; unused with a terminal.
    pub stderr: PathBuf,
}

/// As whom a process is to run: numbers from the spec win over the image's words.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UserWish {
    /// The image's `user`, `uid`, `user:group` or `uid:gid`; empty: root.
    pub of_image: String,
    /// The spec's user.
    pub uid: Option<u32>,
    /// The spec's group.
    pub gid: Option<u32>,
    /// Groups besides.
    pub additional: Vec<u32>,
    /// Refuse root.
    pub non_root: bool,
}

/// Pinned namespaces; what is absent is the node's own.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NamespacePaths {
    /// Network.
    pub net: Option<PathBuf>,
    /// Inter-process communication.
    pub ipc: Option<PathBuf>,
    /// Host name.
    pub uts: Option<PathBuf>,
    /// Whether the container sees the node's processes.
    pub host_pid: bool,
}

/// A bind mount.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mount {
    /// On the node.
    pub source: PathBuf,
    /// In the container.
    pub destination: String,
    /// Whether it may be written.
    pub read_only: bool,
    /// `private`, `rslave` or `rshared`.
    pub propagation: &'static str,
}

/// A container that exists.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContainerInfo {
    /// Its identifier.
    pub id: String,
    /// Whose it is; absent if it is not one of ours.
    pub owner: Option<Owner>,
    /// Whether it runs.
    pub state: TaskState,
}

/// Whether a container runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TaskState {
    /// It was never started, or the machine was.
    None,
    /// Made, not started.
    Created,
    /// Its first process runs.
    Running {
        /// Its number.
        pid: u32,
    },
    /// Its first process has ended.
    Stopped,
}

/// How a process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TaskEnd {
    /// Its exit code.
    pub code: i32,
    /// When.
    pub at: Timestamp,
}

/// A command to be run in a container.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ExecSpec {
    /// Program and arguments.
    pub command: Vec<String>,
    /// Whether it reads.
    pub stdin: bool,
    /// Whether it gets a terminal.
    pub tty: bool,
}

/// What a running command is sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ExecInput {
    /// For its standard input.
    Stdin(Bytes),
    /// Nothing more will come.
    StdinClosed,
    /// The terminal's new size.
    Resize {
        /// Columns.
        width: u32,
        /// Rows.
        height: u32,
    },
}

/// What a running command gives. The exit code comes last.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ExecOutput {
    /// From its standard output.
    Stdout(Bytes),
    /// From its standard error.
    Stderr(Bytes),
    /// It has ended.
    Exited(i32),
}

/// A running command. Both queues are bounded: a full one holds its writer up. Dropping `output` kills the command.
#[derive(Debug)]
pub struct ExecSession {
    /// Towards the command.
    pub input: mpsc::Sender<ExecInput>,
    /// From the command.
    pub output: mpsc::Receiver<ExecOutput>,
}

/// A container runtime. Every call has a deadline of its own, except [`Runtime::wait`].
#[async_trait]
pub trait Runtime: Send + Sync {
    /// Name and version, such as `containerd://1.6.20`; fails if it does not answer.
    async fn version(&self) -> Result<String, RuntimeError>;

    /// An image that is present and unpacked, by its full name.
    async fn image(&self, name: &str) -> Result<Option<Image>, RuntimeError>;

    /// Full names and sizes in bytes of all images present.
    async fn images(&self) -> Result<Vec<(String, u64)>, RuntimeError>;

    /// Stores and unpacks the images of an archive; gives their full names.
    async fn import(&self, archive: &ImageArchive) -> Result<Vec<String>, RuntimeError>;

    /// Makes a container, and its first process ready to start; gives that process's number.
    async fn create(&self, spec: &ContainerSpec) -> Result<u32, RuntimeError>;

    /// Starts the first process.
    async fn start(&self, id: &str) -> Result<(), RuntimeError>;

    /// Waits until the first process has ended.
    async fn wait(&self, id: &str) -> Result<TaskEnd, RuntimeError>;

    /// Sends a signal to the first process.
    async fn kill(&self, id: &str, signal: u32) -> Result<(), RuntimeError>;

    /// Kills what still runs of it, and deletes it with all it had. Nothing there is success.
    async fn delete(&self, id: &str) -> Result<(), RuntimeError>;

    /// All containers.
    async fn list(&self) -> Result<Vec<ContainerInfo>, RuntimeError>;

    /// Runs a command in a container.
    async fn exec(&self, id: &str, spec: &ExecSpec) -> Result<ExecSession, RuntimeError>;

    /// Closes the standard input of the first process.
    async fn close_input(&self, id: &str) -> Result<(), RuntimeError>;

    /// Gives the first process's terminal another size.
    async fn resize(&self, id: &str, width: u32, height: u32) -> Result<(), RuntimeError>;
}
