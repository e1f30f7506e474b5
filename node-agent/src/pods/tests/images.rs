//! An image archive made of the machine's own static busybox.

use std::path::Path;

use serde_json::json;
use sha2::{Digest, Sha256};

/// Writes a Docker archive of busybox under this name.
pub(super) fn write_busybox(path: &Path, name: &str) {
    let layer = layer();
    let digest: String = Sha256::digest(&layer).iter().map(|byte| format!("{byte:02x}")).collect();
    let config = json!({
        "architecture": "amd64", "os": "linux",
        "config": {"Cmd": ["sh"], "Env": ["PATH=/bin", "FROM_IMAGE=yes"], "Entrypoint": null},
        "rootfs": {"type": "layers", "diff_ids": [format!("sha256:{digest}")]},
    });
    let manifest = json!([{"Config": "config.json", "RepoTags": [name], "Layers": ["layer/layer.tar"]}]);
    let mut tar = tar::Builder::new(Vec::new());
    append(&mut tar, "config.json", config.to_string().as_bytes(), 0o644);
    append(&mut tar, "layer/layer.tar", &layer, 0o644);
    append(&mut tar, "manifest.json", manifest.to_string().as_bytes(), 0o644);
    std::fs::write(path, tar.into_inner().unwrap()).unwrap();
}

fn layer() -> Vec<u8> {
    let busybox = std::fs::read("/bin/busybox").or_else(|_| std::fs::read("/usr/bin/busybox")).unwrap();
    let mut tar = tar::Builder::new(Vec::new());
    append(&mut tar, "bin/busybox", &busybox, 0o755);
    for applet in
        ["sh", "sleep", "cat", "echo", "id", "hostname", "stty", "kill", "true", "false", "env", "ls", "httpd", "wc"]
    {
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(tar::EntryType::Symlink);
        header.set_size(0);
        header.set_mode(0o777);
        tar.append_link(&mut header, format!("bin/{applet}"), "busybox").unwrap();
    }
    append(&mut tar, "etc/passwd", b"root:x:0:0::/:/bin/sh\nweb:x:101:102::/:/bin/sh\n", 0o644);
    tar.into_inner().unwrap()
}

fn append(tar: &mut tar::Builder<Vec<u8>>, path: &str, bytes: &[u8], mode: u32) {
    let mut header = tar::Header::new_gnu();
    header.set_size(bytes.len() as u64);
    header.set_mode(mode);
    tar.append_data(&mut header, path, bytes).unwrap();
}
