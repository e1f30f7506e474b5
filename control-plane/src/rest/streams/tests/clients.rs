//! Clients that speak the channel protocols as other libraries do.

use futures::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::{Error, Message};

use super::*;

type Socket = WebSocketStream<TcpStream>;

impl Server {
    /// Opens a WebSocket, or gives the status code of the refusal.
    async fn socket(&self, path: &str, protocols: &'static str) -> Result<Socket, (u16, String)> {
        let url = format!("ws://{}/api/v1/namespaces/default/pods/{path}", self.address);
        let mut request = url.into_client_request().unwrap();
        request.headers_mut().insert("sec-websocket-protocol", protocols.parse().unwrap());
        let tcp = TcpStream::connect(&self.address).await.unwrap();
        match tokio_tungstenite::client_async(request, tcp).await {
            Ok((socket, _)) => Ok(socket),
            Err(Error::Http(answer)) => {
                let body: Value =
                    serde_json::from_slice(answer.body().as_deref().unwrap_or_default()).unwrap_or_default();
                Err((answer.status().as_u16(), body["message"].as_str().unwrap_or_default().to_owned()))
            }
            Err(other) => panic!("{other}"),
        }
    }

    async fn refused(&self, path: &str, protocols: &'static str) -> (u16, String) {
        self.socket(path, protocols).await.map(drop).unwrap_err()
    }
}

/// Everything that comes until the server closes, by channel.
async fn all(socket: &mut Socket) -> [String; 4] {
    let mut channels: [String; 4] = Default::default();
    while let Some(Ok(message)) = socket.next().await {
        let Message::Binary(bytes) = message else { continue };
        channels[usize::from(bytes[0])].push_str(&String::from_utf8_lossy(&bytes[1..]));
    }
    channels
}

#[tokio::test]
async fn commands_speak_on_their_channels() {
    let server = Server::start("jane").await;
    for protocols in ["v4.channel.k8s.io", "v5.channel.k8s.io, v4.channel.k8s.io"] {
        let path = "p/exec?command=sh&command=-c&command=echo%20out;echo%20err%20%3E%262;exit%203&stdout=true&stderr=1";
        let [_, stdout, stderr, status] = all(&mut server.socket(path, protocols).await.unwrap()).await;
        assert_eq!((stdout.as_str(), stderr.as_str()), ("out\n", "err\n"));
        let status: Value = serde_json::from_str(&status).unwrap();
        assert_eq!(status["details"]["causes"], json!([{"reason": "ExitCode", "message": "3"}]));
    }
}

#[tokio::test]
async fn standard_input_ends_with_its_marker() {
    let server = Server::start("jane").await;
    let mut socket = server.socket("p/exec?command=cat&stdin=true&stdout=true", "v5.channel.k8s.io").await.unwrap();
    socket.send(Message::Binary(b"\0hello ".as_ref().into())).await.unwrap();
    socket.send(Message::Text("\0world".into())).await.unwrap();
    socket.send(Message::Binary(b"\xff\0".as_ref().into())).await.unwrap();
    let [_, stdout, _, status] = all(&mut socket).await;
    assert_eq!((stdout.as_str(), status.as_str()), ("hello world", r#"{"metadata":{},"status":"Success"}"#));
}

#[tokio::test]
async fn a_client_that_breaks_the_protocol_is_told() {
    let server = Server::start("jane").await;
    let mut socket = server.socket("p/attach?stdin=true&stdout=true", "v4.channel.k8s.io").await.unwrap();
    socket.send(Message::Binary(b"\xff\0".as_ref().into())).await.unwrap();
    let codes = socket.filter_map(|message| {
        std::future::ready(match message {
            Ok(Message::Close(Some(frame))) => Some(u16::from(frame.code)),
            _ => None,
        })
    });
    assert_eq!(codes.collect::<Vec<u16>>().await, [1002]);
}

#[tokio::test]
async fn refusals_come_before_the_upgrade() {
    let server = Server::start("jane").await;
    let v5 = "v5.channel.k8s.io";
    assert_eq!(server.refused("q/exec?command=x&stdout=1", v5).await.0, 404);
    assert_eq!(server.refused("p/exec?stdout=1", v5).await.0, 400);
    assert_eq!(server.refused("p/exec?command=x", v5).await.0, 400);
    assert_eq!(server.refused("p/exec?command=x&stdout=1&container=y", v5).await.0, 400);
    assert_eq!(server.refused("p/exec?command=x&stdout=1", "v9").await.0, 400);
    assert_eq!(server.refused("p/portforward", "v4.channel.k8s.io").await.0, 400);
    let stranger = Server::start("nobody").await;
    let (code, message) = stranger.refused("p/exec?command=x&stdout=1", v5).await;
    assert_eq!(code, 403, "{message}");
}

#[tokio::test]
async fn ports_have_two_channels_each() {
    let server = Server::start("jane").await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (open, closed) = (listener.local_addr().unwrap().port(), unused_port().await);
    tokio::spawn(async move {
        let (mut tcp, _) = listener.accept().await.unwrap();
        let mut word = [0; 5];
        tcp.read_exact(&mut word).await.unwrap();
        tcp.write_all(&word).await.unwrap();
    });
    let path = format!("p/portforward?ports={open}&ports={closed}");
    let mut socket = server.socket(&path, "v5.channel.k8s.io,v4.channel.k8s.io").await.unwrap();
    socket.send(Message::Binary(b"\0hello".as_ref().into())).await.unwrap();
    let mut channels: [Vec<u8>; 4] = Default::default();
    while let Some(Ok(message)) = socket.next().await {
        let Message::Binary(bytes) = message else { continue };
        channels[usize::from(bytes[0])].extend_from_slice(&bytes[1..]);
    }
    let [data, errors, other_data, other_errors] = channels;
    assert_eq!(data, [&open.to_le_bytes()[..], b"hello"].concat());
    assert_eq!(errors, open.to_le_bytes());
    assert_eq!(other_data, closed.to_le_bytes());
    assert!(String::from_utf8_lossy(&other_errors[2..]).contains("refused"));
}

async fn unused_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port()
}
