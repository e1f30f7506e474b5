//! A network that connects nobody: pods get addresses that nothing answers at. And masters that give tokens without secrets.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;
use std::sync::Mutex;
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::watch;

use crate::link::{GrantedToken, TokenAsked, TokenError, TokenIssuer};
use crate::network::{NetworkError, PodNetwork};

/// Gives tokens that say for whom they are.
pub(super) struct NamedTokens;

#[async_trait]
impl TokenIssuer for NamedTokens {
    async fn token(&self, asked: &TokenAsked<'_>) -> Result<GrantedToken, TokenError> {
        let token = format!("{}/{} {} {}", asked.namespace, asked.account, asked.uid, asked.audience);
        Ok(GrantedToken { token, life: Duration::from_secs(asked.seconds.unsigned_abs()) })
    }
}

/// Remembers who is attached.
pub(super) struct UnconnectedNetwork {
    addresses: Mutex<BTreeMap<String, IpAddr>>,
    ready: watch::Sender<bool>,
}

impl UnconnectedNetwork {
    pub(super) fn new() -> UnconnectedNetwork {
        UnconnectedNetwork { addresses: Mutex::default(), ready: watch::Sender::new(true) }
    }

    pub(super) fn attached(&self) -> usize {
        self.addresses.lock().unwrap().len()
    }
}

#[async_trait]
impl PodNetwork for UnconnectedNetwork {
    async fn attach(&self, pod_uid: &str, netns: &Path) -> Result<IpAddr, NetworkError> {
        assert!(netns.exists(), "the namespace is pinned before the network is asked");
        let mut addresses = self.addresses.lock().unwrap();
        let next = IpAddr::V4(Ipv4Addr::new(10, 42, 0, u8::try_from(addresses.len() + 2).unwrap()));
        Ok(*addresses.entry(pod_uid.to_owned()).or_insert(next))
    }

    async fn detach(&self, pod_uid: &str) -> Result<(), NetworkError> {
        self.addresses.lock().unwrap().remove(pod_uid);
        Ok(())
    }

    fn ready(&self) -> watch::Receiver<bool> {
        self.ready.subscribe()
    }

    async fn adopt(&self, live: &[(String, IpAddr)]) -> Result<(), NetworkError> {
        *self.addresses.lock().unwrap() = live.iter().cloned().collect();
        Ok(())
    }

    fn service_env(&self, _namespace: &str) -> Vec<(String, String)> {
        vec![("WEB_SERVICE_HOST".to_owned(), "10.43.0.9".to_owned())]
    }
}
