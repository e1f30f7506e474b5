//! Who is asking.
//!
//! A client certificate that the client CA has signed is the one way to be somebody: TLS has verified it before a request is
//! read, [`certificate`] turns its subject into a [`User`], and the listener hangs that on each request of the connection.

pub mod certificate;
pub mod user;

pub use user::User;
