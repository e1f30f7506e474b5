//! A WebSocket that carries messages both ways until one side has said all.
//!
//! Pings are answered by the library when it reads. It does not read while the pod takes nothing; then a pong is sent unasked
//! now and then, for kubectl counts pongs and leaves after a minute without one.

use bytes::Bytes;
use futures::{Sink, SinkExt, Stream, StreamExt};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Role, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_util::io::{CopyToBytes, SinkWriter, StreamReader};

use super::channels::ChannelError;
use super::upgrade::Connection;
use super::vital::{ASK, LINGER, STUCK, Vital};

/// Clients write what they have read at once, some tens of KiB; the Python client writes whatever it is given.
const MAX_MESSAGE: usize = 4 * 1024 * 1024;
const READ_BUFFER: usize = 16 * 1024;

type Socket = WebSocketStream<Connection>;

/// Where messages of the client go.
pub(super) trait Incoming: Send {
    /// Takes one; waits while there is no room for it.
    fn take(&mut self, message: Bytes) -> impl Future<Output = Result<(), ChannelError>> + Send;
}

/// How a session ended.
enum End {
    /// We have said all.
    Said,
    /// The client closed, or its connection broke.
    Left,
    /// The client broke the protocol.
    Broken(ChannelError),
    /// Nobody is there.
    Lapsed(&'static str),
}

async fn accept(connection: Connection) -> Socket {
    let config = WebSocketConfig::default()
        .read_buffer_size(READ_BUFFER)
        .max_message_size(Some(MAX_MESSAGE))
        .max_frame_size(Some(MAX_MESSAGE));
    WebSocketStream::from_raw_socket(connection, Role::Server, Some(config)).await
}

/// The WebSocket as a plain connection: messages are only pieces of it.
pub(super) async fn tunnel(connection: Connection) -> (impl AsyncRead + Send + Unpin, impl AsyncWrite + Send + Unpin) {
    let (sink, messages) = accept(connection).await.split();
    let bytes = messages
        .filter_map(|message| std::future::ready(message.map_err(std::io::Error::other).map(payload).transpose()));
    let binary = |bytes: Bytes| std::future::ready(Ok::<_, Error>(Message::Binary(bytes)));
    let sink = sink.with(binary).sink_map_err(std::io::Error::other);
    (StreamReader::new(bytes), SinkWriter::new(CopyToBytes::new(sink)))
}

/// Carries messages until `outgoing` ends, the client leaves, or nobody is there.
pub(super) async fn run(
    connection: Connection,
    mut incoming: impl Incoming,
    outgoing: impl Stream<Item = Bytes> + Send,
) {
    let (mut sink, mut messages) = accept(connection).await.split();
    let vital = Vital::new();
    let end = tokio::select! {
        end = read(&mut messages, &mut incoming, &vital) => end,
        end = write(&mut sink, outgoing, &vital) => end,
        why = vital.lapse() => End::Lapsed(why),
    };
    drop(incoming);
    let code = match end {
        End::Said => CloseCode::Normal,
        End::Broken(error) => {
            tracing::debug!(%error, "a client broke the channel protocol");
            CloseCode::Protocol
        }
        End::Left => return,
        End::Lapsed(why) => return tracing::debug!(why, "a stream was given up"),
    };
    let close = Message::Close(Some(CloseFrame { code, reason: "".into() }));
    let leave = async { while let Some(Ok(_)) = messages.next().await {} };
    // The client may have closed first; then there is nobody to tell.
    if let Ok(Ok(())) = tokio::time::timeout(LINGER, sink.send(close)).await
        && tokio::time::timeout(LINGER, leave).await.is_err()
    {
        tracing::debug!("a client did not close its stream");
    }
}

async fn read<M>(messages: &mut M, incoming: &mut impl Incoming, vital: &Vital) -> End
where
    M: Stream<Item = Result<Message, Error>> + Unpin,
{
    while let Some(Ok(message)) = messages.next().await {
        vital.heard();
        let Some(payload) = payload(message) else { continue };
        vital.moved();
        if let Err(error) = vital.hold(incoming.take(payload)).await {
            return End::Broken(error);
        }
    }
    End::Left
}

/// Clients that have text send text.
fn payload(message: Message) -> Option<Bytes> {
    match message {
        Message::Binary(bytes) => Some(bytes),
        Message::Text(text) => Some(text.into()),
        _ => None,
    }
}

async fn write<S>(sink: &mut S, outgoing: impl Stream<Item = Bytes>, vital: &Vital) -> End
where
    S: Sink<Message, Error = Error> + Unpin,
{
    let mut outgoing = std::pin::pin!(outgoing);
    let mut ask = tokio::time::interval(ASK);
    ask.reset();
    loop {
        let sent = tokio::select! {
            message = outgoing.next() => {
                let Some(message) = message else { return End::Said };
                vital.moved();
                send(sink, Message::Binary(message)).await
            }
            _ = ask.tick() => keep_alive(sink, vital).await,
        };
        if sent.is_none() {
            return End::Left;
        }
    }
}

async fn keep_alive<S: Sink<Message, Error = Error> + Unpin>(sink: &mut S, vital: &Vital) -> Option<()> {
    if vital.is_held() {
        send(sink, Message::Pong(Bytes::new())).await?;
    }
    send(sink, Message::Ping(Bytes::new())).await
}

/// `None`: the client takes nothing more.
async fn send<S: Sink<Message, Error = Error> + Unpin>(sink: &mut S, message: Message) -> Option<()> {
    tokio::time::timeout(STUCK, sink.send(message)).await.ok()?.ok()
}
