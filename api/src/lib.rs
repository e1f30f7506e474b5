//! Kubernetes objects and what is true of them.
