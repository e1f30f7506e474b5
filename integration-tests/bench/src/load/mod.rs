//! What is asked of a cluster, and what came of it.
//!
//! Clients are closed loops: each has one request under way. They are spread over the members evenly. Whatever a
//! store answers is checked; a wrong or missing value ends the run.

mod data;
mod figures;
mod fleet;
mod gets;
mod puts;
mod ranges;
mod watchers;

pub use data::{KeySpace, fill, verify};
pub use figures::Figures;
pub use fleet::{Fleet, Span};
pub use gets::gets;
pub use puts::puts;
pub use ranges::ranges;
pub use watchers::{Watched, watchers};
