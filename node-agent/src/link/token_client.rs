//! Asks the masters for tokens of pods' ServiceAccounts, as this node: a TokenRequest bound to the pod, like anybody's, so that the
//! masters' own rules say which tokens a node may have.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use rustls::ClientConfig;
use serde_json::{Value, json};
use tokio::sync::{Mutex, watch};
use tonic::transport::Channel;
use xebec_proto::dial::{DialError, dial};
use xebec_proto::endpoint::EndpointError;
use xebec_proto::v1::objects_client::ObjectsClient;
use xebec_proto::v1::{CreateRequest, Target};

/// Connecting and asking take no longer than this each; then the next master is tried.
const PATIENCE: Duration = Duration::from_secs(3);

/// A token that a pod needs.
#[derive(Clone, Copy, Debug)]
pub struct TokenAsked<'a> {
    /// Of the pod and its account.
    pub namespace: &'a str,
    /// The account.
    pub account: &'a str,
    /// The pod that the token is bound to.
    pub pod: &'a str,
    /// Its uid.
    pub uid: &'a str,
    /// For whom; empty: for the API.
    pub audience: &'a str,
    /// For how long.
    pub seconds: i64,
}

/// A token, and how long it lives from now on.
#[derive(Clone)]
pub struct GrantedToken {
    /// The token.
    pub token: String,
    /// Its life.
    pub life: Duration,
}

/// Why there is no token.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    /// A master's address is none.
    #[error(transparent)]
    Address(#[from] EndpointError),
    /// No connection.
    #[error(transparent)]
    Dial(#[from] DialError),
    /// No answer in time.
    #[error("no master answered in time")]
    Silent,
    /// A master said no.
    #[error("{}", .0.message())]
    Refused(Box<tonic::Status>),
    /// A master said yes, and sent no token.
    #[error("the answer holds no token")]
    Answer,
    /// There is nobody to ask.
    #[error("no master is known")]
    NoMaster,
}

/// Gives tokens to pods.
#[async_trait]
pub trait TokenIssuer: Send + Sync {
    /// A token, for this pod alone.
    async fn token(&self, asked: &TokenAsked<'_>) -> Result<GrantedToken, TokenError>;
}

/// The masters, asked one after the other. The connection to the one that answered last is kept, until there is no answer over it.
pub(super) struct TokenClient {
    tls: watch::Receiver<Arc<ClientConfig>>,
    masters: watch::Receiver<Vec<String>>,
    connected: Mutex<Option<Channel>>,
}

impl TokenClient {
    pub(super) fn new(tls: watch::Receiver<Arc<ClientConfig>>, masters: watch::Receiver<Vec<String>>) -> TokenClient {
        TokenClient { tls, masters, connected: Mutex::default() }
    }

    async fn connect(&self, master: &str) -> Result<Channel, TokenError> {
        let tls = self.tls.borrow().clone();
        Ok(dial(&master.parse()?, tls, PATIENCE).await?)
    }

    /// Asks, and keeps the connection if there is an answer.
    async fn ask_over(&self, channel: Channel, asked: &TokenAsked<'_>) -> Result<GrantedToken, TokenError> {
        let answer = ask(channel.clone(), asked).await;
        let is_answer = !answer.as_ref().is_err_and(TokenError::is_no_answer);
        *self.connected.lock().await = is_answer.then_some(channel);
        answer
    }
}

#[async_trait]
impl TokenIssuer for TokenClient {
    async fn token(&self, asked: &TokenAsked<'_>) -> Result<GrantedToken, TokenError> {
        let mut refusal = TokenError::NoMaster;
        let kept = self.connected.lock().await.clone();
        if let Some(channel) = kept {
            match self.ask_over(channel, asked).await {
                Err(error) if error.is_no_answer() => refusal = error,
                decided => return decided,
            }
        }
        let masters = self.masters.borrow().clone();
        for master in &masters {
            let answer = match self.connect(master).await {
                Ok(channel) => self.ask_over(channel, asked).await,
                Err(error) => Err(error),
            };
            match answer {
                Err(error) if error.is_no_answer() => refusal = error,
                decided => return decided,
            }
        }
        Err(refusal)
    }
}

impl TokenError {
    /// Whether another master may answer. A certificate that has just been renewed is shown on new connections only.
    fn is_no_answer(&self) -> bool {
        use tonic::Code::{Cancelled, DeadlineExceeded, Unauthenticated, Unavailable, Unknown};
        match self {
            Self::Refused(status) => {
                matches!(status.code(), Unavailable | DeadlineExceeded | Cancelled | Unknown | Unauthenticated)
            }
            Self::Address(_) | Self::Dial(_) | Self::Silent => true,
            Self::Answer | Self::NoMaster => false,
        }
    }
}

async fn ask(channel: Channel, asked: &TokenAsked<'_>) -> Result<GrantedToken, TokenError> {
    let mut client = ObjectsClient::new(channel);
    let answer = tokio::time::timeout(PATIENCE, client.create(request(asked))).await;
    let answer = answer.map_err(|_| TokenError::Silent)?;
    let object = answer.map_err(|status| TokenError::Refused(Box::new(status)))?.into_inner();
    let answer: Value = serde_json::from_slice(&object.json).map_err(|_| TokenError::Answer)?;
    granted(&answer).ok_or(TokenError::Answer)
}

fn request(asked: &TokenAsked<'_>) -> CreateRequest {
    let audiences: Vec<&str> = Some(asked.audience).into_iter().filter(|audience| !audience.is_empty()).collect();
    let bound = json!({"apiVersion": "v1", "kind": "Pod", "name": asked.pod, "uid": asked.uid});
    let spec = json!({"audiences": audiences, "expirationSeconds": asked.seconds, "boundObjectRef": bound});
    let target = Target {
        version: "v1".to_owned(),
        resource: "serviceaccounts".to_owned(),
        namespace: asked.namespace.to_owned(),
        name: asked.account.to_owned(),
        subresource: "token".to_owned(),
        ..Target::default()
    };
    let json = json!({"spec": spec}).to_string().into();
    CreateRequest { target: Some(target), json, options: None }
}

/// The life is what was granted, not how far the expiry is from this node's clock.
fn granted(answer: &Value) -> Option<GrantedToken> {
    let token = answer.pointer("/status/token")?.as_str()?.to_owned();
    let at = |pointer: &str| answer.pointer(pointer)?.as_str()?.parse::<Timestamp>().ok();
    let life = at("/status/expirationTimestamp")?.duration_since(at("/metadata/creationTimestamp")?);
    Some(GrantedToken { token, life: Duration::try_from(life).ok()? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_life_does_not_depend_on_the_nodes_clock() {
        let answer = json!({"metadata": {"creationTimestamp": "2030-01-01T00:00:00Z"},
            "status": {"token": "a.b.c", "expirationTimestamp": "2030-01-01T01:00:00Z"}});
        let token = granted(&answer).unwrap();
        assert_eq!((token.token.as_str(), token.life), ("a.b.c", Duration::from_secs(3600)));
        assert!(granted(&json!({"status": {"token": "a.b.c"}})).is_none());
    }

    const ASKED: TokenAsked<'_> =
        TokenAsked { namespace: "shop", account: "till", pod: "p", uid: "u", audience: "", seconds: 3607 };

    #[tokio::test]
    async fn a_connection_that_brings_no_answer_is_not_kept() {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let tls = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
        let tls = tls.with_root_certificates(rustls::RootCertStore::empty()).with_no_client_auth();
        let client = TokenClient::new(watch::channel(Arc::new(tls)).1, watch::channel(Vec::new()).1);
        let nobody = tonic::transport::Endpoint::from_static("http://127.0.0.1:1").connect_lazy();
        *client.connected.lock().await = Some(nobody);
        assert!(matches!(client.token(&ASKED).await, Err(TokenError::Refused(_))));
        assert!(client.connected.lock().await.is_none());
        assert!(matches!(client.token(&ASKED).await, Err(TokenError::NoMaster)));
    }

    #[test]
    fn a_request_is_bound_to_the_pod() {
        let request = request(&ASKED);
        let body: Value = serde_json::from_slice(&request.json).unwrap();
        let bound = json!({"apiVersion": "v1", "kind": "Pod", "name": "p", "uid": "u"});
        assert_eq!(body["spec"], json!({"audiences": [], "expirationSeconds": 3607, "boundObjectRef": bound}));
        assert_eq!(request.target.unwrap().subresource, "token");
    }
}
