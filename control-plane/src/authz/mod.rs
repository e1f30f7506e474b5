//! May they do it. Nobody may do anything until something says they may.
//!
//! The answer is a union: `system:masters` may do everything, a node agent what its node needs ([`node`]), everybody what RBAC
//! grants them ([`rbac`]). Both read the watch cache synchronously, so a decision never waits. [`node_restriction`] is
//! admission: what a node may not write even into objects that are its own. [`defaults`] are the roles of a new cluster.

mod attributes;
pub mod defaults;
pub mod escalation;
pub mod node;
pub mod node_restriction;
pub mod plugins;
pub mod rbac;
pub mod reviews;
pub mod rules;
#[cfg(test)]
mod testing;
mod union;

pub use attributes::{Attributes, Authorizer, Decision};
pub use rbac::Rbac;
pub use reviews::Held;
pub use union::Union;
