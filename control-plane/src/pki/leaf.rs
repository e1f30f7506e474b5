//! What a certificate is to say: whose it is, where it is valid, what for.

use std::net::IpAddr;

use jiff::{SignedDuration, Timestamp};
use rcgen::{CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, KeyUsagePurpose, SanType};

use super::PkiError;

/// How long a certificate lives.
pub const LEAF_LIFE: SignedDuration = SignedDuration::from_hours(365 * 24);
/// Clocks of joiners may be behind ours by this much.
const BACKDATED: SignedDuration = SignedDuration::from_hours(1);

/// Which end of a connection a certificate is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// A caller of the API.
    Client,
    /// The API itself.
    Serving,
    /// A Raft peer, which both dials and is dialled.
    Peer,
    /// A master as it calls servers of aggregated APIs, on behalf of others.
    FrontProxy,
}

/// The content of a certificate, all of it decided by us and none by whoever asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Leaf {
    /// The user, or the master's name.
    pub common_name: String,
    /// The user's group.
    pub organization: Option<String>,
    /// IP addresses and DNS names. Empty for clients.
    pub addresses: Vec<String>,
    /// Client, server or both.
    pub purpose: Purpose,
}

impl Leaf {
    pub(super) fn params(&self, now: Timestamp) -> Result<CertificateParams, PkiError> {
        let mut params = lifetime(now, LEAF_LIFE);
        params.distinguished_name = subject(&self.common_name, self.organization.as_deref());
        params.subject_alt_names =
            self.addresses.iter().map(|name| alternative_name(name)).collect::<Result<_, _>>()?;
        params.is_ca = IsCa::ExplicitNoCa;
        params.use_authority_key_identifier_extension = true;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = match self.purpose {
            Purpose::Client | Purpose::FrontProxy => vec![ExtendedKeyUsagePurpose::ClientAuth],
            Purpose::Serving => vec![ExtendedKeyUsagePurpose::ServerAuth],
            Purpose::Peer => vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth],
        };
        Ok(params)
    }
}

pub(super) fn subject(common_name: &str, organization: Option<&str>) -> DistinguishedName {
    let mut subject = DistinguishedName::new();
    if let Some(organization) = organization {
        subject.push(DnType::OrganizationName, organization);
    }
    subject.push(DnType::CommonName, common_name);
    subject
}

pub(super) fn lifetime(now: Timestamp, life: SignedDuration) -> CertificateParams {
    let epoch = rcgen::date_time_ymd(1970, 1, 1);
    let at = |time: Timestamp| epoch + std::time::Duration::from_secs(time.as_second().max(0).unsigned_abs());
    let mut params = CertificateParams::default();
    params.not_before = at(now.checked_sub(BACKDATED).unwrap_or(now));
    params.not_after = at(now.checked_add(life).unwrap_or(Timestamp::MAX));
    params
}

fn alternative_name(name: &str) -> Result<SanType, PkiError> {
    if let Ok(address) = name.parse::<IpAddr>() {
        return Ok(SanType::IpAddress(address));
    }
    let refused = || PkiError::Name { name: name.to_owned() };
    rustls::pki_types::DnsName::try_from(name).map_err(|_| refused())?;
    Ok(SanType::DnsName(name.try_into().map_err(|_| refused())?))
}
