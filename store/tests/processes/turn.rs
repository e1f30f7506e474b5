//! Who runs beside whom: stories that measure time have the machine to themselves.

use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

static MACHINE: RwLock<()> = RwLock::new(());

/// For a story that measures nothing.
pub(crate) fn shared() -> RwLockReadGuard<'static, ()> {
    MACHINE.read().unwrap_or_else(PoisonError::into_inner)
}

/// For a story with bounds on time.
pub(crate) fn alone() -> RwLockWriteGuard<'static, ()> {
    MACHINE.write().unwrap_or_else(PoisonError::into_inner)
}

/// How often a story does what it does: the variable's number, or `quick` times, and `thorough` times in CI.
pub(crate) fn times(variable: &str, quick: usize, thorough: usize) -> usize {
    let default = if std::env::var("CI").is_ok_and(|value| value == "true") { thorough } else { quick };
    std::env::var(variable).map_or(default, |text| text.parse().expect("the variable is a number"))
}
