//! Admission webhooks: servers of others that are asked about writes, and may change or refuse them.
//!
//! ```text
//!  defaulted ─► plugins ─► mutating webhooks, one after the other ─► changed: plugins again, then those that ask for it again
//!            ─► defaulted, validated ─► plugins ─► validating webhooks, all at once ─► stored
//! ```
//!
//! Configurations are read from the watch cache and compiled once per revision, so that a request that no webhook is about costs a
//! look at two numbers and at the rules. What a request waits for is bounded by the time of each webhook and by its own; how many ask
//! one server at once is bounded by [`crate::webhooks::Client`].

mod call;
mod configurations;
mod hook;
mod metrics;
mod mutating;
mod question;
mod review;
mod validating;

use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwap;

use crate::authz::Authorizer;
use crate::cache::Cache;
use crate::conversion::Conversions;
use crate::outbound::Dialler;
use crate::registry::Environment;
use configurations::Configurations;

pub use metrics::WebhookMetrics;
pub(in crate::admission) use mutating::keep_managed_fields;
pub use mutating::{Round, Settle};
pub(in crate::admission) use question::Shown;
pub use question::{Question, View, write_options};
pub(in crate::admission) use review::request;

/// What webhooks are asked with.
pub struct WebhookParts {
    /// Where the configurations are.
    pub cache: Arc<Cache>,
    /// Reaches the servers.
    pub dialler: Dialler,
    /// Shows objects in the versions that webhooks ask for.
    pub conversions: Arc<Conversions>,
    /// Answers the conditions' questions.
    pub authorizer: Arc<dyn Authorizer>,
    /// Makes the uids of questions.
    pub environment: Arc<dyn Environment>,
    /// Counts.
    pub metrics: WebhookMetrics,
}

/// All admission webhooks of the cluster.
pub struct Webhooks {
    parts: WebhookParts,
    compiled: ArcSwap<Configurations>,
    compiling: Mutex<()>,
}

impl Webhooks {
    /// Those that the configurations in the cache name.
    pub fn new(parts: WebhookParts) -> Webhooks {
        Webhooks { parts, compiled: ArcSwap::default(), compiling: Mutex::default() }
    }

    /// Whether there are validating webhooks at all.
    pub fn validate_anything(&self) -> bool {
        !self.current().validating.is_empty()
    }

    /// The webhooks as they are now.
    fn current(&self) -> Arc<Configurations> {
        let compiled = self.compiled.load_full();
        if compiled.are_of(&self.parts.cache) {
            return compiled;
        }
        let _compiling = self.compiling.lock().unwrap_or_else(PoisonError::into_inner);
        let compiled = self.compiled.load_full();
        if compiled.are_of(&self.parts.cache) {
            return compiled;
        }
        let compiled = Arc::new(Configurations::read(&self.parts.cache, &self.parts.dialler, &compiled));
        self.compiled.store(compiled.clone());
        compiled
    }
}
