//! Commands run in containers.
//!
//! One task drives a command: it moves bytes between the session's queues and the command's FIFOs, and reports the exit code
//! after the last byte. When the caller drops the session, the command is killed.

use std::path::{Path, PathBuf};
use std::time::Duration;

use bytes::Bytes;
use containerd_client::services::v1::{DeleteProcessRequest, ExecProcessRequest, GetContainerRequest, StartRequest};
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;
use tokio::net::unix::pipe;
use tokio::sync::mpsc;

use super::client::{CALL, Containerd, call, gone_is_done, ours};
use super::fifo::{Fifo, make_fifo, open_sender};
use super::options::oci;
use super::runtime::{ExecInput, ExecOutput, ExecSession, ExecSpec, RuntimeError, TaskEnd};

/// Chunks that wait in each direction.
const QUEUE: usize = 16;
/// The shim may still be copying when the command has ended; it is given this long after the last byte.
const STRAGGLERS: Duration = Duration::from_millis(20);
const SIGKILL: u32 = 9;

impl Containerd {
    pub(super) async fn start_exec(&self, id: &str, spec: &ExecSpec) -> Result<ExecSession, RuntimeError> {
        let exec_id = format!("exec-{}", uuid::Uuid::new_v4().simple());
        let pipes = Pipes::make(&self.settings.exec_dir.join(&exec_id), spec)?;
        let process = self.exec_process(id, spec).await?;
        let request = pipes.request(id, &exec_id, spec, &process);
        let started = async {
            call("exec in", id, CALL, self.tasks().exec(ours(request))).await?;
            let start = StartRequest { container_id: id.to_owned(), exec_id: exec_id.clone() };
            call("exec in", id, CALL, self.tasks().start(ours(start))).await
        };
        if let Err(error) = started.await {
            self.forget_exec(id, &exec_id).await;
            return Err(error);
        }
        let (input, inputs) = mpsc::channel(QUEUE);
        let (outputs, output) = mpsc::channel(QUEUE);
        let driver = Driver { client: self.clone(), id: id.to_owned(), exec_id, pipes, outputs };
        tokio::spawn(driver.run(inputs));
        Ok(ExecSession { input, output })
    }

    /// The container's own process, with other arguments.
    async fn exec_process(&self, id: &str, spec: &ExecSpec) -> Result<Value, RuntimeError> {
        let request = ours(GetContainerRequest { id: id.to_owned() });
        let answer = call("find container", id, CALL, self.containers().get(request)).await?;
        let any = answer.container.and_then(|container| container.spec).unwrap_or_default();
        let mut oci: Value = serde_json::from_slice(&any.value).unwrap_or_default();
        let mut process = oci["process"].take();
        process["args"] = json!(spec.command);
        process["terminal"] = json!(spec.tty);
        if spec.tty
            && let Some(env) = process["env"].as_array_mut()
        {
            env.push(json!("TERM=xterm"));
        }
        Ok(process)
    }

    async fn forget_exec(&self, id: &str, exec_id: &str) {
        let request = DeleteProcessRequest { container_id: id.to_owned(), exec_id: exec_id.to_owned() };
        let deleted = call("delete command in", id, CALL, self.tasks().delete_process(ours(request))).await;
        if let Err(error) = gone_is_done(deleted.map(|_| ())) {
            tracing::debug!(%error, "a command's process could not be deleted");
        }
    }
}

struct Pipes {
    directory: PathBuf,
    stdin: Option<pipe::Sender>,
    stdout: Fifo,
    stderr: Fifo,
}

impl Pipes {
    fn make(directory: &Path, spec: &ExecSpec) -> Result<Pipes, RuntimeError> {
        std::fs::create_dir_all(directory).map_err(|source| RuntimeError::Io {
            operation: "create",
            path: directory.to_owned(),
            source,
        })?;
        for name in ["in", "out", "err"] {
            make_fifo(&directory.join(name))?;
        }
        let stdin = if spec.stdin { Some(open_sender(&directory.join("in"))?) } else { None };
        let (stdout, stderr) = (Fifo::open(&directory.join("out"))?, Fifo::open(&directory.join("err"))?);
        Ok(Pipes { directory: directory.to_owned(), stdin, stdout, stderr })
    }

    fn request(&self, id: &str, exec_id: &str, spec: &ExecSpec, process: &Value) -> ExecProcessRequest {
        let path = |name: &str, used: bool| {
            if used { self.directory.join(name).display().to_string() } else { String::new() }
        };
        ExecProcessRequest {
            container_id: id.to_owned(),
            exec_id: exec_id.to_owned(),
            stdin: path("in", spec.stdin),
            stdout: path("out", true),
            stderr: path("err", !spec.tty),
            terminal: spec.tty,
            spec: Some(oci("Process", process)),
        }
    }
}

impl Drop for Pipes {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_dir_all(&self.directory) {
            tracing::debug!(%error, "the pipes of a command could not be removed");
        }
    }
}

struct Driver {
    client: Containerd,
    id: String,
    exec_id: String,
    pipes: Pipes,
    outputs: mpsc::Sender<ExecOutput>,
}

impl Driver {
    async fn run(mut self, inputs: mpsc::Receiver<ExecInput>) {
        let (client, id, exec_id) = (self.client.clone(), self.id.clone(), self.exec_id.clone());
        let end = client.wait_task(&id, &exec_id);
        tokio::pin!(end);
        let feeder =
            Feeder { client: client.clone(), id: id.clone(), exec_id: exec_id.clone(), stdin: self.pipes.stdin.take() };
        let feeding = tokio::spawn(feeder.run(inputs));
        let end = self.pump_until(&mut end).await;
        feeding.abort();
        self.pump_rest().await;
        // Nobody may be listening any more; then nobody misses the exit code.
        self.outputs.send(ExecOutput::Exited(end.map_or(255, |end| end.code))).await.ok();
        client.forget_exec(&id, &exec_id).await;
    }

    async fn pump_until(
        &mut self,
        end: &mut (impl Future<Output = Result<TaskEnd, RuntimeError>> + Unpin),
    ) -> Result<TaskEnd, RuntimeError> {
        loop {
            let output = tokio::select! {
                end = &mut *end => return end,
                () = self.outputs.closed() => {
                    self.kill().await;
                    return (&mut *end).await;
                }
                read = self.pipes.stdout.read() => read.map(|bytes| ExecOutput::Stdout(Bytes::copy_from_slice(bytes))),
                read = self.pipes.stderr.read() => read.map(|bytes| ExecOutput::Stderr(Bytes::copy_from_slice(bytes))),
            };
            let Ok(output) = output else { return (&mut *end).await };
            if self.outputs.send(output).await.is_err() {
                self.kill().await;
                return (&mut *end).await;
            }
        }
    }

    async fn pump_rest(&mut self) {
        loop {
            let (stdout, stderr) = (&mut self.pipes.stdout, &mut self.pipes.stderr);
            let next = tokio::time::timeout(STRAGGLERS, async {
                tokio::select! {
                    read = stdout.read() => read.map(|bytes| ExecOutput::Stdout(Bytes::copy_from_slice(bytes))),
                    read = stderr.read() => read.map(|bytes| ExecOutput::Stderr(Bytes::copy_from_slice(bytes))),
                }
            });
            let Ok(Ok(output)) = next.await else { return };
            if self.outputs.send(output).await.is_err() {
                return;
            }
        }
    }

    async fn kill(&self) {
        if let Err(error) = gone_is_done(self.client.kill_process(&self.id, &self.exec_id, SIGKILL).await) {
            tracing::debug!(%error, "an abandoned command could not be killed");
        }
    }
}

/// Gives the command what it is sent.
struct Feeder {
    client: Containerd,
    id: String,
    exec_id: String,
    stdin: Option<pipe::Sender>,
}

impl Feeder {
    async fn run(mut self, mut inputs: mpsc::Receiver<ExecInput>) {
        while let Some(input) = inputs.recv().await {
            let done = match input {
                ExecInput::Stdin(bytes) => self.write(&bytes).await,
                ExecInput::StdinClosed => self.close().await,
                ExecInput::Resize { width, height } => self.resize(width, height).await,
            };
            if let Err(error) = done {
                tracing::debug!(%error, "a command's input was not delivered");
            }
        }
    }

    async fn write(&mut self, bytes: &[u8]) -> Result<(), RuntimeError> {
        let Some(stdin) = &mut self.stdin else { return Ok(()) };
        let path = || PathBuf::from(&self.exec_id);
        stdin.write_all(bytes).await.map_err(|source| RuntimeError::Io { operation: "write to", path: path(), source })
    }

    /// The shim holds the pipe open as well: both ends have to be closed.
    async fn close(&mut self) -> Result<(), RuntimeError> {
        if self.stdin.take().is_none() {
            return Ok(());
        }
        self.client.close_stdin(&self.id, &self.exec_id).await
    }

    async fn resize(&mut self, width: u32, height: u32) -> Result<(), RuntimeError> {
        self.client.resize_terminal(&self.id, &self.exec_id, (width, height)).await
    }
}
