//! The benchmark's own parts against three members of ours: a second of each load, everything checked.

use std::path::{Path, PathBuf};
use std::time::Duration;

use xebec_bench::client::Connection;
use xebec_bench::load::{self, Fleet, KeySpace, Span};
use xebec_bench::rig::{Cluster, Contestant, Program};

const SPAN: Span = Span { warm_up: Duration::ZERO, measured: Duration::from_millis(300) };

#[tokio::test]
async fn every_load_runs_and_is_checked() {
    let ours = Contestant {
        name: "xebec".to_owned(),
        program: Program::Xebec { path: PathBuf::from(env!("CARGO_BIN_EXE_xebec-store-member")), threads: 1 },
    };
    let mut cluster = Cluster::start(&ours, 3, Path::new(env!("CARGO_TARGET_TMPDIR"))).await.unwrap();
    let fleet = Fleet::connect(&cluster.client_addresses(), 8).await.unwrap();
    let space = |name: &str| KeySpace { prefix: format!("/smoke/{name}/"), keys: 50, value_bytes: 256 };

    let written = load::puts(&fleet, &space("puts"), SPAN).await.unwrap();
    assert!(written.count > 0 && written.p50 <= written.p99, "{written:?}");

    let filled = space("gets");
    load::fill(&fleet, &filled).await.unwrap();
    for serializable in [false, true] {
        assert!(load::gets(&fleet, &filled, serializable, SPAN).await.unwrap().count > 0);
    }
    assert!(load::ranges(&fleet, &filled, SPAN).await.unwrap().count > 0);

    let watched = load::watchers(&fleet, &space("watch"), 20, 5).await.unwrap();
    assert_eq!((watched.burst.count, watched.steady.count), (8 * 20, 8 * 5), "each watcher hears of each write");

    assert!(cluster.restart().await.unwrap() > Duration::ZERO);
    let fleet = Fleet::connect(&cluster.client_addresses(), 1).await.unwrap();
    load::verify(&fleet, &filled, &[Some(0); 50]).await.unwrap();
    same_hashes(&cluster).await;
}

/// All members have applied the same, and say so.
async fn same_hashes(cluster: &Cluster) {
    let mut hashes = Vec::new();
    for address in cluster.client_addresses() {
        let connection = Connection::open(address).await.expect("the member listens");
        connection.count("/smoke/").await.expect("the member reads");
        let answer = connection.hash().await.expect("the member knows its hash");
        hashes.push((answer.header.map(|header| header.revision), answer.hash));
    }
    assert!(hashes.iter().all(|hash| *hash == hashes[0]), "{hashes:?}");
}
