//! How pods and services are reached.

mod addresses;
mod ingress;
mod ingress_class;
mod network_policy;

pub use addresses::{IP_ADDRESS, SERVICE_CIDR};
pub use ingress::INGRESS;
pub use ingress_class::INGRESS_CLASS;
pub use network_policy::NETWORK_POLICY;
