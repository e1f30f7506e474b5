//! A join token as the store keeps it, and whether what a joiner shows fits it. Clock and randomness are arguments.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use xebec_proto::token::hex;
use xebec_proto::v1::{self, Role};

use crate::registry::rfc3339;

/// How long a token may be used when its maker does not say.
pub const DEFAULT_TTL: SignedDuration = SignedDuration::from_hours(24);
/// An invitation that is valid for longer is a password.
pub const MAX_TTL: SignedDuration = SignedDuration::from_hours(365 * 24);

/// What a new token is made from.
pub struct Seed {
    /// 40 bits: names the token.
    pub id: [u8; 5],
    /// 160 bits: more than anybody can guess, so one round of SHA-256 keeps it.
    pub secret: [u8; 20],
    /// Makes equal secrets differ at rest.
    pub salt: [u8; 16],
}

/// What a token lets join.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TokenRole {
    /// Masters. Whoever holds it gets the cluster's CA keys.
    Server,
    /// Nodes.
    Agent,
}

impl TokenRole {
    /// As the wire says it; `None` when it says nothing.
    pub fn from_wire(role: Role) -> Option<Self> {
        match role {
            Role::Server => Some(Self::Server),
            Role::Agent => Some(Self::Agent),
            Role::Unspecified => None,
        }
    }

    /// For the wire.
    pub fn to_wire(self) -> Role {
        match self {
            Self::Server => Role::Server,
            Self::Agent => Role::Agent,
        }
    }

    /// As commands and messages say it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Server => "server",
            Self::Agent => "agent",
        }
    }
}

/// A token at rest. The secret is not in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TokenRecord {
    /// Names it.
    pub id: String,
    /// What it lets join.
    pub role: TokenRole,
    /// For people.
    pub description: String,
    /// When it was made.
    pub created: Timestamp,
    /// From when on it is refused.
    pub expires: Timestamp,
    salt: String,
    hash: String,
}

/// Why a token is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TokenRefusal {
    /// No token of this id.
    #[error("this join token does not exist (any more): make a new one with `xebec token create`")]
    Unknown,
    /// The id is known, the secret is not its own.
    #[error("the join token's secret is wrong: was the token copied whole?")]
    Secret,
    /// Too late.
    #[error("this join token has expired: make a new one with `xebec token create`")]
    Expired,
    /// Another role.
    #[error("this join token is for role {}, not for this one", role.word())]
    Role {
        /// The role it is for.
        role: TokenRole,
    },
}

impl TokenRecord {
    /// A new token and its secret, which is in no other place.
    pub fn create(
        role: TokenRole,
        description: &str,
        life: SignedDuration,
        now: Timestamp,
        seed: &Seed,
    ) -> (Self, String) {
        let secret = hex(&seed.secret);
        let salt = hex(&seed.salt);
        let record = Self {
            id: hex(&seed.id),
            role,
            description: description.to_owned(),
            created: now,
            expires: now.checked_add(life).unwrap_or(Timestamp::MAX),
            hash: digest(&salt, &secret),
            salt,
        };
        (record, secret)
    }

    /// Whether this secret may be used for this role now. Role and date are told to holders of the secret only.
    pub fn check(&self, secret: &str, role: TokenRole, now: Timestamp) -> Result<(), TokenRefusal> {
        let same = digest(&self.salt, secret).as_bytes().ct_eq(self.hash.as_bytes());
        if !bool::from(same) {
            return Err(TokenRefusal::Secret);
        }
        if self.is_expired(now) {
            return Err(TokenRefusal::Expired);
        }
        if self.role != role {
            return Err(TokenRefusal::Role { role: self.role });
        }
        Ok(())
    }

    /// Whether it is too late for it.
    pub fn is_expired(&self, now: Timestamp) -> bool {
        now >= self.expires
    }

    /// As `xebec token list` shows it.
    pub fn to_wire(&self, now: Timestamp) -> v1::Token {
        v1::Token {
            id: self.id.clone(),
            role: self.role.to_wire().into(),
            description: self.description.clone(),
            created: rfc3339(self.created),
            expires: rfc3339(self.expires),
            expired: self.is_expired(now),
        }
    }
}

fn digest(salt: &str, secret: &str) -> String {
    hex(&Sha256::new().chain_update(salt).chain_update([0]).chain_update(secret).finalize())
}

#[cfg(test)]
mod tests {
    use super::*;

    const SEED: Seed = Seed { id: [1; 5], secret: [2; 20], salt: [3; 16] };

    fn check(secret: &str, role: TokenRole, hours: i64) -> Result<(), TokenRefusal> {
        let born = Timestamp::UNIX_EPOCH;
        let (record, _) = TokenRecord::create(TokenRole::Agent, "", DEFAULT_TTL, born, &SEED);
        record.check(secret, role, born + SignedDuration::from_hours(hours))
    }

    #[test]
    fn a_token_is_good_for_its_role_until_it_expires() {
        let secret = "02".repeat(20);
        assert_eq!(check(&secret, TokenRole::Agent, 23), Ok(()));
        assert_eq!(check(&secret, TokenRole::Agent, 24), Err(TokenRefusal::Expired));
        assert_eq!(check(&secret, TokenRole::Server, 1), Err(TokenRefusal::Role { role: TokenRole::Agent }));
    }

    #[test]
    fn a_wrong_secret_learns_neither_role_nor_date() {
        assert_eq!(check("wrong", TokenRole::Server, 48), Err(TokenRefusal::Secret));
        assert_eq!(check("", TokenRole::Agent, 0), Err(TokenRefusal::Secret));
    }

    #[test]
    fn the_secret_is_not_at_rest() {
        let (record, secret) = TokenRecord::create(TokenRole::Agent, "d", DEFAULT_TTL, Timestamp::UNIX_EPOCH, &SEED);
        let kept = serde_json::to_string(&record).unwrap();
        assert!(!kept.contains(&secret));
        assert_eq!(serde_json::from_str::<TokenRecord>(&kept).unwrap(), record);
    }
}
