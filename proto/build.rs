//! Compiles `proto/**/*.proto` with protox, so that no `protoc` has to be installed.
use std::error::Error;

const FILES: [&str; 4] = [
    "proto/xebec/v1/objects.proto",
    "proto/xebec/v1/nodes.proto",
    "proto/xebec/v1/cluster.proto",
    "proto/xebec/peer/v1/peer.proto",
];

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo:rerun-if-changed=proto");
    let descriptors = protox::compile(FILES, ["proto"])?;
    tonic_prost_build::configure().bytes(".").compile_fds(descriptors)?;
    Ok(())
}
