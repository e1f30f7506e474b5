//! The member's side: a store that answers questions from its standard input.
//!
//! A question is `<number> <words>`, its answer `@ <number> ok …` or `@ <number> error …`. Questions are answered side by
//! side. The first answer, under the number 0, says whether the store has opened.

use std::io::Write;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::time::Instant;
use xebec_store::kv::{Op, Txn};
use xebec_store::testing::{Fault, Faults, FaultyDisk, Operation, When};
use xebec_store::{Member, NoObserver, RealDisk, Store, StoreConfig, StoreError, Tuning, World};

use super::certificates;

/// A member gives up on a question after so long.
pub(crate) const PATIENCE: Duration = Duration::from_secs(5);
/// Membership changes and handovers may take longer.
const CHANGE: Duration = Duration::from_secs(20);
/// What a member says stands after this; the test harness prints lines of its own.
pub(crate) const MARK: &str = "@ ";
/// Bytes of a value that is overwritten.
pub(crate) const VALUE: usize = 500;
/// Overwrites in one transaction, and transactions under way.
const BATCH: usize = 100;
const ABREAST: usize = 16;

/// Runs until the parent goes or kills us.
pub(crate) fn run() {
    let Ok(dir) = std::env::var("MEMBER_DIR") else { return };
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    runtime.expect("a runtime can be made").block_on(serve(PathBuf::from(dir)));
}

fn variable(name: &str) -> String {
    std::env::var(name).expect("the parent sets it")
}

fn number(name: &str) -> u64 {
    variable(name).parse().expect("the parent gives a number")
}

async fn serve(dir: PathBuf) {
    let faults = Faults::default();
    let store = match open(&dir, &faults).await {
        Ok(store) => store,
        Err(error) => return say(0, &format!("error {error:?}")),
    };
    say(0, "ok");
    let (said, mut questions) = tokio::sync::mpsc::channel(64);
    std::thread::spawn(move || {
        std::io::stdin().lines().map_while(Result::ok).for_each(|line| drop(said.blocking_send(line)))
    });
    while let Some(line) = questions.recv().await {
        let (id, question) = line.split_once(' ').expect("questions are numbered");
        let (id, question) = (id.parse().expect("by numbers"), question.to_owned());
        let (store, faults) = (store.clone(), faults.clone());
        tokio::spawn(async move {
            let answer = answer(&store, &faults, &question).await;
            say(id, &answer.map_or_else(|error| format!("error {error:?}"), |text| format!("ok {text}")));
        });
    }
}

async fn open(dir: &Path, faults: &Faults) -> Result<Store, StoreError> {
    let (id, address) = (number("MEMBER_ID"), variable("MEMBER_ADDRESS"));
    let listener = listen(address.parse().expect("the parent gives an address")).await;
    let disk = Arc::new(FaultyDisk::new(Arc::new(RealDisk), faults.clone()));
    let tls = certificates::peer_tls(Path::new(&variable("MEMBER_CERTIFICATES")));
    let world = World { disk, ..World::real(listener, tls) };
    let config = StoreConfig {
        data_dir: dir.join("store"),
        cluster_id: "processes".to_owned(),
        node_id: id,
        has_history: number("MEMBER_HISTORY") == 1,
        name: format!("m{id}"),
        peer_address: address.clone(),
        api_address: address.clone(),
        world,
        observer: Arc::new(NoObserver),
        tuning: Tuning {
            segment_bytes: number("MEMBER_SEGMENT"),
            snapshot_entries: number("MEMBER_SNAPSHOT_ENTRIES"),
            history_revisions: number("MEMBER_HISTORY_REVISIONS"),
            space_reserve: number("MEMBER_RESERVE"),
            ..Tuning::default()
        },
    };
    Store::open(config).await
}

/// The port of a member that was just killed may take a moment to be free.
async fn listen(address: SocketAddr) -> tokio::net::TcpListener {
    let deadline = Instant::now() + PATIENCE;
    loop {
        match tokio::net::TcpListener::bind(address).await {
            Ok(listener) => return listener,
            Err(error) if Instant::now() > deadline => panic!("{address}: {error}"),
            Err(_) => tokio::time::sleep(Duration::from_millis(5)).await,
        }
    }
}

/// Tells the parent, in one piece.
fn say(id: u64, answer: &str) {
    let line = format!("{MARK}{id} {answer}\n");
    // A parent that is gone hears nothing, and needs nothing.
    drop(std::io::stdout().lock().write_all(line.as_bytes()));
}

async fn answer(store: &Store, faults: &Faults, question: &str) -> Result<String, StoreError> {
    let (soon, later) = (Instant::now() + PATIENCE, Instant::now() + CHANGE);
    let words: Vec<&str> = question.split(' ').collect();
    let at = |n: usize| words[n].parse::<u64>().expect("the parent gives a number");
    match words[..] {
        ["initialize"] => store.initialize().await.map(|()| String::new()),
        ["add", _, address] => {
            let (name, address) = (format!("m{}", at(1)), address.to_owned());
            let member = Member { id: at(1), name, peer_address: address.clone(), api_address: address };
            store.add_member(member, later).await.map(|()| String::new())
        }
        ["remove", _] => store.remove_member(at(1), later).await.map(|()| String::new()),
        ["stop"] => {
            store.clone().shutdown().await;
            Ok(String::new())
        }
        ["put", key, value] => write(store, vec![put(key, value.to_owned(), 0)], soon).await,
        ["put", key, value, _] => write(store, vec![put(key, value.to_owned(), at(3))], soon).await,
        ["fill", key, _] => write(store, vec![put(key, "x".repeat(at(2) as usize), 0)], soon).await,
        ["write", writer, n] => {
            let ops = vec![
                put(&format!("/w/{writer}/{n}"), n.to_owned(), 0),
                put(&format!("/last/{writer}"), n.to_owned(), 0),
            ];
            write(store, ops, soon).await
        }
        ["delete", key] => write(store, vec![Op::Delete { key: bytes(key) }], soon).await,
        ["overwrite", _, _] => overwrite(store, at(1) as usize, at(2) as usize).await,
        ["lease", _, _] => store.lease_grant(at(1), Duration::from_millis(at(2)), soon).await.map(|()| String::new()),
        ["barrier"] => store.read_barrier(soon).await.map(|revision| revision.to_string()),
        ["fault", _, _, _] => {
            order(faults, words[1], words[2], at(3));
            Ok(String::new())
        }
        _ => Ok(look(store, &words)),
    }
}

/// Answers that come from what this member knows.
fn look(store: &Store, words: &[&str]) -> String {
    let status = store.status();
    match words {
        ["leads"] => status.leadership.is_leader.to_string(),
        ["term"] => status.leadership.term.to_string(),
        ["held"] => store.state().bytes().to_string(),
        ["short"] => status.no_space.to_string(),
        ["range", prefix] => {
            let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
            let state = store.state();
            let found = state.range(prefix.as_bytes(), None).filter(|kv| kv.key.starts_with(prefix.as_bytes()));
            found.map(|kv| format!("{}={}", text(&kv.key), text(&kv.value))).collect::<Vec<_>>().join(" ")
        }
        ["place"] => {
            // What was applied in between makes this differ from the others' answers, and they are asked again.
            let state = store.state();
            format!("{} {} {:016x}", status.applied_index, state.revision(), state.hash())
        }
        _ => panic!("the parent asks {words:?}"),
    }
}

fn order(faults: &Faults, operation: &str, fault: &str, number: u64) {
    let operation = match operation {
        "sync" => Operation::Sync,
        "none" => return faults.clear(),
        _ => panic!("the parent orders {operation}"),
    };
    match fault {
        "slow" => faults.add(operation, "wal", When::Always, Fault::Slow(Duration::from_millis(number))),
        "eio" => faults.add(operation, "wal", When::Nth(number), Fault::EIO),
        _ => panic!("the parent orders {fault}"),
    }
}

fn bytes(text: &str) -> Bytes {
    Bytes::copy_from_slice(text.as_bytes())
}

fn put(key: &str, value: String, lease: u64) -> Op {
    Op::Put { key: bytes(key), value: value.into(), lease }
}

async fn write(store: &Store, success: Vec<Op>, deadline: Instant) -> Result<String, StoreError> {
    let outcome = store.txn(Txn { success, ..Txn::default() }, deadline).await?;
    Ok(outcome.revision.to_string())
}

/// Overwrites the same keys again and again.
async fn overwrite(store: &Store, count: usize, keys: usize) -> Result<String, StoreError> {
    let value = "v".repeat(VALUE);
    let mut under_way = tokio::task::JoinSet::new();
    for first in (0..count).step_by(BATCH) {
        if under_way.len() == ABREAST {
            under_way.join_next().await.expect("there are some").expect("none panics")?;
        }
        let op = |n: usize| put(&format!("/overwritten/{:06}", n % keys), value.clone(), 0);
        let (store, ops) = (store.clone(), (first..first + BATCH).map(op).collect());
        under_way.spawn(async move { write(&store, ops, Instant::now() + CHANGE).await });
    }
    while let Some(done) = under_way.join_next().await {
        done.expect("none panics")?;
    }
    Ok(String::new())
}
