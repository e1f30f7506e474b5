//! Join tokens in the store: made, listed, deleted, and put to the test.

use bytes::Bytes;
use jiff::{SignedDuration, Timestamp};
use tokio::time::Instant;
use xebec_kv::{Compare, Op, OpResponse, Txn};
use xebec_proto::token::JoinToken;
use xebec_store::{Store, StoreError};

use super::record::{Seed, TokenRecord, TokenRefusal, TokenRole};

/// Where tokens live. No API serves this place; the watch cache ignores it.
pub const PREFIX: &str = "/bootstrap/tokens/";
/// Enough for any operator; a loop that makes tokens is stopped here.
const MAX_TOKENS: usize = 1000;

/// Why an operation on tokens failed.
#[derive(Debug, thiserror::Error)]
pub enum TokensError {
    /// What the joiner shows is not good.
    #[error(transparent)]
    Refused(#[from] TokenRefusal),
    /// There are `MAX_TOKENS` that have not expired.
    #[error("there are {MAX_TOKENS} join tokens: delete some with `xebec token delete`")]
    TooMany,
    /// The store could not do it.
    #[error("the store cannot {operation} join tokens")]
    Store {
        /// `read` or `write`.
        operation: &'static str,
        /// Its answer.
        #[source]
        source: StoreError,
    },
    /// What the store holds is no token.
    #[error("the join token {id} in the store cannot be read")]
    Record {
        /// Which one.
        id: String,
        /// What is wrong with it.
        #[source]
        source: serde_json::Error,
    },
}

/// The cluster's join tokens.
#[derive(Clone)]
pub struct Tokens {
    store: Store,
    ca_hash: [u8; 32],
}

impl Tokens {
    /// Those of this store, for joiners that will see a CA of this hash.
    pub fn new(store: Store, ca_hash: [u8; 32]) -> Self {
        Self { store, ca_hash }
    }

    /// Makes one, and removes what has expired. The only place where the secret is seen.
    pub async fn create(
        &self,
        role: TokenRole,
        description: &str,
        life: SignedDuration,
        deadline: Instant,
    ) -> Result<JoinToken, TokensError> {
        let now = Timestamp::now();
        let seed = Seed { id: rand::random(), secret: rand::random(), salt: rand::random() };
        let (record, secret) = TokenRecord::create(role, description, life, now, &seed);
        let (expired, valid): (Vec<_>, Vec<_>) = self.all()?.into_iter().partition(|token| token.is_expired(now));
        if valid.len() >= MAX_TOKENS {
            return Err(TokensError::TooMany);
        }
        let value = serde_json::to_vec(&record).expect("a record of strings and dates has a JSON form");
        let put = Op::Put { key: key(&record.id), value: value.into(), lease: 0 };
        let removals = expired.iter().take(MAX_TOKENS).map(|token| Op::Delete { key: key(&token.id) });
        let txn = Txn {
            compares: vec![Compare::absent(key(&record.id))],
            success: removals.chain([put]).collect(),
            failure: Vec::new(),
        };
        self.store.txn(txn, deadline).await.map_err(writing)?;
        Ok(JoinToken { ca_hash: self.ca_hash, id: record.id, secret })
    }

    /// All of them, expired ones too, by id.
    pub async fn list(&self, deadline: Instant) -> Result<Vec<TokenRecord>, TokensError> {
        self.store.read_barrier(deadline).await.map_err(reading)?;
        self.all()
    }

    /// Removes one. Whether there was one.
    pub async fn delete(&self, id: &str, deadline: Instant) -> Result<bool, TokensError> {
        let txn = Txn { compares: Vec::new(), success: vec![Op::Delete { key: key(id) }], failure: Vec::new() };
        let outcome = self.store.txn(txn, deadline).await.map_err(writing)?;
        Ok(outcome.responses.iter().any(|response| matches!(response, OpResponse::Deleted { count: 1 })))
    }

    /// Whether a joiner may join with this, as of now: a token that was deleted anywhere is refused here.
    pub async fn check(&self, id: &str, secret: &str, role: TokenRole, deadline: Instant) -> Result<(), TokensError> {
        self.store.read_barrier(deadline).await.map_err(reading)?;
        let found = self.store.state().get(&key(id)).ok_or(TokenRefusal::Unknown)?;
        Ok(parse(&found.value, id)?.check(secret, role, Timestamp::now())?)
    }

    fn all(&self) -> Result<Vec<TokenRecord>, TokensError> {
        let state = self.store.state();
        state
            .range(PREFIX.as_bytes(), None)
            .map(|found| parse(&found.value, &String::from_utf8_lossy(&found.key[PREFIX.len()..])))
            .collect()
    }
}

fn key(id: &str) -> Bytes {
    format!("{PREFIX}{id}").into()
}

fn parse(value: &[u8], id: &str) -> Result<TokenRecord, TokensError> {
    serde_json::from_slice(value).map_err(|source| TokensError::Record { id: id.to_owned(), source })
}

fn reading(source: StoreError) -> TokensError {
    TokensError::Store { operation: "read", source }
}

fn writing(source: StoreError) -> TokensError {
    TokensError::Store { operation: "write", source }
}
