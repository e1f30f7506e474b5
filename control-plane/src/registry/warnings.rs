//! What a caller should know though the request is done.

use std::sync::{Arc, Mutex, PoisonError};

/// As many as clients show; what is beyond is dropped.
const MOST: usize = 32;

/// Warnings about one request, gathered on its way. A clone is another handle to the same ones.
#[derive(Clone, Debug, Default)]
pub struct Warnings(Arc<Mutex<Vec<String>>>);

impl Warnings {
    /// Adds one, unless it has been said already.
    pub fn add(&self, warning: impl Into<String>) {
        let (mut all, warning) = (self.0.lock().unwrap_or_else(PoisonError::into_inner), warning.into());
        if all.len() < MOST && !all.contains(&warning) {
            all.push(warning);
        }
    }

    /// All of them, in the order in which they came.
    pub fn all(&self) -> Vec<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
