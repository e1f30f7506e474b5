//! Changing an object that others change too.
//!
//! A decision is a function from the object as it is to what shall become of it; webhooks may have a say in it. It is made on what the cache
//! has; if the object has changed by the time the transaction runs, or there is nothing to write (a refusal, no change)
//! and the cache was behind, it is made again on the newer object. The decision itself says whether a newer object is acceptable, by
//! checking the caller's preconditions.

use bytes::Bytes;
use futures::future::BoxFuture;
use xebec_api::kinds::NODE;
use xebec_api::{Object, Status};
use xebec_proto::v1::Role;

use super::commit::{Committed, Write};
use super::quota::Versions;
use super::{Registry, RequestContext, Stored, Target, keys, reservations};
use crate::authn::credentials;

/// How often a write starts over. A write that loses so often competes with writers that never pause.
pub(super) const ATTEMPTS: usize = 16;

/// What shall become of an object.
#[derive(Debug, PartialEq)]
pub(super) enum Step {
    /// It stays as it is.
    Keep,
    /// It is replaced.
    Put(Object),
    /// It goes; this is its last state.
    Remove(Object),
}

/// What became of it.
pub(super) struct Settled {
    pub(super) stored: Stored,
    pub(super) removed: bool,
}

/// Decides what becomes of the object.
pub(super) type Decide<'a> = dyn Fn(Stored) -> BoxFuture<'a, Result<Step, Status>> + Send + Sync + 'a;

/// How one attempt went.
enum Attempt {
    /// It is done.
    Written(Settled),
    /// The object changed meanwhile.
    Lost,
    /// There is nothing to write, so no transaction has told whether the cache was up to date.
    Unwritten(Result<Settled, Status>),
}

impl Registry {
    /// Decides on the object, and carries it out unless this is a dry run.
    pub(super) async fn settle(
        &self,
        cx: &RequestContext,
        target: &Target,
        dry_run: bool,
        decide: &Decide<'_>,
    ) -> Result<Settled, Status> {
        for _ in 0..ATTEMPTS {
            let current = self.cached(target);
            let decision = match &current {
                Some(stored) => decide(stored.clone()).await.map(|step| (stored, step)),
                None => Err(Status::not_found(target.kind, &target.name)),
            };
            let attempt = match decision {
                Ok((stored, step)) => self.carry_out(cx, target, stored, step, dry_run).await?,
                Err(refusal) => Attempt::Unwritten(Err(refusal)),
            };
            let answer = match attempt {
                Attempt::Written(settled) => return Ok(settled),
                Attempt::Lost => None,
                Attempt::Unwritten(answer) => Some(answer),
            };
            self.read_barrier(cx.deadline).await?;
            let seen = current.map(|stored| stored.revision);
            let same = self.cached(target).map(|stored| stored.revision) == seen;
            if let Some(answer) = answer.filter(|_| same) {
                return answer;
            }
        }
        Err(Status::modified(target.kind, &target.name))
    }

    async fn carry_out(
        &self,
        cx: &RequestContext,
        target: &Target,
        current: &Stored,
        step: Step,
        dry_run: bool,
    ) -> Result<Attempt, Status> {
        let unwritten = |stored, removed| Ok(Attempt::Unwritten(Ok(Settled { stored, removed })));
        let (object, removed) = match step {
            Step::Keep => return unwritten(current.clone(), false),
            Step::Put(object) => (object, false),
            Step::Remove(object) => (object, true),
        };
        let versions = Versions { old: Some(&current.object), new: (!removed).then_some(&object) };
        if dry_run {
            let charged = self.charge(cx, target, versions, &mut Write::default()).await.map(drop);
            return match charged {
                Ok(()) => unwritten(Stored { object, revision: current.revision }, removed),
                Err(refusal) => Ok(Attempt::Unwritten(Err(refusal))),
            };
        }
        let key = keys::object(target.kind, target.namespace.as_deref(), &target.name);
        let held = reservations::held(target.kind, &current.object);
        let (mut write, holds) = if removed {
            let mut write = Write::remove(&key, current.revision);
            write.also_delete(credential_of(target));
            (write, Default::default())
        } else {
            let lease = self.lease(cx, target.kind).await?;
            (Write::replace(&key, current.revision, &object, lease), reservations::held(target.kind, &object))
        };
        write.reserve(&reservations::owner(target), &held, &holds);
        let turn = match self.charge(cx, target, versions, &mut write).await {
            Ok(turn) => turn,
            Err(refusal) => return Ok(Attempt::Unwritten(Err(refusal))),
        };
        let committed = self.commit(cx, write).await;
        drop(turn);
        Ok(match committed? {
            Committed::At(revision) => Attempt::Written(Settled { stored: Stored { object, revision }, removed }),
            Committed::Lost { .. } => Attempt::Lost,
        })
    }
}

/// What lets the object itself act: a Node's certificates end with it.
fn credential_of(target: &Target) -> Option<Bytes> {
    (*target.kind == NODE).then(|| credentials::name_key(Role::Agent, &target.name))
}
