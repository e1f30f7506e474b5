//! Join tokens as people carry them: `XB1<sha256 of the serving CA>::<id>.<secret>`.
//!
//! The hash lets a joiner that trusts nobody yet recognise the cluster before it says the secret.

use std::fmt;
use std::str::FromStr;

use sha2::{Digest, Sha256};

const PREFIX: &str = "XB1";
const HASH_HEX: usize = 64;

/// The parts of a join token. `Debug` hides the secret.
#[derive(Clone, PartialEq, Eq)]
pub struct JoinToken {
    /// SHA-256 of the serving CA's DER.
    pub ca_hash: [u8; 32],
    /// Names the token in lists.
    pub id: String,
    /// What proves that the joiner was invited.
    pub secret: String,
}

/// Why a text is no token. Never repeats the text: it may hold a secret.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum TokenError {
    /// It does not begin as a token does.
    #[error("a join token begins with {PREFIX} and has the form XB1<sha256 of the CA certificate>::<id>.<secret>")]
    Form,
    /// The hash part is not 64 hexadecimal digits.
    #[error("the join token's CA hash is not 64 hexadecimal digits: was the token copied whole?")]
    Hash,
    /// Id or secret are missing, or hold other than lower-case letters and digits.
    #[error("the join token's part after `::` is not <id>.<secret>: was the token copied whole?")]
    Credential,
}

impl JoinToken {
    /// The whole token, secret included: for the one moment when it is shown.
    pub fn reveal(&self) -> String {
        format!("{PREFIX}{}::{}.{}", hex(&self.ca_hash), self.id, self.secret)
    }

    /// Whether this authority is the one that the token names.
    pub fn names(&self, ca_der: &[u8]) -> bool {
        <[u8; 32]>::from(Sha256::digest(ca_der)) == self.ca_hash
    }
}

impl fmt::Debug for JoinToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "JoinToken({PREFIX}{}::{}.…)", hex(&self.ca_hash), self.id)
    }
}

impl FromStr for JoinToken {
    type Err = TokenError;

    fn from_str(text: &str) -> Result<Self, TokenError> {
        let (hash, credential) =
            text.trim().strip_prefix(PREFIX).and_then(|rest| rest.split_once("::")).ok_or(TokenError::Form)?;
        let ca_hash = unhex(hash).ok_or(TokenError::Hash)?;
        let (id, secret) = credential.split_once('.').ok_or(TokenError::Credential)?;
        if !is_word(id) || !is_word(secret) {
            return Err(TokenError::Credential);
        }
        Ok(Self { ca_hash, id: id.to_owned(), secret: secret.to_owned() })
    }
}

fn is_word(text: &str) -> bool {
    !text.is_empty() && text.len() <= 128 && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
}

/// Lower-case hexadecimal digits.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(text: &str) -> Option<[u8; 32]> {
    if text.len() != HASH_HEX || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    let mut out = [0; 32];
    for (i, byte) in out.iter_mut().enumerate() {
        *byte = u8::from_str_radix(text.get(2 * i..2 * i + 2)?, 16).ok()?;
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> JoinToken {
        JoinToken { ca_hash: [0xab; 32], id: "k3f9".into(), secret: "s3cret".into() }
    }

    #[test]
    fn a_token_survives_being_written_and_read() {
        assert_eq!(sample().reveal().parse(), Ok(sample()));
        assert_eq!(format!(" {}\n", sample().reveal()).parse(), Ok(sample()));
    }

    #[test]
    fn what_is_not_a_token_is_refused() {
        let hash = "ab".repeat(32);
        let check = |text: &str, expect| assert_eq!(text.parse::<JoinToken>(), Err(expect), "{text}");
        check("", TokenError::Form);
        check("K10abc::a.b", TokenError::Form);
        check(&format!("XB1{hash}:a.b"), TokenError::Form);
        check("XB1abc::a.b", TokenError::Hash);
        check(&format!("XB1{}::a.b", "+a".repeat(32)), TokenError::Hash);
        check(&format!("XB1{hash}::ab"), TokenError::Credential);
        check(&format!("XB1{hash}::.b"), TokenError::Credential);
        check(&format!("XB1{hash}::a."), TokenError::Credential);
        check(&format!("XB1{hash}::a.B"), TokenError::Credential);
    }

    #[test]
    fn debug_hides_the_secret() {
        assert!(!format!("{:?}", sample()).contains("s3cret"));
    }
}
