//! Signing requests: proof that the joiner holds a key, in the joiner's own name and nothing more.
//!
//! The request gives us a public key. Everything else in the certificate is ours to decide, so a request that asks for a foreign
//! name, or for any extension at all (further names, the right to sign), is refused rather than trimmed.

use rcgen::{PublicKeyData, SubjectPublicKeyInfo};
use x509_parser::prelude::{FromDer, X509CertificationRequest};
use x509_parser::x509::{AttributeTypeAndValue, X509Name};

/// A signing request of P-256 is some 250 bytes.
const MAX_REQUEST: usize = 4 * 1024;

/// Why a signing request is not signed.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum RequestError {
    /// No PKCS#10.
    #[error("the signing request cannot be read")]
    Unreadable,
    /// The signature is not by the key inside.
    #[error("the signing request is not signed by its own key")]
    Signature,
    /// Another name than the caller's own.
    #[error("the signing request is for another name than {expected}")]
    Subject {
        /// The one name it may carry.
        expected: String,
    },
    /// It asks for extensions.
    #[error("the signing request asks for extensions; names and purposes are given by the cluster")]
    Extensions,
    /// Not ECDSA P-256.
    #[error("the signing request's key is not ECDSA P-256")]
    Algorithm,
}

/// The public key of a request which asks for exactly this subject.
pub fn public_key(der: &[u8], common_name: &str, organization: &str) -> Result<SubjectPublicKeyInfo, RequestError> {
    if der.len() > MAX_REQUEST {
        return Err(RequestError::Unreadable);
    }
    let (rest, request) = X509CertificationRequest::from_der(der).map_err(|_| RequestError::Unreadable)?;
    if !rest.is_empty() {
        return Err(RequestError::Unreadable);
    }
    request.verify_signature().map_err(|_| RequestError::Signature)?;
    let info = &request.certification_request_info;
    if !is_subject(&info.subject, common_name, organization) {
        return Err(RequestError::Subject { expected: common_name.to_owned() });
    }
    if request.requested_extensions().is_some_and(|mut extensions| extensions.next().is_some()) {
        return Err(RequestError::Extensions);
    }
    let key = SubjectPublicKeyInfo::from_der(info.subject_pki.raw).map_err(|_| RequestError::Algorithm)?;
    if key.algorithm() == &rcgen::PKCS_ECDSA_P256_SHA256 { Ok(key) } else { Err(RequestError::Algorithm) }
}

fn is_subject(subject: &X509Name<'_>, common_name: &str, organization: &str) -> bool {
    fn only<'a>(mut found: impl Iterator<Item = &'a AttributeTypeAndValue<'a>>, expected: &str) -> bool {
        found.next().and_then(|a| a.as_str().ok()) == Some(expected) && found.next().is_none()
    }
    subject.iter_attributes().count() == 2
        && only(subject.iter_common_name(), common_name)
        && only(subject.iter_organization(), organization)
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair, PKCS_ED25519};
    use xebec_proto::join::{Applicant, signing_request};
    use xebec_proto::v1::Role;

    use super::*;

    fn agent(name: &str) -> Vec<u8> {
        let applicant = Applicant { role: Role::Agent, name: name.into(), addresses: vec![] };
        signing_request(&KeyPair::generate().unwrap(), &applicant).unwrap().to_vec()
    }

    fn custom(edit: impl FnOnce(&mut CertificateParams), key: &KeyPair) -> Vec<u8> {
        let mut params = CertificateParams::default();
        params.distinguished_name = DistinguishedName::new();
        params.distinguished_name.push(DnType::OrganizationName, "system:nodes");
        params.distinguished_name.push(DnType::CommonName, "system:node:n1");
        edit(&mut params);
        params.serialize_request(key).unwrap().der().to_vec()
    }

    fn check(der: &[u8]) -> Result<(), RequestError> {
        public_key(der, "system:node:n1", "system:nodes").map(|_| ())
    }

    #[test]
    fn a_request_in_the_own_name_is_taken() {
        assert_eq!(check(&agent("n1")), Ok(()));
    }

    #[test]
    fn a_request_in_another_name_is_refused() {
        let foreign = Err(RequestError::Subject { expected: "system:node:n1".into() });
        assert_eq!(check(&agent("n2")), foreign);
        let key = KeyPair::generate().unwrap();
        let admin = custom(|p| p.distinguished_name.push(DnType::OrganizationName, "system:masters"), &key);
        assert_eq!(check(&admin), foreign);
        let more = custom(|p| p.distinguished_name.push(DnType::OrganizationalUnitName, "x"), &key);
        assert_eq!(check(&more), foreign);
    }

    #[test]
    fn a_request_that_asks_for_extensions_is_refused() {
        let key = KeyPair::generate().unwrap();
        let names =
            custom(|p| p.subject_alt_names = vec![rcgen::SanType::DnsName("kubernetes".try_into().unwrap())], &key);
        assert_eq!(check(&names), Err(RequestError::Extensions));
        let usage = custom(|p| p.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth], &key);
        assert_eq!(check(&usage), Err(RequestError::Extensions));
        let authority = custom(|p| p.is_ca = IsCa::ExplicitNoCa, &key);
        assert_eq!(check(&authority), Err(RequestError::Extensions));
    }

    #[test]
    fn a_request_of_another_algorithm_or_a_broken_one_is_refused() {
        let key = KeyPair::generate_for(&PKCS_ED25519).unwrap();
        assert_eq!(check(&custom(|_| (), &key)), Err(RequestError::Algorithm));
        assert_eq!(check(b""), Err(RequestError::Unreadable));
        assert_eq!(check(&vec![0; MAX_REQUEST + 1]), Err(RequestError::Unreadable));
        let mut forged = agent("n1");
        *forged.last_mut().unwrap() ^= 1;
        assert!(matches!(check(&forged), Err(RequestError::Signature | RequestError::Unreadable)));
    }
}
