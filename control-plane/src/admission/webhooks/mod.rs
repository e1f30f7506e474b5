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

use crate::cache::Cache;
use crate::conversion::Conversions;
use crate::outbound::Dialler;
use crate::registry::Environment;
use configurations::Configurations;

pub use metrics::WebhookMetrics;
pub use mutating::{Round, Settle};
pub use question::{Question, View, write_options};

/// All admission webhooks of the cluster.
pub struct Webhooks {
    cache: Arc<Cache>,
    dialler: Dialler,
    conversions: Arc<Conversions>,
    environment: Arc<dyn Environment>,
    metrics: WebhookMetrics,
    compiled: ArcSwap<Configurations>,
    compiling: Mutex<()>,
}

impl Webhooks {
    /// Those that the configurations in `cache` name, reached by `dialler`. They are shown objects in the versions that they ask for.
    pub fn new(
        cache: Arc<Cache>,
        dialler: Dialler,
        conversions: Arc<Conversions>,
        environment: Arc<dyn Environment>,
        metrics: WebhookMetrics,
    ) -> Webhooks {
        let (compiled, compiling) = (ArcSwap::default(), Mutex::default());
        Webhooks { cache, dialler, conversions, environment, metrics, compiled, compiling }
    }

    /// Whether there are mutating webhooks at all.
    pub fn mutate_anything(&self) -> bool {
        !self.current().mutating.is_empty()
    }

    /// Whether there are validating webhooks at all.
    pub fn validate_anything(&self) -> bool {
        !self.current().validating.is_empty()
    }

    /// The webhooks as they are now.
    fn current(&self) -> Arc<Configurations> {
        let compiled = self.compiled.load_full();
        if compiled.are_of(&self.cache) {
            return compiled;
        }
        let _compiling = self.compiling.lock().unwrap_or_else(PoisonError::into_inner);
        let compiled = self.compiled.load_full();
        if compiled.are_of(&self.cache) {
            return compiled;
        }
        let compiled = Arc::new(Configurations::read(&self.cache, &self.dialler, &compiled));
        self.compiled.store(compiled.clone());
        compiled
    }
}
