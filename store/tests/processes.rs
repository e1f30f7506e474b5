//! Three real processes, killed with SIGKILL while clients write.
//!
//! This test binary is also the member: the parent starts itself again with `member` as the only test, and talks to it
//! by lines on its standard input and output.
#![expect(clippy::disallowed_methods, reason = "real processes take real time")]

use std::io::{BufRead, BufReader, Write};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::time::{Duration, Instant};

use bytes::Bytes;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use xebec_store::kv::{Op, Txn};
use xebec_store::{Member, NoObserver, PeerTls, Store, StoreConfig, StoreError, Tuning, World};

const PATIENCE: Duration = Duration::from_secs(20);
/// What a member says stands after this; the test harness prints lines of its own.
const MARK: &str = "@ ";
const MEMBERS: [u64; 3] = [1, 2, 3];

#[test]
fn sigkill_loses_nothing_acknowledged() {
    let dir = tempfile::tempdir().expect("there is room");
    write_certificates(dir.path());
    let addresses = MEMBERS.map(|_| free_address());
    let mut members: Vec<Process> = MEMBERS.iter().map(|id| Process::start(dir.path(), *id, &addresses)).collect();
    assert_eq!(members[0].ask("initialize"), "ok");
    for id in [2, 3] {
        assert_eq!(members[0].ask(&format!("add {id} {}", addresses[id as usize - 1])), "ok");
    }
    let mut acknowledged = Vec::new();
    for round in 0..5 {
        let leader = leader(&members);
        let (keys, gap) = write_over_a_kill(&mut members, leader, round);
        println!("round {round}: {} acknowledged writes, the longest took {} ms", keys.len(), gap.as_millis());
        acknowledged.extend(keys);
        members[leader] = Process::start(dir.path(), leader as u64 + 1, &addresses);
    }
    members.iter().for_each(Process::kill);
    members = MEMBERS.iter().map(|id| Process::start(dir.path(), *id, &addresses)).collect();
    let _settled = leader(&members);
    for member in &members {
        assert!(member.ask("barrier").starts_with("ok"));
        for key in &acknowledged {
            assert_eq!(member.ask(&format!("get {key}")), "ok 1", "{key} was acknowledged");
        }
    }
    let hashes: Vec<String> = members.iter().map(|member| member.ask("hash")).collect();
    assert!(hashes.windows(2).all(|pair| pair[0] == pair[1]), "{hashes:?}");
}

/// Writes through both followers while the leader is killed. Gives the acknowledged keys and the longest wait.
fn write_over_a_kill(members: &mut [Process], leader: usize, round: usize) -> (Vec<String>, Duration) {
    let (stop, longest, keys) = (AtomicBool::new(false), AtomicU64::new(0), Mutex::new(Vec::new()));
    let write = |member: &Process, id: usize| {
        for n in 0.. {
            if stop.load(Ordering::Relaxed) {
                return;
            }
            let (key, start) = (format!("/r{round}/m{id}/{n}"), Instant::now());
            assert_eq!(member.ask(&format!("put {key}")), "ok");
            longest.fetch_max(start.elapsed().as_millis() as u64, Ordering::Relaxed);
            keys.lock().expect("no writer panics").push(key);
        }
    };
    std::thread::scope(|scope| {
        for (id, member) in members.iter().enumerate().filter(|(id, _)| *id != leader) {
            scope.spawn(move || write(member, id));
        }
        std::thread::sleep(Duration::from_millis(400));
        members[leader].kill();
        std::thread::sleep(Duration::from_millis(1500));
        stop.store(true, Ordering::Relaxed);
    });
    (keys.into_inner().expect("no writer panics"), Duration::from_millis(longest.into_inner()))
}

/// The position of the leader, once one says so.
fn leader(members: &[Process]) -> usize {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(leader) = members.iter().position(|member| member.ask("leads") == "ok true") {
            return leader;
        }
        assert!(Instant::now() < deadline, "nobody leads");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// A member's process.
struct Process {
    child: Mutex<Child>,
    input: Mutex<ChildStdin>,
    answers: Mutex<mpsc::Receiver<String>>,
}

impl Process {
    fn start(dir: &Path, id: u64, addresses: &[SocketAddr; 3]) -> Process {
        let mut child = Command::new(std::env::current_exe().expect("we run from a file"))
            .args(["--exact", "member", "--ignored", "--nocapture"])
            .env("MEMBER_DIR", dir)
            .env("MEMBER_ID", id.to_string())
            .env("MEMBER_ADDRESS", addresses[id as usize - 1].to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("a process can be started");
        let input = Mutex::new(child.stdin.take().expect("it is piped"));
        let output = BufReader::new(child.stdout.take().expect("it is piped"));
        let (said, answers) = mpsc::channel();
        std::thread::spawn(move || {
            let lines = output.lines().map_while(Result::ok);
            let marked = lines.filter_map(|line| line.split_once(MARK).map(|(_, answer)| answer.to_owned()));
            marked.for_each(|answer| drop(said.send(answer)));
        });
        let process = Process { child: Mutex::new(child), input, answers: Mutex::new(answers) };
        assert_eq!(process.answer(), "ready");
        process
    }

    fn ask(&self, question: &str) -> String {
        writeln!(self.input.lock().expect("one asks at a time"), "{question}").expect("the member listens");
        self.answer()
    }

    fn answer(&self) -> String {
        let answers = self.answers.lock().expect("one asks at a time");
        answers.recv_timeout(PATIENCE + PATIENCE).expect("the member answers")
    }

    fn kill(&self) {
        let mut child = self.child.lock().expect("one kills at a time");
        child.kill().expect("SIGKILL is not refused");
        child.wait().expect("it is our child");
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Not a test: what the other processes run.
#[test]
#[ignore = "run by the other test as a process of its own"]
fn member() {
    let Ok(dir) = std::env::var("MEMBER_DIR") else { return };
    let id: u64 = variable("MEMBER_ID").parse().expect("the parent gives a number");
    let address: SocketAddr = variable("MEMBER_ADDRESS").parse().expect("the parent gives an address");
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    runtime.expect("a runtime can be made").block_on(serve(Path::new(&dir), id, address));
}

fn variable(name: &str) -> String {
    std::env::var(name).expect("the parent sets it")
}

async fn serve(dir: &Path, id: u64, address: SocketAddr) {
    let listener = tokio::net::TcpListener::bind(address).await.expect("the address is free");
    let store = Store::open(StoreConfig {
        data_dir: dir.join(format!("member-{id}")),
        cluster_id: "processes".to_owned(),
        node_id: id,
        has_history: false,
        name: format!("m{id}"),
        peer_address: address.to_string(),
        api_address: address.to_string(),
        world: World::real(listener, peer_tls(dir)),
        observer: Arc::new(NoObserver),
        tuning: Tuning { segment_bytes: 256 << 10, snapshot_entries: 300, ..Tuning::default() },
    });
    let store = store.await.expect("the store opens");
    say("ready");
    let (said, mut questions) = tokio::sync::mpsc::channel(1);
    std::thread::spawn(move || {
        std::io::stdin().lines().map_while(Result::ok).for_each(|line| drop(said.blocking_send(line)))
    });
    while let Some(question) = questions.recv().await {
        let answer = answer(&store, &question).await.unwrap_or_else(|error| format!("{error:?}"));
        say(&answer);
    }
}

/// Tells the parent.
fn say(answer: &str) {
    writeln!(std::io::stdout(), "{MARK}{answer}").expect("the parent listens");
}

async fn answer(store: &Store, question: &str) -> Result<String, StoreError> {
    let deadline = tokio::time::Instant::now() + PATIENCE;
    match question.split(' ').collect::<Vec<_>>()[..] {
        ["initialize"] => {
            store.initialize().await?;
            let mut leadership = store.leadership();
            let leads = leadership.wait_for(|leadership| leadership.is_leader).await.is_ok();
            Ok(if leads { "ok" } else { "stopped" }.to_owned())
        }
        ["add", id, address] => {
            let id = id.parse().expect("the parent gives a number");
            let (name, address) = (format!("m{id}"), address.to_owned());
            let member = Member { id, name, peer_address: address.clone(), api_address: address };
            store.add_member(member, deadline).await.map(|()| "ok".to_owned())
        }
        ["put", key] => {
            let op = Op::Put { key: Bytes::copy_from_slice(key.as_bytes()), value: Bytes::from_static(b"v"), lease: 0 };
            let outcome = store.txn(Txn { success: vec![op], ..Txn::default() }, deadline).await;
            outcome.map(|_| "ok".to_owned())
        }
        ["get", key] => Ok(format!("ok {}", store.state().get(key.as_bytes()).map_or(0, |kv| kv.version))),
        ["barrier"] => store.read_barrier(deadline).await.map(|revision| format!("ok {revision}")),
        ["leads"] => Ok(format!("ok {}", store.leadership().borrow().is_leader)),
        ["hash"] => Ok(format!("ok {:016x}", store.state().hash())),
        _ => Ok("what?".to_owned()),
    }
}

fn free_address() -> SocketAddr {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("there is a free port");
    listener.local_addr().expect("it is bound")
}

fn write_certificates(dir: &Path) {
    let authority = KeyPair::generate().expect("keys can be made");
    let mut params = CertificateParams::new(Vec::new()).expect("no names are fine");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let ca = params.self_signed(&authority).expect("the CA signs itself");
    let issuer = Issuer::new(params, authority);
    let key = KeyPair::generate().expect("keys can be made");
    let leaf = CertificateParams::new(vec!["127.0.0.1".to_owned()]).expect("an address is a name");
    let leaf = leaf.signed_by(&key, &issuer).expect("the CA signs");
    for (name, text) in [("ca.pem", ca.pem()), ("leaf.pem", leaf.pem()), ("key.pem", key.serialize_pem())] {
        std::fs::write(dir.join(name), text).expect("there is room");
    }
}

fn peer_tls(dir: &Path) -> PeerTls {
    let read = |name: &str| -> PathBuf { dir.join(name) };
    let ca = CertificateDer::from_pem_file(read("ca.pem")).expect("the parent wrote it");
    let leaf = CertificateDer::from_pem_file(read("leaf.pem")).expect("the parent wrote it");
    let key = PrivateKeyDer::from_pem_file(read("key.pem")).expect("the parent wrote it");
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut roots = rustls::RootCertStore::empty();
    roots.add(ca).expect("our CA is one");
    let roots = Arc::new(roots);
    let verifier = rustls::server::WebPkiClientVerifier::builder_with_provider(roots.clone(), provider.clone()).build();
    let server = rustls::ServerConfig::builder_with_provider(provider.clone()).with_safe_default_protocol_versions();
    let server = server.expect("ring speaks TLS").with_client_cert_verifier(verifier.expect("it has a root"));
    let server = server.with_single_cert(vec![leaf.clone()], key.clone_key()).expect("the leaf fits its key");
    let client = rustls::ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let client = client.expect("ring speaks TLS").with_root_certificates(roots);
    let client = client.with_client_auth_cert(vec![leaf], key).expect("the leaf fits its key");
    PeerTls { server: Arc::new(server), client: Arc::new(client) }
}
