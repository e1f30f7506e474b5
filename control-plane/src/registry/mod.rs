//! The registry: the seven verbs, written once for all kinds. Every write of the cluster goes through here, whoever
//! makes it.
//!
//! ```text
//!  REST ─┐                         ┌─ reads: barrier ─► watch cache
//!  gRPC ─┼─► authorize ─► verb ────┤
//!  hub, runtime ┘                  └─ writes: decode ─► default ─► admit, ask webhooks ─► validate ─► one guarded transaction
//! ```
//!
//! A write reads the object from the watch cache, works out the new one, and proposes a transaction that holds only if
//! the object is still at the revision that was read. A patch, or an update without a resource version, then starts
//! over from the new state; any other caller gets a conflict. Everything that is not deterministic (time, uid,
//! generated names, addresses) is settled before the proposal.
//!
//! Every write but delete, bind and evict notes who owns which fields (`ownership`); an apply brings that along (`apply`).
//!
//! A refusal, or that there is nothing to change, may be due to a cache that is behind, so it is final only if the object
//! has not changed once the cache has caught up (`settle`).

mod access;
mod apply;
mod asking;
mod backend;
mod binding;
mod commit;
mod continue_token;
mod create;
mod decode;
mod definitions;
mod delete;
mod delete_collection;
mod delete_options;
mod deletion;
mod disruption;
mod environment;
mod eviction;
mod get;
pub mod keys;
mod list;
mod options;
mod ownership;
mod page;
mod patch;
mod pipeline;
mod pod_stream;
mod quota;
mod reservations;
mod review;
mod scale;
mod settle;
mod stored;
mod target;
mod token;
mod update;
mod versions;
mod warnings;
mod watch;

#[cfg(test)]
mod apply_tests;
#[cfg(test)]
mod list_tests;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use ipnetwork::IpNetwork;
use tokio::time::Instant;
use xebec_api::Status;

use crate::admission::Admission;
use crate::admission::policies::Policies;
use crate::admission::webhooks::Webhooks;
use crate::authn::bearer::BearerTokens;
use crate::authz::Authorizer;
use crate::cache::Cache;
use crate::conversion::Conversions;

pub use apply::{Applied, Configuration};
pub use backend::Backend;
pub use delete_collection::DeletedMany;
pub(crate) use environment::generate_name;
pub use environment::{Environment, SystemEnvironment, rfc3339};
pub use options::{
    DeleteOptions, FieldValidation, Freshness, ListOptions, Patch, Preconditions, Propagation, WatchFrom, WatchOptions,
    WriteOptions,
};
pub use xebec_api::patch::PatchKind;

pub use pod_stream::{Access, ContainerPlace, PodPlace, node_refusal};
pub use stored::{Deleted, Listing, Stored};
pub use target::{RequestContext, Scope, Target};
pub use warnings::Warnings;
pub use watch::{WatchEvent, WatchStream};

/// How long a read waits for a revision that this master has not applied yet.
const REVISION_WAIT: Duration = Duration::from_secs(3);

/// What a registry is made of.
pub struct RegistryParts {
    /// Where objects are kept.
    pub store: Arc<dyn Backend>,
    /// Where they are read; it observes the store.
    pub cache: Arc<Cache>,
    /// Who may do what.
    pub authorizer: Arc<dyn Authorizer>,
    /// What the cluster adds and refuses, in order.
    pub admission: Vec<Arc<dyn Admission>>,
    /// What others add and refuse.
    pub webhooks: Webhooks,
    /// Custom objects in other versions.
    pub conversions: Arc<Conversions>,
    /// Makes and verifies the tokens of ServiceAccounts.
    pub tokens: Arc<BearerTokens>,
    /// Time, identifiers and chance.
    pub environment: Arc<dyn Environment>,
    /// Where cluster addresses come from.
    pub service_cidr: IpNetwork,
}

/// The registry. A clone is another handle to the same one.
#[derive(Clone)]
pub struct Registry {
    parts: Arc<RegistryParts>,
    policies: Arc<Policies>,
    lanes: Arc<quota::Lanes>,
}

impl Registry {
    /// A registry of these parts.
    pub fn new(parts: RegistryParts) -> Registry {
        let policies = Policies::new(parts.cache.clone(), parts.authorizer.clone(), parts.conversions.clone());
        Registry { parts: Arc::new(parts), policies: Arc::new(policies), lanes: Arc::default() }
    }

    /// The watch cache that this registry reads.
    pub fn cache(&self) -> &Arc<Cache> {
        &self.parts.cache
    }

    /// The public keys of ServiceAccounts' tokens, as a JSON Web Key Set.
    pub fn token_keys(&self) -> serde_json::Value {
        self.parts.tokens.accounts().key_set()
    }

    /// The time as this registry sees it.
    pub fn now(&self) -> jiff::Timestamp {
        self.parts.environment.now()
    }

    /// Waits until everything that was acknowledged before this call is in the cache; returns the revision it has.
    pub async fn read_barrier(&self, deadline: Instant) -> Result<u64, Status> {
        let revision = self.parts.store.read_barrier(deadline).await.map_err(commit::store_status)?;
        if self.parts.cache.wait_revision(revision, deadline).await {
            return Ok(revision);
        }
        Err(Status::timeout(format!("this master has not applied revision {revision} in time")))
    }

    /// Waits, but not for long, until the cache has a revision that a client has seen elsewhere.
    async fn wait_for(&self, cx: &RequestContext, revision: u64) -> Result<(), Status> {
        let deadline = cx.deadline.min(Instant::now() + REVISION_WAIT);
        if self.parts.cache.wait_revision(revision, deadline).await {
            return Ok(());
        }
        Err(commit::revision_too_large(revision, self.parts.cache.revision()))
    }

    /// What the cache has of the target.
    fn cached(&self, target: &Target) -> Option<Stored> {
        self.parts.cache.get(target.kind, target.namespace.as_deref(), &target.name)
    }
}
