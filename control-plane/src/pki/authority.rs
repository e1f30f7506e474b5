//! One certificate authority: a self-signed certificate, its key, and the signing of leaves.

use jiff::{SignedDuration, Timestamp};
use rcgen::{BasicConstraints, IsCa, Issuer, KeyPair, KeyUsagePurpose, PublicKeyData};
use rustls::pki_types::CertificateDer;
use xebec_proto::join::KeyedChain;
use xebec_proto::tls;

use super::PkiError;
use super::leaf::{Leaf, lifetime, subject};
use super::signing::Signable;

const AUTHORITY_LIFE: SignedDuration = SignedDuration::from_hours(10 * 365 * 24);

/// A certificate authority.
pub struct Authority {
    certificate: CertificateDer<'static>,
    pem: String,
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    /// A new one, of this common name.
    pub fn create(common_name: &str, now: Timestamp) -> Result<Self, PkiError> {
        let key = KeyPair::generate().map_err(PkiError::certificate("key of a CA"))?;
        let mut params = lifetime(now, AUTHORITY_LIFE);
        params.distinguished_name = subject(common_name, None);
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages =
            vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign, KeyUsagePurpose::DigitalSignature];
        let certificate = params.self_signed(&key).map_err(PkiError::certificate("certificate of a CA"))?;
        Ok(Self { certificate: certificate.der().clone(), pem: certificate.pem(), issuer: Issuer::new(params, key) })
    }

    /// One that was created before.
    pub fn from_pem(certificate_pem: &str, key_pem: &str) -> Result<Self, PkiError> {
        let mut certificates =
            tls::certificates(certificate_pem.as_bytes()).map_err(PkiError::pem("certificate of a CA"))?;
        let certificate = certificates.swap_remove(0);
        let key = KeyPair::from_pem(key_pem).map_err(PkiError::certificate("key of a CA"))?;
        let issuer =
            Issuer::from_ca_cert_der(&certificate, key).map_err(PkiError::certificate("certificate of a CA"))?;
        Ok(Self { certificate, pem: certificate_pem.to_owned(), issuer })
    }

    /// The certificate.
    pub fn certificate(&self) -> &CertificateDer<'static> {
        &self.certificate
    }

    /// The certificate as PEM.
    pub fn pem(&self) -> &str {
        &self.pem
    }

    /// The key as PEM. Given to joining masters and to files of mode 0600 only.
    pub fn key_pem(&self) -> String {
        self.issuer.key().serialize_pem()
    }

    /// SHA-256 of the certificate's DER.
    pub fn hash(&self) -> [u8; 32] {
        tls::fingerprint(&self.certificate)
    }

    /// Signs a leaf for somebody else's key. The chain as PEM: leaf first, this authority last.
    pub fn sign(&self, leaf: &Leaf, key: &impl PublicKeyData, now: Timestamp) -> Result<String, PkiError> {
        let signed = leaf.params(now)?.signed_by(key, &self.issuer).map_err(PkiError::certificate("certificate"))?;
        Ok(format!("{}{}", signed.pem(), self.pem))
    }

    /// Signs what a CertificateSigningRequest asks for. The chain as PEM: leaf first, this authority last.
    pub fn sign_request(&self, request: &Signable) -> Result<String, PkiError> {
        let (params, key) = request.parts();
        let signed = params.clone().signed_by(key, &self.issuer).map_err(PkiError::certificate("certificate"))?;
        Ok(format!("{}{}", signed.pem(), self.pem))
    }

    /// Makes a key and signs a leaf for it.
    pub fn issue(&self, leaf: &Leaf, now: Timestamp) -> Result<KeyedChain, PkiError> {
        let key = KeyPair::generate().map_err(PkiError::certificate("key"))?;
        Ok(KeyedChain { chain: self.sign(leaf, &key, now)?, key: key.serialize_pem() })
    }
}
