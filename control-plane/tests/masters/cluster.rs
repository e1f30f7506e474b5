//! Three masters: they form, any takes any request, and they come back.

use std::path::Path;

use tokio::time::Instant;
use xebec_control_plane::server::Master;
use xebec_proto::v1::{ClusterStatusRequest, ClusterStatusResponse};

use crate::contract::watches;
use crate::support::*;

const CONFIG_MAPS: &str = "/api/v1/namespaces/default/configmaps";

async fn form(dirs: [&Path; 3]) -> [Master; 3] {
    let m1 = Master::start(first(dirs[0], "m1")).await.unwrap();
    let token = token(&m1.join_commands().unwrap().server);
    let m2 = Master::start(next(dirs[1], "m2", &m1, token.clone())).await.unwrap();
    let m3 = Master::start(next(dirs[2], "m3", &m2, token)).await.unwrap();
    [m1, m2, m3]
}

async fn status(master: &Master) -> ClusterStatusResponse {
    cluster(master).await.status(ClusterStatusRequest {}).await.unwrap().into_inner()
}

async fn write(master: &Master, name: &str) {
    let admin = admin(master);
    let (code, body) = rest(master, &admin, "POST", CONFIG_MAPS, Some(config_map(name))).await;
    assert_eq!(code, 201, "{body}");
}

async fn read(master: &Master, name: &str) -> u16 {
    get(master, &admin(master), &format!("{CONFIG_MAPS}/{name}")).await.0
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn three_masters_form_serve_and_come_back() {
    let dirs = [(); 3].map(|()| tempfile::tempdir().unwrap());
    let paths = [dirs[0].path(), dirs[1].path(), dirs[2].path()];
    let began = Instant::now();
    let masters = form(paths).await;
    println!("three masters formed in {:?}", began.elapsed());
    for master in &masters {
        ready(master).await;
    }
    all_vote_and_are_reachable(&masters).await;
    for (i, master) in masters.iter().enumerate() {
        write(master, &format!("by-{i}")).await;
    }
    for master in &masters {
        for i in 0..3 {
            assert_eq!(read(master, &format!("by-{i}")).await, 200);
        }
    }
    watches::across(&masters).await;
    let before = status(&masters[0]).await.revision;
    let [m1, m2, m3] = masters;
    one_stops_and_comes_back(&m1, m2, paths[1], m3).await;
    m1.shutdown().await;
    all_come_back(paths, before).await;
}

async fn all_vote_and_are_reachable(masters: &[Master; 3]) {
    for master in masters {
        let complete = async || {
            let status = status(master).await;
            let sound = |m: &xebec_proto::v1::MemberStatus| {
                m.reachable && m.lag < 5 && m.member.as_ref().is_some_and(|m| m.voter)
            };
            (status.members.len() == 3 && status.members.iter().all(sound)).then_some(())
        };
        eventually("three reachable voters", complete).await;
    }
}

async fn one_stops_and_comes_back(m1: &Master, m2: Master, dir: &Path, m3: Master) {
    m2.shutdown().await;
    write(m1, "without-m2").await;
    write(&m3, "without-m2-either").await;
    let m2 = Master::start(again(dir)).await.unwrap();
    eventually("caught up", async || (read(&m2, "without-m2").await == 200).then_some(())).await;
    m2.shutdown().await;
    m3.shutdown().await;
}

async fn all_come_back(paths: [&Path; 3], revision: u64) {
    let [m1, m2, m3] = paths.map(|path| Master::start(again(path)));
    let (m1, m2, m3) = tokio::join!(m1, m2, m3);
    let masters = [m1.unwrap(), m2.unwrap(), m3.unwrap()];
    for master in &masters {
        ready(master).await;
        assert_eq!(read(master, "by-0").await, 200);
        assert_eq!(read(master, "without-m2-either").await, 200);
        assert!(status(master).await.revision >= revision);
    }
    let [m1, m2, m3] = masters;
    tokio::join!(m1.shutdown(), m2.shutdown(), m3.shutdown());
}
