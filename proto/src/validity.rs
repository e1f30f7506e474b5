//! How long a certificate lives, read from the certificate itself, and when its holder should ask for the next.

use std::time::Duration;

use rustls::pki_types::CertificateDer;
use x509_parser::prelude::{FromDer, X509Certificate};

/// A text that should be a certificate is none.
#[derive(Debug, thiserror::Error)]
#[error("the certificate cannot be read")]
pub struct UnreadableCertificate(#[source] x509_parser::nom::Err<x509_parser::error::X509Error>);

/// From when to when a certificate holds, in seconds since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Validity {
    /// Its first second.
    pub from: i64,
    /// Its last second.
    pub until: i64,
}

impl Validity {
    /// Of this certificate.
    pub fn of(certificate: &CertificateDer<'_>) -> Result<Self, UnreadableCertificate> {
        let (_, parsed) = X509Certificate::from_der(certificate).map_err(UnreadableCertificate)?;
        let validity = parsed.validity();
        Ok(Self { from: validity.not_before.timestamp(), until: validity.not_after.timestamp() })
    }

    /// How long after `now` (seconds since 1970) a third of its life is left; zero: it is time to renew.
    pub fn until_due(&self, now: i64) -> Duration {
        let due = self.until - (self.until - self.from) / 3;
        Duration::from_secs(u64::try_from(due.saturating_sub(now)).unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, KeyPair};

    use super::*;

    #[test]
    fn a_certificate_is_due_when_a_third_of_its_life_is_left() {
        let mut params = CertificateParams::default();
        (params.not_before, params.not_after) = (rcgen::date_time_ymd(2026, 1, 1), rcgen::date_time_ymd(2026, 1, 4));
        let certificate = params.self_signed(&KeyPair::generate().unwrap()).unwrap();
        let validity = Validity::of(certificate.der()).unwrap();
        let day = 24 * 3600;
        assert_eq!(validity.until - validity.from, 3 * day);
        assert_eq!(validity.until_due(validity.from), Duration::from_secs(2 * 24 * 3600));
        assert_eq!(validity.until_due(validity.from + 2 * day - 1), Duration::from_secs(1));
        assert_eq!(validity.until_due(validity.from + 2 * day), Duration::ZERO);
        assert_eq!(validity.until_due(validity.until + day), Duration::ZERO);
        assert!(Validity::of(&CertificateDer::from(vec![1, 2, 3])).is_err());
    }
}
