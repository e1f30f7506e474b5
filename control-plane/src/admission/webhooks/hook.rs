//! One webhook of a configuration, compiled.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value;
use xebec_api::cel::admission::match_conditions;
use xebec_api::cel::policy::Conditions;
use xebec_api::validation::webhook_client::spoken;
use xebec_api::value;

use crate::admission::matching::Criteria;
use crate::outbound::Dialler;
use crate::webhooks::{Client, Endpoint};

/// What webhooks have that do not say how long they may take.
const TIMEOUT: u64 = 10;

/// Clients by what their `clientConfig` says, as text.
pub(super) type Clients = BTreeMap<String, Client>;

/// A webhook.
pub(super) struct Hook {
    /// Its own name.
    pub(super) name: String,
    /// The configuration that it is of.
    pub(super) configuration: String,
    /// Which requests it is asked about.
    pub(super) criteria: Criteria,
    /// What else must hold of such a request; or why that cannot be known.
    pub(super) conditions: Result<Conditions, String>,
    /// Whether a request goes on when it cannot be asked.
    pub(super) fails_open: bool,
    /// Whether it wants to be asked again when others have changed the object since.
    pub(super) again_if_needed: bool,
    /// How long it may take.
    pub(super) timeout: Duration,
    /// Whether it may be asked about a dry run.
    pub(super) takes_dry_runs: bool,
    /// The version of the reviews that it is sent.
    pub(super) version: &'static str,
    /// Asks it; or why it cannot be asked.
    pub(super) client: Result<Client, String>,
}

impl Hook {
    /// Compiles an entry of `webhooks`. Clients are taken from `known`, and those that are new are noted in `clients`. An entry whose
    /// selectors cannot be read, which validation keeps out, is an error.
    pub(super) fn read(
        configuration: &str,
        webhook: &Value,
        dialler: &Dialler,
        known: &Clients,
        clients: &mut Clients,
    ) -> Result<Hook, xebec_api::selectors::SelectorError> {
        let word = |pointer: &str| value::text(webhook, pointer).unwrap_or_default();
        let seconds = value::number(webhook, "/timeoutSeconds").and_then(|seconds| u64::try_from(seconds).ok());
        let offered = value::list(webhook, "/admissionReviewVersions");
        Ok(Hook {
            name: word("/name").to_owned(),
            configuration: configuration.to_owned(),
            criteria: Criteria::of_webhook(webhook)?,
            conditions: Conditions::read(value::list(webhook, "/matchConditions"), &match_conditions())
                .map_err(|errors| errors.to_string()),
            fails_open: word("/failurePolicy") == "Ignore",
            again_if_needed: word("/reinvocationPolicy") == "IfNeeded",
            timeout: Duration::from_secs(seconds.unwrap_or(TIMEOUT)),
            takes_dry_runs: matches!(word("/sideEffects"), "None" | "NoneOnDryRun"),
            version: spoken(offered),
            client: client(webhook, dialler, known, clients),
        })
    }
}

fn client(webhook: &Value, dialler: &Dialler, known: &Clients, clients: &mut Clients) -> Result<Client, String> {
    let config = webhook.get("clientConfig").unwrap_or(&Value::Null);
    let text = config.to_string();
    if let Some(client) = clients.get(&text).or_else(|| known.get(&text)).cloned() {
        clients.insert(text, client.clone());
        return Ok(client);
    }
    let endpoint = Endpoint::read(config).map_err(|error| error.to_string())?;
    let client = Client::new(endpoint, dialler.clone());
    clients.insert(text, client.clone());
    Ok(client)
}
