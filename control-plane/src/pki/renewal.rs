//! When a certificate is to be renewed, read from the certificate itself.

use std::net::IpAddr;

use jiff::Timestamp;
use rustls::pki_types::CertificateDer;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::{FromDer, X509Certificate};
use xebec_proto::validity::Validity;

use super::PkiError;

/// Whether less than a third of its life is left, or a name that it should carry is missing.
pub fn is_due(certificate: &CertificateDer<'_>, addresses: &[String], now: Timestamp) -> Result<bool, PkiError> {
    let unreadable = || PkiError::Unreadable { what: "certificate to be renewed" };
    let (_, parsed) = X509Certificate::from_der(certificate).map_err(|_| unreadable())?;
    let aged = Validity::of(certificate).map_err(|_| unreadable())?.until_due(now.as_second()).is_zero();
    Ok(aged || !carries_all(&parsed, addresses))
}

fn carries_all(certificate: &X509Certificate<'_>, addresses: &[String]) -> bool {
    let names = certificate.subject_alternative_name().ok().flatten();
    let names = names.map(|extension| extension.value.general_names.as_slice()).unwrap_or_default();
    addresses.iter().all(|address| names.iter().any(|name| is_name(name, address)))
}

fn is_name(name: &GeneralName<'_>, address: &str) -> bool {
    match name {
        GeneralName::DNSName(dns) => dns.eq_ignore_ascii_case(address),
        GeneralName::IPAddress(bytes) => match address.parse() {
            Ok(IpAddr::V4(ip)) => ip.octets() == *bytes,
            Ok(IpAddr::V6(ip)) => ip.octets() == *bytes,
            Err(_) => false,
        },
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;

    use super::super::{Authority, Leaf, Purpose};
    use super::*;

    #[test]
    fn a_certificate_is_renewed_when_a_third_is_left_or_a_name_is_new() {
        let born = "2026-01-01T00:00:00Z".parse::<Timestamp>().unwrap();
        let authority = Authority::create("test", born).unwrap();
        let addresses = vec!["m1".to_owned(), "10.0.0.1".to_owned(), "fd00::1".to_owned()];
        let leaf = Leaf { common_name: "m1".into(), organization: None, addresses, purpose: Purpose::Serving };
        let chain = authority.issue(&leaf, born).unwrap().chain;
        let certificate = xebec_proto::tls::certificates(chain.as_bytes()).unwrap().remove(0);
        let due = |days: i64, names: &[&str]| {
            let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
            is_due(&certificate, &names, born + SignedDuration::from_hours(24 * days)).unwrap()
        };
        assert!(!due(1, &["m1", "10.0.0.1", "fd00::1"]));
        assert!(!due(240, &["M1"]));
        assert!(due(250, &["m1"]));
        assert!(due(1, &["m2"]));
        assert!(due(1, &["10.0.0.2"]));
        assert!(due(400, &[]));
    }
}
