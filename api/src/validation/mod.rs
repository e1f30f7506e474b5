//! What an object must be: the rules of each kind, and the rules that kinds share.
//!
//! Rules are checked on typed objects (`k8s-openapi`), after defaulting. Each check adds to the errors and goes on, so that a
//! client hears everything that is wrong at once.

pub mod metadata;
