//! The agent's sessions with the masters.
