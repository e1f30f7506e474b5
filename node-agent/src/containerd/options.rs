//! Options of containerd's runc shim, which the client crate lacks.

use containerd_client::types::Mount;
use prost_types::Any;

/// The shim; it serves runc and crun alike.
pub(super) const SHIM: &str = "io.containerd.runc.v2";

/// `containerd.runc.v1.Options`, as far as we set it.
#[derive(Clone, PartialEq, prost::Message)]
struct Options {
    /// The OCI runtime.
    #[prost(string, tag = "6")]
    binary_name: String,
    /// Where it keeps its state. Nodes that share a machine must not share it.
    #[prost(string, tag = "7")]
    root: String,
}

/// The options that name the OCI runtime and the directory of its state.
pub(super) fn runc_options(binary: &std::path::Path, root: &std::path::Path) -> Any {
    let options = Options { binary_name: binary.display().to_string(), root: root.display().to_string() };
    Any { type_url: "containerd.runc.v1.Options".to_owned(), value: prost::Message::encode_to_vec(&options) }
}

/// An OCI object as containerd wraps it.
pub(super) fn oci(kind: &str, value: &serde_json::Value) -> Any {
    let value = serde_json::to_vec(value).expect("JSON values have string keys only");
    Any { type_url: format!("types.containerd.io/opencontainers/runtime-spec/1/{kind}"), value }
}

/// The directories of which a root file system consists, topmost first, as its mounts name them.
pub(super) fn layers(mounts: &[Mount]) -> Vec<std::path::PathBuf> {
    let option = |mount: &Mount, name: &str| {
        mount.options.iter().find_map(|option| option.strip_prefix(name).map(str::to_owned)).unwrap_or_default()
    };
    let of_mount = |mount: &Mount| match mount.r#type.as_str() {
        "overlay" => format!("{}:{}", option(mount, "upperdir="), option(mount, "lowerdir=")),
        _ => mount.source.clone(),
    };
    let all = mounts.iter().map(of_mount).collect::<Vec<_>>().join(":");
    all.split(':').filter(|path| !path.is_empty()).map(std::path::PathBuf::from).collect()
}
