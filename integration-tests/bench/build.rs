//! Generates the servers of etcd's services for the messages in `src/wire/`, which are written by hand.

use tonic_build::manual::{Builder, Method, Service};

const PACKAGE: &str = "etcdserverpb";

fn main() {
    let kv = ["Range", "Put"].map(unary);
    let kv = kv.into_iter().fold(Service::builder().name("KV").package(PACKAGE), |kv, method| kv.method(method));
    let watch = method("Watch").client_streaming().server_streaming().build();
    let watch = Service::builder().name("Watch").package(PACKAGE).method(watch);
    let maintenance = Service::builder().name("Maintenance").package(PACKAGE);
    let maintenance = maintenance.method(unary("Status")).method(unary("Hash"));
    let services = [kv.build(), watch.build(), maintenance.build()];
    Builder::new().build_client(false).compile(&services);
}

fn unary(route: &str) -> Method {
    method(route).build()
}

fn method(route: &str) -> tonic_build::manual::MethodBuilder {
    Method::builder()
        .name(route.to_lowercase())
        .route_name(route)
        .input_type(format!("crate::wire::{route}Request"))
        .output_type(format!("crate::wire::{route}Response"))
        .codec_path("tonic_prost::ProstCodec")
}
