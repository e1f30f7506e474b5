//! The only place that knows containerd's types.
