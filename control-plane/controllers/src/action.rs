//! What controllers ask for.

use std::time::Duration;

use serde_json::Value;

use crate::resource::{ObjectRef, Resource};

/// The result of one reconciliation.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Outcome {
    /// What to do, in no particular order.
    pub actions: Vec<Action>,
    /// Look again after this long, even if nothing changes until then.
    pub requeue: Option<Duration>,
}

impl Outcome {
    /// Actions, and nothing to wait for.
    pub fn of(actions: Vec<Action>) -> Self {
        Self { actions, requeue: None }
    }

    /// Nothing to do, but look again.
    pub fn again_in(wait: Duration) -> Self {
        Self { actions: Vec::new(), requeue: Some(wait) }
    }

    /// Looks again after `wait`, or sooner if it already would.
    pub fn look_again(&mut self, wait: Option<Duration>) {
        self.requeue = [self.requeue, wait].into_iter().flatten().min();
    }
}

/// One step to take through the registry.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// Create an object. That one of this name exists already is an answer, not a failure: the world will show it.
    Create {
        /// The resource.
        resource: Resource,
        /// The namespace; empty for cluster-wide objects.
        namespace: String,
        /// The object, its name within.
        object: Value,
    },
    /// Apply a JSON merge patch.
    Patch {
        /// What to change; the patch is refused if it is not this any more.
        target: Target,
        /// Whether to change the status subresource.
        status: bool,
        /// The changes.
        patch: Value,
    },
    /// Delete an object, or mark it for deletion.
    Delete {
        /// What to delete.
        target: Target,
        /// Seconds it has to stop; `None` for its own.
        grace_seconds: Option<i64>,
        /// What becomes of its dependents; `None` for the kind's own rule.
        propagation: Option<Propagation>,
    },
    /// Tell people.
    Emit(ObjectEvent),
}

/// An object as it was when the decision was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// Its name.
    pub object: ObjectRef,
    /// Its uid: another object of the same name is left alone.
    pub uid: String,
    /// What else must not have changed.
    pub precondition: Precondition,
}

/// How much may have changed since the decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Precondition {
    /// Anything but the uid.
    Uid,
    /// Nothing: the object is still at this revision.
    Revision(u64),
}

/// What becomes of the dependents of a deleted object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Propagation {
    /// They are deleted after it.
    Background,
    /// They are deleted before it.
    Foreground,
    /// They stay, without owner.
    Orphan,
}

/// Whether an event is good news.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum EventType {
    /// Things go as they should.
    Normal,
    /// Somebody should know.
    Warning,
}

impl EventType {
    /// As in the `type` of an Event.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Normal => "Normal",
            Self::Warning => "Warning",
        }
    }
}

/// Something to tell about an object.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ObjectEvent {
    /// The object.
    pub regarding: ObjectRef,
    /// Its uid.
    pub uid: String,
    /// Good news or bad.
    pub kind: EventType,
    /// Why, in one CamelCase word.
    pub reason: &'static str,
    /// What happened.
    pub message: String,
    /// Who says so.
    pub component: &'static str,
}
