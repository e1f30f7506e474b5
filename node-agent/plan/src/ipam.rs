//! Which address a pod gets from its node's subnet.
