//! All webhooks of all configurations, as the watch cache has them at one moment.

use std::sync::Arc;

use serde_json::Value;
use xebec_api::kinds::{MUTATING_WEBHOOK_CONFIGURATION, VALIDATING_WEBHOOK_CONFIGURATION};
use xebec_api::{Kind, value};

use super::hook::{Clients, Hook};
use crate::cache::Cache;
use crate::outbound::Dialler;

/// Compiled webhooks, by the names of their configurations and then in the order of these.
#[derive(Default)]
pub(super) struct Configurations {
    pub(super) mutating: Vec<Arc<Hook>>,
    pub(super) validating: Vec<Arc<Hook>>,
    clients: Clients,
    /// The revisions of the two kinds.
    revisions: [u64; 2],
}

impl Configurations {
    /// Whether these are what the cache has.
    pub(super) fn are_of(&self, cache: &Cache) -> bool {
        self.revisions == revisions(cache)
    }

    /// Compiles what the cache has. Connections of those that stay as they are in `before` are kept.
    pub(super) fn read(cache: &Cache, dialler: &Dialler, before: &Configurations) -> Configurations {
        let revisions = revisions(cache);
        let mut clients = Clients::new();
        let mut read = |kind: &Kind| {
            let mut hooks = Vec::new();
            for stored in cache.list(kind, None) {
                let (name, configuration) = (&stored.object.meta().name, stored.object.to_value());
                let webhooks = value::list(&configuration, "/webhooks").iter();
                hooks.extend(webhooks.filter_map(|it| compile(name, it, dialler, &before.clients, &mut clients)));
            }
            hooks
        };
        let (mutating, validating) = (read(&MUTATING_WEBHOOK_CONFIGURATION), read(&VALIDATING_WEBHOOK_CONFIGURATION));
        Configurations { mutating, validating, clients, revisions }
    }
}

fn compile(
    name: &str,
    webhook: &Value,
    dialler: &Dialler,
    known: &Clients,
    clients: &mut Clients,
) -> Option<Arc<Hook>> {
    let hook = Hook::read(name, webhook, dialler, known, clients);
    let report = |error| tracing::error!(configuration = name, %error, "a webhook that is stored cannot be read");
    hook.map(Arc::new).map_err(report).ok()
}

fn revisions(cache: &Cache) -> [u64; 2] {
    [&MUTATING_WEBHOOK_CONFIGURATION, &VALIDATING_WEBHOOK_CONFIGURATION].map(|kind| cache.kind_revision(kind))
}
