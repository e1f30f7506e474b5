//! `xebec port-forward`: ports of a pod on this machine's loopback.
//!
//! One task for each local port accepts, one for each connection carries its bytes. They end with the program.

use std::net::Ipv4Addr;
use std::sync::Arc;

use anyhow::{Context, Result};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio_stream::StreamExt;
use tokio_stream::wrappers::ReceiverStream;
use xebec_proto::v1::port_forward_input::Input;
use xebec_proto::v1::{PortForwardInput, PortForwardOpen};

use super::pod_name;
use crate::args::{Connection, PortForwardArguments, PortPair};
use crate::client::Session;

/// Chunks on their way to the cluster; the local connection waits when there are as many.
const QUEUE: usize = 16;
const CHUNK: usize = 32 * 1024;

/// Runs it.
pub(crate) async fn run(connection: &Connection, arguments: PortForwardArguments) -> Result<()> {
    let session = Arc::new(Session::open(connection).await?);
    let pod = pod_name(&arguments.pod)?.to_owned();
    let mut forwarding = tokio::task::JoinSet::new();
    for PortPair { local, remote } in arguments.ports {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, local)).await;
        let listener = listener.with_context(|| format!("listen on local port {local}"))?;
        eprintln!("{} is port {remote} of {pod}", listener.local_addr().context("find the local port")?);
        let open = PortForwardOpen { namespace: session.namespace().to_owned(), pod: pod.clone(), port: remote.into() };
        forwarding.spawn(accept(session.clone(), listener, open));
    }
    tokio::select! {
        interrupted = tokio::signal::ctrl_c() => interrupted.context("wait for an interrupt"),
        Some(ended) = forwarding.join_next() => ended.context("forward a port")?,
    }
}

async fn accept(session: Arc<Session>, listener: TcpListener, open: PortForwardOpen) -> Result<()> {
    loop {
        let (tcp, _) = listener.accept().await.context("accept a connection")?;
        tokio::spawn(serve(session.clone(), open.clone(), tcp));
    }
}

async fn serve(session: Arc<Session>, open: PortForwardOpen, tcp: TcpStream) {
    let port = open.port;
    if let Err(error) = carry(&session, open, tcp).await {
        eprintln!("a connection to port {port} ended: {error:#}");
    }
}

async fn carry(session: &Session, open: PortForwardOpen, tcp: TcpStream) -> Result<()> {
    let (reader, mut writer) = tcp.into_split();
    let (input, messages) = mpsc::channel(QUEUE);
    send(&input, Input::Open(open)).await?;
    let sending = tokio::spawn(pump(reader, input));
    let answered = answer(session, messages, &mut writer).await;
    sending.abort();
    answered
}

async fn answer(
    session: &Session,
    messages: mpsc::Receiver<PortForwardInput>,
    writer: &mut OwnedWriteHalf,
) -> Result<()> {
    let mut output = session.objects().port_forward(ReceiverStream::new(messages)).await?.into_inner();
    while let Some(chunk) = output.next().await {
        writer.write_all(&chunk?.data).await.context("write to the local connection")?;
    }
    writer.shutdown().await.context("close the local connection")
}

/// The local connection to the cluster, until one of both ends.
async fn pump(mut reader: OwnedReadHalf, input: mpsc::Sender<PortForwardInput>) -> Result<()> {
    let mut buffer = vec![0; CHUNK];
    loop {
        let length = reader.read(&mut buffer).await.context("read from the local connection")?;
        if length == 0 {
            send(&input, Input::Closed(true)).await?;
            // The stream itself ends with the answer.
            input.closed().await;
            return Ok(());
        }
        send(&input, Input::Data(buffer[..length].to_vec().into())).await?;
    }
}

async fn send(input: &mpsc::Sender<PortForwardInput>, message: Input) -> Result<()> {
    input.send(PortForwardInput { input: Some(message) }).await.context("the stream is closed")
}
