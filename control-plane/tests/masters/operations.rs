//! What operators do: remove and take in again, export, recover, look at metrics.

use std::path::Path;
use std::time::Duration;

use sha2::{Digest, Sha256};
use xebec_control_plane::server::{Dismissal, Master, ServerConfig, ServerError, disaster};
use xebec_proto::v1::{
    ClusterStatusRequest, ClusterStatusResponse, CreateTokenRequest, HashCheckRequest, RemoveMemberRequest, Role,
    SnapshotRequest, TransferLeaderRequest,
};

use crate::support::*;

const CONFIG_MAPS: &str = "/api/v1/namespaces/default/configmaps";

async fn status(master: &Master) -> ClusterStatusResponse {
    cluster(master).await.status(ClusterStatusRequest {}).await.unwrap().into_inner()
}

async fn write(master: &Master, name: &str) {
    let written = async || {
        let (code, _) = rest(master, &admin(master), "POST", CONFIG_MAPS, Some(config_map(name))).await;
        matches!(code, 201 | 409).then_some(())
    };
    eventually("a write is taken", written).await;
}

async fn wait_for(master: &Master, name: &str) {
    let path = format!("{CONFIG_MAPS}/{name}");
    eventually("the object is there", async || (get(master, &admin(master), &path).await.0 == 200).then_some(())).await;
}

async fn three(dirs: &[tempfile::TempDir; 3]) -> [Master; 3] {
    let m1 = Master::start(first(dirs[0].path(), "m1")).await.unwrap();
    let token = token(&m1.join_commands().unwrap().server);
    let m2 = Master::start(next(dirs[1].path(), "m2", &m1, token.clone())).await.unwrap();
    let m3 = Master::start(next(dirs[2].path(), "m3", &m2, token)).await.unwrap();
    [m1, m2, m3]
}

fn dirs() -> [tempfile::TempDir; 3] {
    [(); 3].map(|()| tempfile::tempdir().unwrap())
}

async fn server_token(master: &Master) -> ServerConfig {
    let asked = CreateTokenRequest { role: Role::Server.into(), ..CreateTokenRequest::default() };
    let token = cluster(master).await.create_token(asked).await.unwrap().into_inner().token;
    next(Path::new(""), "m3", master, token.parse().unwrap())
}

async fn hand_over(master: &Master, to: &str) {
    let asked = TransferLeaderRequest { to: to.to_owned() };
    let leader = cluster(master).await.transfer_leader(asked).await.unwrap().into_inner().leader.unwrap();
    assert_eq!(leader.name, to);
}

/// A removed master, the leader even, notices, stops, and says why; with a token it comes back under its old name.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_removed_master_stops_and_may_join_again() {
    let dirs = dirs();
    let [m1, m2, m3] = three(&dirs).await;
    hand_over(&m1, "m3").await;
    let old =
        status(&m1).await.members.iter().filter_map(|one| one.member.clone()).find(|one| one.name == "m3").unwrap();
    let removal = RemoveMemberRequest { member: "m3".to_owned() };
    let answer = cluster(&m1).await.remove_member(removal.clone()).await.unwrap().into_inner();
    assert_eq!((answer.removed.unwrap().id, answer.members.len()), (old.id, 2));
    let again_refused = cluster(&m2).await.remove_member(removal).await.unwrap_err();
    assert_eq!(again_refused.code(), tonic::Code::NotFound);
    let dismissal = tokio::time::timeout(TIMEOUT, m3.dismissed()).await.expect("it notices");
    assert_eq!(dismissal, Dismissal::Removed);
    assert!(matches!(m3.step_down(dismissal).await, Err(ServerError::Removed { .. })));
    assert!(matches!(Master::start(again(dirs[2].path())).await.err(), Some(ServerError::Removed { .. })));
    let join = server_token(&m2).await.join;
    let m3 = Master::start(ServerConfig { join, ..config(dirs[2].path(), "m3") }).await.unwrap();
    let members = status(&m3).await.members;
    let new = members.iter().filter_map(|one| one.member.clone()).find(|one| one.name == "m3").unwrap();
    assert!(new.id != old.id && members.len() == 3, "{members:?}");
    write(&m3, "after").await;
    tokio::join!(m1.shutdown(), m2.shutdown(), m3.shutdown());
}

/// A member on an emptied store is refused until it is removed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_master_that_lost_its_disk_joins_as_a_new_member() {
    let dirs = dirs();
    let [m1, m2, m3] = three(&dirs).await;
    m3.shutdown().await;
    std::fs::remove_dir_all(dirs[2].path().join("store")).unwrap();
    let refused = Master::start(again(dirs[2].path())).await.err();
    assert!(matches!(refused, Some(ServerError::Emptied { .. })), "{refused:?}");
    let fresh = tempfile::tempdir().unwrap();
    let join = server_token(&m1).await.join;
    let early = Master::start(ServerConfig { join: join.clone(), ..config(fresh.path(), "m3") }).await.err();
    assert!(early.is_some_and(|error| format!("{error:?}").contains("m3")), "the name is taken");
    cluster(&m2).await.remove_member(RemoveMemberRequest { member: "m3".to_owned() }).await.unwrap();
    let m3 = Master::start(ServerConfig { join, ..config(fresh.path(), "m3") }).await.unwrap();
    write(&m3, "after").await;
    tokio::join!(m1.shutdown(), m2.shutdown(), m3.shutdown());
}

/// One of three recovers; the others, when they start, go over to it by themselves.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn others_join_a_recovered_cluster_by_themselves() {
    let dirs = dirs();
    let [m1, m2, m3] = three(&dirs).await;
    write(&m1, "before").await;
    let before = status(&m1).await;
    for master in [&m1, &m2, &m3] {
        wait_for(master, "before").await;
    }
    // The note of the others' addresses is written within seconds.
    let addresses =
        |dir: &tempfile::TempDir| std::fs::read_to_string(dir.path().join("masters.json")).unwrap_or_default();
    let noted = || dirs.iter().all(|dir| addresses(dir).matches("127.0.0.1").count() == 3);
    eventually("addresses are noted", async || noted().then_some(())).await;
    tokio::join!(m1.shutdown(), m2.shutdown(), m3.shutdown());
    let begun = disaster::recover(dirs[1].path()).await.unwrap();
    assert!(begun.revision > before.revision + 1_000_000);
    let m2 = Master::start(again(dirs[1].path())).await.unwrap();
    ready(&m2).await;
    wait_for(&m2, "before").await;
    write(&m2, "alone").await;
    let m1 = Master::start(again(dirs[0].path())).await.unwrap();
    let m3 = Master::start(again(dirs[2].path())).await.unwrap();
    for master in [&m1, &m3] {
        wait_for(master, "alone").await;
    }
    write(&m3, "together").await;
    let after = status(&m1).await;
    assert_eq!((after.cluster_id, after.members.len()), (begun.cluster_id, 3));
    assert_eq!(after.supersedes, [before.cluster_id]);
    tokio::join!(m1.shutdown(), m2.shutdown(), m3.shutdown());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_state_is_exported_restored_and_measured() {
    let (dir, elsewhere) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let m1 = Master::start(first(dir.path(), "m1")).await.unwrap();
    write(&m1, "kept").await;
    let file = elsewhere.path().join("state.snap");
    export(&m1, &file).await;
    write(&m1, "late").await;
    metrics(&m1).await;
    m1.shutdown().await;
    let summary = disaster::inspect(&file).unwrap();
    assert!(
        summary.groups["configmaps"].keys >= 1 && summary.groups.contains_key("clusterroles.rbac.authorization.k8s.io")
    );
    let options = xebec_control_plane::server::RestoreOptions {
        data_dir: elsewhere.path().join("data"),
        pki: Some(dir.path().join("pki")),
        config: ServerConfig { listen: free(), peer_listen: free(), ..config(dir.path(), "m9") },
    };
    disaster::restore(&file, &options).await.unwrap();
    let m9 = Master::start(again(&options.data_dir)).await.unwrap();
    ready(&m9).await;
    wait_for(&m9, "kept").await;
    assert_eq!(get(&m9, &admin(&m9), &format!("{CONFIG_MAPS}/late")).await.0, 404);
    write(&m9, "new").await;
    m9.shutdown().await;
}

/// One of three is left. It shows what it has to whoever is content with that, and refuses all others soon.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_minority_reads_what_it_has_and_promises_nothing() {
    let dirs = dirs();
    let [m1, m2, m3] = three(&dirs).await;
    write(&m1, "kept").await;
    wait_for(&m1, "kept").await;
    let report = cluster(&m2).await.hash_check(HashCheckRequest {}).await.unwrap().into_inner();
    assert_eq!(report.members.iter().filter(|member| member.hash == Some(report.hash)).count(), 3, "{report:?}");
    tokio::join!(m2.shutdown(), m3.shutdown());
    let (admin, path) = (admin(&m1), format!("{CONFIG_MAPS}/kept"));
    for linearizable in [path.as_str(), CONFIG_MAPS] {
        let start = std::time::Instant::now();
        let (code, body) = get(&m1, &admin, linearizable).await;
        assert_eq!(code, 503, "{body}");
        assert!(body["message"].as_str().unwrap_or_default().contains("no majority"), "{body}");
        assert!(start.elapsed() < Duration::from_secs(4), "{:?}", start.elapsed());
    }
    for stale in [path.as_str(), CONFIG_MAPS] {
        let (code, body) = get(&m1, &admin, &format!("{stale}?resourceVersion=0")).await;
        assert_eq!(code, 200, "{body}");
        assert!(body.to_string().contains("\"kept\""), "{body}");
    }
    let unchecked = cluster(&m1).await.hash_check(HashCheckRequest {}).await.unwrap_err();
    assert!(matches!(unchecked.code(), tonic::Code::Unavailable | tonic::Code::DeadlineExceeded), "{unchecked:?}");
    m1.shutdown().await;
}

/// An address that was free a moment ago: a restored master must know its ports before it starts.
fn free() -> std::net::SocketAddr {
    std::net::TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).unwrap()
}

async fn export(master: &Master, path: &Path) {
    let mut parts = cluster(master).await.snapshot(SnapshotRequest {}).await.unwrap().into_inner();
    let mut bytes = Vec::new();
    let end = loop {
        let part = parts.message().await.unwrap().expect("it ends with a checksum");
        bytes.extend_from_slice(&part.data);
        if let Some(end) = part.end {
            break end;
        }
    };
    assert_eq!((end.bytes, &end.sha256[..]), (bytes.len() as u64, &Sha256::digest(&bytes)[..]));
    std::fs::write(path, bytes).unwrap();
}

async fn metrics(master: &Master) {
    assert_eq!(get(master, &nobody(master), "/metrics").await.0, 401);
    let (code, text) = get(master, &admin(master), "/metrics").await;
    let text = text.as_str().unwrap_or_default();
    assert_eq!(code, 200);
    for name in [
        "etcd_disk_wal_fsync_duration_seconds_bucket",
        "etcd_server_has_leader 1",
        "process_resident_memory_bytes ",
        "apiserver_request_total{verb=\"POST\",group=\"\",version=\"v1\",resource=\"configmaps\"",
        "grpc_server_handled_total{grpc_service=\"xebec.v1.Cluster\",grpc_method=\"Snapshot\",grpc_code=\"Ok\"} 1",
    ] {
        assert!(text.contains(name), "{name} is missing:\n{text}");
    }
}
