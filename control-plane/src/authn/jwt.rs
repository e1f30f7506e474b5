//! JSON Web Tokens in the one form that the cluster makes and takes: compact, ES256, one key.
//!
//! Such a token is three parts of base64 and a signature of 64 bytes, which is the form that ring gives. A token whose header
//! names another algorithm or key is refused before anything else of it is read, so the header decides nothing.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::rand::SystemRandom;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair, UnparsedPublicKey,
};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

/// A token of ours is about a kilobyte.
const MAX_TOKEN: usize = 16 * 1024;
/// What stands before the point in the SubjectPublicKeyInfo of a P-256 key: the algorithm's two object identifiers (RFC 5480).
const P256_INFO: [u8; 26] = [
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce,
    0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
];
/// One byte that says "uncompressed", then the two coordinates.
const POINT: usize = 65;
const COORDINATE: usize = 32;

/// Why a key cannot be used.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum KeyError {
    /// Not PKCS#8 in PEM.
    #[error("the service account key is not a PEM private key")]
    Pem,
    /// Not P-256, or damaged.
    #[error("the service account key is not an ECDSA P-256 key in PKCS#8")]
    Key,
}

/// Why a token is refused.
#[derive(Debug, thiserror::Error, PartialEq, Eq, Clone, Copy)]
pub enum JwtError {
    /// Not three parts of base64 with JSON in them, or too long.
    #[error("the token is malformed")]
    Malformed,
    /// Somebody else's.
    #[error("the token is not signed by this cluster's key")]
    Foreign,
    /// The signature does not fit the content.
    #[error("the token's signature is wrong")]
    Signature,
}

/// Signs and verifies.
pub struct TokenKey {
    pair: EcdsaKeyPair,
    random: SystemRandom,
    id: String,
}

#[derive(Serialize, Deserialize)]
struct Header {
    alg: String,
    kid: String,
}

impl TokenKey {
    /// Reads a PKCS#8 key in PEM.
    pub fn from_pem(pem: &str) -> Result<Self, KeyError> {
        let der = xebec_proto::tls::private_key(pem.as_bytes()).map_err(|_| KeyError::Pem)?;
        let random = SystemRandom::new();
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, der.secret_der(), &random)
            .map_err(|_| KeyError::Key)?;
        let digest = Sha256::new().chain_update(P256_INFO).chain_update(pair.public_key()).finalize();
        Ok(Self { id: URL_SAFE_NO_PAD.encode(digest), pair, random })
    }

    /// A token that says this.
    pub fn sign(&self, claims: &impl Serialize) -> Result<String, KeyError> {
        let header = Header { alg: "ES256".to_owned(), kid: self.id.clone() };
        let part = |json: Vec<u8>| URL_SAFE_NO_PAD.encode(json);
        let header = serde_json::to_vec(&header).map_err(|_| KeyError::Key)?;
        let claims = serde_json::to_vec(claims).map_err(|_| KeyError::Key)?;
        let signed = format!("{}.{}", part(header), part(claims));
        let signature = self.pair.sign(&self.random, signed.as_bytes()).map_err(|_| KeyError::Key)?;
        Ok(format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature)))
    }

    /// What a token says, if this key has signed it. Dates are for the caller to judge.
    pub fn verify<T: DeserializeOwned>(&self, token: &str) -> Result<T, JwtError> {
        if token.len() > MAX_TOKEN {
            return Err(JwtError::Malformed);
        }
        let (signed, signature) = token.rsplit_once('.').ok_or(JwtError::Malformed)?;
        let (header, claims) = signed.split_once('.').ok_or(JwtError::Malformed)?;
        let header: Header = parse(header)?;
        if header.alg != "ES256" || header.kid != self.id {
            return Err(JwtError::Foreign);
        }
        let signature = URL_SAFE_NO_PAD.decode(signature).map_err(|_| JwtError::Malformed)?;
        let public = UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, self.pair.public_key());
        public.verify(signed.as_bytes(), &signature).map_err(|_| JwtError::Signature)?;
        parse(claims)
    }

    /// The public key as a JSON Web Key Set (RFC 7517).
    pub fn key_set(&self) -> Value {
        let point = self.pair.public_key().as_ref();
        let coordinate = |from: usize| point.get(from..from + COORDINATE).map(|bytes| URL_SAFE_NO_PAD.encode(bytes));
        let (x, y) = (coordinate(1), coordinate(POINT - COORDINATE));
        json!({"keys": [{"use": "sig", "kty": "EC", "kid": self.id, "crv": "P-256", "alg": "ES256", "x": x, "y": y}]})
    }
}

impl std::fmt::Debug for TokenKey {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "TokenKey({})", self.id)
    }
}

/// Whether a bearer token has the form of a JSON Web Token at all.
pub fn looks_like_one(token: &str) -> bool {
    token.split('.').count() == 3
}

fn parse<T: DeserializeOwned>(part: &str) -> Result<T, JwtError> {
    let json = URL_SAFE_NO_PAD.decode(part).map_err(|_| JwtError::Malformed)?;
    serde_json::from_slice(&json).map_err(|_| JwtError::Malformed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key() -> TokenKey {
        TokenKey::from_pem(&rcgen::KeyPair::generate().unwrap().serialize_pem()).unwrap()
    }

    #[test]
    fn what_is_signed_is_read_again_and_nothing_else_is() {
        let (key, other) = (key(), key());
        let token = key.sign(&json!({"sub": "me"})).unwrap();
        assert_eq!(key.verify::<Value>(&token), Ok(json!({"sub": "me"})));
        assert_eq!(other.verify::<Value>(&token), Err(JwtError::Foreign));
        let mut parts: Vec<&str> = token.split('.').collect();
        let forged = URL_SAFE_NO_PAD.encode(r#"{"sub":"you"}"#);
        parts[1] = &forged;
        assert_eq!(key.verify::<Value>(&parts.join(".")), Err(JwtError::Signature));
    }

    #[test]
    fn the_header_chooses_no_algorithm() {
        let key = key();
        let token = key.sign(&json!({})).unwrap();
        let rest = token.split_once('.').unwrap().1;
        for alg in ["none", "HS256", "RS256"] {
            let header = URL_SAFE_NO_PAD.encode(json!({"alg": alg, "kid": key.id}).to_string());
            assert_eq!(key.verify::<Value>(&format!("{header}.{rest}")), Err(JwtError::Foreign), "{alg}");
        }
        for broken in ["", "a", "a.b", "a.b.c", "...", "é.é.é"] {
            assert_eq!(key.verify::<Value>(broken), Err(JwtError::Malformed), "{broken}");
        }
        assert_eq!(key.verify::<Value>(&"a".repeat(MAX_TOKEN + 1)), Err(JwtError::Malformed));
    }

    #[test]
    fn the_key_set_names_the_key_that_tokens_name() {
        let key = key();
        let set = key.key_set();
        let token = key.sign(&json!({})).unwrap();
        let header: Value = parse(token.split('.').next().unwrap()).unwrap();
        assert_eq!(header["kid"], set["keys"][0]["kid"]);
        assert_eq!(set["keys"][0]["x"].as_str().unwrap().len(), 43);
        assert_eq!(set["keys"][0]["y"].as_str().unwrap().len(), 43);
    }
}
