//! TLS on top of a connection, with whoever an object's `caBundle` says is to be believed.

use std::sync::{Arc, LazyLock};

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{ResolvesClientCert, WebPkiServerVerifier, verify_server_name};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use tokio::time::Instant;
use tokio_rustls::TlsConnector;
use x509_parser::prelude::{FromDer, X509Certificate};
use xebec_proto::tls::{certificates, provider, roots};

use super::{Connection, DialError};

/// Who a server may be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trust {
    /// Whoever these certificates (PEM) have signed for the expected name; or one of them itself, for that name.
    Bundle(Vec<u8>),
    /// Whoever the authorities that this machine's system trusts have signed for the expected name.
    System,
    /// Anybody: `insecureSkipTLSVerify`.
    Anybody,
}

/// Why TLS cannot be set up.
type Unusable = Box<dyn std::error::Error + Send + Sync>;

/// How to be a client of such a server, showing a certificate where one is asked for. To be kept: making it parses certificates.
pub fn config(trust: &Trust, identity: Option<Arc<dyn ResolvesClientCert>>) -> Result<Arc<ClientConfig>, Unusable> {
    let verifier: Arc<dyn ServerCertVerifier> = match trust {
        Trust::Anybody => Arc::new(Anybody(provider())),
        Trust::Bundle(pem) => Arc::new(Bundled::read(pem)?),
        Trust::System => WebPkiServerVerifier::builder_with_provider(system(), provider()).build()?,
    };
    let builder = ClientConfig::builder_with_provider(provider()).with_safe_default_protocol_versions()?;
    let builder = builder.dangerous().with_custom_certificate_verifier(verifier);
    Ok(Arc::new(match identity {
        Some(identity) => builder.with_client_cert_resolver(identity),
        None => builder.with_no_client_auth(),
    }))
}

/// The system's authorities, as they were when they were first asked for. Those that cannot be read are left out.
fn system() -> Arc<RootCertStore> {
    static SYSTEM: LazyLock<Arc<RootCertStore>> = LazyLock::new(|| {
        let mut store = RootCertStore::empty();
        store.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        Arc::new(store)
    });
    SYSTEM.clone()
}

/// The connection with TLS on it, to the server of this name (DNS or IP).
pub async fn secure(
    connection: Connection,
    name: &str,
    config: Arc<ClientConfig>,
    deadline: Instant,
) -> Result<Connection, DialError> {
    let server_name = ServerName::try_from(name.to_owned())
        .map_err(|cause| DialError::Trust { place: name.to_owned(), cause: cause.into() })?;
    let shaking_hands = TlsConnector::from(config).connect(server_name, connection);
    match tokio::time::timeout_at(deadline, shaking_hands).await {
        Ok(Ok(stream)) => Ok(Box::new(stream)),
        Ok(Err(cause)) => Err(DialError::Tls { place: name.to_owned(), cause }),
        Err(_) => Err(DialError::TimedOut(name.to_owned())),
    }
}

/// Believes what these certificates have signed, and these certificates. The latter, because a server's own self-signed
/// certificate is often all that a bundle holds.
#[derive(Debug)]
struct Bundled {
    own: Vec<CertificateDer<'static>>,
    signed: Arc<WebPkiServerVerifier>,
}

impl Bundled {
    fn read(pem: &[u8]) -> Result<Bundled, Unusable> {
        let own = certificates(pem)?;
        let signed = WebPkiServerVerifier::builder_with_provider(Arc::new(roots(&own)?), provider()).build()?;
        Ok(Bundled { own, signed })
    }

    fn is_itself(
        &self,
        certificate: &CertificateDer<'_>,
        name: &ServerName<'_>,
        now: UnixTime,
    ) -> Result<bool, rustls::Error> {
        if !self.own.iter().any(|own| own.as_ref() == certificate.as_ref()) {
            return Ok(false);
        }
        verify_server_name(&ParsedCertificate::try_from(certificate)?, name)?;
        let (_, parsed) = X509Certificate::from_der(certificate).map_err(|_| CertificateError::BadEncoding)?;
        let now = i64::try_from(now.as_secs()).unwrap_or(i64::MAX);
        let validity = parsed.validity();
        if validity.not_after.timestamp() < now {
            return Err(CertificateError::Expired.into());
        }
        if validity.not_before.timestamp() > now {
            return Err(CertificateError::NotValidYet.into());
        }
        Ok(true)
    }
}

impl ServerCertVerifier for Bundled {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        chain: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        if self.is_itself(certificate, name, now)? {
            return Ok(ServerCertVerified::assertion());
        }
        self.signed.verify_server_cert(certificate, chain, name, ocsp, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.signed.verify_tls12_signature(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.signed.verify_tls13_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.signed.supported_verify_schemes()
    }
}

/// Believes everybody who holds the key of the certificate shown.
#[derive(Debug)]
struct Anybody(Arc<CryptoProvider>);

impl ServerCertVerifier for Anybody {
    fn verify_server_cert(
        &self,
        _certificate: &CertificateDer<'_>,
        _chain: &[CertificateDer<'_>],
        _name: &ServerName<'_>,
        _ocsp: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, certificate, signature, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, certificate, signature, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
