//! Time, identifiers and chance: what the registry settles before it proposes a transaction, so that the state machine
//! never has to.

use jiff::Timestamp;
use rand::RngExt;

/// The source of everything that is not deterministic.
pub trait Environment: Send + Sync {
    /// The present time.
    fn now(&self) -> Timestamp;
    /// A new object's uid.
    fn uid(&self) -> String;
    /// A number in `0..below`, for names, addresses and ports; `below` is at least 1.
    fn pick(&self, below: u64) -> u64;
}

/// The machine's clock and random numbers.
pub struct SystemEnvironment;

impl Environment for SystemEnvironment {
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }

    fn uid(&self) -> String {
        uuid::Uuid::new_v4().to_string()
    }

    fn pick(&self, below: u64) -> u64 {
        rand::rng().random_range(0..below.max(1))
    }
}

/// Letters and digits that spell no words, as generated names use them.
const ALPHABET: &[u8] = b"bcdfghjklmnpqrstvwxz2456789";
const SUFFIX: usize = 5;
/// The longest name that still is a DNS label once the suffix is there.
const MAX_BASE: usize = 63 - SUFFIX;

/// A name made of `base` and five characters of chance.
pub(crate) fn generate_name(environment: &dyn Environment, base: &str) -> String {
    let mut name: String = base.chars().take(MAX_BASE).collect();
    for _ in 0..SUFFIX {
        let index = environment.pick(ALPHABET.len() as u64) as usize;
        name.push(char::from(ALPHABET[index % ALPHABET.len()]));
    }
    name
}

/// The time as objects carry it: seconds, UTC.
pub fn rfc3339(time: Timestamp) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}
