//! The node's network: pod addresses, overlay, services.
