//! Carries out a key's actions through the registry.

use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use serde_json::{Value, json};
use tokio::time::Instant;
use xebec_api::patch::PatchKind;
use xebec_api::{Catalogue, Reason, Status, Subresource};
use xebec_controllers::action::Target as Aim;
use xebec_controllers::world::Failure;
use xebec_controllers::{Action, ObjectRef, Precondition, Propagation, Resource};

use super::FIELD_MANAGER;
use super::events::Recorder;
use crate::authn::User;
use crate::registry::{self, DeleteOptions, Patch, Preconditions, Registry, RequestContext, Target, WriteOptions};

/// Actions of one key at once.
const CONCURRENCY: usize = 32;
/// How long one write may take. A write over a leader change is tried again by its key.
const PATIENCE: Duration = Duration::from_secs(5);

/// Who writes, and where.
#[derive(Clone)]
pub(super) struct Hands {
    registry: Registry,
    user: Arc<User>,
    recorder: Recorder,
}

/// How one action ended.
enum End {
    /// It is done, or was before.
    Done,
    /// The object is not what it was when the action was decided.
    Stale,
    /// It could not be done.
    Failed(Failure),
}

/// How a key's actions ended.
pub(super) struct Carried {
    /// The world must show this revision to show them all.
    pub(super) revision: u64,
    /// Whether to decide anew.
    pub(super) again: bool,
    /// What went wrong.
    pub(super) failure: Option<Failure>,
}

impl Carried {
    /// What is reported when carrying out panicked.
    pub(super) fn fault() -> Self {
        Self { revision: 0, again: true, failure: None }
    }
}

impl Hands {
    pub(super) fn new(registry: Registry, user: User, recorder: Recorder) -> Self {
        Self { registry, user: Arc::new(user), recorder }
    }

    /// Carries out actions, which are independent of each other.
    pub(super) async fn carry_out(&self, actions: Vec<Action>) -> Carried {
        let ends: Vec<End> =
            futures::stream::iter(actions).map(|action| self.act(action)).buffer_unordered(CONCURRENCY).collect().await;
        let again = ends.iter().any(|end| !matches!(end, End::Done));
        let failure =
            ends.into_iter().find_map(|end| if let End::Failed(failure) = end { Some(failure) } else { None });
        // The leader applies before it acknowledges, so its cache shows by now what these writes did.
        Carried { revision: self.registry.cache().revision(), again, failure }
    }

    async fn act(&self, action: Action) -> End {
        match action {
            Action::Create { resource, namespace, object } => {
                outcome("FailedCreate", self.create(resource, &namespace, object).await)
            }
            Action::Patch { target, status, patch } => {
                outcome("FailedUpdate", self.patch(&target, status, patch).await)
            }
            Action::Delete { target, grace_seconds, propagation } => {
                outcome("FailedDelete", self.delete(&target, grace_seconds, propagation).await)
            }
            Action::Emit(event) => {
                self.recorder.record(event);
                End::Done
            }
        }
    }

    async fn create(&self, resource: Resource, namespace: &str, object: Value) -> Result<(), Status> {
        let name = object["metadata"]["name"].as_str().unwrap_or_default().to_owned();
        let target = target(&self.kinds(), &ObjectRef::new(resource, namespace, &name))?;
        self.registry.create(&self.context(), &target, object, &WriteOptions::by(FIELD_MANAGER)).await.map(drop)
    }

    async fn patch(&self, aim: &Aim, status: bool, mut patch: Value) -> Result<(), Status> {
        let mut target = target(&self.kinds(), &aim.object)?;
        if status {
            target = target.subresource(Subresource::Status);
        }
        guard(&mut patch, aim);
        let patch = Patch { kind: PatchKind::Merge, body: patch };
        self.registry.patch(&self.context(), &target, &patch, &WriteOptions::by(FIELD_MANAGER)).await.map(drop)
    }

    async fn delete(&self, aim: &Aim, grace: Option<i64>, propagation: Option<Propagation>) -> Result<(), Status> {
        let resource_version = match aim.precondition {
            Precondition::Uid => None,
            Precondition::Revision(revision) => Some(revision),
        };
        let options = DeleteOptions {
            grace_period_seconds: grace,
            preconditions: Preconditions { uid: Some(aim.uid.clone()), resource_version },
            propagation: propagation.map(propagate),
            dry_run: false,
        };
        self.registry.delete(&self.context(), &target(&self.kinds(), &aim.object)?, &options).await.map(drop)
    }

    fn kinds(&self) -> Arc<Catalogue> {
        self.registry.cache().catalogue()
    }

    fn context(&self) -> RequestContext {
        RequestContext::new(self.user.clone(), Instant::now() + PATIENCE)
    }
}

/// Has the registry refuse the patch if the object is not the one it was made for.
fn guard(patch: &mut Value, aim: &Aim) {
    if !patch["metadata"].is_object() {
        patch["metadata"] = json!({});
    }
    patch["metadata"]["uid"] = json!(aim.uid);
    if let Precondition::Revision(revision) = aim.precondition {
        patch["metadata"]["resourceVersion"] = json!(revision.to_string());
    }
}

fn propagate(propagation: Propagation) -> registry::Propagation {
    match propagation {
        Propagation::Background => registry::Propagation::Background,
        Propagation::Foreground => registry::Propagation::Foreground,
        Propagation::Orphan => registry::Propagation::Orphan,
    }
}

fn target(kinds: &Catalogue, object: &ObjectRef) -> Result<Target, Status> {
    let kind = kinds.resource(object.resource.group, object.resource.plural);
    let kind = kind.ok_or_else(|| Status::internal(format!("there is no resource {}", object.resource)))?;
    let namespace = Some(&*object.namespace).filter(|namespace| !namespace.is_empty());
    Ok(Target::new(kind, namespace, &object.name))
}

/// What an answer means for the key. An object that is there already, or gone already, is as it should be: the world
/// is about to show it.
fn outcome(what: &'static str, answer: Result<(), Status>) -> End {
    let Err(status) = answer else { return End::Done };
    match status.reason {
        Reason::AlreadyExists => End::Done,
        Reason::NotFound if what != "FailedCreate" => End::Done,
        Reason::Conflict => End::Stale,
        _ => End::Failed(Failure { reason: what, message: status.message }),
    }
}
