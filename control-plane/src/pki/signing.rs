//! CertificateSigningRequests: what Kubernetes' own signers sign, decided from the request alone.
//!
//! | signer | subject | usages | signed by |
//! | --- | --- | --- | --- |
//! | `kube-apiserver-client` | anybody outside `system:masters`, of at most one group | client | client authority |
//! | `kube-apiserver-client-kubelet` | a node, no other names | client | client authority |
//! | `kubelet-serving` | the node that asks, with addresses | server | client authority |
//! | `legacy-unknown` | | | nobody |
//!
//! What a node shows as a server is not signed by the serving authority: clients of the API trust that one, and a node must not pass
//! for a master. Nor can it pass for a client, because the certificate is for servers alone.

use jiff::{SignedDuration, Timestamp};
use rcgen::{
    CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, KeyUsagePurpose, SanType,
    SubjectPublicKeyInfo,
};
use x509_parser::extensions::{GeneralName, ParsedExtension};
use x509_parser::prelude::{FromDer, X509CertificationRequest};
use xebec_proto::join::NODES_GROUP;

use super::leaf::{LEAF_LIFE, lifetime};
use crate::authn::certificate::{KeyHash, key_hash};
use crate::authn::user::MASTERS;

/// The domain of the signers that are part of every cluster.
const DOMAIN: &str = "kubernetes.io/";
/// Anything shorter is renewed all the time.
const LEAST_LIFE: SignedDuration = SignedDuration::from_mins(10);
/// A request with many names is still small.
const MAX_REQUEST: usize = 64 * 1024;

/// One of Kubernetes' own signers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signer {
    /// Callers of the API.
    Client,
    /// Nodes as callers of the API.
    KubeletClient,
    /// Nodes as servers.
    KubeletServing,
}

impl Signer {
    /// The signer of this name; `None`: not one of ours, or one that signs nothing.
    pub fn parse(name: &str) -> Option<Self> {
        match name.strip_prefix(DOMAIN)? {
            "kube-apiserver-client" => Some(Self::Client),
            "kube-apiserver-client-kubelet" => Some(Self::KubeletClient),
            "kubelet-serving" => Some(Self::KubeletServing),
            _ => None,
        }
    }
}

/// Why a request is not signed.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum SigningError {
    /// No PKCS#10 in PEM.
    #[error("the request is not a PKCS#10 signing request in PEM")]
    Unreadable,
    /// The signature is not by the key inside.
    #[error("the request is not signed by its own key")]
    Signature,
    /// A key that certificates cannot be made for.
    #[error("the request's key is of a kind that is not supported: use ECDSA, RSA or Ed25519")]
    Key,
    /// The subject is not one that this signer signs.
    #[error("the subject must have {0}")]
    Subject(&'static str),
    /// The names are not ones that this signer signs.
    #[error("the subject alternative names must be {0}")]
    Names(&'static str),
    /// The usages are not ones that this signer signs.
    #[error("the usages must be {0}")]
    Usages(&'static str),
}

/// A request as it was asked for.
#[derive(Clone, Debug)]
pub struct Asked<'a> {
    /// By whom it is to be signed.
    pub signer: Signer,
    /// PKCS#10 in PEM.
    pub request: &'a [u8],
    /// `spec.usages`.
    pub usages: &'a [String],
    /// Who asks.
    pub username: &'a str,
    /// For how long; absent: a year.
    pub expiration_seconds: Option<i64>,
}

/// A request that may be signed.
#[derive(Debug)]
pub struct Signable {
    /// Who the certificate is for.
    pub subject: Subject,
    /// Names its key.
    pub key_hash: KeyHash,
    params: CertificateParams,
    key: SubjectPublicKeyInfo,
}

impl Signable {
    /// What the authority signs.
    pub(super) fn parts(&self) -> (&CertificateParams, &SubjectPublicKeyInfo) {
        (&self.params, &self.key)
    }
}

/// What a request names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Subject {
    /// Its common name.
    pub common_name: String,
    /// Its organisations: groups.
    pub organizations: Vec<String>,
}

impl Subject {
    /// The node that it names. Name and organisation must both say so.
    pub fn node_name(&self) -> Option<&str> {
        let name = self.common_name.strip_prefix("system:node:").filter(|name| !name.is_empty())?;
        (self.organizations == [NODES_GROUP]).then_some(name)
    }

    /// Whether it asks for the power of `system:masters`.
    pub fn is_master(&self) -> bool {
        self.organizations.iter().any(|group| group == MASTERS)
    }
}

/// Who a request is for.
pub fn subject(request_pem: &[u8]) -> Result<Subject, SigningError> {
    with_request(request_pem, |request| Ok(subject_of(request)))
}

/// Holds a request against the rules of its signer.
pub fn check(asked: &Asked<'_>, now: Timestamp) -> Result<Signable, SigningError> {
    with_request(asked.request, |request| {
        request.verify_signature().map_err(|_| SigningError::Signature)?;
        let subject = subject_of(request);
        let names = names_of(request)?;
        check_subject(asked, &subject)?;
        check_names(asked.signer, &names)?;
        check_usages(asked)?;
        let info = &request.certification_request_info;
        let key = SubjectPublicKeyInfo::from_der(info.subject_pki.raw).map_err(|_| SigningError::Key)?;
        Ok(Signable {
            key_hash: key_hash(info.subject_pki.raw),
            params: params(asked, &subject, names, now),
            subject,
            key,
        })
    })
}

fn with_request<R>(
    pem: &[u8],
    read: impl FnOnce(&X509CertificationRequest<'_>) -> Result<R, SigningError>,
) -> Result<R, SigningError> {
    if pem.len() > MAX_REQUEST {
        return Err(SigningError::Unreadable);
    }
    let (_, block) = x509_parser::pem::parse_x509_pem(pem).map_err(|_| SigningError::Unreadable)?;
    if !matches!(block.label.as_str(), "CERTIFICATE REQUEST" | "NEW CERTIFICATE REQUEST") {
        return Err(SigningError::Unreadable);
    }
    let (rest, request) = X509CertificationRequest::from_der(&block.contents).map_err(|_| SigningError::Unreadable)?;
    if !rest.is_empty() {
        return Err(SigningError::Unreadable);
    }
    read(&request)
}

fn subject_of(request: &X509CertificationRequest<'_>) -> Subject {
    let subject = &request.certification_request_info.subject;
    let text = |attribute: &x509_parser::x509::AttributeTypeAndValue<'_>| attribute.as_str().ok().map(str::to_owned);
    Subject {
        common_name: subject.iter_common_name().filter_map(text).last().unwrap_or_default(),
        organizations: subject.iter_organization().filter_map(text).collect(),
    }
}

/// The alternative names; those of a kind that is never signed are an error.
fn names_of(request: &X509CertificationRequest<'_>) -> Result<Vec<SanType>, SigningError> {
    let mut names = Vec::new();
    for extension in request.requested_extensions().into_iter().flatten() {
        let ParsedExtension::SubjectAlternativeName(found) = extension else { continue };
        for name in &found.general_names {
            names.push(name_of(name).ok_or(SigningError::Names("DNS names and IP addresses"))?);
        }
    }
    Ok(names)
}

fn name_of(name: &GeneralName<'_>) -> Option<SanType> {
    match name {
        GeneralName::DNSName(dns) => Some(SanType::DnsName((*dns).try_into().ok()?)),
        GeneralName::IPAddress(bytes) => match bytes.len() {
            4 => Some(SanType::IpAddress(<[u8; 4]>::try_from(*bytes).ok()?.into())),
            16 => Some(SanType::IpAddress(<[u8; 16]>::try_from(*bytes).ok()?.into())),
            _ => None,
        },
        _ => None,
    }
}

fn check_subject(asked: &Asked<'_>, subject: &Subject) -> Result<(), SigningError> {
    match asked.signer {
        Signer::Client if subject.common_name.is_empty() => Err(SigningError::Subject("a common name")),
        Signer::Client if subject.is_master() => Err(SigningError::Subject("no organisation system:masters")),
        // The library that makes certificates writes one; to drop the others would be to sign something else than was approved.
        Signer::Client if subject.organizations.len() > 1 => Err(SigningError::Subject("at most one organisation")),
        Signer::Client => Ok(()),
        _ if subject.node_name().is_none() => {
            Err(SigningError::Subject("the common name system:node:<name> and the one organisation system:nodes"))
        }
        Signer::KubeletServing if subject.common_name != asked.username => {
            Err(SigningError::Subject("the name of the node that asks"))
        }
        _ => Ok(()),
    }
}

fn check_names(signer: Signer, names: &[SanType]) -> Result<(), SigningError> {
    match signer {
        Signer::Client => Ok(()),
        Signer::KubeletClient if names.is_empty() => Ok(()),
        Signer::KubeletClient => Err(SigningError::Names("none")),
        Signer::KubeletServing if names.is_empty() => Err(SigningError::Names("at least one DNS name or IP address")),
        Signer::KubeletServing => Ok(()),
    }
}

fn check_usages(asked: &Asked<'_>) -> Result<(), SigningError> {
    let has = |usage: &str| asked.usages.iter().any(|own| own == usage);
    let only = |allowed: &[&str]| asked.usages.iter().all(|own| allowed.contains(&own.as_str()));
    let (auth, is_strict) = match asked.signer {
        Signer::Client => ("client auth", false),
        Signer::KubeletClient => ("client auth", true),
        Signer::KubeletServing => ("server auth", true),
    };
    let fits =
        has(auth) && only(&[auth, "digital signature", "key encipherment"]) && (!is_strict || has("digital signature"));
    match (fits, asked.signer) {
        (true, _) => Ok(()),
        (false, Signer::KubeletServing) => {
            Err(SigningError::Usages("\"server auth\", \"digital signature\" and, if wanted, \"key encipherment\""))
        }
        (false, _) => {
            Err(SigningError::Usages("\"client auth\", \"digital signature\" and, if wanted, \"key encipherment\""))
        }
    }
}

fn params(asked: &Asked<'_>, subject: &Subject, names: Vec<SanType>, now: Timestamp) -> CertificateParams {
    let wanted = asked.expiration_seconds.map(SignedDuration::from_secs);
    let life = wanted.unwrap_or(LEAF_LIFE).clamp(LEAST_LIFE, LEAF_LIFE);
    let mut params = lifetime(now, life);
    let mut distinguished = DistinguishedName::new();
    for organization in &subject.organizations {
        distinguished.push(DnType::OrganizationName, organization.as_str());
    }
    distinguished.push(DnType::CommonName, subject.common_name.as_str());
    params.distinguished_name = distinguished;
    // A caller is known by the subject alone.
    params.subject_alt_names = if asked.signer == Signer::KubeletServing { names } else { Vec::new() };
    params.is_ca = IsCa::ExplicitNoCa;
    params.use_authority_key_identifier_extension = true;
    let has = |usage: &str| asked.usages.iter().any(|own| own == usage);
    let usages = [
        ("digital signature", KeyUsagePurpose::DigitalSignature),
        ("key encipherment", KeyUsagePurpose::KeyEncipherment),
    ];
    params.key_usages = usages.into_iter().filter(|(usage, _)| has(usage)).map(|(_, purpose)| purpose).collect();
    params.extended_key_usages = vec![match asked.signer {
        Signer::Client | Signer::KubeletClient => ExtendedKeyUsagePurpose::ClientAuth,
        Signer::KubeletServing => ExtendedKeyUsagePurpose::ServerAuth,
    }];
    params
}

#[cfg(test)]
#[path = "signing_tests.rs"]
mod tests;
