//! PATCH with a configuration, known as server-side apply: creates the object, or makes of it what the configuration says, as far as
//! nobody else owns it.

use serde_json::{Value, json};
use xebec_api::apply::{self, Writer};
use xebec_api::{Reason, Status, Subresource, value};

use super::create::Turn;
use super::ownership::Ownership;
use super::settle::ATTEMPTS;
use super::update::Change;
use super::{Registry, RequestContext, Stored, Target, WriteOptions, decode, rfc3339, scale};

/// What somebody wants of an object.
#[derive(Clone, Debug)]
pub struct Configuration {
    /// The fields it speaks of, with `apiVersion` and `kind`.
    pub body: Value,
    /// Take over what others own.
    pub force: bool,
}

/// What an apply did.
#[derive(Clone, Debug)]
pub struct Applied {
    /// The object as it is now.
    pub stored: Stored,
    /// Whether there was none before.
    pub created: bool,
}

impl Registry {
    /// Applies a configuration to the target, in the name of the field manager that the options give.
    pub async fn apply(
        &self,
        cx: &RequestContext,
        target: &Target,
        configuration: &Configuration,
        options: &WriteOptions,
    ) -> Result<Applied, Status> {
        Self::check_subresource(target)?;
        if !matches!(target.subresource, None | Some(Subresource::Status | Subresource::Scale)) {
            return Err(Status::method_not_supported(target.kind, "patch"));
        }
        options.check_applier()?;
        self.authorize(cx, "patch", target)?;
        let config = checked(target, &configuration.body)?;
        // Ownership is kept in the version that is stored, so that all versions share it.
        let config = self.parts.conversions.stored(target.kind, config, cx.deadline).await?;
        let now = rfc3339(self.now());
        let writer = Writer { manager: &options.field_manager, subresource: target.subresource, now: &now };
        let merge = |live: &Value| apply::apply(target.kind.stored(), live, &config, &writer, configuration.force);
        for _ in 0..ATTEMPTS {
            let propose = |_: &Stored, live: &Value| merge(live);
            let change = Change { ownership: Ownership::Applied, propose: &propose };
            match self.rewrite(cx, target, options, &change).await {
                Err(status) if self.may_create(target, &status) => {}
                written => return written.map(|stored| Applied { stored, created: false }),
            }
            self.authorize(cx, "create", target)?;
            check_new(target, &config)?;
            let object = merge(&json!({}))?;
            if let Turn::Created(stored) = self.try_create(cx, target, &object, options, Ownership::Applied).await? {
                let stored = self.seen(target.kind, stored, cx.deadline).await?;
                return Ok(Applied { stored, created: true });
            }
            self.read_barrier(cx.deadline).await?;
        }
        Err(Status::modified(target.kind, &target.name))
    }

    /// Whether an object was missing, and an apply may make it.
    fn may_create(&self, target: &Target, status: &Status) -> bool {
        status.reason == Reason::NotFound && target.subresource.is_none() && self.cached(target).is_none()
    }
}

/// The configuration as one of the target's kind, complete in its envelope.
fn checked(target: &Target, body: &Value) -> Result<Value, Status> {
    let mut config = body.clone();
    if value::text(&config, "/apiVersion").is_none() || value::text(&config, "/kind").is_none() {
        return Err(Status::bad_request("an applied configuration must have apiVersion and kind"));
    }
    if config.pointer("/metadata/managedFields").is_some_and(|stated| !stated.is_null()) {
        return Err(Status::bad_request("metadata.managedFields must be nil"));
    }
    if target.subresource == Some(Subresource::Scale) {
        config = scale::configuration(target.kind, &config)?;
    }
    decode::envelope(target, &mut config)?;
    drop_empty_times(&mut config);
    let unknown = target.kind.check_schema(&config)?;
    match unknown.first() {
        None => Ok(config),
        Some(field) => {
            let why = format!(".{}: field not declared in schema", field.path);
            Err(apply::untyped(target.kind, &config, &why))
        }
    }
}

/// Clients print the time of creation of what is not created as `null`, in templates too; that says nothing.
fn drop_empty_times(config: &mut Value) {
    match config {
        Value::Object(fields) => {
            fields.retain(|name, value| name != "creationTimestamp" || !value.is_null());
            fields.values_mut().for_each(drop_empty_times);
        }
        Value::Array(items) => items.iter_mut().for_each(drop_empty_times),
        _ => {}
    }
}

/// A configuration that is about a certain object makes no other.
fn check_new(target: &Target, config: &Value) -> Result<(), Status> {
    if let Some(uid) = value::text(config, "/metadata/uid") {
        let why = format!("uid mismatch: the provided object specified uid {uid}, and no existing object was found");
        return Err(Status::conflict(target.kind, &target.name, why));
    }
    match value::text(config, "/metadata/resourceVersion") {
        Some(_) => Err(Status::modified(target.kind, &target.name)),
        None => Ok(()),
    }
}
