//! Dials back to the master that asked for a stream, so that a node needs no open port.

use std::time::Duration;

use tokio::sync::mpsc;
use tokio_stream::StreamExt;
use tokio_stream::wrappers::ReceiverStream;
use tonic::Streaming;
use tonic::transport::Channel;
use xebec_proto::v1::StreamFrame;
use xebec_proto::v1::nodes_client::NodesClient;

/// Frames that wait in each direction; a full queue holds the sender up.
const QUEUE: usize = 32;
/// For the master to take the last frames of a stream.
const LINGER: Duration = Duration::from_secs(5);
const DIAL_TIMEOUT: Duration = Duration::from_secs(5);

/// Why a stream could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum StreamDialError {
    /// The master refused or could not be reached.
    #[error("cannot open the stream to the master")]
    Refused(#[source] Box<tonic::Status>),
    /// The master did not answer in time.
    #[error("the master did not answer within {0:?}")]
    Timeout(Duration),
}

/// Opens one stream to the master that asked for it.
#[derive(Debug)]
pub struct StreamDialer {
    channel: Channel,
    stream_id: String,
}

/// An open stream. Dropping either half ends it.
#[derive(Debug)]
pub struct StreamConnection {
    /// To the client: stdout, stderr, exit code, error, end.
    pub output: mpsc::Sender<StreamFrame>,
    /// From the client: stdin, its end, window sizes. `None` when the client has gone.
    pub input: mpsc::Receiver<StreamFrame>,
}

impl StreamDialer {
    pub(super) fn new(channel: Channel, stream_id: String) -> StreamDialer {
        StreamDialer { channel, stream_id }
    }

    /// Opens the stream on the connection of the session that asked for it.
    pub async fn dial(self) -> Result<StreamConnection, StreamDialError> {
        let (output, frames) = mpsc::channel(QUEUE);
        let hello = StreamFrame { stream_id: self.stream_id, frame: None };
        let outbound = tokio_stream::once(hello).chain(ReceiverStream::new(frames));
        let mut client = NodesClient::new(self.channel);
        let response = tokio::time::timeout(DIAL_TIMEOUT, client.stream(outbound))
            .await
            .map_err(|_| StreamDialError::Timeout(DIAL_TIMEOUT))?
            .map_err(|status| StreamDialError::Refused(Box::new(status)))?;
        Ok(StreamConnection { output, input: spawn_reader(response.into_inner()) })
    }
}

/// Dropping the inbound half resets the whole stream, and with it what is still on its way out. So it is kept until the master
/// has ended it, which it does once it has taken the last frame.
async fn linger(mut inbound: Streaming<StreamFrame>) {
    let ended = async { while let Ok(Some(_)) = inbound.message().await {} };
    if tokio::time::timeout(LINGER, ended).await.is_err() {
        tracing::debug!("a stream was reset: the master did not end it in time");
    }
}

/// Moves what the client sends into a bounded channel. It ends with the stream, or when the receiver is dropped.
fn spawn_reader(mut inbound: Streaming<StreamFrame>) -> mpsc::Receiver<StreamFrame> {
    let (sender, input) = mpsc::channel(QUEUE);
    tokio::spawn(async move {
        loop {
            let frame = tokio::select! {
                frame = inbound.message() => frame,
                () = sender.closed() => return linger(inbound).await,
            };
            let Ok(Some(frame)) = frame else { return };
            if sender.send(frame).await.is_err() {
                return;
            }
        }
    });
    input
}
