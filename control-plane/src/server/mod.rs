//! One master, assembled: store, cache, registry, listeners, leader's work.
