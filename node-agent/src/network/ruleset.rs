//! Gives the kernel its service rules.

use std::process::{Output, Stdio};
use std::time::Duration;

use async_trait::async_trait;
use tokio::io::AsyncWriteExt;
use tokio::process::Command;
use xebec_node_plan::nft::{TABLE, Transaction};

use super::NetworkError;

/// Ten thousand services load in less than a second; a machine that is short of everything gets much more.
const DEADLINE: Duration = Duration::from_secs(30);
/// How much of nft's complaint is kept.
const MESSAGE: usize = 1024;

/// Who writes the rules. Each call takes effect as a whole or not at all.
#[async_trait]
pub trait RulesetWriter: Send + Sync {
    /// Whether the table is there, from an earlier life of the agent.
    async fn exists(&self) -> Result<bool, NetworkError>;
    /// Replaces the table by what this script makes.
    async fn replace(&self, script: &str) -> Result<(), NetworkError>;
    /// Changes the table.
    async fn change(&self, transaction: &Transaction) -> Result<(), NetworkError>;
}

/// Writes with the `nft` command, in the namespace of the thread that calls.
#[derive(Debug, Clone, Copy, Default)]
pub struct NftCommand;

#[async_trait]
impl RulesetWriter for NftCommand {
    async fn exists(&self) -> Result<bool, NetworkError> {
        let output = run(&["--terse", "list", "table", "ip", TABLE], "").await?;
        Ok(output.status.success())
    }

    async fn replace(&self, script: &str) -> Result<(), NetworkError> {
        load(script).await
    }

    async fn change(&self, transaction: &Transaction) -> Result<(), NetworkError> {
        load(&transaction.script()).await
    }
}

async fn load(script: &str) -> Result<(), NetworkError> {
    let output = run(&["-f", "-"], script).await?;
    if output.status.success() {
        return Ok(());
    }
    let message = String::from_utf8_lossy(&output.stderr).chars().take(MESSAGE).collect();
    Err(NetworkError::Nft { message })
}

async fn run(arguments: &[&str], input: &str) -> Result<Output, NetworkError> {
    let work = async {
        let mut child = Command::new("nft")
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        let mut stdin = child.stdin.take().expect("stdin is piped");
        let write = async move { stdin.write_all(input.as_bytes()).await };
        let (written, output) = tokio::join!(write, child.wait_with_output());
        let output = output?;
        // A script that nft refuses early need not have been read to its end.
        written.or_else(|error| if output.status.success() { Err(error) } else { Ok(()) })?;
        Ok(output)
    };
    let finished = tokio::time::timeout(DEADLINE, work).await.map_err(|_| NetworkError::NftTimeout)?;
    finished.map_err(|source| NetworkError::Io { operation: "run", path: "nft".into(), source })
}
