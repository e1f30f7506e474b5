//! One master, assembled: store, cache, registry, listeners, leader's work.
//!
//! Start reading at [`master`] (start and shutdown), then `assembly` (who is wired to whom) and [`listener`] with [`gate`] (how
//! a request comes in).

mod assembly;
mod certificate_requests;
mod certificate_signer;
pub mod config;
mod default_objects;
pub mod disaster;
pub mod error;
pub mod gate;
pub mod health;
pub mod in_flight;
mod leader_objects;
pub mod listener;
pub mod master;
pub mod master_file;
mod membership;
mod networks;
pub mod reading;
mod settle;
mod standing;
mod view;

pub use config::{Join, ServerConfig};
pub use disaster::{Begun, RestoreOptions};
pub use error::ServerError;
pub use master::{JoinCommands, Master};
pub use standing::Dismissal;
