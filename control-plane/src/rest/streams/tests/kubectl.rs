//! Real kubectl, an old one and a new one: up to 1.29 it runs commands over SPDY and up to 1.30 it forwards
//! ports over it; later versions use WebSockets, and SPDY inside them.

use std::path::PathBuf;
use std::process::{Output, Stdio};
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::process::{Child, Command};

use super::*;
use crate::rest::tests::kubectl::kubectls;

const PATIENCE: Duration = Duration::from_secs(60);
const DOWNLOAD: usize = 4_000_000;

/// One kubectl and its server.
struct Kubectl {
    program: PathBuf,
    home: tempfile::TempDir,
    server: Server,
}

impl Kubectl {
    async fn new(program: PathBuf) -> Kubectl {
        eprintln!("with {}", program.file_name().unwrap().to_string_lossy());
        Kubectl { program, home: tempfile::tempdir().unwrap(), server: Server::start("jane").await }
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.program);
        command.env("HOME", self.home.path()).env_remove("KUBECONFIG").kill_on_drop(true);
        command.arg(format!("--server=http://{}", self.server.address)).args(arguments);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    async fn run(&self, arguments: &[&str], input: &[u8]) -> Output {
        let mut child = self.command(arguments).spawn().unwrap();
        let (mut stdin, input) = (child.stdin.take().unwrap(), input.to_vec());
        tokio::spawn(async move { stdin.write_all(&input).await });
        let output = tokio::time::timeout(PATIENCE, child.wait_with_output()).await;
        output.unwrap_or_else(|_| panic!("{arguments:?} takes too long")).unwrap()
    }

    /// Runs what must succeed.
    async fn succeed(&self, arguments: &[&str], input: &[u8]) -> Vec<u8> {
        let output = self.run(arguments, input).await;
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        output.stdout
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn commands_run() {
    for program in kubectls() {
        let k = Kubectl::new(program).await;
        let failed = k.run(&["exec", "p", "--", "sh", "-c", "echo out; echo err >&2; exit 3"], b"").await;
        assert_eq!(failed.status.code(), Some(3), "{failed:?}");
        assert_eq!(failed.stdout, b"out\n");
        assert!(failed.stderr.starts_with(b"err\n"), "{failed:?}");
        let much = noise(3_000_000, 7);
        assert!(k.succeed(&["exec", "-i", "p", "-c", "app", "--", "cat"], &much).await == much);
        let missing = k.run(&["exec", "p", "--", "no-such-program"], b"").await;
        assert!(String::from_utf8_lossy(&missing.stderr).contains("cannot run it"), "{missing:?}");
        assert_eq!(k.succeed(&["attach", "-i", "p"], b"hello\n").await, b"attached\nhello\n");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn files_are_copied() {
    for program in kubectls() {
        let k = Kubectl::new(program).await;
        let (here, content) = (k.home.path().join("here"), noise(2_000_000, 3));
        std::fs::write(&here, &content).unwrap();
        let (there, back) = (k.home.path().join("there"), k.home.path().join("back"));
        let (there_in_pod, back_here) = (format!("p:{}", there.display()), back.display().to_string());
        k.succeed(&["cp", &here.display().to_string(), &there_in_pod], b"").await;
        assert!(std::fs::read(there).unwrap() == content);
        k.succeed(&["cp", &there_in_pod, &back_here], b"").await;
        assert!(std::fs::read(back).unwrap() == content);
    }
}

/// A server that sends the noise that it is asked for, and then whatever it is sent.
async fn source() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((mut tcp, _)) = listener.accept().await {
            tokio::spawn(async move {
                let seed = tcp.read_u64().await.unwrap();
                tcp.write_all(&noise(DOWNLOAD, seed)).await.unwrap();
                let mut rest = Vec::new();
                tcp.read_to_end(&mut rest).await.unwrap();
                tcp.write_all(&rest).await.unwrap();
            });
        }
    });
    port
}

/// Starts to forward a port; gives the local one.
async fn forward(k: &Kubectl, port: u16) -> (Child, u16) {
    let mut child = k.command(&["port-forward", "pod/p", &format!(":{port}")]).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.as_mut().unwrap()).lines();
    let line = tokio::time::timeout(PATIENCE, lines.next_line()).await.unwrap().unwrap();
    let line = line.expect("kubectl says where it listens");
    let local = line.split("127.0.0.1:").nth(1).and_then(|rest| rest.split(' ').next()).unwrap().parse().unwrap();
    (child, local)
}

async fn download(port: u16, seed: u64) {
    let mut tcp = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    tcp.write_u64(seed).await.unwrap();
    let mut content = vec![0; DOWNLOAD];
    tcp.read_exact(&mut content).await.unwrap();
    assert!(content == noise(DOWNLOAD, seed));
    tcp.write_all(b"thanks").await.unwrap();
    tcp.shutdown().await.unwrap();
    let mut rest = Vec::new();
    tcp.read_to_end(&mut rest).await.unwrap();
    assert_eq!(rest, b"thanks");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ports_are_forwarded() {
    let port = source().await;
    for program in kubectls() {
        let k = Kubectl::new(program).await;
        let (_child, local) = forward(&k, port).await;
        let downloads = futures::future::join_all((0..4).map(|seed| download(local, seed)));
        tokio::time::timeout(PATIENCE, downloads).await.expect("downloads end");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_port_where_nobody_listens_is_an_error() {
    for program in kubectls() {
        let k = Kubectl::new(program).await;
        let (mut child, local) = forward(&k, 1).await;
        let mut tcp = TcpStream::connect(("127.0.0.1", local)).await.unwrap();
        let mut nothing = Vec::new();
        let read = tokio::time::timeout(PATIENCE, tcp.read_to_end(&mut nothing)).await.unwrap();
        assert_eq!(read.unwrap_or_default(), 0);
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let line = tokio::time::timeout(PATIENCE, lines.next_line()).await.unwrap().unwrap().unwrap();
        assert!(line.contains("cannot connect to port 1"), "{line}");
    }
}
