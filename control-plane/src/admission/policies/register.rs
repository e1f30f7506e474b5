//! All policies in force, as the watch cache has them at one moment.

use std::collections::BTreeMap;
use std::sync::Arc;

use xebec_api::Kind;
use xebec_api::kinds::{
    MUTATING_ADMISSION_POLICY, MUTATING_ADMISSION_POLICY_BINDING, VALIDATING_ADMISSION_POLICY,
    VALIDATING_ADMISSION_POLICY_BINDING,
};
use xebec_api::value;

use super::binding::{Binding, Compiled};
use crate::cache::Cache;

/// The kinds, policies before their bindings.
const KINDS: [&Kind; 4] = [
    &MUTATING_ADMISSION_POLICY,
    &MUTATING_ADMISSION_POLICY_BINDING,
    &VALIDATING_ADMISSION_POLICY,
    &VALIDATING_ADMISSION_POLICY_BINDING,
];

type ByName = BTreeMap<String, Arc<Compiled>>;

/// Policies with their bindings, by the names of the policies and then of the bindings.
#[derive(Default)]
pub(super) struct Register {
    pub(super) mutating: Vec<Arc<Binding>>,
    pub(super) validating: Vec<Arc<Binding>>,
    changers: ByName,
    judges: ByName,
    /// The revisions of the kinds.
    revisions: [u64; 4],
}

impl Register {
    /// Whether this is what the cache has.
    pub(super) fn is_of(&self, cache: &Cache) -> bool {
        self.revisions == revisions(cache)
    }

    /// Compiles what the cache has. What has not changed since `before` is kept.
    pub(super) fn read(cache: &Cache, before: &Register) -> Register {
        let revisions = revisions(cache);
        let [changers, judges] = [(KINDS[0], &before.changers), (KINDS[2], &before.judges)]
            .map(|(kind, before)| policies(cache, kind, before));
        let (mutating, validating) = (bindings(cache, KINDS[1], &changers), bindings(cache, KINDS[3], &judges));
        Register { mutating, validating, changers, judges, revisions }
    }
}

fn revisions(cache: &Cache) -> [u64; 4] {
    KINDS.map(|kind| cache.kind_revision(kind))
}

fn policies(cache: &Cache, kind: &Kind, before: &ByName) -> ByName {
    let mut all = ByName::new();
    for stored in cache.list(kind, None) {
        let name = stored.object.meta().name.clone();
        if let Some(known) = before.get(&name).filter(|known| known.revision == stored.revision) {
            all.insert(name, known.clone());
            continue;
        }
        match Compiled::read(&name, stored.revision, &stored.to_value()) {
            Ok(compiled) => drop(all.insert(name, Arc::new(compiled))),
            Err(error) => tracing::error!(policy = name, %error, "a policy that is stored cannot be read"),
        }
    }
    all
}

fn bindings(cache: &Cache, kind: &Kind, policies: &ByName) -> Vec<Arc<Binding>> {
    let mut all = Vec::new();
    for stored in cache.list(kind, None) {
        let (name, object) = (&stored.object.meta().name, stored.to_value());
        let policy = value::text(&object, "/spec/policyName").and_then(|policy| policies.get(policy));
        let Some(policy) = policy else { continue };
        match Binding::read(name, policy.clone(), &object) {
            Ok(binding) => all.push(Arc::new(binding)),
            Err(error) => tracing::error!(binding = name, %error, "a binding that is stored cannot be read"),
        }
    }
    all.sort_by(|a, b| (&a.policy.name, &a.name).cmp(&(&b.policy.name, &b.name)));
    all
}
