//! The Kubernetes REST face of the registry.
