//! One task a container: from its FIFOs into its log.
//!
//! What was read is written before anything else is awaited, so a task that is stopped loses nothing but an unfinished line.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use xebec_node_plan::logline::{Lines, Stream, write};

use super::file::LogFile;
use super::store::{LogKey, Source};
use crate::containerd::{Fifo, RuntimeError, make_fifo};
use crate::node::Node;

/// The shim may still be copying when the container has ended; it is given this long after the last byte.
const STRAGGLERS: Duration = Duration::from_millis(20);

/// Pumps the output of one container instance. Dropping it ends the task after what is there now.
pub struct Pump {
    ended: CancellationToken,
    task: Option<JoinHandle<()>>,
}

impl Pump {
    /// Makes and opens the FIFOs, and starts to pump.
    pub fn start(node: &Arc<Node>, key: LogKey, stdout: &Path, stderr: &Path) -> Result<Pump, RuntimeError> {
        make_fifo(stdout)?;
        make_fifo(stderr)?;
        let (stdout, stderr) = (Fifo::open(stdout)?, Fifo::open(stderr)?);
        let path = node.logs.path(&key);
        let file = LogFile::open(&path).map_err(|source| RuntimeError::Io { operation: "open log", path, source })?;
        let source = node.logs.open_source(&key);
        let ended = CancellationToken::new();
        let work = Work { stdout, stderr, sink: Sink { file, source: source.clone(), lost: 0 } };
        let (node, token) = (node.clone(), ended.clone());
        let task = tokio::spawn(async move {
            work.run(token).await;
            node.logs.close_source(&key, &source);
        });
        Ok(Pump { ended, task: Some(task) })
    }

    /// The container has ended: writes what is left.
    pub async fn finish(mut self) {
        self.ended.cancel();
        if let Some(task) = self.task.take()
            && let Err(error) = task.await
        {
            tracing::warn!(%error, "a log's task ended badly");
        }
    }
}

impl Drop for Pump {
    fn drop(&mut self) {
        self.ended.cancel();
    }
}

struct Work {
    stdout: Fifo,
    stderr: Fifo,
    sink: Sink,
}

impl Work {
    async fn run(mut self, ended: CancellationToken) {
        let (mut out, mut err) = (Lines::default(), Lines::default());
        loop {
            let alive = !ended.is_cancelled();
            let read = tokio::select! {
                biased;
                read = self.stdout.read() => read.map(|bytes| self.sink.take(Stream::Stdout, &mut out, bytes)),
                read = self.stderr.read() => read.map(|bytes| self.sink.take(Stream::Stderr, &mut err, bytes)),
                () = ended.cancelled(), if alive => Ok(()),
                () = tokio::time::sleep(STRAGGLERS), if !alive => break,
            };
            if let Err(error) = read {
                tracing::warn!(%error, "a container's output cannot be read");
                break;
            }
        }
        self.sink.finish(Stream::Stdout, &mut out);
        self.sink.finish(Stream::Stderr, &mut err);
    }
}

struct Sink {
    file: LogFile,
    source: Source,
    lost: u64,
}

impl Sink {
    fn take(&mut self, stream: Stream, lines: &mut Lines, bytes: &[u8]) {
        self.source.show(stream, bytes);
        let (now, mut records) = (Timestamp::now(), Vec::with_capacity(bytes.len() + 64));
        lines.push(bytes, |whole, content| write(&mut records, now, stream, whole, content));
        self.write(&records);
    }

    fn finish(&mut self, stream: Stream, lines: &mut Lines) {
        let (now, mut records) = (Timestamp::now(), Vec::new());
        lines.finish(|whole, content| write(&mut records, now, stream, whole, content));
        self.write(&records);
    }

    /// A full disk loses log lines rather than blocking the container.
    fn write(&mut self, records: &[u8]) {
        if records.is_empty() {
            return;
        }
        match self.file.write(records) {
            Ok(()) => self.source.feed.send_modify(|feed| feed.written += records.len() as u64),
            Err(error) => {
                self.lost += 1;
                if self.lost.is_power_of_two() {
                    tracing::warn!(%error, lost = self.lost, "container output is lost: its log cannot be written");
                }
            }
        }
    }
}
