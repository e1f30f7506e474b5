//! Which pod goes to which node.
//!
//! A [`Snapshot`] holds what the scheduler must know of the cluster and is kept true by changes, one node or pod at a
//! time. [`Snapshot::place`] takes a batch of waiting pods and says for each either the node it goes to, or why none
//! would have it, in the words kube-scheduler uses.
//!
//! ```text
//!  Node, Pod changes ──▶ Snapshot ──▶ filter/ (may it?) ──▶ score/ (how well?) ──▶ Decision
//! ```
//!
//! # What makes it fast
//! Pods that ask for the same things form one class ([`Demand`] is the class). The nodes are filtered and ranked once a
//! class and batch; each placement changes one node only, so only that node is ranked again. Placing a thousand
//! replicas on five thousand nodes costs one pass over the nodes and a thousand steps in an ordered set.
//!
//! # Absent on purpose
//! No clock, no randomness, no IO: the same changes in the same order give the same placements.

mod decision;
mod demand;
pub mod filter;
mod node;
mod place;
mod ranking;
mod resources;
pub mod score;
mod snapshot;

pub use decision::{Decision, Reason, Unfit};
pub use demand::{Demand, HostPort, Requirement, RequirementOperator, SelectorTerm};
pub use node::NodeState;
pub use place::Candidate;
pub use resources::Resources;
pub use snapshot::{Effect, Snapshot};
