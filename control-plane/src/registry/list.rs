//! LIST: one page of a kind, all pages at one revision.
//!
//! A first page is a walk over the cache's persistent map. A later page is the same walk as long as the kind has not
//! changed since, and otherwise a walk over the store's history at the listing's revision, until that has been
//! compacted (410, with a token for the rest at another revision).

use std::sync::Arc;

use bytes::Bytes;
use xebec_api::{Object, Status};

use super::continue_token::ContinueToken;
use super::page::Page;
use super::{Freshness, ListOptions, Listing, Registry, RequestContext, Scope, Stored, keys};
use crate::cache::{Entry, Snapshot, revived};

/// Where a page begins, and at which revision.
struct Place {
    revision: u64,
    after: Option<Bytes>,
    left: Option<u64>,
}

impl Registry {
    /// One page of the objects in `scope`.
    pub async fn list(&self, cx: &RequestContext, scope: &Scope, options: &ListOptions) -> Result<Listing, Status> {
        self.authorize_scope(cx, "list", scope, &options.fields)?;
        let listing = self.list_allowed(cx, scope, options).await?;
        if scope.kind.conversion_webhook().is_none() {
            return Ok(listing);
        }
        Ok(Listing { items: self.seen_all(scope.kind, listing.items, cx.deadline).await?, ..listing })
    }

    /// The list itself, once it is allowed. What a webhook converts is in whatever version it is stored in.
    pub(super) async fn list_allowed(
        &self,
        cx: &RequestContext,
        scope: &Scope,
        options: &ListOptions,
    ) -> Result<Listing, Status> {
        if let Some(token) = options.continue_token.as_deref().filter(|token| !token.is_empty()) {
            return self.next_page(cx, scope, options, &ContinueToken::decode(token)?).await;
        }
        match options.freshness {
            Freshness::Latest => drop(self.read_barrier(cx.deadline).await?),
            Freshness::Any => {}
            Freshness::NotOlderThan(revision) => self.wait_for(cx, revision).await?,
            Freshness::Exact(revision) => {
                self.wait_for(cx, revision).await?;
                let place = Place { revision, after: None, left: None };
                return self.page_at(scope, options, place).await?.ok_or_else(|| too_old(revision));
            }
        }
        Ok(self.present_page(scope, options, None).await)
    }

    async fn next_page(
        &self,
        cx: &RequestContext,
        scope: &Scope,
        options: &ListOptions,
        token: &ContinueToken,
    ) -> Result<Listing, Status> {
        let after = after(scope, token)?;
        let Some(revision) = token.revision() else {
            self.read_barrier(cx.deadline).await?;
            return Ok(self.present_page(scope, options, Some(after)).await);
        };
        self.wait_for(cx, revision).await?;
        let place = Place { revision, after: Some(after), left: token.left };
        self.page_at(scope, options, place).await?.ok_or_else(|| token_too_old(token))
    }

    /// A page of what there is now.
    async fn present_page(&self, scope: &Scope, options: &ListOptions, after: Option<Bytes>) -> Listing {
        let snapshot = self.parts.cache.snapshot(scope.kind);
        let left = after.is_none().then(|| snapshot.count(scope.namespace.as_deref()));
        page_of(&snapshot, scope, options, Place { revision: snapshot.revision(), after, left }).await
    }

    /// A page at a revision that may have passed; `None` when it is not kept any more.
    async fn page_at(&self, scope: &Scope, options: &ListOptions, place: Place) -> Result<Option<Listing>, Status> {
        let snapshot = self.parts.cache.snapshot(scope.kind);
        if self.parts.cache.kind_revision(scope.kind) <= place.revision {
            return Ok(Some(page_of(&snapshot, scope, options, place).await));
        }
        let prefix = keys::prefix(scope.kind, scope.namespace.as_deref());
        let state = self.parts.store.state();
        let Ok(past) = state.range_at(&prefix, place.after.as_deref(), place.revision) else { return Ok(None) };
        let mut page = Page::new(scope, options, true);
        for pair in past {
            let object = Object::from_stored(pair.value).map_err(|error| Status::internal(&error))?;
            let object = revived(scope.kind.stored(), object);
            let entry = Arc::new(Entry::new(Stored { object, revision: pair.mod_revision }));
            if !page.take(pair.key, &entry) {
                break;
            }
            if page.gives_way() {
                tokio::task::yield_now().await;
            }
        }
        Ok(Some(page.finish(place.revision, place.left)))
    }
}

async fn page_of(snapshot: &Snapshot, scope: &Scope, options: &ListOptions, place: Place) -> Listing {
    let prefix = keys::prefix(scope.kind, scope.namespace.as_deref());
    let mut page = Page::new(scope, options, false);
    for (key, entry) in snapshot.range(&prefix, place.after) {
        if !page.take(key.clone(), entry) {
            break;
        }
        if page.gives_way() {
            tokio::task::yield_now().await;
        }
    }
    page.finish(place.revision, place.left)
}

/// The key after which the page begins, which must be one of those that are asked for.
fn after(scope: &Scope, token: &ContinueToken) -> Result<Bytes, Status> {
    let mut key = keys::prefix(scope.kind, None).to_vec();
    key.extend_from_slice(token.start.as_bytes());
    if key.starts_with(&keys::prefix(scope.kind, scope.namespace.as_deref())) {
        return Ok(key.into());
    }
    Err(Status::bad_request("continue key is not valid: it belongs to another list"))
}

fn too_old(revision: u64) -> Status {
    Status::expired(format!("The resourceVersion for the provided list is too old: {revision}"))
}

fn token_too_old(token: &ContinueToken) -> Status {
    let message = "The provided continue parameter is too old to display a consistent list result. You can start a new \
                   list without the continue parameter, or use the continue token in this response to retrieve the \
                   remainder of the results, which may then not fit what came before.";
    Status::expired(message).with_continue(token.inconsistent().encode())
}
