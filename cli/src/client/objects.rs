//! The seven verbs, in the shape that this program's commands want them.

use anyhow::{Context, Result};
use bytes::Bytes;
use serde_json::Value;
use tokio_stream::StreamExt;
use xebec_proto::v1::{
    CreateRequest, DeleteRequest, GetRequest, Kind, ListRequest, PatchRequest, Representation, Target, WatchEvent,
    WatchRequest, WriteOptions, patch_request,
};

use super::Session;
use crate::args::Filter;

/// Objects a request; a listing longer than this comes in several.
const PAGE: u32 = 500;
/// Who we are in managed fields.
const FIELD_MANAGER: &str = "xebec";

/// Objects, or tables of them, and the revision they are true at.
pub(crate) struct ListAnswer {
    /// One JSON document each.
    pub(crate) items: Vec<Value>,
    /// To watch from.
    pub(crate) revision: u64,
}

/// What to list: a kind, or one object of it by name.
pub(crate) struct Listed<'a> {
    /// The kind.
    pub(crate) kind: &'a Kind,
    /// Only this one.
    pub(crate) name: Option<&'a str>,
    /// Which of them.
    pub(crate) filter: &'a Filter,
    /// As objects or as tables.
    pub(crate) representation: Representation,
}

/// In whose name a configuration is applied, and how.
pub(crate) struct Applier<'a> {
    /// Who owns the fields.
    pub(crate) manager: &'a str,
    /// Take over what others own.
    pub(crate) force: bool,
    /// Check everything and store nothing.
    pub(crate) dry_run: bool,
}

impl Session {
    /// One object. An error that says it does not exist is a status with code NotFound.
    pub(crate) async fn get(&self, target: Target, representation: Representation) -> Result<Value> {
        let resource_version = self.resource_version();
        let message = GetRequest { target: Some(target), representation: representation.into(), resource_version };
        let answer = self.objects().get(self.request(message)).await?;
        parse(&answer.into_inner().json)
    }

    /// The same, where absence is no error.
    pub(crate) async fn find(&self, target: Target) -> Result<Option<Value>> {
        match self.get(target, Representation::Object).await {
            Ok(object) => Ok(Some(object)),
            Err(error) if is_not_found(&error) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// All of them, page by page.
    pub(crate) async fn list(&self, what: &Listed<'_>) -> Result<ListAnswer> {
        let mut answer = ListAnswer { items: Vec::new(), revision: 0 };
        let mut token = String::new();
        loop {
            token = self.list_page(what, token, &mut answer).await?;
            if token.is_empty() {
                return Ok(answer);
            }
        }
    }

    /// Appends one page; returns the token of the next.
    async fn list_page(&self, what: &Listed<'_>, token: String, answer: &mut ListAnswer) -> Result<String> {
        let message = ListRequest {
            target: Some(self.scope(what)),
            label_selector: what.filter.selector.clone().unwrap_or_default(),
            field_selector: field_selector(what),
            limit: PAGE,
            continue_token: token,
            resource_version: self.resource_version(),
            representation: what.representation.into(),
        };
        let mut chunks = self.objects().list(self.request(message)).await?.into_inner();
        let mut next = String::new();
        while let Some(chunk) = chunks.next().await {
            let chunk = chunk?;
            answer.revision = answer.revision.max(chunk.revision);
            next = if chunk.continue_token.is_empty() { next } else { chunk.continue_token };
            answer.items.extend(chunk.items.iter().map(parse).collect::<Result<Vec<_>>>()?);
        }
        Ok(next)
    }

    /// What happens after `revision`, without end.
    pub(crate) async fn watch(&self, what: &Listed<'_>, revision: u64) -> Result<tonic::Streaming<WatchEvent>> {
        let message = WatchRequest {
            target: Some(self.scope(what)),
            label_selector: what.filter.selector.clone().unwrap_or_default(),
            field_selector: field_selector(what),
            resource_version: revision.to_string(),
            representation: what.representation.into(),
            ..WatchRequest::default()
        };
        Ok(self.objects().watch(message).await?.into_inner())
    }

    /// A new object.
    pub(crate) async fn create(&self, target: Target, object: &Value, dry_run: bool) -> Result<Value> {
        let message = CreateRequest { target: Some(target), json: encode(object)?, options: Some(options(dry_run)) };
        parse(&self.objects().create(self.request(message)).await?.into_inner().json)
    }

    /// A JSON merge patch.
    pub(crate) async fn merge(&self, target: Target, patch: &Value, dry_run: bool) -> Result<Value> {
        let message = PatchRequest {
            target: Some(target),
            r#type: patch_request::Type::Merge.into(),
            patch: encode(patch)?,
            options: Some(options(dry_run)),
            force: false,
        };
        parse(&self.objects().patch(self.request(message)).await?.into_inner().json)
    }

    /// A configuration, merged by the cluster.
    pub(crate) async fn apply(&self, target: Target, config: &Value, by: &Applier<'_>) -> Result<Value> {
        let options = WriteOptions { field_manager: by.manager.to_owned(), ..options(by.dry_run) };
        let message = PatchRequest {
            target: Some(target),
            r#type: patch_request::Type::Apply.into(),
            patch: encode(config)?,
            options: Some(options),
            force: by.force,
        };
        parse(&self.objects().patch(self.request(message)).await?.into_inner().json)
    }

    /// The object while it terminates, or a Status when it is gone.
    pub(crate) async fn delete(&self, target: Target, options: &Value) -> Result<Value> {
        let message = DeleteRequest { target: Some(target), options_json: encode(options)? };
        parse(&self.objects().delete(self.request(message)).await?.into_inner().json)
    }

    fn scope(&self, what: &Listed<'_>) -> Target {
        let namespace = what.filter.all_namespaces.then_some("");
        self.target(what.kind, namespace, "")
    }
}

fn field_selector(what: &Listed<'_>) -> String {
    let name = what.name.map(|name| format!("metadata.name={name}"));
    [name, what.filter.field_selector.clone()].into_iter().flatten().collect::<Vec<_>>().join(",")
}

fn options(dry_run: bool) -> WriteOptions {
    WriteOptions { dry_run, field_manager: FIELD_MANAGER.to_owned(), field_validation: "Strict".to_owned() }
}

fn encode(value: &Value) -> Result<Bytes> {
    Ok(serde_json::to_vec(value).context("encode JSON")?.into())
}

fn parse(bytes: &Bytes) -> Result<Value> {
    serde_json::from_slice(bytes).context("the cluster's answer is not JSON")
}

fn is_not_found(error: &anyhow::Error) -> bool {
    error.downcast_ref::<tonic::Status>().is_some_and(|status| status.code() == tonic::Code::NotFound)
}
