//! The registry: the seven verbs, written once for every kind.
