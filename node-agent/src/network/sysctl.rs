//! Kernel settings of this network namespace.

use std::fs;
use std::path::{Path, PathBuf};

use super::NetworkError;

const ROOT: &str = "/proc/sys/net/ipv4";

/// The node routes between pods, overlay and underlay.
pub(super) fn forward_packets() -> Result<(), NetworkError> {
    set("ip_forward", "1")
}

/// Answers to translated connections may leave by another device than the one they came by; loose checking allows it, even
/// where the whole machine is set to strict.
pub(super) fn check_source_loosely(device: &str) -> Result<(), NetworkError> {
    set(&format!("conf/{device}/rp_filter"), "2")
}

/// Writes only what differs: where settings are read-only and right already, all is well.
fn set(name: &str, value: &str) -> Result<(), NetworkError> {
    let path: PathBuf = Path::new(ROOT).join(name);
    if fs::read_to_string(&path).is_ok_and(|present| present.trim() == value) {
        return Ok(());
    }
    fs::write(&path, value).map_err(|source| NetworkError::Io { operation: "set", path, source })
}
