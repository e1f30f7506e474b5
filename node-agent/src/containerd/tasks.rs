//! Processes of containers: start, wait, kill.

use std::time::Duration;

use containerd_client::services::v1::{
    CloseIoRequest, DeleteTaskRequest, KillRequest, ResizePtyRequest, StartRequest, WaitRequest, WaitResponse,
};
use jiff::Timestamp;

use super::client::{CALL, Containerd, call, gone_is_done, ours, refused};
use super::runtime::{RuntimeError, TaskEnd};

/// A wait is asked for anew after this, so that none hangs on a connection that has silently died.
const WAIT: Duration = Duration::from_secs(600);
/// A killed process is gone within this, unless the kernel holds it.
const DEATH: Duration = Duration::from_secs(10);
const SIGKILL: u32 = 9;

impl Containerd {
    pub(super) async fn start_task(&self, id: &str) -> Result<(), RuntimeError> {
        let request = ours(StartRequest { container_id: id.to_owned(), exec_id: String::new() });
        call("start container", id, CALL, self.tasks().start(request)).await.map(|_| ())
    }

    /// Waits for a container's first process, or for the command `exec_id` in it.
    pub(super) async fn wait_task(&self, id: &str, exec_id: &str) -> Result<TaskEnd, RuntimeError> {
        loop {
            let request = ours(WaitRequest { container_id: id.to_owned(), exec_id: exec_id.to_owned() });
            match tokio::time::timeout(WAIT, self.tasks().wait(request)).await {
                Err(_) => continue,
                Ok(Ok(response)) => return Ok(end(&response.into_inner())),
                Ok(Err(status)) => return Err(refused("wait for", id, status)),
            }
        }
    }

    pub(super) async fn kill_process(&self, id: &str, exec_id: &str, signal: u32) -> Result<(), RuntimeError> {
        let request = KillRequest { container_id: id.to_owned(), exec_id: exec_id.to_owned(), signal, all: false };
        call("signal", id, CALL, self.tasks().kill(ours(request))).await
    }

    /// Closes the input of the first process, or of the command `exec_id`.
    pub(super) async fn close_stdin(&self, id: &str, exec_id: &str) -> Result<(), RuntimeError> {
        let request = CloseIoRequest { container_id: id.to_owned(), exec_id: exec_id.to_owned(), stdin: true };
        gone_is_done(call("close input of", id, CALL, self.tasks().close_io(ours(request))).await)
    }

    /// Resizes the terminal, columns and rows, of the first process or of the command `exec_id`.
    pub(super) async fn resize_terminal(&self, id: &str, exec_id: &str, size: (u32, u32)) -> Result<(), RuntimeError> {
        let (width, height) = size;
        let request = ResizePtyRequest { container_id: id.to_owned(), exec_id: exec_id.to_owned(), width, height };
        call("resize terminal of", id, CALL, self.tasks().resize_pty(ours(request))).await
    }

    /// Deletes the task; kills it first if it still runs.
    pub(super) async fn delete_task(&self, id: &str) -> Result<(), RuntimeError> {
        match gone_is_done(self.try_delete_task(id).await) {
            Err(RuntimeError::Refused { .. }) => {}
            other => return other,
        }
        gone_is_done(self.kill_process(id, "", SIGKILL).await)?;
        let death = tokio::time::timeout(DEATH, self.wait_task(id, "")).await;
        if death.is_err() {
            return Err(RuntimeError::Timeout { operation: "kill", object: id.to_owned() });
        }
        gone_is_done(self.try_delete_task(id).await)
    }

    async fn try_delete_task(&self, id: &str) -> Result<(), RuntimeError> {
        let request = ours(DeleteTaskRequest { container_id: id.to_owned() });
        call("delete task", id, CALL, self.tasks().delete(request)).await.map(|_| ())
    }
}

fn end(response: &WaitResponse) -> TaskEnd {
    let at = response.exited_at.as_ref().and_then(|at| Timestamp::new(at.seconds, at.nanos).ok());
    TaskEnd { code: i32::try_from(response.exit_status).unwrap_or(255), at: at.unwrap_or_else(Timestamp::now) }
}
