//! May they do it.
