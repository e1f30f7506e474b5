//! Stories of pods' lives: after each happening, exactly these actions.

use std::time::Duration;

use serde_json::{Value, json};

use super::action::{Action, Desired, Signal, StopCause};
use super::event::{ContainerEvent, Event, Problem};
use super::lifecycle::plan;
use super::observed::{Exit, Observed};
use super::status::status;
use crate::moment::Moment;
use crate::references::References;

/// A pod in a world where every action succeeds at once, except those that take time: hooks, probes, and ending.
struct Story {
    desired: Desired,
    observed: Observed,
    now: Moment,
}

impl Story {
    fn new(spec: Value) -> Story {
        let pod = json!({"metadata": {"name": "p", "namespace": "n", "uid": "u"}, "spec": spec});
        let pod = serde_json::from_value(pod).unwrap();
        let desired = Desired { pod, removed: false, references: References::default() };
        Story { desired, observed: Observed::default(), now: Moment(1_000_000) }
    }

    /// Plans and acts until nothing is due; gives what was done, and when it asks again.
    fn run(&mut self) -> (Vec<String>, Option<u64>) {
        let mut done = Vec::new();
        for _ in 0..20 {
            self.observed.notice(&self.desired, self.now);
            let plan = plan(&self.desired, &self.observed, self.now);
            if plan.actions.is_empty() {
                return (done, plan.wake.map(|at| at.since(self.now).as_secs()));
            }
            done.extend(plan.actions.iter().map(words));
            if plan.actions.contains(&Action::Forget) {
                return (done, None);
            }
            plan.actions.into_iter().for_each(|action| self.act(action));
        }
        panic!("the plan does not come to rest: {done:?}");
    }

    fn check(&mut self, expect: &[&str]) -> Option<u64> {
        let (done, wake) = self.run();
        assert_eq!(done, expect);
        wake
    }

    fn act(&mut self, action: Action) {
        let event = match action {
            Action::PrepareVolumes => Event::VolumesReady,
            Action::CreateSandbox => Event::SandboxReady([10, 42, 0, 2].into()),
            Action::Start { container, attempt } => {
                let started =
                    ContainerEvent::Started { id: format!("{container}/{attempt}"), pid: 7, image_id: "i".into() };
                Event::Container(container, started)
            }
            Action::PostStart { container } => Event::Container(container, ContainerEvent::PostStartBegun),
            Action::Probe { container, kind } => Event::Container(container, ContainerEvent::ProbeBegun(kind)),
            Action::PreStop { container, cause, deadline } => {
                Event::Container(container, ContainerEvent::PreStopBegun(cause, deadline))
            }
            Action::Signal { container, cause, signal, deadline } => {
                Event::Container(container, ContainerEvent::Signalled(cause, signal, deadline))
            }
            Action::Release => Event::Released,
            Action::ReportTerminated => Event::ReportedTerminated,
            Action::Forget => return,
        };
        self.happen(event);
    }

    fn happen(&mut self, event: Event) {
        let spec = self.desired.spec().clone();
        self.observed.record(&spec, event, self.now);
    }

    fn container(&mut self, name: &str, event: ContainerEvent) {
        self.happen(Event::Container(name.to_owned(), event));
    }

    fn exit(&mut self, name: &str, code: i32) {
        let running = self.observed.container(name).running().expect("it runs");
        let exit = Exit {
            id: running.id.clone(),
            code,
            reason: if code == 0 { "Completed" } else { "Error" }.into(),
            message: String::new(),
            started_at: running.started_at,
            finished_at: self.now,
        };
        self.container(name, ContainerEvent::Exited(exit));
    }

    fn wait(&mut self, seconds: u64) {
        self.now = self.now.after(Duration::from_secs(seconds));
    }

    fn delete(&mut self, grace: i64) {
        self.desired.pod.metadata.deletion_timestamp = Some(self.now.time());
        self.desired.pod.metadata.deletion_grace_period_seconds = Some(grace);
    }

    /// Phase, then each container's state, then the conditions that are true.
    fn status(&self) -> String {
        let status = status(&self.desired, &self.observed, None, [10, 0, 0, 1].into(), self.now);
        let containers =
            status.init_container_statuses.iter().flatten().chain(status.container_statuses.iter().flatten());
        let containers = containers.map(|container| {
            let state = container.state.clone().unwrap_or_default();
            let waiting = state.waiting.and_then(|waiting| waiting.reason);
            let ended = state.terminated.and_then(|ended| ended.reason);
            let state = waiting.or(ended).unwrap_or_else(|| "Running".into());
            format!("{}={state}/{}", container.name, container.restart_count)
        });
        let held = status.conditions.iter().flatten().filter(|condition| condition.status == "True");
        let held: Vec<_> = held.map(|condition| condition.type_.clone()).collect();
        format!("{} {} [{}]", status.phase.unwrap(), containers.collect::<Vec<_>>().join(" "), held.join(" "))
    }
}

fn words(action: &Action) -> String {
    let why = |cause: &StopCause| match cause {
        StopCause::Unhealthy(kind) => format!("{kind:?} failed").to_lowercase(),
        other => format!("{other:?}").to_lowercase(),
    };
    match action {
        Action::Start { container, attempt } => format!("start {container} {attempt}"),
        Action::PostStart { container } => format!("post-start {container}"),
        Action::Probe { container, kind } => format!("probe {container} {}", kind.word().to_lowercase()),
        Action::PreStop { container, cause, .. } => format!("pre-stop {container}: {}", why(cause)),
        Action::Signal { container, cause, signal: Signal::Terminate, .. } => {
            format!("term {container}: {}", why(cause))
        }
        Action::Signal { container, cause, signal: Signal::Kill, .. } => format!("kill {container}: {}", why(cause)),
        Action::PrepareVolumes => "volumes".into(),
        Action::CreateSandbox => "sandbox".into(),
        Action::Release => "release".into(),
        Action::ReportTerminated => "report terminated".into(),
        Action::Forget => "forget".into(),
    }
}

#[test]
fn a_plain_pod_starts_restarts_and_backs_off() {
    let mut story = Story::new(json!({"containers": [{"name": "a"}]}));
    assert_eq!(story.status(), "Pending a=ContainerCreating/0 [Initialized]");
    assert_eq!(story.check(&["volumes", "sandbox", "start a 0"]), None);
    assert_eq!(story.status(), "Running a=Running/0 [PodReadyToStartContainers Initialized Ready ContainersReady]");
    story.wait(5);
    story.exit("a", 1);
    story.check(&["start a 1"]);
    story.wait(5);
    story.exit("a", 0);
    assert_eq!(story.check(&[]), Some(10));
    assert_eq!(story.status(), "Running a=CrashLoopBackOff/1 [PodReadyToStartContainers Initialized]");
    story.wait(10);
    story.check(&["start a 2"]);
    story.exit("a", 1);
    assert_eq!(story.check(&[]), Some(20));
}

#[test]
fn init_containers_run_in_order_and_sidecars_stay() {
    let mut story = Story::new(json!({
        "initContainers": [{"name": "one"}, {"name": "side", "restartPolicy": "Always"}, {"name": "two"}],
        "containers": [{"name": "main"}]}));
    story.check(&["volumes", "sandbox", "start one 0"]);
    assert_eq!(
        story.status(),
        "Pending one=Running/0 side=PodInitializing/0 two=PodInitializing/0 main=PodInitializing/0 [PodReadyToStartContainers]"
    );
    story.exit("one", 1);
    story.check(&["start one 1"]);
    story.exit("one", 0);
    story.check(&["start side 0", "start two 0"]);
    story.exit("two", 0);
    story.check(&["start main 0"]);
    story.exit("side", 0);
    story.check(&["start side 1"]);
    story.delete(30);
    story.check(&["term main: deleted"]);
    story.exit("main", 143);
    story.check(&["term side: deleted"]);
    story.exit("side", 143);
    story.check(&["release", "report terminated"]);
}

#[test]
fn a_failing_init_container_fails_a_pod_that_never_restarts() {
    let mut story =
        Story::new(json!({"restartPolicy": "Never", "initContainers": [{"name": "i"}], "containers": [{"name": "a"}]}));
    story.check(&["volumes", "sandbox", "start i 0"]);
    story.exit("i", 3);
    story.check(&["release"]);
    assert_eq!(story.status(), "Failed i=Error/0 a=ContainerCreating/0 []");
}

#[test]
fn a_job_restarts_on_failure_until_it_succeeds() {
    let mut story = Story::new(json!({"restartPolicy": "OnFailure", "containers": [{"name": "a"}]}));
    story.check(&["volumes", "sandbox", "start a 0"]);
    story.exit("a", 1);
    story.check(&["start a 1"]);
    story.exit("a", 0);
    story.check(&["release"]);
    assert_eq!(story.status(), "Succeeded a=Completed/1 [Initialized]");
    story.delete(30);
    story.check(&["report terminated"]);
    story.happen(Event::DesiredAgain);
    story.check(&["report terminated"]);
    story.desired.removed = true;
    story.check(&["forget"]);
}

#[test]
fn probes_gate_readiness_and_restart_the_sick() {
    use crate::probe::ProbeKind::{Liveness, Readiness, Startup};
    let mut story = Story::new(json!({"terminationGracePeriodSeconds": 7, "containers": [{"name": "a",
        "startupProbe": {"periodSeconds": 1, "failureThreshold": 3},
        "readinessProbe": {"periodSeconds": 2},
        "livenessProbe": {"periodSeconds": 5, "failureThreshold": 1}}]}));
    story.check(&["volumes", "sandbox", "start a 0", "probe a startup"]);
    story.container("a", ContainerEvent::ProbeDone(Startup, false));
    assert_eq!(story.check(&[]), Some(1));
    story.wait(1);
    story.check(&["probe a startup"]);
    story.container("a", ContainerEvent::ProbeDone(Startup, true));
    story.check(&["probe a readiness", "probe a liveness"]);
    assert_eq!(story.status(), "Running a=Running/0 [PodReadyToStartContainers Initialized]");
    story.container("a", ContainerEvent::ProbeDone(Readiness, true));
    assert_eq!(story.status(), "Running a=Running/0 [PodReadyToStartContainers Initialized Ready ContainersReady]");
    story.container("a", ContainerEvent::ProbeDone(Liveness, false));
    assert_eq!(story.check(&["term a: liveness failed"]), Some(7));
    assert_eq!(story.status(), "Running a=Running/0 [PodReadyToStartContainers Initialized]");
    story.wait(7);
    story.check(&["kill a: liveness failed"]);
    story.exit("a", 137);
    story.check(&["start a 1", "probe a startup"]);
}

#[test]
fn deletion_runs_hooks_then_signals_then_kills() {
    let mut story = Story::new(json!({"containers": [
        {"name": "a", "lifecycle": {"preStop": {"exec": {"command": ["x"]}}}}, {"name": "b"}]}));
    story.check(&["volumes", "sandbox", "start a 0", "start b 0"]);
    story.delete(10);
    assert_eq!(story.check(&["pre-stop a: deleted", "term b: deleted"]), Some(10));
    story.wait(3);
    story.container("a", ContainerEvent::PreStopDone);
    story.exit("b", 0);
    assert_eq!(story.check(&["term a: deleted"]), Some(7));
    story.delete(5);
    assert_eq!(story.check(&[]), Some(2), "a shorter grace takes effect at once");
    story.wait(2);
    assert_eq!(story.check(&["kill a: deleted"]), Some(5));
    story.exit("a", 137);
    story.check(&["release", "report terminated"]);
    assert_eq!(story.status(), "Failed a=Error/0 b=Completed/0 [Initialized]");
}

#[test]
fn a_removed_pod_is_forgotten_after_a_short_grace() {
    let mut story = Story::new(json!({"containers": [{"name": "a"}]}));
    story.check(&["volumes", "sandbox", "start a 0"]);
    story.desired.removed = true;
    assert_eq!(story.check(&["term a: removed"]), Some(2));
    story.exit("a", 0);
    story.check(&["release", "forget"]);
}

#[test]
fn a_missing_image_is_retried_when_images_arrive() {
    let mut story = Story::new(json!({"containers": [{"name": "a"}]}));
    story.happen(Event::VolumesReady);
    story.happen(Event::SandboxReady([10, 42, 0, 2].into()));
    let problem = Problem { reason: "ErrImageNeverPull".into(), message: "not here".into() };
    story.container("a", ContainerEvent::StartFailed(problem));
    assert_eq!(story.check(&[]), Some(1));
    assert_eq!(story.status(), "Pending a=ErrImageNeverPull/0 [PodReadyToStartContainers Initialized]");
    story.happen(Event::RetryNow);
    story.check(&["start a 0"]);
}

#[test]
fn the_deadline_stops_a_pod_for_good() {
    let mut story = Story::new(json!({"activeDeadlineSeconds": 60, "containers": [{"name": "a"}]}));
    assert_eq!(story.check(&["volumes", "sandbox", "start a 0"]), Some(60));
    story.wait(60);
    story.check(&["term a: deadlineexceeded"]);
    story.exit("a", 143);
    story.check(&["release"]);
    let status = status(&story.desired, &story.observed, None, [10, 0, 0, 1].into(), story.now);
    assert_eq!((status.phase.as_deref(), status.reason.as_deref()), (Some("Failed"), Some("DeadlineExceeded")));
}

#[test]
fn a_machine_that_restarted_runs_init_containers_again() {
    let mut story = Story::new(json!({"initContainers": [{"name": "i"}], "containers": [{"name": "a"}]}));
    story.check(&["volumes", "sandbox", "start i 0"]);
    story.exit("i", 0);
    story.check(&["start a 0"]);
    story.happen(Event::SandboxLost);
    assert_eq!(story.check(&["volumes", "sandbox", "start i 1"]), None);
    story.exit("i", 0);
    story.check(&["start a 1"]);
}

#[test]
fn knowledge_survives_being_written_and_read() {
    let mut story = Story::new(json!({"containers": [{"name": "a", "readinessProbe": {}}]}));
    story.run();
    let read: Observed = serde_json::from_str(&serde_json::to_string(&story.observed).unwrap()).unwrap();
    assert_eq!(read, story.observed);
    story.observed = read;
    story.observed.adopted();
    story.wait(10);
    story.check(&["probe a readiness"]);
}

#[test]
fn a_pod_that_the_masters_hold_to_be_over_never_runs_again() {
    let mut story = Story::new(json!({"containers": [{"name": "a"}]}));
    story.check(&["volumes", "sandbox", "start a 0"]);
    story.desired.pod.status = serde_json::from_value(json!({"phase": "Failed", "reason": "Evicted"})).unwrap();
    story.check(&["term a: finished"]);
    story.exit("a", 0);
    story.check(&["release"]);
    let status = status(&story.desired, &story.observed, None, [10, 0, 0, 1].into(), story.now);
    assert_eq!((status.phase.as_deref(), status.reason.as_deref()), (Some("Failed"), Some("Evicted")));
    let mut unknown = Story::new(json!({"containers": [{"name": "a"}]}));
    unknown.desired.pod.status = story.desired.pod.status.clone();
    unknown.check(&[]);
}
