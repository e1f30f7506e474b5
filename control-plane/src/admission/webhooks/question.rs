//! What webhooks are asked: one write, and the object as the API shows it.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde_json::{Value, json};
use xebec_api::kinds::NAMESPACE;
use xebec_api::{Catalogue, Kind, Status, scale};

use crate::admission::Operation;
use crate::admission::matching::Subject;
use crate::cache::Cache;
use crate::conversion::Conversions;
use crate::registry::{RequestContext, Target, WriteOptions};

/// How the object of a request is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum View {
    /// As what its kind is, in any version of it.
    Whole,
    /// As its scale.
    Scale,
    /// As a call on it, such as a Binding: group, version and kind.
    Call(&'static str, &'static str, &'static str),
}

/// A write, as webhooks are asked about it.
pub struct Question<'a> {
    /// On whose behalf, and until when.
    pub cx: &'a RequestContext,
    /// To what, in the version that the request is about.
    pub target: &'a Target,
    /// What is done.
    pub operation: Operation,
    /// How the object is shown.
    pub view: View,
    /// The object as it would be stored, or the call; absent for deletes.
    pub object: Option<Cow<'a, Value>>,
    /// The object as it is stored; absent for creates and calls.
    pub old: Option<&'a Value>,
    /// Whether nothing will come of it.
    pub dry_run: bool,
    /// The options of the request, as `meta.k8s.io/v1` has them.
    pub options: Value,
}

/// What a webhook is shown.
pub(in crate::admission) struct Shown<'a> {
    pub(in crate::admission) object: Option<Cow<'a, Value>>,
    pub(in crate::admission) old: Option<Cow<'a, Value>>,
}

/// The options of a create or an update.
pub fn write_options(kind: &str, options: &WriteOptions) -> Value {
    let mut out = json!({"apiVersion": "meta.k8s.io/v1", "kind": kind});
    if options.dry_run {
        out["dryRun"] = json!(["All"]);
    }
    if !options.field_manager.is_empty() {
        out["fieldManager"] = json!(options.field_manager);
    }
    out
}

impl Question<'_> {
    /// The question as rules and selectors see it, handed to `ask`.
    pub(in crate::admission) fn with_subject<T>(&self, cache: &Cache, ask: impl FnOnce(&Subject<'_>) -> T) -> T {
        let catalogue: &Catalogue = &cache.catalogue();
        let namespaces = |name: &str| -> BTreeMap<String, String> {
            let namespace = cache.get(&NAMESPACE, None, name);
            namespace.map(|namespace| namespace.object.meta().labels.clone()).unwrap_or_default()
        };
        ask(&Subject {
            operation: self.operation,
            kind: self.target.kind,
            subresource: self.subresource(),
            namespace: self.target.namespace.as_deref(),
            name: &self.target.name,
            object: self.object.as_deref(),
            old: self.old,
            namespaces: &namespaces,
            catalogue,
        })
    }

    pub(in crate::admission) fn subresource(&self) -> &'static str {
        self.target.subresource.map_or("", xebec_api::Subresource::as_str)
    }

    /// Group, version and kind of what is shown, where whole objects are shown as those of `shown`.
    pub(in crate::admission) fn group_version_kind(&self, shown: &Kind) -> Value {
        let (group, version, kind) = match self.view {
            View::Whole => (shown.group, shown.version, shown.kind),
            View::Scale => ("autoscaling", "v1", "Scale"),
            View::Call(group, version, kind) => (group, version, kind),
        };
        json!({"group": group, "version": version, "kind": kind})
    }

    /// The object and the old one, as they are shown.
    pub(in crate::admission) async fn show(&self, versions: &Conversions, shown: &Kind) -> Result<Shown<'_>, Status> {
        Ok(Shown {
            object: self.one(versions, shown, self.object.as_deref()).await?,
            old: self.one(versions, shown, self.old).await?,
        })
    }

    async fn one<'b>(
        &self,
        versions: &Conversions,
        shown: &Kind,
        stored: Option<&'b Value>,
    ) -> Result<Option<Cow<'b, Value>>, Status> {
        let Some(stored) = stored else { return Ok(None) };
        Ok(Some(match self.view {
            View::Call(..) => Cow::Borrowed(stored),
            View::Scale => Cow::Owned(scale::read(shown.stored(), stored)),
            View::Whole => versions.served(shown, stored, self.cx.deadline).await?,
        }))
    }

    /// The object that becomes of the present one when it is shown as `changed`.
    pub(in crate::admission) async fn take_back(
        &self,
        versions: &Conversions,
        shown: &Kind,
        changed: Value,
    ) -> Result<Value, Status> {
        match (self.view, &self.object) {
            (View::Scale, Some(object)) => {
                let mut object = object.clone().into_owned();
                scale::write(shown.stored(), &mut object, &changed)?;
                Ok(object)
            }
            (View::Whole, _) => versions.stored(shown, changed, self.cx.deadline).await,
            _ => Ok(changed),
        }
    }
}
