//! Pods on a real containerd. They need root and a containerd, and run where `XEBEC_REAL_CONTAINERD=1` says they may.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::json;
use tokio::sync::mpsc;
use xebec_node_plan::pod::observed::Preparation;
use xebec_proto::v1::open_stream::Kind;
use xebec_proto::v1::stream_frame::Frame;
use xebec_proto::v1::{AttachStream, ExecStream, LogStream, OpenStream, StreamFrame};

use super::images::write_busybox;
use super::stage::{Stage, deleted, pod};
use crate::config::Layout;
use crate::containerd::{Containerd, Runtime, Settings, Supervisor};
use crate::images::ImageDirectory;

const IMAGE: &str = "busybox:test";

/// A containerd of the test's own, with busybox in it.
struct Machine {
    cgroup: String,
    supervisor: Supervisor,
    runtime: Arc<dyn Runtime>,
    directory: Sweeper,
}

/// The directory of a test. A test that fails leaves processes and mounts that name it; they end with it.
struct Sweeper(tempfile::TempDir);

impl Sweeper {
    fn path(&self) -> &Path {
        self.0.path()
    }

    fn processes(&self) -> Vec<i32> {
        let named = |pid: &i32| {
            let command = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
            String::from_utf8_lossy(&command).contains(&self.path().display().to_string())
        };
        let entries = std::fs::read_dir("/proc").unwrap().flatten();
        entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).filter(named).collect()
    }
}

impl Drop for Sweeper {
    fn drop(&mut self) {
        let bundles = self.path().join("containerd/state/io.containerd.runtime.v2.task/xebec");
        for bundle in std::fs::read_dir(bundles).into_iter().flatten().flatten() {
            let pid = std::fs::read_to_string(bundle.path().join("init.pid")).unwrap_or_default();
            pid.parse().map(|pid| kill(Pid::from_raw(pid), Signal::SIGKILL)).ok();
        }
        for pid in self.processes() {
            kill(Pid::from_raw(pid), Signal::SIGKILL).ok();
        }
        let mounts = std::fs::read_to_string("/proc/self/mounts").unwrap_or_default();
        let points = mounts.lines().filter_map(|line| line.split(' ').nth(1));
        for point in points.filter(|point| Path::new(point).starts_with(self.path())) {
            nix::mount::umount2(point, nix::mount::MntFlags::MNT_DETACH).ok();
        }
    }
}

impl Machine {
    /// Absent where such tests may not run; then it says why.
    async fn start(test: &str) -> Option<Machine> {
        if std::env::var("XEBEC_REAL_CONTAINERD").as_deref() != Ok("1") || !nix::unistd::geteuid().is_root() {
            println!("skipped: {test} needs root, containerd, and XEBEC_REAL_CONTAINERD=1");
            return None;
        }
        let directory = tempfile::Builder::new().prefix("xebec-").tempdir().unwrap();
        let layout = Layout::new(directory.path());
        for path in [layout.images(), layout.exec()] {
            std::fs::create_dir_all(path).unwrap();
        }
        let supervisor = Supervisor::start(&layout.containerd(), Path::new("containerd")).await.unwrap();
        let runtime = connect(&layout, &supervisor.address()).await;
        write_busybox(&layout.images().join("busybox.tar"), IMAGE);
        let cgroup = format!("xebec-test-{}-{test}", std::process::id());
        let machine = Machine { directory: Sweeper(directory), cgroup, supervisor, runtime };
        machine.import().await;
        Some(machine)
    }

    async fn import(&self) {
        let images = ImageDirectory::new(Layout::new(self.directory.path()).images(), self.runtime.clone());
        let mut generation = images.generation();
        let stop = tokio_util::sync::CancellationToken::new();
        let task = tokio::spawn(images.run(stop.clone()));
        generation.changed().await.unwrap();
        stop.cancel();
        task.await.unwrap();
        let names: Vec<String> = self.runtime.images().await.unwrap().into_iter().map(|(name, _)| name).collect();
        assert_eq!(names, ["docker.io/library/busybox:test"]);
    }

    async fn stage(&self) -> Stage {
        Stage::open(self.directory.path(), &self.cgroup, self.runtime.clone()).await
    }

    /// Nothing is left of any pod.
    async fn end(self, stage: Stage) {
        assert_eq!(self.runtime.list().await.unwrap(), []);
        assert_eq!(stage.network.attached(), 0);
        assert_eq!(stage.node.cgroups.pods(), Vec::<String>::new());
        let mounts = std::fs::read_to_string("/proc/self/mounts").unwrap();
        let pods = Layout::new(self.directory.path()).pods();
        assert!(!mounts.contains(&pods.display().to_string()), "no mount of a pod is left");
        stage.close().await;
        self.supervisor.shutdown().await;
        assert_eq!(self.directory.processes(), Vec::<i32>::new(), "no process is left");
        for hierarchy in std::fs::read_dir("/sys/fs/cgroup").unwrap().flatten() {
            std::fs::remove_dir(hierarchy.path().join(&self.cgroup)).ok();
        }
    }
}

async fn connect(layout: &Layout, address: &Path) -> Arc<dyn Runtime> {
    let settings = Settings {
        runtime: PathBuf::from("runc"),
        runtime_root: layout.runtime_root(),
        exec_dir: layout.exec(),
        snapshotter: "overlayfs".into(),
    };
    Arc::new(Containerd::connect(address, settings).await.unwrap())
}

fn shell(script: &str) -> serde_json::Value {
    json!({"name": "main", "image": IMAGE, "command": ["sh", "-c", script]})
}

/// Everything a stream says until it ends.
async fn collect(mut frames: mpsc::Receiver<StreamFrame>) -> (String, Option<i32>) {
    let (mut text, mut code) = (String::new(), None);
    while let Some(frame) = frames.recv().await {
        match frame.frame.unwrap() {
            Frame::Stdout(bytes) | Frame::Stderr(bytes) => text.push_str(&String::from_utf8_lossy(&bytes)),
            Frame::ExitCode(ended) => code = Some(ended),
            Frame::ErrorJson(json) => text.push_str(&String::from_utf8_lossy(&json)),
            _ => {}
        }
    }
    (text, code)
}

fn open(uid: &str, kind: Kind) -> OpenStream {
    OpenStream {
        pod_uid: uid.into(),
        pod: uid.into(),
        namespace: "shop".into(),
        kind: Some(kind),
        ..Default::default()
    }
}

async fn logs(stage: &Stage, uid: &str, wanted: LogStream) -> String {
    let (_input, frames) = stage.stream(open(uid, Kind::Logs(wanted)));
    collect(frames).await.0
}

async fn exec(stage: &Stage, uid: &str, script: &str) -> (String, Option<i32>) {
    let command = ["sh", "-c", script].map(str::to_owned).to_vec();
    let (_input, frames) = stage.stream(open(uid, Kind::Exec(ExecStream { command, stdin: false, tty: false })));
    collect(frames).await
}

fn ready(uid: &str, stage: &Stage) -> bool {
    let conditions = stage.status(uid).conditions.unwrap_or_default();
    conditions.iter().any(|condition| condition.type_ == "Ready" && condition.status == "True")
}

#[tokio::test(flavor = "multi_thread")]
async fn real_pod_starts_logs_runs_commands_and_stops() {
    let Some(machine) = Machine::start("basics").await else { return };
    let mut stage = machine.stage().await;
    let spec = json!({
        "containers": [{
            "name": "main", "image": IMAGE,
            "command": ["sh", "-c", "echo hello $GREETING $FROM_IMAGE; echo oops >&2; trap 'echo bye; exit 0' TERM; while true; do sleep 0.1; done"],
            "env": [{"name": "GREETING", "value": "$(WEB_SERVICE_HOST)"}],
            "resources": {"limits": {"memory": "64Mi", "cpu": "500m"}},
            "volumeMounts": [{"name": "scratch", "mountPath": "/scratch"}, {"name": "fast", "mountPath": "/fast"}],
            "readinessProbe": {"exec": {"command": ["true"]}, "periodSeconds": 1},
        }],
        "volumes": [{"name": "scratch", "emptyDir": {}}, {"name": "fast", "emptyDir": {"medium": "Memory"}}],
    });
    let pod = pod("basics", &spec);
    stage.assign(&pod).await;
    stage.until("basics", "it runs", |observed| observed.any_running()).await;
    stage.until("basics", "it is ready", |_| ready("basics", &stage)).await;
    let usage = stage.node.cgroups.usage(&stage.node.cgroups.pod("basics")).expect("its cgroup is found");
    assert!(usage.memory_bytes > 0);
    let (text, code) =
        exec(&stage, "basics", "hostname; id -u; cat /etc/hosts; echo x > /scratch/f; echo y > /fast/f; exit 7").await;
    assert_eq!(code, Some(7), "{text}");
    assert!(text.starts_with("basics\n0\n") && text.contains("10.42.0.2\tbasics"), "{text}");
    let log = logs(&stage, "basics", LogStream::default()).await;
    assert!(log.contains("hello 10.43.0.9 yes\n") && log.contains("oops\n"), "{log}");
    let followed = stage
        .stream(open("basics", Kind::Logs(LogStream { follow: true, tail_lines: Some(0), ..LogStream::default() })));
    stage.assign(&deleted(&pod, 20)).await;
    let stopped = Instant::now();
    let observed = stage.until("basics", "it has stopped", |observed| observed.reported_terminated).await;
    assert!(stopped.elapsed() < Duration::from_secs(15), "it ended by itself");
    assert_eq!(observed.container("main").exit().unwrap().code, 0);
    assert_eq!(collect(followed.1).await.0, "bye\n");
    stage.remove("basics").await;
    stage.until_gone("basics").await;
    machine.end(stage).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn real_container_killed_is_restarted_and_adopted_by_the_next_agent() {
    let Some(machine) = Machine::start("adopt").await else { return };
    let mut stage = machine.stage().await;
    let looping = "i=0; while true; do i=$((i+1)); echo line $i; sleep 0.05; done";
    let pod = pod("adopt", &json!({"containers": [shell(looping)]}));
    stage.assign(&pod).await;
    let first = stage.until("adopt", "it runs", |observed| observed.any_running()).await;
    let pid = first.container("main").running().unwrap().pid;
    let following = LogStream { follow: true, ..LogStream::default() };
    let (_input, mut frames) = stage.stream(open("adopt", Kind::Logs(following)));
    frames.recv().await.expect("it says something");
    kill(Pid::from_raw(pid.cast_signed()), Signal::SIGKILL).unwrap();
    let second = stage.until("adopt", "it is restarted", |observed| {
        observed.container("main").running().is_some_and(|running| running.pid != pid)
    });
    let second = second.await;
    let record = second.container("main");
    assert_eq!((record.restart_count(), record.last.as_ref().unwrap().code), (1, 137));
    let previous =
        logs(&stage, "adopt", LogStream { previous: true, tail_lines: Some(1), ..LogStream::default() }).await;
    assert!(previous.starts_with("line "), "{previous}");

    stage.close().await;
    let runtime = connect(&Layout::new(machine.directory.path()), &machine.supervisor.address()).await;
    let mut stage = Stage::open(machine.directory.path(), &machine.cgroup, runtime).await;
    assert_eq!(stage.adopted, 1);
    stage.assign(&pod).await;
    stage.synced(&["adopt"]).await;
    let adopted = stage.until("adopt", "it runs", |observed| observed.any_running()).await;
    assert_eq!(adopted.container("main").running(), record.running(), "the same process");
    assert_eq!(adopted.container("main").restart_count(), 1, "no restart is counted");
    let (_input, mut frames) =
        stage.stream(open("adopt", Kind::Logs(LogStream { follow: true, ..LogStream::default() })));
    let mut log = String::new();
    while log.lines().count() < 40 {
        if let Some(Frame::Stdout(bytes)) = frames.recv().await.expect("it goes on").frame {
            log.push_str(&String::from_utf8_lossy(&bytes));
        }
    }
    for (number, line) in log.lines().take(40).enumerate() {
        assert_eq!(line, format!("line {}", number + 1), "no line is lost over the agent's restart");
    }
    drop(frames);
    stage.synced(&[]).await;
    stage.until_gone("adopt").await;
    machine.end(stage).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn real_containerd_killed_is_started_again_and_containers_do_not_notice() {
    let Some(machine) = Machine::start("supervisor").await else { return };
    let mut stage = machine.stage().await;
    stage.assign(&pod("super", &json!({"containers": [shell("sleep 1000")]}))).await;
    let before = stage.until("super", "it runs", |observed| observed.any_running()).await;
    let pid_file = Layout::new(machine.directory.path()).containerd().join("pid");
    let containerd: i32 = std::fs::read_to_string(&pid_file).unwrap().parse().unwrap();
    kill(Pid::from_raw(containerd), Signal::SIGKILL).unwrap();
    let back = async {
        while std::fs::read_to_string(&pid_file).ok().and_then(|pid| pid.parse().ok()) == Some(containerd)
            || machine.runtime.version().await.is_err()
        {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), back).await.expect("containerd is back");
    let pid = before.container("main").running().unwrap().pid;
    kill(Pid::from_raw(pid.cast_signed()), Signal::SIGKILL).unwrap();
    let after =
        stage.until("super", "its end was seen", |observed| observed.container("main").restart_count() == 1).await;
    assert_eq!(after.container("main").last.as_ref().unwrap().code, 137);
    stage.remove("super").await;
    stage.until_gone("super").await;
    machine.end(stage).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn real_pods_with_init_containers_failures_and_terminals() {
    let Some(machine) = Machine::start("kinds").await else { return };
    let mut stage = machine.stage().await;
    let job = json!({
        "restartPolicy": "Never",
        "initContainers": [{"name": "init", "image": IMAGE, "command": ["sh", "-c", "echo 5 > /shared/n"],
            "volumeMounts": [{"name": "work", "mountPath": "/shared"}]}],
        "containers": [{"name": "main", "image": IMAGE, "command": ["sh", "-c", "id -u; echo done > /dev/termination-log; exit $(cat /shared/n)"],
            "securityContext": {"runAsUser": 101, "readOnlyRootFilesystem": true, "capabilities": {"drop": ["ALL"]}},
            "volumeMounts": [{"name": "work", "mountPath": "/shared", "readOnly": true}]}],
        "volumes": [{"name": "work", "emptyDir": {}}],
    });
    stage.assign(&pod("job", &job)).await;
    let missing = json!({"containers": [{"name": "main", "image": IMAGE, "command": ["/no/such/program"]}]});
    stage.assign(&pod("missing", &missing)).await;
    let greedy = json!({"restartPolicy": "Never", "containers": [{"name": "main", "image": IMAGE,
        "command": ["sh", "-c", "x=a; while true; do x=$x$x; done"], "resources": {"limits": {"memory": "16Mi"}}}]});
    stage.assign(&pod("greedy", &greedy)).await;
    let host = json!({"hostNetwork": true, "containers": [shell("sleep 1000")]});
    stage.assign(&pod("host", &host)).await;

    let done = stage.until("job", "the job has ended", |observed| {
        observed.container("main").exit().is_some() && observed.sandbox == Preparation::Absent
    });
    let exit = done.await.container("main").exit().cloned().unwrap();
    assert_eq!((exit.code, exit.message.as_str()), (5, "done\n"));
    assert_eq!(stage.status("job").phase.as_deref(), Some("Failed"));
    assert_eq!(logs(&stage, "job", LogStream::default()).await, "101\n", "logs outlive the containers");

    let failed =
        stage.until("missing", "it could not start", |observed| observed.container("main").exit().is_some()).await;
    let exit = failed.container("main").exit().cloned().unwrap();
    assert_eq!((exit.code, exit.reason.as_str()), (128, "StartError"));
    assert!(exit.message.contains("/no/such/program"), "{}", exit.message);

    let killed = stage.until("greedy", "it was killed", |observed| observed.container("main").exit().is_some()).await;
    assert_eq!(killed.container("main").exit().unwrap().reason, "OOMKilled");

    stage.until("host", "it runs", |observed| observed.any_running()).await;
    let stream = ExecStream { command: vec!["sh".into()], stdin: true, tty: true };
    let (input, frames) = stage.stream(open("host", Kind::Exec(stream)));
    let typed = StreamFrame { frame: Some(Frame::Stdin("stty size; exit 3\n".into())), ..StreamFrame::default() };
    let size = xebec_proto::v1::StreamSize { width: 100, height: 40 };
    input.send(StreamFrame { frame: Some(Frame::Resize(size)), ..StreamFrame::default() }).await.unwrap();
    input.send(typed).await.unwrap();
    let (text, code) = collect(frames).await;
    assert_eq!(code, Some(3), "{text}");
    assert!(text.contains("40 100"), "{text}");
    let (input, frames) = stage.stream(open(
        "host",
        Kind::Exec(ExecStream { command: vec!["wc".into(), "-c".into()], stdin: true, tty: false }),
    ));
    for _ in 0..10 {
        let chunk = StreamFrame { frame: Some(Frame::Stdin(vec![b'x'; 50_000].into())), ..StreamFrame::default() };
        input.send(chunk).await.unwrap();
    }
    input.send(StreamFrame { frame: Some(Frame::StdinClosed(true)), ..StreamFrame::default() }).await.unwrap();
    assert_eq!(collect(frames).await, ("500000\n".to_owned(), Some(0)));

    attach_to_a_reader(&mut stage).await;

    stage.synced(&[]).await;
    for uid in ["job", "missing", "greedy", "host", "reader"] {
        stage.until_gone(uid).await;
    }
    machine.end(stage).await;
}

/// It answers without ending a line, and ends with its input.
async fn attach_to_a_reader(stage: &mut Stage) {
    let script = "read word; printf 'heard %s' $word; cat > /dev/null";
    stage
        .assign(&pod(
            "reader",
            &json!({"containers": [{"name": "main", "image": IMAGE, "stdin": true, "stdinOnce": true,
            "command": ["sh", "-c", script]}], "restartPolicy": "Never"}),
        ))
        .await;
    stage.until("reader", "it runs", |observed| observed.any_running()).await;
    let (input, mut frames) = stage.stream(open("reader", Kind::Attach(AttachStream { stdin: true, tty: false })));
    let send = |frame| input.send(StreamFrame { frame: Some(frame), ..StreamFrame::default() });
    send(Frame::Stdin("hello\n".into())).await.unwrap();
    let heard = frames.recv().await.unwrap().frame;
    assert_eq!(heard, Some(Frame::Stdout("heard hello".into())));
    send(Frame::StdinClosed(true)).await.unwrap();
    assert_eq!(frames.recv().await.unwrap().frame, Some(Frame::End(true)));
    stage.until("reader", "it ended", |observed| observed.container("main").exit().is_some()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn real_pod_under_the_default_profile_is_refused_system_calls() {
    let Some(machine) = Machine::start("seccomp").await else { return };
    let mut stage = machine.stage().await;
    let spec = json!({"securityContext": {"seccompProfile": {"type": "RuntimeDefault"}},
        "containers": [shell("sleep 1000")]});
    stage.assign(&pod("filtered", &spec)).await;
    stage.until("filtered", "it runs", |observed| observed.any_running()).await;
    let script = "echo $(grep Seccomp: /proc/self/status | cat); unshare -U true || echo refused";
    let (text, code) = exec(&stage, "filtered", script).await;
    // Output and errors are two streams: their lines come in no certain order.
    assert!(text.contains("Seccomp: 2\n"), "a filter is on, and programs start: {text}");
    assert!(text.contains("not permitted") && text.contains("refused\n"), "{text}");
    assert_eq!(code, Some(0));
    stage.remove("filtered").await;
    stage.until_gone("filtered").await;
    machine.end(stage).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn real_sick_container_is_restarted_and_stubborn_one_killed() {
    let Some(machine) = Machine::start("sick").await else { return };
    let mut stage = machine.stage().await;
    let spec = json!({"terminationGracePeriodSeconds": 1, "containers": [{"name": "main", "image": IMAGE,
        "command": ["sh", "-c", "trap '' TERM; echo > /tmp-ok; while true; do sleep 0.1; done"],
        "lifecycle": {"preStop": {"exec": {"command": ["sh", "-c", "echo stopping > /proc/1/fd/1"]}}},
        "livenessProbe": {"exec": {"command": ["false"]}, "periodSeconds": 1, "failureThreshold": 1, "initialDelaySeconds": 1}}]});
    stage.assign(&pod("sick", &spec)).await;
    let restarted =
        stage.until("sick", "it was restarted", |observed| observed.container("main").restart_count() == 1).await;
    assert_eq!(restarted.container("main").last.as_ref().unwrap().code, 137);
    let previous = logs(&stage, "sick", LogStream { previous: true, ..LogStream::default() }).await;
    assert_eq!(previous, "stopping\n", "the hook ran");
    stage.remove("sick").await;
    stage.until_gone("sick").await;
    machine.end(stage).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn real_pods_start_quickly() {
    let Some(machine) = Machine::start("speed").await else { return };
    let mut stage = machine.stage().await;
    let mut times = Vec::new();
    for number in 0..20 {
        let uid = format!("speed{number}");
        let began = Instant::now();
        stage.assign(&pod(&uid, &json!({"containers": [shell("sleep 1000")]}))).await;
        stage.until(&uid, "it runs", |observed| observed.any_running()).await;
        times.push(began.elapsed());
    }
    times.sort();
    println!("pod start, serial: p50 {:?}, slowest {:?}", times[10], times[19]);
    let began = Instant::now();
    stage.synced(&[]).await;
    for number in 0..20 {
        stage.until_gone(&format!("speed{number}")).await;
    }
    println!("20 pods stopped and removed in {:?}", began.elapsed());
    machine.end(stage).await;
}
