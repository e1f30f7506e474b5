//! Custom objects in another version than they are stored in, where the definition names a webhook that converts them.
//!
//! Objects are sent together, so that a list of many is few questions. What comes back is what the webhook made of them, but for what
//! an object is: see `review`.

mod review;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde_json::Value;
use tokio::time::Instant;
use xebec_api::decode::MAX_BYTES;
use xebec_api::validation::webhook_client::spoken;
use xebec_api::{Kind, Status, schema, value};

use crate::outbound::Dialler;
use crate::registry::Environment;
use crate::webhooks::{Client, Endpoint};

/// Objects of one question.
const TOGETHER: usize = 500;
/// Bytes of the objects of one question, unless one alone has more.
const QUESTION: usize = 2 * MAX_BYTES;
/// The most bytes of an answer.
const ANSWER: usize = 4 * QUESTION;
/// How long one question may take.
const PATIENCE: Duration = Duration::from_secs(30);
/// Clients that are kept. There is one for each definition that names a webhook, and for each that it named before.
const CLIENTS: usize = 1_024;

/// Converts objects of custom kinds.
pub struct Conversions {
    dialler: Dialler,
    environment: Arc<dyn Environment>,
    /// By what the definition says of its webhook.
    clients: Mutex<BTreeMap<String, Client>>,
}

impl Conversions {
    /// By webhooks that `dialler` reaches.
    pub fn new(dialler: Dialler, environment: Arc<dyn Environment>) -> Conversions {
        Conversions { dialler, environment, clients: Mutex::default() }
    }

    /// An object of the store, in whatever version it was written, as `kind` serves it.
    pub async fn served<'a>(
        &self,
        kind: &Kind,
        stored: &'a Value,
        deadline: Instant,
    ) -> Result<Cow<'a, Value>, Status> {
        let Some(webhook) = kind.conversion_webhook() else {
            if kind.kept_as.is_none() {
                return Ok(Cow::Borrowed(stored));
            }
            let mut object = stored.clone();
            kind.read_stored(&mut object);
            return Ok(Cow::Owned(object));
        };
        if value::text(stored, "/apiVersion") == Some(&kind.api_version()) {
            return Ok(Cow::Borrowed(stored));
        }
        let mut object = self.one(webhook, kind, stored.clone(), deadline).await?;
        kind.strategy.default(&mut object);
        Ok(Cow::Owned(object))
    }

    /// An object of `kind` in the form in which it is stored.
    pub async fn stored(&self, kind: &Kind, mut object: Value, deadline: Instant) -> Result<Value, Status> {
        let Some(webhook) = kind.conversion_webhook() else {
            kind.write_stored(&mut object);
            return Ok(object);
        };
        let mut object = self.one(webhook, kind.stored(), object, deadline).await?;
        let unknown = kind.stored().check_schema(&object)?;
        schema::prune(&mut object, &unknown);
        Ok(object)
    }

    async fn one(&self, webhook: &Value, wanted: &Kind, object: Value, deadline: Instant) -> Result<Value, Status> {
        let mut objects = self.convert(webhook, wanted, vec![object], deadline).await?;
        objects.pop().ok_or_else(|| Status::internal("a conversion has lost its object"))
    }

    /// The objects, each in whatever version it is, in the version of `wanted`, in the same order. `webhook` is what the definition
    /// says of its webhook.
    pub async fn convert(
        &self,
        webhook: &Value,
        wanted: &Kind,
        objects: Vec<Value>,
        deadline: Instant,
    ) -> Result<Vec<Value>, Status> {
        let version = wanted.api_version();
        let is_other = |object: &Value| value::text(object, "/apiVersion") != Some(&version);
        let mut out = objects;
        let others: Vec<usize> = (0..out.len()).filter(|index| is_other(&out[*index])).collect();
        let mut rest = others.as_slice();
        while !rest.is_empty() {
            let (now, later) = rest.split_at(fitting(rest, &out));
            let sent: Vec<Value> = now.iter().map(|index| out[*index].take()).collect();
            let converted = self.ask(webhook, wanted, &sent, deadline).await?;
            for (index, object) in now.iter().zip(converted) {
                out[*index] = object;
            }
            rest = later;
        }
        Ok(out)
    }

    async fn ask(
        &self,
        webhook: &Value,
        wanted: &Kind,
        sent: &[Value],
        deadline: Instant,
    ) -> Result<Vec<Value>, Status> {
        let failed = |why: String| {
            let from = value::text(&sent[0], "/apiVersion").unwrap_or_default();
            Status::internal(format!("conversion webhook for {from}, Kind={} failed: {why}", wanted.kind))
        };
        let client = self.client(webhook).map_err(failed)?;
        let offered = value::list(webhook, "/conversionReviewVersions");
        let version = spoken(offered);
        let (uid, api_version) = (self.environment.uid(), wanted.api_version());
        let question = review::request(sent, &api_version, version, &uid);
        let until = deadline.min(Instant::now() + PATIENCE);
        let answer = client.ask(&question, ANSWER, until).await.map_err(|error| failed(error.to_string()))?;
        review::converted(sent, &answer, &api_version, version, &uid).map_err(failed)
    }

    fn client(&self, webhook: &Value) -> Result<Client, String> {
        let config = webhook.get("clientConfig").unwrap_or(&Value::Null);
        let text = config.to_string();
        let mut clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(client) = clients.get(&text) {
            return Ok(client.clone());
        }
        if clients.len() >= CLIENTS {
            clients.clear();
        }
        let endpoint = Endpoint::read(config).map_err(|error| error.to_string())?;
        let client = Client::new(endpoint, self.dialler.clone());
        clients.insert(text, client.clone());
        Ok(client)
    }
}

/// How many of the objects at these places go into one question; at least one.
fn fitting(places: &[usize], objects: &[Value]) -> usize {
    let mut bytes = 0;
    let fits = |place: &&usize| {
        bytes += objects[**place].to_string().len();
        bytes <= QUESTION
    };
    places.iter().take(TOGETHER).take_while(fits).count().max(1)
}
