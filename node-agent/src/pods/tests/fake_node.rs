//! Whole pods on the fake runtime. They share the node's network, so that no privilege is needed.

use std::path::Path;
use std::sync::Arc;

use serde_json::json;
use xebec_node_plan::pod::observed::{Observed, Preparation};
use xebec_proto::v1::Reference;

use super::stage::{Stage, deleted, pod};
use crate::containerd::fake::FakeRuntime;
use crate::containerd::{Owner, Runtime};

async fn stage(directory: &Path, runtime: &Arc<FakeRuntime>) -> Stage {
    Stage::open(directory, "xebec-fake", runtime.clone()).await
}

fn spec(container: serde_json::Value) -> serde_json::Value {
    json!({"hostNetwork": true, "hostIPC": true, "containers": [container]})
}

fn pid(observed: &Observed) -> u32 {
    observed.container("a").running().expect("it runs").pid
}

fn owner(uid: &str, attempt: u32) -> Owner {
    Owner { pod_uid: uid.into(), container: "a".into(), attempt }
}

#[tokio::test]
async fn a_container_that_ends_is_started_again_and_a_deleted_pod_leaves_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let runtime = Arc::new(FakeRuntime::new(&["busybox"]));
    let mut stage = stage(directory.path(), &runtime).await;
    let pod = pod("p", &spec(json!({"name": "a", "image": "busybox"})));
    stage.assign(&pod).await;
    let first = stage.until("p", "it runs", Observed::any_running).await;
    runtime.exit(pid(&first), 3);
    let second = stage.until("p", "it is restarted", |observed| observed.container("a").restart_count() == 1).await;
    assert_eq!(second.container("a").last.as_ref().unwrap().code, 3);
    stage.assign(&deleted(&pod, 30)).await;
    stage.until("p", "it has stopped", |observed| observed.reported_terminated).await;
    stage.remove("p").await;
    stage.until_gone("p").await;
    let done = ["create a 0", "create a 1", "delete a 0", "signal 15 a", "delete a 1"];
    assert_eq!(runtime.log(), done);
    assert_eq!(std::fs::read_dir(stage.node.layout.pods()).unwrap().count(), 0);
    assert_eq!(std::fs::read_dir(stage.node.layout.logs()).unwrap().count(), 0);
    stage.close().await;
}

#[tokio::test]
async fn a_pod_waits_for_its_image_and_starts_when_it_arrives() {
    let directory = tempfile::tempdir().unwrap();
    let runtime = Arc::new(FakeRuntime::new(&[]));
    let mut stage = stage(directory.path(), &runtime).await;
    let never = json!({"name": "a", "image": "shop/till:1", "imagePullPolicy": "Never"});
    stage.assign(&pod("p", &spec(never))).await;
    stage.until("p", "it was tried", |observed| observed.containers.contains_key("a")).await;
    let statuses = stage.status("p").container_statuses.unwrap();
    let waiting = statuses[0].state.as_ref().unwrap().waiting.as_ref().unwrap();
    assert_eq!(waiting.reason.as_deref(), Some("ErrImageNeverPull"));
    runtime.add_image("shop/till:1");
    stage.images.send_modify(|generation| *generation += 1);
    stage.until("p", "it runs", Observed::any_running).await;
    stage.close().await;
}

#[tokio::test]
async fn the_next_agent_takes_up_what_runs_and_removes_what_belongs_to_nobody() {
    let directory = tempfile::tempdir().unwrap();
    let runtime = Arc::new(FakeRuntime::new(&["busybox"]));
    let mut before = stage(directory.path(), &runtime).await;
    let pod = pod("p", &spec(json!({"name": "a", "image": "busybox"})));
    before.assign(&pod).await;
    let first = before.until("p", "it runs", Observed::any_running).await;
    before.close().await;

    let mut after = stage(directory.path(), &runtime).await;
    assert_eq!(after.adopted, 1);
    after.assign(&pod).await;
    let taken_up = after.until("p", "it runs", Observed::any_running).await;
    assert_eq!((pid(&taken_up), taken_up.container("a").restart_count()), (pid(&first), 0));
    assert_eq!(runtime.log(), ["create a 0"], "nothing was touched");
    after.close().await;

    std::fs::remove_dir_all(directory.path().join("pods/p")).unwrap();
    let last = stage(directory.path(), &runtime).await;
    assert_eq!(last.adopted, 0);
    assert_eq!(runtime.log(), ["create a 0", "delete a 0"]);
    last.close().await;
}

#[tokio::test]
async fn an_end_during_the_agents_absence_is_noticed() {
    let directory = tempfile::tempdir().unwrap();
    let runtime = Arc::new(FakeRuntime::new(&["busybox"]));
    let mut before = stage(directory.path(), &runtime).await;
    let job = json!({"hostNetwork": true, "hostIPC": true, "restartPolicy": "Never",
        "containers": [{"name": "a", "image": "busybox"}]});
    before.assign(&pod("p", &job)).await;
    let running = before.until("p", "it runs", Observed::any_running).await;
    before.close().await;
    runtime.exit(pid(&running), 0);
    let after = stage(directory.path(), &runtime).await;
    after.until("p", "it is done", |observed| observed.sandbox == Preparation::Absent).await;
    assert_eq!(after.status("p").phase.as_deref(), Some("Succeeded"));
    after.close().await;
}

#[tokio::test]
async fn a_runtime_that_is_away_delays_but_breaks_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let runtime = Arc::new(FakeRuntime::new(&["busybox"]));
    let mut stage = stage(directory.path(), &runtime).await;
    let pod = pod("p", &spec(json!({"name": "a", "image": "busybox"})));
    stage.assign(&pod).await;
    let running = stage.until("p", "it runs", Observed::any_running).await;
    runtime.set_away(true);
    runtime.exit(pid(&running), 1);
    stage.remove("p").await;
    runtime.set_away(false);
    stage.until_gone("p").await;
    assert!(runtime.list().await.unwrap().is_empty());
    stage.close().await;
}

#[tokio::test]
async fn a_stubborn_container_is_killed_at_the_end_of_its_grace() {
    let directory = tempfile::tempdir().unwrap();
    let runtime = Arc::new(FakeRuntime::new(&["busybox"]));
    runtime.set_stubborn();
    let mut stage = stage(directory.path(), &runtime).await;
    let hook = json!({"preStop": {"exec": {"command": ["bye"]}}});
    let pod = pod("p", &spec(json!({"name": "a", "image": "busybox", "lifecycle": hook})));
    stage.assign(&pod).await;
    stage.until("p", "it runs", Observed::any_running).await;
    stage.assign(&deleted(&pod, 1)).await;
    stage.until("p", "it has stopped", |observed| observed.reported_terminated).await;
    assert_eq!(runtime.log(), ["create a 0", "exec a: bye", "signal 15 a", "signal 9 a", "delete a 0"]);
    stage.close().await;
}

#[tokio::test]
async fn config_maps_reach_environment_and_files_and_files_follow_changes() {
    let directory = tempfile::tempdir().unwrap();
    let runtime = Arc::new(FakeRuntime::new(&["busybox"]));
    let mut stage = stage(directory.path(), &runtime).await;
    let mut wanted = spec(json!({"name": "a", "image": "busybox",
        "env": [{"name": "COLOUR", "valueFrom": {"configMapKeyRef": {"name": "m", "key": "colour"}}}]}));
    wanted["volumes"] = json!([{"name": "v", "configMap": {"name": "m"}}]);
    stage.assign(&pod("p", &wanted)).await;
    let failed = |observed: &Observed| matches!(observed.volumes, Preparation::Failed(_));
    stage.until("p", "it waits for the map", failed).await;
    stage.refer(config_map("blue")).await;
    stage.until("p", "it runs", Observed::any_running).await;
    assert_eq!(runtime.env(&owner("p", 0))["COLOUR"], "blue");
    let file = stage.node.layout.pod("p").join("volumes/v/colour");
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "blue");
    stage.refer(config_map("red")).await;
    let red = async {
        while std::fs::read_to_string(&file).unwrap() != "red" {
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(20), red).await.expect("the file follows");
    stage.close().await;
}

#[tokio::test]
async fn an_older_state_of_a_pod_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let runtime = Arc::new(FakeRuntime::new(&["busybox"]));
    let mut stage = stage(directory.path(), &runtime).await;
    let pod = pod("p", &spec(json!({"name": "a", "image": "busybox"})));
    stage.assign_at(9, &deleted(&pod, 0)).await;
    stage.assign_at(8, &pod).await;
    stage.until("p", "it is gone", |observed| observed.reported_terminated).await;
    assert!(runtime.log().is_empty(), "it was never started");
    stage.close().await;
}

#[tokio::test]
async fn failing_probes_keep_a_pod_from_being_ready() {
    let directory = tempfile::tempdir().unwrap();
    let runtime = Arc::new(FakeRuntime::new(&["busybox"]));
    runtime.set_exec_code(1);
    let mut stage = stage(directory.path(), &runtime).await;
    let probe = json!({"exec": {"command": ["check"]}, "periodSeconds": 1, "failureThreshold": 1});
    stage.assign(&pod("p", &spec(json!({"name": "a", "image": "busybox", "readinessProbe": probe})))).await;
    let ready = |stage: &Stage| stage.status("p").container_statuses.unwrap()[0].ready;
    stage
        .until("p", "it was probed", |observed| observed.container("a").probes.values().any(|run| run.streak.1 > 0))
        .await;
    assert!(!ready(&stage));
    runtime.set_exec_code(0);
    stage.until("p", "it is healthy", |observed| observed.container("a").probes.values().any(|run| run.streak.0)).await;
    assert!(ready(&stage));
    stage.close().await;
}

fn config_map(colour: &str) -> Reference {
    let object = json!({"metadata": {"name": "m", "namespace": "shop"}, "data": {"colour": colour}});
    Reference {
        kind: "ConfigMap".into(),
        namespace: "shop".into(),
        name: "m".into(),
        revision: 1,
        json: object.to_string().into_bytes().into(),
    }
}
