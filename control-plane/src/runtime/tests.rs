//! The whole loop over a real registry.
