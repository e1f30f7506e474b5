//! Reads a caller from the subject of a verified client certificate: common name and organisations.

use rustls::pki_types::CertificateDer;
use x509_parser::prelude::{FromDer, X509Certificate};

use super::User;

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

/// The user that a verified client certificate stands for.
pub fn user(certificate: &CertificateDer<'_>) -> Result<User, CertificateUserError> {
    let (_, parsed) = X509Certificate::from_der(certificate).map_err(|_| CertificateUserError::Unreadable)?;
    let subject = parsed.subject();
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
