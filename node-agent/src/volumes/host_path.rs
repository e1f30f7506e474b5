//! hostPath volumes: what is there must be what the volume asks for.

use std::os::unix::fs::FileTypeExt;
use std::path::Path;

use k8s_openapi::api::core::v1::HostPathVolumeSource;

use super::VolumeError;

pub(super) fn check(source: &HostPathVolumeSource, volume: &str) -> Result<(), VolumeError> {
    let path = Path::new(&source.path);
    let wanted = source.type_.as_deref().unwrap_or_default();
    let failed = |operation| {
        move |source| VolumeError::Io { volume: volume.to_owned(), operation, path: path.to_owned(), source }
    };
    if !path.exists() {
        match wanted {
            "DirectoryOrCreate" => std::fs::create_dir_all(path).map_err(failed("create"))?,
            "FileOrCreate" => std::fs::write(path, []).map_err(failed("create"))?,
            // As with no type at all: a directory appears, so that the container can start.
            "" => std::fs::create_dir_all(path).map_err(failed("create"))?,
            _ => {}
        }
    }
    let kind = std::fs::metadata(path).map_err(failed("find"))?.file_type();
    let right = match wanted {
        "" => true,
        "Directory" | "DirectoryOrCreate" => kind.is_dir(),
        "File" | "FileOrCreate" => kind.is_file(),
        "Socket" => kind.is_socket(),
        "CharDevice" => kind.is_char_device(),
        "BlockDevice" => kind.is_block_device(),
        _ => false,
    };
    if right { Ok(()) } else { Err(VolumeError::HostPath { path: path.to_owned(), wanted: wanted.to_owned() }) }
}
