//! Where a page of a list ended: opaque to clients, and the same on every master.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use xebec_api::Status;

/// The place after which the next page begins.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct ContinueToken {
    /// The form of this token.
    v: String,
    /// The revision of the whole listing, or [`ANY`].
    rv: i64,
    /// The last key given out, without the kind's prefix.
    pub(super) start: String,
    /// How many objects follow, when that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) left: Option<u64>,
}

const FORM: &str = "meta.k8s.io/v1";
/// The rest of the listing as it is when it is asked for.
const ANY: i64 = -1;

impl ContinueToken {
    /// Goes on at the revision of the listing.
    pub(super) fn new(revision: u64, start: String, left: Option<u64>) -> ContinueToken {
        ContinueToken { v: FORM.into(), rv: i64::try_from(revision).unwrap_or(i64::MAX), start, left }
    }

    /// The same place at whatever revision there is by then: what was listed before may have changed meanwhile.
    pub(super) fn inconsistent(&self) -> ContinueToken {
        ContinueToken { rv: ANY, left: None, ..self.clone() }
    }

    /// The revision to go on at; `None` means any.
    pub(super) fn revision(&self) -> Option<u64> {
        u64::try_from(self.rv).ok()
    }

    pub(super) fn encode(&self) -> String {
        let json = serde_json::to_vec(self).expect("strings and numbers always encode");
        URL_SAFE_NO_PAD.encode(json)
    }

    pub(super) fn decode(text: &str) -> Result<ContinueToken, Status> {
        let refuse = || Status::bad_request("continue key is not valid: it was not given out by this API");
        let json = URL_SAFE_NO_PAD.decode(text.trim_end_matches('=')).map_err(|_| refuse())?;
        let token: ContinueToken = serde_json::from_slice(&json).map_err(|_| refuse())?;
        let is_valid = token.v == FORM && (token.rv > 0 || token.rv == ANY) && !token.start.is_empty();
        is_valid.then_some(token).ok_or_else(refuse)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_round_trips_and_nonsense_is_refused() {
        let token = ContinueToken::new(7, "web/a".into(), Some(3));
        assert_eq!(ContinueToken::decode(&token.encode()).unwrap(), token);
        let any = ContinueToken::decode(&token.inconsistent().encode()).unwrap();
        assert_eq!((any.revision(), any.start.as_str(), any.left), (None, "web/a", None));
        let encode = |json: &str| URL_SAFE_NO_PAD.encode(json);
        for nonsense in [
            String::new(),
            "!!".into(),
            encode("{}"),
            encode(r#"{"v":"x","rv":1,"start":"a"}"#),
            encode(r#"{"v":"meta.k8s.io/v1","rv":0,"start":"a"}"#),
            encode(r#"{"v":"meta.k8s.io/v1","rv":-2,"start":"a"}"#),
            encode(r#"{"v":"meta.k8s.io/v1","rv":1,"start":""}"#),
        ] {
            assert_eq!(ContinueToken::decode(&nonsense).unwrap_err().code, 400, "{nonsense}");
        }
    }
}
