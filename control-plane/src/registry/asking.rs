//! Policies and webhooks, asked at the places of a write where Kubernetes asks them.

use std::borrow::Cow;

use serde_json::{Value, json};
use xebec_api::{Status, Subresource, schema};

use super::pipeline::Passage;
use super::{DeleteOptions, Propagation, Registry, RequestContext, Target, WriteOptions, decode};
use crate::admission::Operation;
use crate::admission::policies::PolicyRound;
use crate::admission::webhooks::{Question, Round, Settle, View, write_options};

/// The group, the version and the kind of what a call carries.
pub(super) type GroupVersionKind = (&'static str, &'static str, &'static str);

/// What the master says in the metadata of a new object.
const SYSTEM: [&str; 2] = ["uid", "creationTimestamp"];

/// What those who may change an object have done so far.
struct Rounds {
    policies: PolicyRound,
    webhooks: Round,
}

impl Rounds {
    /// The plugins have run again, and have changed the object or not. Whether anybody is to be asked again.
    fn begin_again(&mut self, changed: bool) -> bool {
        if changed {
            self.policies.changed();
        }
        let policies = self.policies.begin_again();
        self.webhooks.begin_again(changed) || policies
    }
}

impl Registry {
    /// Lets policies, and then mutating webhooks, change the object. Plugins run again when one has.
    pub(super) async fn ask_mutating(
        &self,
        passage: &Passage<'_>,
        operation: Operation,
        object: &mut Value,
    ) -> Result<(), Status> {
        let mut rounds = Rounds { policies: PolicyRound::default(), webhooks: self.parts.webhooks.round() };
        if !self.policies.mutate_anything() && rounds.webhooks.is_empty() {
            return Ok(());
        }
        let system = SYSTEM.map(|field| object["metadata"][field].clone());
        let settle = |changed: &mut Value| settle(passage, &system, changed);
        let mut question = question(passage, operation, Cow::Owned(std::mem::take(object)));
        if self.ask_in_turn(&mut question, &mut rounds, &settle).await? {
            let mut changed = question.object.take().unwrap_or_default().into_owned();
            let before = changed.clone();
            self.mutate(passage, operation, &mut changed)?;
            let again = rounds.begin_again(changed != before);
            question.object = Some(Cow::Owned(changed));
            if again {
                self.ask_in_turn(&mut question, &mut rounds, &settle).await?;
            }
        }
        *object = question.object.unwrap_or_default().into_owned();
        Ok(())
    }

    /// Policies, then webhooks. Whether any has changed the object.
    async fn ask_in_turn(
        &self,
        question: &mut Question<'_>,
        rounds: &mut Rounds,
        settle: &Settle<'_>,
    ) -> Result<bool, Status> {
        let by_policies = self.policies.mutate(question, &mut rounds.policies, settle).await?;
        if by_policies {
            rounds.webhooks.changed();
        }
        let by_webhooks = self.parts.webhooks.mutate(question, &mut rounds.webhooks, Some(settle)).await?;
        if by_webhooks {
            rounds.policies.changed();
        }
        Ok(by_policies || by_webhooks)
    }

    /// Lets policies and validating webhooks refuse the object as it would be stored.
    pub(super) async fn ask_validating(
        &self,
        passage: &Passage<'_>,
        operation: Operation,
        object: &Value,
    ) -> Result<(), Status> {
        if !self.validates_anything() {
            return Ok(());
        }
        let question = question(passage, operation, Cow::Borrowed(object));
        self.policies.validate(&question).await?;
        self.parts.webhooks.validate(&question).await
    }

    /// Lets policies and webhooks refuse that an object goes.
    pub(super) async fn ask_about_delete(
        &self,
        cx: &RequestContext,
        target: &Target,
        options: &DeleteOptions,
        old: &Value,
    ) -> Result<(), Status> {
        if !self.asks_anybody() {
            return Ok(());
        }
        self.ask_about(Question {
            cx,
            target,
            operation: Operation::Delete,
            view: View::Whole,
            object: None,
            old: Some(old),
            dry_run: options.dry_run,
            options: delete_options(options),
        })
        .await
    }

    /// Lets policies refuse, and webhooks refuse or change, a call on an object, such as a Binding.
    pub(super) async fn ask_about_call(
        &self,
        cx: &RequestContext,
        target: &Target,
        call: GroupVersionKind,
        body: Value,
        options: &WriteOptions,
    ) -> Result<Value, Status> {
        if !self.asks_anybody() {
            return Ok(body);
        }
        let webhooks = &self.parts.webhooks;
        let mut round = webhooks.round();
        let (group, version, kind) = call;
        let mut question = Question {
            cx,
            target,
            operation: Operation::Create,
            view: View::Call(group, version, kind),
            object: Some(Cow::Owned(body)),
            old: None,
            dry_run: options.dry_run,
            options: write_options("CreateOptions", options),
        };
        let takes_anything = |_: &mut Value| Ok(());
        if webhooks.mutate(&mut question, &mut round, Some(&takes_anything)).await? && round.begin_again(false) {
            webhooks.mutate(&mut question, &mut round, Some(&takes_anything)).await?;
        }
        self.policies.validate(&question).await?;
        webhooks.validate(&question).await?;
        Ok(question.object.unwrap_or_default().into_owned())
    }

    /// Lets policies and webhooks refuse a stream to what the target stands for. `options` are those of the stream, such as PodExecOptions.
    pub(crate) async fn ask_about_connect(
        &self,
        cx: &RequestContext,
        target: &Target,
        kind: &'static str,
        mut options: Value,
    ) -> Result<(), Status> {
        if !self.asks_anybody() {
            return Ok(());
        }
        options["apiVersion"] = json!("v1");
        options["kind"] = json!(kind);
        self.ask_about(Question {
            cx,
            target,
            operation: Operation::Connect,
            view: View::Call("", "v1", kind),
            object: Some(Cow::Owned(options)),
            old: None,
            dry_run: false,
            options: Value::Null,
        })
        .await
    }

    /// Asks all policies and webhooks where nothing can be changed.
    async fn ask_about(&self, mut question: Question<'_>) -> Result<(), Status> {
        let webhooks = &self.parts.webhooks;
        let mut round = webhooks.round();
        if !round.is_empty() {
            webhooks.mutate(&mut question, &mut round, None).await?;
        }
        self.policies.validate(&question).await?;
        webhooks.validate(&question).await
    }

    /// Whether a question would reach anybody: to make one costs something.
    fn asks_anybody(&self) -> bool {
        self.validates_anything() || !self.parts.webhooks.round().is_empty()
    }

    fn validates_anything(&self) -> bool {
        self.policies.validate_anything() || self.parts.webhooks.validate_anything()
    }
}

fn question<'a>(passage: &Passage<'a>, operation: Operation, object: Cow<'a, Value>) -> Question<'a> {
    let view = if passage.target.subresource == Some(Subresource::Scale) { View::Scale } else { View::Whole };
    let options = if operation == Operation::Create { "CreateOptions" } else { "UpdateOptions" };
    Question {
        cx: passage.cx,
        target: passage.target,
        operation,
        view,
        object: Some(object),
        old: passage.old,
        dry_run: passage.options.dry_run,
        options: write_options(options, passage.options),
    }
}

/// Brings what a webhook has made of an object into shape, as what a client sends is: it stays the object that it is, has no unknown
/// fields, and is filled in and prepared. `system` holds the fields of [`SYSTEM`] as they were.
fn settle(passage: &Passage<'_>, system: &[Value; 2], object: &mut Value) -> Result<(), Status> {
    let kind = passage.target.kind.stored();
    let target = Target { kind, ..passage.target.clone() };
    decode::envelope(&target, object)?;
    kind.drop_nulls(object);
    let unknown = kind.check_schema(object)?;
    schema::prune(object, &unknown);
    kind.apply_defaults(object);
    let Some(old) = passage.old else {
        for (field, value) in SYSTEM.into_iter().zip(system) {
            object["metadata"][field] = value.clone();
        }
        kind.prepare_create(object);
        return Ok(());
    };
    match passage.target.subresource.filter(|part| part.is_part()) {
        Some(part) => kind.prepare_part_update(part, object, old),
        None => kind.prepare_update(object, old),
    }
    Ok(())
}

fn delete_options(options: &DeleteOptions) -> Value {
    let mut out = json!({"apiVersion": "meta.k8s.io/v1", "kind": "DeleteOptions"});
    if let Some(seconds) = options.grace_period_seconds {
        out["gracePeriodSeconds"] = json!(seconds);
    }
    if let Some(propagation) = options.propagation {
        out["propagationPolicy"] = json!(match propagation {
            Propagation::Background => "Background",
            Propagation::Foreground => "Foreground",
            Propagation::Orphan => "Orphan",
        });
    }
    if let Some(uid) = &options.preconditions.uid {
        out["preconditions"]["uid"] = json!(uid);
    }
    if let Some(version) = options.preconditions.resource_version {
        out["preconditions"]["resourceVersion"] = json!(version.to_string());
    }
    if options.dry_run {
        out["dryRun"] = json!(["All"]);
    }
    out
}
