//! Our terminal while a container has it: raw, and as large over there as it is here.

use std::io::{IsTerminal, stdin};

use anyhow::{Context, Result};
use nix::sys::termios::{SetArg, Termios, cfmakeraw, tcgetattr, tcsetattr};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;
use xebec_proto::v1::exec_input::Input;
use xebec_proto::v1::{ExecInput, TerminalSize};

/// Raw mode until dropped: keys go over as they are, Ctrl-C among them.
pub(super) struct Raw {
    before: Termios,
}

impl Raw {
    /// `None`: standard input is no terminal, and stays as it is.
    pub(super) fn enter() -> Result<Option<Raw>> {
        if !stdin().is_terminal() {
            return Ok(None);
        }
        let before = tcgetattr(stdin()).context("read the terminal's settings")?;
        let mut raw = before.clone();
        cfmakeraw(&mut raw);
        tcsetattr(stdin(), SetArg::TCSANOW, &raw).context("change the terminal's settings")?;
        Ok(Some(Raw { before }))
    }
}

impl Drop for Raw {
    fn drop(&mut self) {
        if let Err(error) = tcsetattr(stdin(), SetArg::TCSANOW, &self.before) {
            eprintln!("cannot restore the terminal ({error}); `reset` does");
        }
    }
}

/// Tells the container the size now and at every change.
pub(super) async fn follow_size(input: mpsc::Sender<ExecInput>) -> Result<()> {
    let mut changes = signal(SignalKind::window_change()).context("watch the terminal's size")?;
    loop {
        if let Some((width, height)) = terminal_size::terminal_size() {
            let size = TerminalSize { width: width.0.into(), height: height.0.into() };
            input.send(ExecInput { input: Some(Input::Resize(size)) }).await.context("the stream is closed")?;
        }
        changes.recv().await;
    }
}
