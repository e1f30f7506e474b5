//! The masters' side of the node agents' sessions.
