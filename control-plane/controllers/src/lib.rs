//! What each controller does next.
//!
//! A controller is a plain function from what is to what to do: `reconcile(&World, key, now) -> Outcome`. The [`World`]
//! holds every object of the cluster as one revision shows it, kept true by changes; each change also says which keys
//! it concerns, so nothing is polled and nothing is listed. The control plane's runtime feeds the world, calls
//! [`reconcile`] and carries out the actions.
//!
//! ```text
//!  changes, in revision order ──▶ World::apply ──▶ keys ──▶ reconcile ──▶ Outcome { actions, requeue }
//!                                    ▲                                              │
//!                                    └───── the cluster, by way of the registry ◀───┘
//! ```
//!
//! # What a controller may rely on, and must do
//! * The world is one consistent revision of everything: an owner is there before its dependents.
//! * A key is not reconciled again before the world shows what its last outcome wrote. The runtime sees to it.
//! * Actions of one outcome are independent of each other and may run at once; so at most one touches any one object.
//! * Every action carries what it relies on (uid, revision), or is harmless when repeated. New objects get names that
//!   follow from what is, never random ones: whoever decides the same creation twice, even a deposed leader beside its
//!   successor, collides on the name instead of making two.
//! * A controller is level-driven: it looks at the world, not at what changed.
//!
//! # Absent on purpose
//! No clock, randomness or IO; no expectations, caches or other memory: all state is in the cluster.

pub mod action;
mod claim;
mod cluster_role_aggregation;
pub mod controller;
mod definition;
mod deployment;
mod diff;
mod endpoint_slice;
mod garbage_collector;
mod names;
mod namespace;
mod node_ipam;
pub mod node_lifecycle;
mod pod_gc;
mod replica_set;
pub mod resource;
mod resource_quota;
mod root_ca;
mod service_account;
pub mod time;
pub mod world;

pub use action::{Action, EventType, ObjectEvent, Outcome, Precondition, Propagation, Target};
pub use controller::{Controller, Key, reconcile};
pub use resource::{ObjectRef, Resource};
pub use time::Moment;
pub use world::{Applied, Change, Entry, Settings, World};
