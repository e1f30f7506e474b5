//! Where a page of a list ended: opaque to clients, and the same on every master.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use xebec_api::Status;

/// The place after which the next page begins.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct ContinueToken {
    /// The form of this token.
    pub(super) v: String,
    /// The revision of the whole listing.
    pub(super) rv: u64,
    /// The last key given out, without the kind's prefix.
    pub(super) start: String,
    /// How many objects follow, when that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) left: Option<u64>,
}

const FORM: &str = "xebec/v1";

impl ContinueToken {
    pub(super) fn new(rv: u64, start: String, left: Option<u64>) -> ContinueToken {
        ContinueToken { v: FORM.into(), rv, start, left }
    }

    pub(super) fn encode(&self) -> String {
        let json = serde_json::to_vec(self).expect("strings and numbers always encode");
        URL_SAFE_NO_PAD.encode(json)
    }

    pub(super) fn decode(text: &str) -> Result<ContinueToken, Status> {
        let refuse = || Status::bad_request("continue key is not valid: it was not given out by this API");
        let json = URL_SAFE_NO_PAD.decode(text).map_err(|_| refuse())?;
        let token: ContinueToken = serde_json::from_slice(&json).map_err(|_| refuse())?;
        (token.v == FORM && token.rv > 0).then_some(token).ok_or_else(refuse)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_round_trips_and_nonsense_is_refused() {
        let token = ContinueToken::new(7, "web/a".into(), Some(3));
        assert_eq!(ContinueToken::decode(&token.encode()).unwrap(), token);
        for nonsense in ["", "!!", "e30", "eyJ2IjoieCIsInJ2IjoxLCJzdGFydCI6IiJ9"] {
            assert_eq!(ContinueToken::decode(nonsense).unwrap_err().code, 400, "{nonsense}");
        }
    }
}
