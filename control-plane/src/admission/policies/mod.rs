//! Admission policies: expressions that may change a request or refuse it, without anybody else being asked.
//!
//! ```text
//!  defaulted ─► plugins ─► MutatingAdmissionPolicies ─► mutating webhooks ─► …
//!            ─► validated ─► plugins ─► ValidatingAdmissionPolicies ─► validating webhooks ─► stored
//! ```
//!
//! A policy is in force where a binding says so. Both are read from the watch cache, a policy is compiled once per revision, and
//! what a request costs is bounded by the budget of each policy ([`xebec_api::cel`]). A request that no policy is about costs a
//! look at four numbers and at the rules. Policies do not decide on policies and bindings, so that one that refuses everything can be
//! taken away.

mod binding;
mod enforce;
mod mutating;
mod params;
mod register;
mod request;

use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwap;

use crate::authz::Authorizer;
use crate::cache::Cache;
use crate::conversion::Conversions;
use register::Register;

pub use mutating::PolicyRound;

/// All admission policies of the cluster.
pub struct Policies {
    cache: Arc<Cache>,
    authorizer: Arc<dyn Authorizer>,
    conversions: Arc<Conversions>,
    compiled: ArcSwap<Register>,
    compiling: Mutex<()>,
}

impl Policies {
    /// Those in `cache`. Their expressions may ask `authorizer`, and see objects in the versions that their rules name.
    pub fn new(cache: Arc<Cache>, authorizer: Arc<dyn Authorizer>, conversions: Arc<Conversions>) -> Policies {
        let (compiled, compiling) = (ArcSwap::default(), Mutex::default());
        Policies { cache, authorizer, conversions, compiled, compiling }
    }

    /// Whether any policy that changes objects is in force.
    pub fn mutate_anything(&self) -> bool {
        !self.current().mutating.is_empty()
    }

    /// Whether any policy that refuses objects is in force.
    pub fn validate_anything(&self) -> bool {
        !self.current().validating.is_empty()
    }

    /// The policies as they are now.
    fn current(&self) -> Arc<Register> {
        let compiled = self.compiled.load_full();
        if compiled.is_of(&self.cache) {
            return compiled;
        }
        let _compiling = self.compiling.lock().unwrap_or_else(PoisonError::into_inner);
        let compiled = self.compiled.load_full();
        if compiled.is_of(&self.cache) {
            return compiled;
        }
        let compiled = Arc::new(Register::read(&self.cache, &compiled));
        self.compiled.store(compiled.clone());
        compiled
    }
}
