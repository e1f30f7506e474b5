//! One SPDY session: reads the client's frames, gives its streams out, writes ours.
//!
//! ```text
//! reader ─┬─ a stream begins ──▶ opened (bounded) ──▶ the session's work
//!         └─ data ──▶ Stream::input (bounded, one a stream)
//! writer ◀── queue (bounded) ◀── Output, replies, pings
//! ```
//!
//! There is no flow control: a stream whose reader lags holds the whole connection up, and is reset when it does so for long.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::sync::mpsc;

use super::frame::{self, Decoder, Frame, FrameError, Reset};
use super::headers::{Deflater, HeaderError, Headers, Inflater};
use crate::rest::streams::vital::{ASK, LINGER, STUCK, Vital};

/// Streams that the client writes to at once: a forwarded connection opens two.
const MAX_STREAMS: usize = 256;
/// Streams that have begun and were not looked at.
const OPENED: usize = 16;
/// Pieces that wait in a stream.
const PIECES: usize = 16;
/// Bytes read at once, and so the longest piece.
const READ: usize = 16 * 1024;
/// Frames that wait for the connection.
const QUEUE: usize = 32;
/// How long a stream that nobody reads may hold the others up.
const HELD_UP: Duration = Duration::from_secs(30);

/// A client that does not speak SPDY, or has gone.
#[derive(Debug, thiserror::Error)]
enum SessionError {
    #[error(transparent)]
    Frame(#[from] FrameError),
    #[error(transparent)]
    Headers(#[from] HeaderError),
    #[error("stream {0} begins out of turn")]
    Turn(u32),
    #[error("the connection broke")]
    Io(#[from] std::io::Error),
    #[error("the client takes nothing")]
    Stuck,
    #[error("{0}")]
    Lapsed(&'static str),
}

/// What comes on a stream. Without a `Fin` at its end it was broken off.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::rest::streams) enum Piece {
    Data(Bytes),
    Fin,
}

/// A stream that the client has begun.
#[derive(Debug)]
pub(in crate::rest::streams) struct Stream {
    pub(in crate::rest::streams) headers: Headers,
    pub(in crate::rest::streams) input: mpsc::Receiver<Piece>,
    pub(in crate::rest::streams) output: Output,
}

/// Our side of a stream.
#[derive(Clone, Debug)]
pub(in crate::rest::streams) struct Output {
    stream: u32,
    queue: mpsc::Sender<Frame>,
}

impl Output {
    /// Sends bytes; false when the session has ended.
    pub(in crate::rest::streams) async fn send(&self, bytes: Bytes) -> bool {
        self.queue.send(Frame::Data { stream: self.stream, fin: false, bytes }).await.is_ok()
    }

    /// Says that nothing more will come.
    pub(in crate::rest::streams) async fn finish(&self) {
        // A session that has ended needs no farewell.
        self.queue.send(Frame::Data { stream: self.stream, fin: true, bytes: Bytes::new() }).await.ok();
    }

    /// Breaks the stream off.
    pub(in crate::rest::streams) async fn reset(&self) {
        let (stream, status) = (self.stream, Reset::Cancel as u32);
        self.queue.send(Frame::Reset { stream, status }).await.ok();
    }
}

/// Runs a session until `work` is done with the streams that it is given, or the client leaves.
pub(in crate::rest::streams) async fn run<F>(
    reader: impl AsyncRead + Send + Unpin,
    writer: impl AsyncWrite + Send + Unpin,
    work: impl FnOnce(mpsc::Receiver<Stream>) -> F,
) where
    F: Future<Output = ()>,
{
    let (queue, frames) = mpsc::channel(QUEUE);
    let (opened, streams) = mpsc::channel(OPENED);
    let vital = Vital::new();
    let receiver = Receiver { vital: &vital, inflater: Inflater::new(), streams: BTreeMap::new(), last: 0, opened };
    let mut reading = std::pin::pin!(receiver.run(reader, queue.clone()));
    let working = async {
        work(streams).await;
        // The last frame; when it cannot be sent the writer has ended already.
        queue.send(Frame::GoAway { last: 0 }).await.ok();
        std::future::pending().await
    };
    let ended = tokio::select! {
        ended = &mut reading => ended,
        ended = write(writer, frames, &vital) => match ended {
            Ok(()) => tokio::time::timeout(LINGER, &mut reading).await.unwrap_or(Ok(())),
            Err(error) => Err(error),
        },
        why = vital.lapse() => Err(SessionError::Lapsed(why)),
        () = working => Ok(()),
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a SPDY session ended");
    }
}

/// The reading side.
struct Receiver<'a> {
    vital: &'a Vital,
    inflater: Inflater,
    /// Streams that the client may still write to.
    streams: BTreeMap<u32, mpsc::Sender<Piece>>,
    /// The number of the newest stream.
    last: u32,
    opened: mpsc::Sender<Stream>,
}

impl Receiver<'_> {
    async fn run(mut self, mut reader: impl AsyncRead + Unpin, queue: mpsc::Sender<Frame>) -> Result<(), SessionError> {
        let (mut decoder, mut buffer) = (Decoder::default(), BytesMut::new());
        loop {
            while let Some(frame) = decoder.next(&mut buffer)? {
                let vital = self.vital;
                vital.hold(self.take(frame, &queue)).await?;
            }
            buffer.reserve(READ);
            if reader.read_buf(&mut buffer).await? == 0 {
                return Ok(());
            }
            self.vital.heard();
        }
    }

    async fn take(&mut self, frame: Frame, queue: &mpsc::Sender<Frame>) -> Result<(), SessionError> {
        match frame {
            Frame::SynStream { stream, fin, headers } => self.begin(stream, fin, &headers, queue).await?,
            Frame::Data { stream, fin, bytes } => self.data(stream, fin, bytes, queue).await,
            Frame::Reset { stream, .. } => drop(self.streams.remove(&stream)),
            // Odd numbers are the client's questions, even ones answers to ours.
            Frame::Ping { id } if !id.is_multiple_of(2) => drop(queue.send(Frame::Ping { id }).await),
            Frame::Headers { headers } => drop(self.inflater.read(&headers)?),
            Frame::Ping { .. } | Frame::SynReply { .. } | Frame::GoAway { .. } | Frame::Other => {}
        }
        Ok(())
    }

    async fn begin(
        &mut self,
        stream: u32,
        fin: bool,
        headers: &[u8],
        queue: &mpsc::Sender<Frame>,
    ) -> Result<(), SessionError> {
        // Also of a stream that is refused: the blocks that follow lean on it.
        let headers = self.inflater.read(headers)?;
        if stream.is_multiple_of(2) || stream <= self.last {
            return Err(SessionError::Turn(stream));
        }
        self.last = stream;
        self.streams.retain(|_, input| !input.is_closed());
        if self.streams.len() >= MAX_STREAMS {
            queue.send(Frame::Reset { stream, status: Reset::Refused as u32 }).await.ok();
            return Ok(());
        }
        let (sender, input) = mpsc::channel(PIECES);
        queue.send(Frame::SynReply { stream, headers: Bytes::new() }).await.ok();
        let output = Output { stream, queue: queue.clone() };
        // Work that is done takes no more streams.
        self.opened.send(Stream { headers, input, output }).await.ok();
        self.streams.insert(stream, sender);
        if fin {
            self.data(stream, true, Bytes::new(), queue).await;
        }
        Ok(())
    }

    async fn data(&mut self, stream: u32, fin: bool, bytes: Bytes, queue: &mpsc::Sender<Frame>) {
        self.vital.moved();
        let Some(input) = self.streams.get(&stream) else { return };
        let taken = tokio::time::timeout(HELD_UP, deliver(input, fin, bytes)).await;
        if fin || !matches!(taken, Ok(Some(()))) {
            self.streams.remove(&stream);
        }
        if taken.is_err() {
            queue.send(Frame::Reset { stream, status: Reset::Cancel as u32 }).await.ok();
        }
    }
}

/// `None`: nobody reads the stream any more.
async fn deliver(input: &mpsc::Sender<Piece>, fin: bool, bytes: Bytes) -> Option<()> {
    if !bytes.is_empty() {
        input.send(Piece::Data(bytes)).await.ok()?;
    }
    if fin {
        input.send(Piece::Fin).await.ok()?;
    }
    Some(())
}

/// Writes what is queued, several frames at once where there are, until the session says farewell.
async fn write(
    mut writer: impl AsyncWrite + Unpin,
    mut queue: mpsc::Receiver<Frame>,
    vital: &Vital,
) -> Result<(), SessionError> {
    let (mut deflater, mut batch, mut ask) = (Deflater::new(), Vec::new(), Questions::new());
    loop {
        tokio::select! {
            _ = queue.recv_many(&mut batch, QUEUE) => vital.moved(),
            question = ask.next() => batch.push(question),
        }
        let is_last = batch.iter().any(|frame| matches!(frame, Frame::GoAway { .. }));
        let mut bytes = BytesMut::new();
        for frame in batch.drain(..) {
            frame::encode(reply(frame, &mut deflater), &mut bytes);
        }
        let written = async {
            writer.write_all(&bytes).await?;
            if is_last { writer.shutdown().await } else { writer.flush().await }
        };
        tokio::time::timeout(STUCK, written).await.map_err(|_| SessionError::Stuck)??;
        if is_last {
            return Ok(());
        }
    }
}

/// Headers are compressed in the order in which they are sent. We have none to say.
fn reply(frame: Frame, deflater: &mut Deflater) -> Frame {
    match frame {
        Frame::SynReply { stream, .. } => Frame::SynReply { stream, headers: deflater.write(&Headers::new()) },
        other => other,
    }
}

/// Our pings, which have even numbers.
struct Questions {
    interval: tokio::time::Interval,
    id: u32,
}

impl Questions {
    fn new() -> Questions {
        let mut interval = tokio::time::interval(ASK);
        interval.reset();
        Questions { interval, id: 0 }
    }

    async fn next(&mut self) -> Frame {
        self.interval.tick().await;
        self.id = self.id.wrapping_add(2);
        Frame::Ping { id: self.id }
    }
}
