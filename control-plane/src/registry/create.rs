//! CREATE: a new object, or a call on one (`pods/binding`, `pods/eviction`).
//!
//! The transaction demands that the name is free, that the addresses it takes are, and that the namespace is still as
//! it was when it was found not to be terminating. So everything in a namespace was created before the namespace began
//! to go, and whoever empties it afterwards sees all of it.

use serde_json::{Value, json};
use xebec_api::kinds::{CUSTOM_RESOURCE_DEFINITION, NAMESPACE};
use xebec_api::{Reason, Status, Subresource, value};

use super::commit::{Committed, Write};
use super::environment::generate_name;
use super::ownership::Ownership;
use super::pipeline::Passage;
use super::quota::{self, Versions};
use super::settle::ATTEMPTS;
use super::{Registry, RequestContext, Stored, Target, WriteOptions, decode, keys, reservations, rfc3339};

impl Registry {
    /// Creates the object that `body` describes. The target's name may be empty, when the body names the object.
    pub async fn create(
        &self,
        cx: &RequestContext,
        target: &Target,
        body: Value,
        options: &WriteOptions,
    ) -> Result<Stored, Status> {
        Self::check_subresource(target)?;
        match target.subresource {
            None => self.create_object(cx, target, body, options).await,
            Some(Subresource::Binding) => self.bind(cx, target, body, options).await,
            Some(Subresource::Eviction) => self.evict(cx, target, body, options).await,
            Some(Subresource::Token) => self.issue_token(cx, target, body, options).await,
            Some(_) => Err(Status::method_not_supported(target.kind, "create")),
        }
    }

    async fn create_object(
        &self,
        cx: &RequestContext,
        target: &Target,
        mut body: Value,
        options: &WriteOptions,
    ) -> Result<Stored, Status> {
        decode::envelope(target, &mut body)?;
        refuse_version(&body)?;
        let mut target = target.clone();
        target.name = value::text(&body, "/metadata/name").unwrap_or_default().to_owned();
        options.check_manager("CreateOptions")?;
        self.authorize(cx, "create", &target)?;
        if !target.kind.is_stored() {
            return self.answer(cx, &target, body, options).await;
        }
        let generate = Some(value::text(&body, "/metadata/generateName").unwrap_or_default().to_owned());
        let generate = generate.filter(|base| target.name.is_empty() && !base.is_empty());
        for _ in 0..ATTEMPTS {
            if let Some(base) = &generate {
                target.name = generate_name(self.parts.environment.as_ref(), base);
                body["metadata"]["name"] = json!(target.name);
            }
            match self.try_create(cx, &target, &body, options, Ownership::ByChange).await? {
                Turn::Created(stored) => return self.seen(target.kind, stored, cx.deadline).await,
                Turn::Taken if generate.is_none() => return Err(Status::already_exists(target.kind, &target.name)),
                Turn::Taken | Turn::Lost => drop(self.read_barrier(cx.deadline).await?),
            }
        }
        Err(Status::new(
            Reason::ServerTimeout,
            "the object could not be created because of concurrent changes; try again",
        )
        .retry_after(1))
    }

    /// One attempt to make the object that `body` describes.
    pub(super) async fn try_create(
        &self,
        cx: &RequestContext,
        target: &Target,
        body: &Value,
        options: &WriteOptions,
        ownership: Ownership,
    ) -> Result<Turn, Status> {
        let namespace = self.namespace_of(cx, target).await?;
        let definition = self.definition_of(cx, target.kind).await?;
        let mut draft = body.clone();
        draft["metadata"]["uid"] = json!(self.parts.environment.uid());
        draft["metadata"]["creationTimestamp"] = json!(rfc3339(self.now()));
        let passage = Passage { cx, target, options, old: None, ownership };
        self.await_others(&passage, &mut draft).await?;
        self.await_counted(target).await;
        let object = self.pass_create(&passage, draft).await?;
        let created = Versions { old: None, new: Some(&object) };
        if options.dry_run {
            self.read_barrier(cx.deadline).await?;
            self.charge(cx, target, created, &mut Write::default()).await?;
            let taken = self.cached(target).is_some();
            return Ok(if taken { Turn::Taken } else { Turn::Created(Stored { object, revision: 0 }) });
        }
        let key = keys::object(target.kind, target.namespace.as_deref(), &target.name);
        let mut write = Write::create(&key, &object, self.lease(cx, target.kind).await?);
        if let Some(namespace) = namespace {
            let place = keys::object(&NAMESPACE, None, &namespace.object.meta().name);
            match quota::announces_itself(target.kind) {
                true => write.also_replace(&place, namespace.revision, &namespace.object),
                false => write.guard(&place, namespace.revision),
            }
        }
        if let Some(definition) = definition {
            let key = keys::object(&CUSTOM_RESOURCE_DEFINITION, None, &definition.object.meta().name);
            write.guard(&key, definition.revision);
        }
        let held = reservations::held(target.kind, &object);
        write.reserve(&reservations::owner(target), &Default::default(), &held);
        let turn = self.charge(cx, target, created, &mut write).await?;
        let committed = self.commit(cx, write).await;
        drop(turn);
        Ok(match committed? {
            Committed::At(revision) => Turn::Created(Stored { object, revision }),
            Committed::Lost { exists: true } => Turn::Taken,
            Committed::Lost { exists: false } => Turn::Lost,
        })
    }

    /// The namespace that the object is to live in, which must exist.
    async fn namespace_of(&self, cx: &RequestContext, target: &Target) -> Result<Option<Stored>, Status> {
        let Some(name) = target.namespace.as_deref() else { return Ok(None) };
        let namespace = Target::new(&NAMESPACE, None, name);
        if let Some(found) = self.cached(&namespace) {
            return Ok(Some(found));
        }
        self.read_barrier(cx.deadline).await?;
        self.cached(&namespace).map(Some).ok_or_else(|| Status::not_found(namespace.kind, name))
    }
}

/// How one attempt went.
pub(super) enum Turn {
    Created(Stored),
    /// An object of that name is there.
    Taken,
    /// Something else changed meanwhile.
    Lost,
}

fn refuse_version(body: &Value) -> Result<(), Status> {
    match value::text(body, "/metadata/resourceVersion") {
        None | Some("") => Ok(()),
        Some(_) => Err(Status::bad_request("resourceVersion should not be set on objects to be created")),
    }
}
