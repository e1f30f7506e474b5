//! Certificate authorities and the certificates they sign.
//!
//! Three authorities stand apart, so that a key of one kind is worth nothing in another place:
//!
//! | authority | signs | trusted by |
//! | --- | --- | --- |
//! | serving | what the masters' API shows | everybody who dials a master; join tokens name it by hash |
//! | client | who a caller is | the masters' API |
//! | peer | both ends of Raft connections | masters among themselves |
//!
//! All keys are ECDSA P-256. Authorities live ten years, certificates one; a certificate is renewed when a third of its life is
//! left, at start and by [`renewal`], and connections take the new one up without a restart ([`rotating`]).

pub mod authority;
pub mod directory;
pub mod error;
pub mod files;
pub mod kubeconfig;
pub mod leaf;
pub mod renewal;
pub mod request;
pub mod rotating;
pub mod signing;
pub mod tls;

pub use authority::Authority;
pub use directory::{Authorities, Pki};
pub use error::PkiError;
pub use leaf::{Leaf, Purpose};
