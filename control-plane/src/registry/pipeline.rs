//! What every write does to an object before it is proposed: check its fields, default, prepare, admit, validate.

use std::time::Duration;

use serde_json::Value;
use xebec_api::{Object, Status, schema};

use super::ownership::Ownership;
use super::{FieldValidation, Registry, RequestContext, Target, WriteOptions};
use crate::admission::{AdmissionRequest, Operation};

/// How long a new object waits for what it depends on. A controller makes a namespace's default account within milliseconds.
const OTHERS_WAIT: Duration = Duration::from_secs(1);

/// A write on its way through the pipeline.
pub(super) struct Passage<'a> {
    pub(super) cx: &'a RequestContext,
    pub(super) target: &'a Target,
    pub(super) options: &'a WriteOptions,
    /// The object as it is stored, `resourceVersion` included; absent when it is new.
    pub(super) old: Option<&'a Value>,
    /// How it comes to own fields.
    pub(super) ownership: Ownership,
}

impl Registry {
    /// A new object, ready to be stored.
    pub(super) async fn pass_create(&self, passage: &Passage<'_>, mut object: Value) -> Result<Object, Status> {
        let kind = passage.target.kind;
        check_fields(passage, &mut object)?;
        if passage.ownership != Ownership::Applied {
            object = self.parts.conversions.stored(kind, object, passage.cx.deadline).await?;
        }
        let kind = kind.stored();
        kind.apply_defaults(&mut object);
        kind.prepare_create(&mut object);
        self.own(passage, &mut object)?;
        self.mutate(passage, Operation::Create, &mut object)?;
        self.ask_mutating(passage, Operation::Create, &mut object).await?;
        self.establish(passage.target, &mut object)?;
        kind.apply_defaults(&mut object);
        self.allocate(passage.target, &mut object, None)?;
        refuse(passage.target, &kind.validate_create(&object))?;
        self.admit(passage, Operation::Create, &mut object)?;
        self.ask_validating(passage, Operation::Create, &object).await?;
        Object::from_value(object)
    }

    /// A changed object, or an object with a changed status, ready to be stored.
    pub(super) async fn pass_update(&self, passage: &Passage<'_>, mut object: Value) -> Result<Object, Status> {
        let kind = passage.target.kind;
        let Some(old) = passage.old else { return Err(Status::internal("an update without an object to update")) };
        check_fields(passage, &mut object)?;
        if passage.ownership != Ownership::Applied {
            object = self.parts.conversions.stored(kind, object, passage.cx.deadline).await?;
        }
        let kind = kind.stored();
        kind.apply_defaults(&mut object);
        let part = passage.target.subresource.filter(|part| part.is_part());
        match part {
            Some(part) => kind.prepare_part_update(part, &mut object, old),
            None => kind.prepare_update(&mut object, old),
        }
        self.own(passage, &mut object)?;
        self.mutate(passage, Operation::Update, &mut object)?;
        self.ask_mutating(passage, Operation::Update, &mut object).await?;
        self.establish(passage.target, &mut object)?;
        kind.apply_defaults(&mut object);
        self.allocate(passage.target, &mut object, Some(old))?;
        let errors = match part {
            Some(part) => kind.validate_part_update(part, &object, old),
            None => kind.validate_update(&object, old),
        };
        refuse(passage.target, &errors)?;
        self.admit(passage, Operation::Update, &mut object)?;
        self.ask_validating(passage, Operation::Update, &object).await?;
        Object::from_value(object)
    }

    /// Lets the plugins change the object.
    pub(super) fn mutate(&self, passage: &Passage<'_>, operation: Operation, object: &mut Value) -> Result<(), Status> {
        let mut request = self.admission_request(passage, operation, object);
        self.parts.admission.iter().try_for_each(|plugin| plugin.mutate(&mut request))
    }

    /// Asks the plugins whether this may be.
    pub(super) fn admit(&self, passage: &Passage<'_>, operation: Operation, object: &mut Value) -> Result<(), Status> {
        let request = self.admission_request(passage, operation, object);
        self.parts.admission.iter().try_for_each(|plugin| plugin.validate(&request))
    }

    /// Waits, but not for long, for what plugins want to see of others before they decide on a new object.
    pub(super) async fn await_others(&self, passage: &Passage<'_>, object: &mut Value) -> Result<(), Status> {
        let request = self.admission_request(passage, Operation::Create, object);
        let wanted: Vec<Target> = self.parts.admission.iter().filter_map(|plugin| plugin.awaits(&request)).collect();
        for target in wanted.iter().filter(|target| self.cached(target).is_none()) {
            self.read_barrier(passage.cx.deadline).await?;
            // Whether it has come is for the plugin to see.
            let appears = self.parts.cache.wait_until(|| self.cached(target).is_some());
            drop(tokio::time::timeout(OTHERS_WAIT, appears).await);
        }
        Ok(())
    }

    fn admission_request<'a>(
        &'a self,
        passage: &Passage<'a>,
        operation: Operation,
        object: &'a mut Value,
    ) -> AdmissionRequest<'a> {
        AdmissionRequest {
            user: &passage.cx.user,
            operation,
            kind: passage.target.kind.stored(),
            subresource: passage.target.subresource,
            namespace: passage.target.namespace.as_deref(),
            name: &passage.target.name,
            object,
            old: passage.old,
            warnings: &passage.cx.warnings,
            annotations: &passage.cx.annotations,
            environment: self.parts.environment.as_ref(),
        }
    }
}

/// Refuses wrong types. Unknown fields are refused, or dropped with or without a word, as the caller wants it.
pub(super) fn check_fields(passage: &Passage<'_>, object: &mut Value) -> Result<(), Status> {
    let asked = passage.target.kind;
    let kind = if passage.ownership == Ownership::Applied { asked.stored() } else { asked };
    kind.drop_nulls(object);
    if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) {
        metadata.remove("selfLink");
    }
    let unknown = kind.check_schema(object)?;
    match passage.options.field_validation {
        FieldValidation::Strict if !unknown.is_empty() => return Err(schema::strict_error(&unknown)),
        FieldValidation::Warn => {
            schema::complaints(&[], &unknown).into_iter().for_each(|complaint| passage.cx.warnings.add(complaint));
        }
        FieldValidation::Strict | FieldValidation::Ignore => {}
    }
    schema::prune(object, &unknown);
    refuse(passage.target, &kind.check_version(object))
}

pub(super) fn refuse(target: &Target, errors: &xebec_api::FieldErrors) -> Result<(), Status> {
    if errors.is_empty() {
        return Ok(());
    }
    Err(Status::invalid(target.kind, &target.name, errors))
}
