//! Named pipes between a container's shim and the agent.
//!
//! The agent opens them for reading and writing: then the shim's end never sees a broken pipe while the agent is away, and
//! another agent process can open them again. For the same reason the agent never sees their end; it learns of a process's
//! end from the runtime, and then reads what is left.

use std::io;
use std::path::{Path, PathBuf};

use nix::sys::stat::Mode;
use tokio::net::unix::pipe;

use super::runtime::RuntimeError;

/// Bytes read at once.
const CHUNK: usize = 16 * 1024;

/// The reading end of a named pipe.
#[derive(Debug)]
pub struct Fifo {
    receiver: pipe::Receiver,
    buffer: Vec<u8>,
}

/// Makes a named pipe that only root may open; one that exists is kept.
pub fn make_fifo(path: &Path) -> Result<(), RuntimeError> {
    match nix::unistd::mkfifo(path, Mode::from_bits_truncate(0o600)) {
        Ok(()) | Err(nix::errno::Errno::EEXIST) => Ok(()),
        Err(error) => Err(failed("create FIFO", path, error.into())),
    }
}

impl Fifo {
    /// Opens a pipe for reading.
    pub fn open(path: &Path) -> Result<Fifo, RuntimeError> {
        let receiver = pipe::OpenOptions::new().read_write(true).open_receiver(path);
        let receiver = receiver.map_err(|source| failed("open FIFO", path, source))?;
        Ok(Fifo { receiver, buffer: Vec::new() })
    }

    /// Waits for bytes. While it waits it holds no buffer: a node has hundreds of pipes, and most are silent.
    pub async fn read(&mut self) -> io::Result<&[u8]> {
        self.buffer = Vec::new();
        loop {
            self.receiver.readable().await?;
            self.buffer.resize(CHUNK, 0);
            match self.receiver.try_read(&mut self.buffer) {
                Ok(count) => return Ok(&self.buffer[..count]),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => self.buffer = Vec::new(),
                Err(error) => return Err(error),
            }
        }
    }
}

/// Opens a pipe for writing.
pub fn open_sender(path: &Path) -> Result<pipe::Sender, RuntimeError> {
    let sender = pipe::OpenOptions::new().read_write(true).open_sender(path);
    sender.map_err(|source| failed("open FIFO", path, source))
}

fn failed(operation: &'static str, path: &Path, source: io::Error) -> RuntimeError {
    RuntimeError::Io { operation, path: PathBuf::from(path), source }
}
