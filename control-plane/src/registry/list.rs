//! LIST: one page of a kind, all pages at one revision.
//!
//! A first page is a walk over the cache's persistent map. A later page is the same walk as long as the kind has not
//! changed since, and otherwise a walk over the store's history at the listing's revision, until that has been
//! compacted (410).

use std::sync::Arc;

use bytes::Bytes;
use xebec_api::{Object, Status};

use super::continue_token::ContinueToken;
use super::{Freshness, ListOptions, Listing, Registry, RequestContext, Scope, Stored, keys};
use crate::cache::{Entry, Snapshot};

/// Where a page begins, and at which revision.
struct Place {
    revision: u64,
    after: Option<Bytes>,
    left: Option<u64>,
}

type Entries<'a> = Box<dyn Iterator<Item = (Bytes, Arc<Entry>)> + Send + 'a>;

impl Registry {
    /// One page of the objects in `scope`.
    pub async fn list(&self, cx: &RequestContext, scope: &Scope, options: &ListOptions) -> Result<Listing, Status> {
        self.authorize_scope(cx, "list", scope)?;
        self.list_allowed(cx, scope, options).await
    }

    /// The list itself, once it is allowed.
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
                return self.page_at(scope, options, Place { revision, after: None, left: None });
            }
        }
        let snapshot = self.parts.cache.snapshot(scope.kind);
        let left = scope.namespace.is_none().then(|| snapshot.len() as u64);
        let place = Place { revision: snapshot.revision(), after: None, left };
        Ok(self.page_of(&snapshot, scope, options, &place))
    }

    async fn next_page(
        &self,
        cx: &RequestContext,
        scope: &Scope,
        options: &ListOptions,
        token: &ContinueToken,
    ) -> Result<Listing, Status> {
        self.wait_for(cx, token.rv).await?;
        let mut after = keys::prefix(scope.kind, None).to_vec();
        after.extend_from_slice(token.start.as_bytes());
        self.page_at(scope, options, Place { revision: token.rv, after: Some(after.into()), left: token.left })
    }

    /// A page at a revision that may have passed.
    fn page_at(&self, scope: &Scope, options: &ListOptions, place: Place) -> Result<Listing, Status> {
        let snapshot = self.parts.cache.snapshot(scope.kind);
        if self.parts.cache.kind_revision(scope.kind) <= place.revision {
            return Ok(self.page_of(&snapshot, scope, options, &place));
        }
        let prefix = keys::prefix(scope.kind, scope.namespace.as_deref());
        let state = self.parts.store.state();
        let past =
            state.range_at(&prefix, place.after.as_deref(), place.revision).map_err(|_| too_old(place.revision))?;
        let entries = past.filter_map(|pair| {
            let object = Object::from_stored(pair.value).ok()?;
            Some((pair.key, Arc::new(Entry::new(Stored { object, revision: pair.mod_revision }))))
        });
        Ok(page(Box::new(entries), scope, options, &place))
    }

    fn page_of(&self, snapshot: &Snapshot, scope: &Scope, options: &ListOptions, place: &Place) -> Listing {
        let prefix = keys::prefix(scope.kind, scope.namespace.as_deref());
        let entries = snapshot.range(&prefix, place.after.clone()).map(|(key, entry)| (key.clone(), entry.clone()));
        page(Box::new(entries), scope, options, place)
    }
}

/// Takes a page's worth of what the selectors take.
fn page(entries: Entries<'_>, scope: &Scope, options: &ListOptions, place: &Place) -> Listing {
    let limit = if options.limit == 0 { usize::MAX } else { options.limit };
    let mut chosen = entries.filter(|(_, entry)| entry.matches(scope.kind, &options.labels, &options.fields));
    let mut items = Vec::new();
    let mut last = Bytes::new();
    for (key, entry) in chosen.by_ref().take(limit) {
        items.push(entry.stored().clone().seen_as(scope.kind));
        last = key;
    }
    let more = items.len() == limit && chosen.next().is_some();
    let selects = !options.labels.is_everything() || !options.fields.is_empty();
    let remaining = place.left.filter(|_| more && !selects).map(|left| left.saturating_sub(items.len() as u64));
    let token = || ContinueToken::new(place.revision, suffix(scope, &last), remaining).encode();
    Listing { continue_token: more.then(token), revision: place.revision, items, remaining }
}

/// A key without its kind's prefix.
fn suffix(scope: &Scope, key: &Bytes) -> String {
    let prefix = keys::prefix(scope.kind, None);
    String::from_utf8_lossy(&key[prefix.len().min(key.len())..]).into_owned()
}

fn too_old(revision: u64) -> Status {
    let message = format!("resource version {revision}, of the continue parameter or asked for, is too old to list");
    Status::expired(message)
}
