//! What a developer does: setup, up, down, test, verify, fix, tidy, bench.

fn main() {}
