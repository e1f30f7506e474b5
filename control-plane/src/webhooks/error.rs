//! Why a webhook gave no answer.

use std::error::Error;
use std::fmt;

/// Why a `clientConfig` cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum EndpointError {
    /// Neither a URL nor a service, or not a whole one.
    #[error("{0}")]
    Place(&'static str),
    /// The certificates that are to be trusted cannot be used.
    #[error("unable to load root certificates: {0}")]
    Trust(Box<dyn Error + Send + Sync>),
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum AskError {
    /// The time was up, whatever was being waited for.
    #[error("context deadline exceeded")]
    TimedOut,
    /// The server could not be reached, is not who it should be, broke off, or does not speak HTTP.
    #[error("{}", Chain(.0.as_ref()))]
    Http(#[source] Box<dyn Error + Send + Sync>),
    /// It answers with this code.
    #[error("the server responded with the status code {0}")]
    Code(u16),
    /// It wants somebody else to be asked.
    #[error("the server responded with a redirect ({0}), which is not followed")]
    Redirect(u16),
    /// Its answer has more than so many bytes.
    #[error("the answer is larger than {0} bytes")]
    TooLarge(usize),
    /// Its answer is not JSON.
    #[error("the answer cannot be decoded: {0}")]
    Malformed(String),
}

/// What caused an error, or the error where nothing did: HTTP's own words say only that the client failed.
struct Chain<'a>(&'a (dyn Error + Send + Sync));

impl fmt::Display for Chain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(first) = self.0.source() else { return write!(f, "{}", self.0) };
        write!(f, "{first}")?;
        let mut source = first.source();
        while let Some(cause) = source {
            write!(f, ": {cause}")?;
            source = cause.source();
        }
        Ok(())
    }
}
