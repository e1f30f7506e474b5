//! Node scenarios: whole pods on the fake runtime, and on a real containerd where one may be used.

mod double;
mod fake_node;
mod images;
mod real_node;
mod stage;
