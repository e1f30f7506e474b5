//! Roles, and who has them.

mod any_binding;
mod cluster_role;
mod cluster_role_binding;
mod role;
mod role_binding;

pub use cluster_role::CLUSTER_ROLE;
pub use cluster_role_binding::CLUSTER_ROLE_BINDING;
pub use role::ROLE;
pub use role_binding::ROLE_BINDING;
