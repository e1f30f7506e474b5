//! What can go wrong with certificates and their files.

use std::io;
use std::path::PathBuf;

use xebec_proto::tls::TlsError;

/// Certificates could not be made, read or kept.
#[derive(Debug, thiserror::Error)]
pub enum PkiError {
    /// A key or certificate could not be made or parsed.
    #[error("cannot make or read the {what}")]
    Certificate {
        /// Which one.
        what: &'static str,
        /// As rcgen said it.
        #[source]
        source: rcgen::Error,
    },
    /// A file could not be read or written.
    #[error("cannot {operation} {}", path.display())]
    File {
        /// `read`, `write`, `create`.
        operation: &'static str,
        /// Which file.
        path: PathBuf,
        /// As the system said it.
        #[source]
        source: io::Error,
    },
    /// A name is neither an IP address nor a DNS name.
    #[error("{name:?} is neither an IP address nor a DNS name")]
    Name {
        /// As it was given.
        name: String,
    },
    /// TLS refuses a certificate or key of ours.
    #[error("TLS cannot use the {what}")]
    Tls {
        /// Which one.
        what: &'static str,
        /// As rustls said it.
        #[source]
        source: rustls::Error,
    },
    /// A PEM text is broken.
    #[error("the {what} is broken")]
    Pem {
        /// Which one.
        what: &'static str,
        /// What is wrong with it.
        #[source]
        source: TlsError,
    },
    /// A certificate's dates or names cannot be read.
    #[error("the {what} is not X.509")]
    Unreadable {
        /// Which one.
        what: &'static str,
    },
}

impl PkiError {
    pub(crate) fn certificate(what: &'static str) -> impl FnOnce(rcgen::Error) -> Self {
        move |source| Self::Certificate { what, source }
    }

    pub(crate) fn tls(what: &'static str) -> impl FnOnce(rustls::Error) -> Self {
        move |source| Self::Tls { what, source }
    }

    pub(crate) fn pem(what: &'static str) -> impl FnOnce(TlsError) -> Self {
        move |source| Self::Pem { what, source }
    }
}
