//! Node scenarios.
