//! Reads a caller from a verified client certificate: common name and organisations of its subject, the hash of its key, and
//! until when it is good.

use std::sync::Arc;

use jiff::Timestamp;
use rustls::pki_types::CertificateDer;
use sha2::{Digest, Sha256};
use x509_parser::prelude::{FromDer, X509Certificate};

use super::User;

/// SHA-256 of a SubjectPublicKeyInfo: names a key, whatever certificates there are for it.
pub type KeyHash = [u8; 32];

/// Why a certificate that TLS has verified names nobody.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum CertificateUserError {
    /// Not X.509, or a subject that is no text.
    #[error("the client certificate's subject cannot be read")]
    Unreadable,
    /// No common name, or more than one.
    #[error("the client certificate needs exactly one common name")]
    CommonName,
}

/// What a verified client certificate says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientCertificate {
    /// Whom it stands for.
    pub user: Arc<User>,
    /// Names its key.
    pub key: KeyHash,
    /// When it ends.
    pub not_after: Timestamp,
}

impl ClientCertificate {
    /// Reads a certificate.
    pub fn read(certificate: &CertificateDer<'_>) -> Result<Self, CertificateUserError> {
        let (_, parsed) = X509Certificate::from_der(certificate).map_err(|_| CertificateUserError::Unreadable)?;
        let mut user = subject(&parsed)?;
        let hash = xebec_proto::token::hex(&Sha256::digest(certificate));
        user.extra.insert("authentication.kubernetes.io/credential-id".into(), vec![format!("X509SHA256={hash}")]);
        let not_after = Timestamp::from_second(parsed.validity().not_after.timestamp());
        Ok(Self {
            user: Arc::new(user),
            key: key_hash(parsed.public_key().raw),
            not_after: not_after.map_err(|_| CertificateUserError::Unreadable)?,
        })
    }
}

/// The hash of a SubjectPublicKeyInfo in DER.
pub fn key_hash(info: &[u8]) -> KeyHash {
    Sha256::digest(info).into()
}

fn subject(certificate: &X509Certificate<'_>) -> Result<User, CertificateUserError> {
    let subject = certificate.subject();
    let texts = |attributes: Vec<&x509_parser::x509::AttributeTypeAndValue<'_>>| -> Result<Vec<String>, _> {
        let text = |a: &&x509_parser::x509::AttributeTypeAndValue<'_>| a.as_str().map(str::to_owned);
        attributes.iter().map(text).collect::<Result<_, _>>().map_err(|_| CertificateUserError::Unreadable)
    };
    let names = texts(subject.iter_common_name().collect())?;
    let groups = texts(subject.iter_organization().collect())?;
    match <[String; 1]>::try_from(names) {
        Ok([name]) if !name.is_empty() => Ok(User::new(name, groups)),
        _ => Err(CertificateUserError::CommonName),
    }
}
