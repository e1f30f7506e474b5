//! The sample shop's HTTP server, std only so that it links statically into a tiny image.

fn main() {}
