//! ResourceQuota: what objects count for ([`usage`]), which a quota is about ([`scope`]), and what a change does to what is used
//! ([`charge`](mod@charge)).

pub mod charge;
pub mod scope;
pub mod usage;

pub use charge::{Change, QuotaRefusal, charge, count, is_counted};
