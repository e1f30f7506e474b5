//! What is true of the node: its object, its conditions, what it uses.

mod conditions;
mod node_object;
mod system;
mod usage;

pub use conditions::{Health, conditions};
pub use node_object::node_object;
pub use system::node_size;
pub use usage::UsageMeter;
