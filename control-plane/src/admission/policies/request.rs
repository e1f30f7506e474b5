//! A request, as policies see it whose rules name one version of its object.

use serde_json::Value as Json;
use xebec_api::cel::Value;
use xebec_api::cel::admission::namespace_value;
use xebec_api::kinds::NAMESPACE;
use xebec_api::{Kind, Status};

use super::Policies;
use crate::admission::facts::Facts;
use crate::admission::webhooks::{Question, Shown, request};

/// The objects of a request, in one version.
pub(super) struct View<'a> {
    pub(super) kind: &'static Kind,
    request: Json,
    shown: Shown<'a>,
    namespace: Value,
}

impl Policies {
    /// The request with its objects as those of `kind`. A webhook may have to be asked for them.
    pub(super) async fn view<'a>(&self, question: &'a Question<'_>, kind: &'static Kind) -> Result<View<'a>, Status> {
        let shown = question.show(&self.conversions, kind).await?;
        // Expressions have no use for the review's identity.
        let request = request(question, kind, "");
        let namespace = question.target.namespace.as_deref().and_then(|name| self.cache.get(&NAMESPACE, None, name));
        let namespace = namespace.map_or(Value::Null, |stored| namespace_value(&stored.to_value()));
        Ok(View { kind, request, shown, namespace })
    }

    /// What expressions find.
    pub(super) fn facts<'a>(&self, question: &Question<'_>, view: &'a View<'_>) -> Facts<'a> {
        let objects = (view.object(), view.shown.old.as_deref());
        let facts = Facts::new(&view.request, objects, question.cx.user.clone(), self.authorizer.clone());
        facts.within(view.namespace.clone())
    }
}

impl View<'_> {
    /// The object, absent for deletes.
    pub(super) fn object(&self) -> Option<&Json> {
        self.shown.object.as_deref()
    }
}
