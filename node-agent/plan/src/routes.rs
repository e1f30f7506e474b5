//! Which routes, neighbours and forwarding entries lead to the other nodes' pods.
