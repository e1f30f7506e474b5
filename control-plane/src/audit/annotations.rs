//! What admission notes on a request's record.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use super::event::shortened;

/// As many notes as one record takes; what is beyond is dropped.
const MOST: usize = 64;

/// Notes on one request, gathered on its way. A clone is another handle to the same ones.
#[derive(Clone, Debug, Default)]
pub struct Annotations(Arc<Mutex<BTreeMap<String, String>>>);

impl Annotations {
    /// Notes `text` under `key`, unless something is noted there already.
    pub fn add(&self, key: impl Into<String>, text: &str) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() < MOST {
            all.entry(key.into()).or_insert_with(|| shortened(text).to_owned());
        }
    }

    /// All of them.
    pub fn all(&self) -> BTreeMap<String, String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
