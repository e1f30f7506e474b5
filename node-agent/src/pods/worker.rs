//! One pod's task: plans, acts, tells, and waits for something to happen.

use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::api::core::v1::PodStatus;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use xebec_node_plan::moment::Moment;
use xebec_node_plan::pod::action::{Action, Desired, Signal, StopCause};
use xebec_node_plan::pod::event::{ContainerEvent, Event, container_of};
use xebec_node_plan::pod::lifecycle::plan;
use xebec_node_plan::pod::observed::{ContainerPhase, Observed, Preparation};
use xebec_node_plan::pod::phase::is_over;
use xebec_node_plan::pod::status::status;
use xebec_node_plan::probe::ProbeKind;
use xebec_node_plan::tokens::Tokens;

use super::state::SavedPod;
use crate::images::chain;
use crate::node::{Node, now};
use crate::steps::{self, PodContext};

/// After an action that failed without a retry time of its own.
const PAUSE: Duration = Duration::from_secs(1);
/// A pod without anything due is looked at again after this, in case an event was missed.
const LOOK: Duration = Duration::from_secs(60);

/// What a worker listens to.
pub(super) struct Inputs {
    pub(super) desired: watch::Receiver<Arc<Desired>>,
    pub(super) images: watch::Receiver<u64>,
    pub(super) stop: CancellationToken,
}

/// One pod's task.
pub(super) struct Worker {
    node: Arc<Node>,
    inputs: Inputs,
    observed: Observed,
    last_status: Option<PodStatus>,
    saved: Option<SavedPod>,
    published: watch::Sender<Observed>,
    under_way: JoinSet<Event>,
    /// What the volumes were last made or renewed from.
    rendered: Arc<Desired>,
    /// The tokens that volumes show. Not saved: an agent that starts again asks for new ones.
    tokens: Tokens,
    paused: bool,
}

/// Whether the pod's task goes on.
enum Next {
    GoOn,
    End,
}

impl Worker {
    /// Takes up what runs already: whoever sees the pod can follow its logs.
    pub(super) fn new(
        node: Arc<Node>,
        inputs: Inputs,
        observed: Observed,
        last_status: Option<PodStatus>,
        published: watch::Sender<Observed>,
    ) -> Worker {
        let rendered = inputs.desired.borrow().clone();
        let mut worker = Worker {
            node,
            inputs,
            observed,
            last_status,
            saved: None,
            published,
            under_way: JoinSet::new(),
            rendered,
            tokens: Tokens::default(),
            paused: false,
        };
        worker.resume();
        worker
    }

    /// Runs until the pod is forgotten or the agent stops.
    pub(super) async fn run(mut self) {
        loop {
            let desired = self.inputs.desired.borrow_and_update().clone();
            let now = now();
            self.observed.notice(&desired, now);
            let plan = plan(&desired, &self.observed, now);
            let acting = !plan.actions.is_empty() && !self.paused;
            if acting && let Next::End = self.act_all(&desired, plan.actions).await {
                return;
            }
            self.tell(&desired);
            if acting && !self.paused {
                continue;
            }
            let renewal = self.renew_tokens(&desired).await.map_or(LOOK, |wake| wake.since(now).max(PAUSE));
            let wait = plan.wake.map_or(LOOK, |wake| wake.since(now)).min(if self.paused { PAUSE } else { LOOK });
            let wait = wait.min(renewal);
            self.paused = false;
            if let Next::End = self.wait(wait).await {
                return;
            }
        }
    }

    fn resume(&mut self) {
        let desired = self.inputs.desired.borrow().clone();
        let running = self.observed.containers.iter().filter_map(|(name, record)| {
            Some((name.clone(), record.starts.saturating_sub(1), record.running()?.clone()))
        });
        for (name, attempt, running) in running.collect::<Vec<_>>() {
            let pod = self.context(&desired);
            let pump = steps::adopt::reopen(&pod, &name, attempt, &running);
            self.under_way.spawn(steps::exit::watch(pod, name, running.id, running.started_at, pump));
        }
    }

    fn context(&self, desired: &Arc<Desired>) -> PodContext {
        PodContext { node: self.node.clone(), desired: desired.clone(), address: self.observed.address }
    }

    fn record(&mut self, desired: &Desired, event: Event) {
        self.observed.record(desired.spec(), event, now());
    }

    async fn act_all(&mut self, desired: &Arc<Desired>, actions: Vec<Action>) -> Next {
        for action in actions {
            if let Next::End = self.act(desired, action).await {
                return Next::End;
            }
        }
        Next::GoOn
    }

    async fn act(&mut self, desired: &Arc<Desired>, action: Action) -> Next {
        let pod = self.context(desired);
        match action {
            Action::PrepareVolumes => {
                self.rendered = desired.clone();
                steps::volumes::get_tokens(&pod, &mut self.tokens).await;
                let event = steps::volumes::prepare(&pod, &self.tokens).await;
                self.record(desired, event);
            }
            Action::CreateSandbox => {
                let event = steps::sandbox::create(&pod).await;
                self.record(desired, event);
            }
            Action::Start { container, attempt } => self.start(&pod, container, attempt).await,
            Action::PostStart { container } => self.post_start(pod, container),
            Action::Probe { container, kind } => self.probe(pod, container, kind),
            Action::PreStop { container, cause, deadline } => {
                let begun = ContainerEvent::PreStopBegun(cause, deadline);
                if let Some(id) = self.running_id(&container) {
                    self.under_way.spawn(steps::probe::pre_stop(pod, container.clone(), id, deadline));
                }
                self.record(desired, Event::Container(container, begun));
            }
            Action::Signal { container, cause, signal, deadline } => {
                if self.signal(&pod, &container, signal, &cause).await {
                    let sent = ContainerEvent::Signalled(cause, signal, deadline);
                    self.record(desired, Event::Container(container, sent));
                }
            }
            Action::Release => self.release(&pod).await,
            Action::ReportTerminated => {
                self.node.uplink.pod_terminated(pod.namespace(), pod.name(), pod.uid());
                self.record(desired, Event::ReportedTerminated);
            }
            Action::Forget => return self.forget(&pod),
        }
        Next::GoOn
    }

    fn running_id(&self, container: &str) -> Option<String> {
        self.observed.container(container).running().map(|running| running.id.clone())
    }

    async fn start(&mut self, pod: &PodContext, container: String, attempt: u32) {
        let failed_before = matches!(self.observed.container(&container).phase, ContainerPhase::Waiting(Some(_)));
        let outcome = steps::start::start(pod, &container, attempt, failed_before).await;
        self.record(&pod.desired, Event::Container(container.clone(), outcome.event));
        let running = self.observed.container(&container).running().cloned();
        if let (Some(pump), Some(running)) = (outcome.pump, running) {
            let watch = steps::exit::watch(pod.clone(), container, running.id, running.started_at, Some(pump));
            self.under_way.spawn(watch);
        }
    }

    fn post_start(&mut self, pod: PodContext, container: String) {
        let desired = pod.desired.clone();
        if let Some(id) = self.running_id(&container) {
            self.under_way.spawn(steps::probe::post_start(pod, container.clone(), id));
        }
        self.record(&desired, Event::Container(container, ContainerEvent::PostStartBegun));
    }

    fn probe(&mut self, pod: PodContext, container: String, kind: ProbeKind) {
        let desired = pod.desired.clone();
        if let Some(id) = self.running_id(&container) {
            self.under_way.spawn(steps::probe::probe(pod, container.clone(), id, kind));
        }
        self.record(&desired, Event::Container(container, ContainerEvent::ProbeBegun(kind)));
    }

    async fn signal(&mut self, pod: &PodContext, container: &str, signal: Signal, cause: &StopCause) -> bool {
        let wanted = self.running_id(container).zip(container_of(pod.desired.spec(), container));
        let Some((id, container)) = wanted else { return false };
        match steps::stop::signal(pod, container, &id, signal, cause).await {
            Ok(()) => true,
            Err(error) => {
                tracing::warn!(
                    pod = pod.name(),
                    error = chain(&error),
                    "a container could not be signalled; trying again"
                );
                self.paused = true;
                false
            }
        }
    }

    async fn release(&mut self, pod: &PodContext) {
        match steps::release::release(pod, &self.observed).await {
            Ok(()) => self.record(&pod.desired, Event::Released),
            Err(error) => {
                tracing::warn!(pod = pod.name(), error = chain(&error), "a pod could not be taken down; trying again");
                self.paused = true;
            }
        }
    }

    fn forget(&mut self, pod: &PodContext) -> Next {
        match steps::release::forget(pod) {
            Ok(()) => Next::End,
            Err(error) => {
                tracing::warn!(
                    pod = pod.name(),
                    error = chain(&error),
                    "a pod's files could not be removed; trying again"
                );
                self.paused = true;
                Next::GoOn
            }
        }
    }

    /// Tells the masters, the disk and the streams what is known, where it has changed.
    fn tell(&mut self, desired: &Arc<Desired>) {
        let host = self.node.config.node_address;
        let status = status(desired, &self.observed, self.last_status.as_ref(), host, now());
        let pod = self.context(desired);
        // Of a pod that ended before this node knew it, the masters know more than we do.
        let unknown = is_over(&desired.pod) && self.observed.containers.is_empty();
        if !unknown && (self.last_status.as_ref() != Some(&status) || self.saved.is_none()) {
            self.node.uplink.pod_status(pod.namespace(), pod.name(), pod.uid(), &status);
        }
        self.last_status = Some(status.clone());
        let saved = SavedPod { pod: desired.pod.clone(), observed: self.observed.clone(), status: Some(status) };
        if self.saved.as_ref() != Some(&saved) {
            if let Err(error) = saved.write(&pod.directory()) {
                tracing::warn!(pod = pod.name(), error = chain(&error), "a pod's record could not be written");
            }
            self.published.send_replace(self.observed.clone());
            self.saved = Some(saved);
        }
    }

    async fn wait(&mut self, wait: Duration) -> Next {
        let desired = self.inputs.desired.borrow().clone();
        let event = tokio::select! {
            changed = self.inputs.desired.changed() => match changed {
                Ok(()) => return self.changed().await,
                Err(_) => return Next::End,
            },
            Ok(()) = self.inputs.images.changed() => Event::RetryNow,
            Some(done) = self.under_way.join_next() => match done {
                Ok(event) => event,
                Err(error) => {
                    tracing::error!(%error, "a step of a pod ended badly");
                    return Next::GoOn;
                }
            },
            () = tokio::time::sleep(wait) => return Next::GoOn,
            () = self.inputs.stop.cancelled() => return Next::End,
        };
        self.record(&desired, event);
        Next::GoOn
    }

    /// Volumes show a token for as long as containers may read it. When one is due next.
    async fn renew_tokens(&mut self, desired: &Arc<Desired>) -> Option<Moment> {
        if self.observed.volumes != Preparation::Ready || desired.is_leaving() {
            return None;
        }
        let pod = self.context(desired);
        if steps::volumes::get_tokens(&pod, &mut self.tokens).await {
            steps::volumes::refresh(&pod, &self.tokens).await;
        }
        self.tokens.wake(desired.spec())
    }

    /// The masters sent the pod again, or something it refers to.
    async fn changed(&mut self) -> Next {
        let desired = self.inputs.desired.borrow().clone();
        self.record(&desired, Event::DesiredAgain);
        if is_news(&self.rendered, &desired) {
            self.tokens.retry_now();
            if self.observed.volumes == Preparation::Ready && !desired.is_leaving() {
                steps::volumes::refresh(&self.context(&desired), &self.tokens).await;
            }
            self.rendered = desired.clone();
            self.record(&desired, Event::RetryNow);
        }
        Next::GoOn
    }
}

/// Whether what volumes and containers are made from has changed. The status has not: it comes back from the masters as this
/// node told it, and an echo of a failure is no reason to try again at once.
fn is_news(before: &Desired, now: &Desired) -> bool {
    let made_from = |desired: &Desired| {
        let metadata = &desired.pod.metadata;
        (metadata.labels.clone(), metadata.annotations.clone(), desired.pod.spec.clone(), desired.references.clone())
    };
    made_from(before) != made_from(now)
}

#[cfg(test)]
mod tests {
    use k8s_openapi::api::core::v1::Pod;
    use xebec_node_plan::references::References;

    use super::*;

    #[test]
    fn the_echo_of_a_status_is_no_news() {
        let before = Desired { pod: Pod::default(), removed: false, references: References::default() };
        let mut now = before.clone();
        now.pod.status = Some(PodStatus { message: Some("no such image".to_owned()), ..PodStatus::default() });
        now.pod.metadata.resource_version = Some("7".to_owned());
        assert!(!is_news(&before, &now));
        now.pod.metadata.labels = Some([("a".to_owned(), "b".to_owned())].into());
        assert!(is_news(&before, &now));
    }
}
