//! Images made on this machine: nothing is pulled, so a cluster starts without a registry or a network.

mod archive;
mod layer;

pub use archive::Image;

use std::path::Path;

use anyhow::{Context, Result, bail};

use crate::command::run;
use layer::Layer;

/// The name of the shop's image.
pub const TILL: &str = "localhost/till:1";
/// The name of the visitor's image.
pub const BUSYBOX: &str = "localhost/busybox:1";

/// One static binary, and nothing else.
pub fn till(binary: &Path) -> Result<Image> {
    let mut layer = Layer::new();
    layer.file("till", &read(binary)?, 0o755)?;
    Ok(Image { name: TILL, layer: layer.finish()?, entrypoint: vec!["/till".to_owned()], command: Vec::new() })
}

/// Debian's static busybox under the name of each of its applets.
pub fn busybox() -> Result<Image> {
    let binary = find_busybox()?;
    let mut layer = Layer::new();
    ["bin", "etc", "root"].iter().try_for_each(|folder| layer.folder(folder, 0o755))?;
    layer.folder("tmp", 0o1777)?;
    layer.file("bin/busybox", &read(Path::new(&binary))?, 0o755)?;
    layer.file("etc/passwd", b"root:x:0:0:root:/root:/bin/sh\n", 0o644)?;
    for applet in run(&binary, &["--list"])?.lines().filter(|applet| *applet != "busybox") {
        layer.link(&format!("bin/{applet}"), "busybox")?;
    }
    Ok(Image { name: BUSYBOX, layer: layer.finish()?, entrypoint: Vec::new(), command: vec!["sh".to_owned()] })
}

fn find_busybox() -> Result<String> {
    let known = ["/bin/busybox", "/usr/bin/busybox"];
    match known.iter().find(|path| Path::new(path).is_file()) {
        Some(path) => Ok((*path).to_owned()),
        None => bail!("no busybox on this machine: install the package busybox-static (`cargo xtask setup` does)"),
    }
}

fn read(path: &Path) -> Result<Vec<u8>> {
    std::fs::read(path).with_context(|| format!("read {}", path.display()))
}
