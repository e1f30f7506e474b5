//! A stream to a node, as bytes both ways.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::mpsc;
use tokio_util::sync::PollSender;
use xebec_api::Status;
use xebec_proto::v1::StreamFrame;
use xebec_proto::v1::stream_frame::Frame;

use crate::nodes::NodeStream;
use crate::registry::node_refusal;

/// Bytes both ways.
pub trait Duplex: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Duplex for T {}

/// A connection that stands, to whomever. Dropping it closes it.
pub type Connection = Box<dyn Duplex>;

/// Bytes of one frame at most; as many as the agent reads at once.
const CHUNK: usize = 32 * 1024;

/// Frames to and from an agent, as bytes. The queues of the stream are its only buffers.
pub(super) struct Frames {
    input: PollSender<StreamFrame>,
    output: mpsc::Receiver<StreamFrame>,
    unread: Bytes,
    is_at_end: bool,
}

impl Frames {
    /// A connection that the agent is about to make: waits until it says that it has.
    pub(super) async fn establish(stream: NodeStream) -> Result<Frames, Status> {
        let NodeStream { input, mut output } = stream;
        let (unread, is_at_end) = match output.recv().await.and_then(|frame| frame.frame) {
            Some(Frame::Stdout(first)) => (first, false),
            Some(Frame::End(_)) => (Bytes::new(), true),
            Some(Frame::ErrorJson(json)) => return Err(node_refusal(&json)),
            _ => return Err(Status::service_unavailable("the node closed the stream before it was connected")),
        };
        Ok(Frames { input: PollSender::new(input), output, unread, is_at_end })
    }

    fn poll_frame(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let frame = ready!(self.output.poll_recv(cx)).and_then(|frame| frame.frame);
        Poll::Ready(match frame {
            Some(Frame::Stdout(bytes)) => {
                self.unread = bytes;
                Ok(())
            }
            Some(Frame::End(_)) => {
                self.is_at_end = true;
                Ok(())
            }
            Some(Frame::ErrorJson(json)) => Err(io::Error::other(node_refusal(&json))),
            _ => Err(io::Error::new(io::ErrorKind::ConnectionReset, "the connection to the node was lost")),
        })
    }

    fn poll_send(&mut self, cx: &mut Context<'_>, frame: impl FnOnce() -> Frame) -> Poll<io::Result<()>> {
        let closed = |_| io::Error::from(io::ErrorKind::BrokenPipe);
        ready!(self.input.poll_reserve(cx)).map_err(closed)?;
        let frame = StreamFrame { stream_id: String::new(), frame: Some(frame()) };
        Poll::Ready(self.input.send_item(frame).map_err(closed))
    }
}

impl AsyncRead for Frames {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        while self.unread.is_empty() && !self.is_at_end {
            ready!(self.poll_frame(cx))?;
        }
        let count = buf.remaining().min(self.unread.len());
        buf.put_slice(&self.unread[..count]);
        self.unread.advance(count);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Frames {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let part = &buf[..buf.len().min(CHUNK)];
        ready!(self.poll_send(cx, || Frame::Stdin(Bytes::copy_from_slice(part))))?;
        Poll::Ready(Ok(part.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        // An agent that has gone is past being told.
        Poll::Ready(ready!(self.poll_send(cx, || Frame::StdinClosed(true))).or(Ok(())))
    }
}
