//! Kubernetes objects and what is true of them.
//!
//! This crate holds everything about objects that needs no cluster to decide: how an object is kept ([`Object`]), which
//! kinds there are ([`mod@kinds`]), what they default to and allow, how a client may select, patch and print them, and how
//! a refusal reads ([`Status`]). It is pure: no clock, no randomness, no IO. Whoever needs the time passes it in.
//!
//! Architecture invariant: nothing here knows keys of the store, requests, users or connections. A kind is a row in the
//! kind table; there is no handler per kind anywhere.
//!
//! ```text
//!  bytes ──decode──▶ Value ──schema::check──▶ Value ──Kind::default──▶ Value ──Kind::validate──▶ Object ──▶ bytes
//!                                              ▲                                                    │
//!                                              └──────────────── patch ◀────────────────────────────┘
//! ```

pub mod amounts;
pub mod apply;
pub mod cel;
pub mod conditions;
pub mod cron;
pub mod custom;
pub mod decode;
pub mod defaults;
pub mod field;
pub mod kinds;
pub mod meta;
pub mod names;
pub mod object;
pub mod openapi;
pub mod patch;
pub mod protobuf;
pub mod qos;
pub mod quantity;
pub mod quota;

pub mod scale;
pub mod schema;
pub mod selectors;
pub mod status;
pub mod table;
pub mod validation;
pub mod value;
mod walk;

pub use field::{FieldError, FieldErrorKind, FieldErrors, FieldPath};
pub use kinds::{Catalogue, Kind, Scope, Strategy, Subresource, Verb, find, find_kind, kinds, resolve};
pub use meta::{Meta, OwnerRef};
pub use object::{Object, ObjectError};
pub use quantity::Quantity;
pub use selectors::{FieldSelector, LabelSelector};
pub use status::{Cause, Details, Reason, Status};
