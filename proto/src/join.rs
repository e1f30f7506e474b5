//! The joiner's side: from a token to certificates, telling the secret only to the right cluster.
//!
//! The joiner trusts nobody yet. The token names the serving CA by hash, masters send that CA in their chain, and the TLS
//! handshake itself fails unless a certificate of the chain has this hash and has signed the server's certificate for the name
//! that was dialled. Only then is the request sent, on that same connection. The answer's CA must have the hash too.
//!
//! Private keys are made here and never leave the joiner; what travels are signing requests.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use rcgen::{CertificateParams, DistinguishedName, DnType, KeyPair};
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, OtherError, SignatureScheme};
use tonic::transport::Channel;

use crate::dial::{DialError, dial};
use crate::endpoint::Endpoint;
use crate::tls::{self, TlsError};
use crate::token::JoinToken;
use crate::v1::bootstrap_client::BootstrapClient;
use crate::v1::{JoinRequest, JoinResponse, Role};

/// The group of all node agents.
pub const NODES_GROUP: &str = "system:nodes";
/// The group of all masters.
pub const MASTERS_GROUP: &str = "system:master-servers";

/// Who a joiner of this role and name is: the common name of its certificates.
pub fn user_name(role: Role, name: &str) -> String {
    match role {
        Role::Server => format!("system:master:{name}"),
        Role::Agent | Role::Unspecified => format!("system:node:{name}"),
    }
}

/// The organisation of its certificates.
pub fn group(role: Role) -> &'static str {
    match role {
        Role::Server => MASTERS_GROUP,
        Role::Agent | Role::Unspecified => NODES_GROUP,
    }
}

/// Who wants to join.
#[derive(Clone, Debug)]
pub struct Applicant {
    /// Server or agent; the token must be for the same.
    pub role: Role,
    /// The node's or master's name, unique in the cluster.
    pub name: String,
    /// Where a server will be reached (IP addresses or DNS names). Empty for agents.
    pub addresses: Vec<String>,
}

/// A certificate chain and its key, as PEM.
#[derive(Clone, Default)]
pub struct KeyedChain {
    /// Leaf first, the CA last.
    pub chain: String,
    /// PKCS#8.
    pub key: String,
}

/// What a joiner holds afterwards.
pub struct Joined {
    /// Signed by the client CA: who the joiner is.
    pub client: KeyedChain,
    /// For servers: signed by the serving CA.
    pub serving: Option<KeyedChain>,
    /// For servers: signed by the peer CA.
    pub peer: Option<KeyedChain>,
    /// Everything else that the master told.
    pub response: JoinResponse,
}

/// Why a joiner did not join.
#[derive(Debug, thiserror::Error)]
pub enum JoinError {
    /// No connection.
    #[error("cannot reach the cluster")]
    Dial(#[from] DialError),
    /// Somebody answers who is not the cluster of the token. Nothing was told to them.
    #[error(
        "{endpoint} does not hold the CA that the token names; the token was not sent. Either the address or the token belongs to another cluster"
    )]
    WrongAuthority {
        /// Who was dialled.
        endpoint: Endpoint,
    },
    /// The cluster said no.
    #[error("the cluster refused: {}", status.message())]
    Refused {
        /// Its answer.
        status: Box<tonic::Status>,
    },
    /// The cluster said yes, and what came with it is unusable.
    #[error("the cluster's answer is unusable: {0}")]
    Answer(&'static str),
    /// No key or signing request could be made.
    #[error("cannot make a key and signing request")]
    Request(#[source] rcgen::Error),
    /// TLS could not be set up.
    #[error("cannot set up TLS")]
    Tls(#[from] TlsError),
}

impl JoinError {
    /// Whether the same attempt may succeed later or at another master: nothing was decided.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Dial(_) => true,
            Self::Refused { status } => {
                matches!(
                    status.code(),
                    tonic::Code::Unavailable | tonic::Code::DeadlineExceeded | tonic::Code::Cancelled
                )
            }
            _ => false,
        }
    }
}

/// Joins through one master, once. `timeout` bounds connecting and, again, the request.
pub async fn join(
    endpoint: &Endpoint,
    token: &JoinToken,
    applicant: &Applicant,
    timeout: Duration,
) -> Result<Joined, JoinError> {
    Joiner::new(token, applicant)?.join(endpoint, timeout).await
}

/// Somebody who wants to join, with keys. The first attempt that reaches the cluster binds the name to them, so all attempts must be
/// the same joiner's.
pub struct Joiner<'a> {
    token: &'a JoinToken,
    applicant: &'a Applicant,
    keys: Keys,
}

impl<'a> Joiner<'a> {
    /// Makes the keys.
    pub fn new(token: &'a JoinToken, applicant: &'a Applicant) -> Result<Self, JoinError> {
        Ok(Self { token, applicant, keys: Keys::generate(applicant)? })
    }

    /// Tries one master. `timeout` bounds connecting and, again, the request.
    pub async fn join(&self, endpoint: &Endpoint, timeout: Duration) -> Result<Joined, JoinError> {
        let Self { token, applicant, keys } = self;
        let request = keys.request(token, applicant)?;
        let tls = pinned_config(token)?;
        let channel = dial(endpoint, tls, timeout).await.map_err(|error| told_apart(error, endpoint))?;
        keys.receive(token, ask(channel, endpoint, request, timeout).await?)
    }
}

/// A new certificate for an agent that shows its valid one (by `tls`), in the same name and for a new key.
pub async fn renew(
    endpoint: &Endpoint,
    tls: Arc<ClientConfig>,
    name: &str,
    timeout: Duration,
) -> Result<KeyedChain, JoinError> {
    let applicant = Applicant { role: Role::Agent, name: name.to_owned(), addresses: Vec::new() };
    let keys = Keys::generate(&applicant)?;
    let request = JoinRequest {
        role: applicant.role.into(),
        name: applicant.name.clone(),
        client_csr: signing_request(&keys.client, &applicant)?,
        ..JoinRequest::default()
    };
    let channel = dial(endpoint, tls, timeout).await?;
    keyed(&keys.client, &ask(channel, endpoint, request, timeout).await?.client_certificate)
}

async fn ask(
    channel: Channel,
    endpoint: &Endpoint,
    request: JoinRequest,
    timeout: Duration,
) -> Result<JoinResponse, JoinError> {
    let mut client = BootstrapClient::new(channel);
    let answer = tokio::time::timeout(timeout, client.join(request))
        .await
        .map_err(|_| DialError::Timeout { endpoint: endpoint.clone(), timeout })?;
    answer.map(tonic::Response::into_inner).map_err(|status| JoinError::Refused { status: Box::new(status) })
}

/// TLS that trusts exactly the CA which the token names, and shows no certificate.
pub fn pinned_config(token: &JoinToken) -> Result<Arc<ClientConfig>, TlsError> {
    let verifier = Arc::new(PinnedAuthority { token: token.clone(), provider: tls::provider() });
    let builder = tls::versions()?.dangerous().with_custom_certificate_verifier(verifier);
    tls::finish(builder, None)
}

fn told_apart(error: DialError, endpoint: &Endpoint) -> JoinError {
    match error.tls() {
        Some(rustls::Error::InvalidCertificate(CertificateError::Other(OtherError(inner))))
            if inner.is::<NotNamed>() =>
        {
            JoinError::WrongAuthority { endpoint: endpoint.clone() }
        }
        _ => JoinError::Dial(error),
    }
}

struct Keys {
    client: KeyPair,
    server: Option<ServerKeys>,
}

struct ServerKeys {
    serving: KeyPair,
    peer: KeyPair,
}

impl Keys {
    fn generate(applicant: &Applicant) -> Result<Self, JoinError> {
        let generate = || KeyPair::generate().map_err(JoinError::Request);
        let server = match applicant.role {
            Role::Server => Some(ServerKeys { serving: generate()?, peer: generate()? }),
            Role::Agent | Role::Unspecified => None,
        };
        Ok(Self { client: generate()?, server })
    }

    fn request(&self, token: &JoinToken, applicant: &Applicant) -> Result<JoinRequest, JoinError> {
        let (serving_csr, peer_csr) = match &self.server {
            Some(server) => (signing_request(&server.serving, applicant)?, signing_request(&server.peer, applicant)?),
            None => Default::default(),
        };
        Ok(JoinRequest {
            token_id: token.id.clone(),
            token_secret: token.secret.clone(),
            role: applicant.role.into(),
            name: applicant.name.clone(),
            client_csr: signing_request(&self.client, applicant)?,
            serving_csr,
            peer_csr,
            addresses: applicant.addresses.clone(),
        })
    }

    fn receive(&self, token: &JoinToken, response: JoinResponse) -> Result<Joined, JoinError> {
        let authority = tls::certificates(response.serving_ca.as_bytes())?;
        if !authority.iter().any(|certificate| token.names(certificate)) {
            return Err(JoinError::Answer("its serving CA is not the one that the token names"));
        }
        let (serving, peer) = match &self.server {
            Some(server) => (
                Some(keyed(&server.serving, &response.serving_certificate)?),
                Some(keyed(&server.peer, &response.peer_certificate)?),
            ),
            None => (None, None),
        };
        Ok(Joined { client: keyed(&self.client, &response.client_certificate)?, serving, peer, response })
    }
}

/// The DER of a PKCS#10 request in the applicant's own name.
pub fn signing_request(key: &KeyPair, applicant: &Applicant) -> Result<Bytes, JoinError> {
    let mut params = CertificateParams::default();
    let mut subject = DistinguishedName::new();
    subject.push(DnType::OrganizationName, group(applicant.role));
    subject.push(DnType::CommonName, user_name(applicant.role, &applicant.name));
    params.distinguished_name = subject;
    let request = params.serialize_request(key).map_err(JoinError::Request)?;
    Ok(Bytes::copy_from_slice(request.der()))
}

fn keyed(key: &KeyPair, chain: &str) -> Result<KeyedChain, JoinError> {
    tls::certificates(chain.as_bytes()).map_err(|_| JoinError::Answer("a certificate is missing"))?;
    Ok(KeyedChain { chain: chain.to_owned(), key: key.serialize_pem() })
}

/// The server's chain holds no certificate of the hash that the token names.
#[derive(Debug, thiserror::Error)]
#[error("the server's CA is not the one that the token names")]
struct NotNamed;

#[derive(Debug)]
struct PinnedAuthority {
    token: JoinToken,
    provider: Arc<CryptoProvider>,
}

impl PinnedAuthority {
    fn named<'a>(&self, chain: &'a [CertificateDer<'a>]) -> Result<CertificateDer<'static>, rustls::Error> {
        let found = chain.iter().find(|certificate| self.token.names(certificate));
        let refused = || CertificateError::Other(OtherError(Arc::new(NotNamed)));
        found.map(|certificate| certificate.clone().into_owned()).ok_or_else(|| refused().into())
    }
}

impl ServerCertVerifier for PinnedAuthority {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let mut roots = rustls::RootCertStore::empty();
        roots.add(self.named(intermediates)?)?;
        let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), self.provider.clone())
            .build()
            .map_err(|error| rustls::Error::General(error.to_string()))?;
        verifier.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, certificate, signature, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, certificate, signature, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

#[cfg(test)]
#[path = "join_tests.rs"]
mod tests;
