//! The whole agent, assembled.

use std::path::PathBuf;

use crate::config::{AgentConfig, Layout};
use crate::containerd::{RuntimeError, Supervisor, SupervisorError};

/// The agent cannot start.
#[derive(Debug, thiserror::Error)]
pub enum AgentError {
    /// Its containerd cannot be run.
    #[error("cannot run containerd")]
    Supervisor(#[from] SupervisorError),
    /// containerd does not do what it is asked.
    #[error("cannot use containerd")]
    Runtime(#[from] RuntimeError),
    /// A directory cannot be used.
    #[error("cannot prepare {path}")]
    Prepare {
        /// Which one.
        path: PathBuf,
        /// Why not.
        #[source]
        source: std::io::Error,
    },
}

/// A running node agent.
pub struct Agent {
    supervisor: Option<Supervisor>,
}

impl Agent {
    /// Starts the agent; it has adopted the pods that still run when this returns.
    pub async fn start(config: AgentConfig) -> Result<Agent, AgentError> {
        let layout = Layout::new(&config.data_dir);
        let supervisor = match &config.containerd_address {
            Some(_) => None,
            None => Some(Supervisor::start(&layout.containerd(), &config.containerd_binary).await?),
        };
        Ok(Agent { supervisor })
    }

    /// Ends the agent. Pods go on.
    pub async fn shutdown(self) {
        if let Some(supervisor) = self.supervisor {
            supervisor.shutdown().await;
        }
    }
}
