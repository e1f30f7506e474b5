//! The one binary: xebec.

fn main() {}
