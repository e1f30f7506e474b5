//! Commands as probes and hooks: exit code 0 is a success.

use super::ProbeError;
use crate::containerd::{ExecOutput, ExecSpec, Runtime};

/// No more of a command's output is kept for messages.
const LONGEST: usize = 1024;

pub(super) async fn run(runtime: &dyn Runtime, id: &str, command: Vec<String>) -> Result<(), ProbeError> {
    let spec = ExecSpec { command, stdin: false, tty: false };
    let mut session = runtime.exec(id, &spec).await?;
    let mut said = Vec::new();
    let mut code = 255;
    while let Some(output) = session.output.recv().await {
        match output {
            ExecOutput::Stdout(bytes) | ExecOutput::Stderr(bytes) => {
                said.extend(bytes.iter().take(LONGEST.saturating_sub(said.len())));
            }
            ExecOutput::Exited(ended) => code = ended,
        }
    }
    match code {
        0 => Ok(()),
        code => Err(ProbeError::Command { code, output: String::from_utf8_lossy(&said).trim_end().to_owned() }),
    }
}
