//! Mounting: tmpfs for what must not reach a disk, and the bind mounts that containers get.

use std::path::{Component, Path, PathBuf};

use k8s_openapi::api::core::v1::{Container, PodSpec, Volume, VolumeMount};
use nix::mount::{MntFlags, MsFlags, mount, umount2};
use nix::sys::statfs::{TMPFS_MAGIC, statfs};
use xebec_node_plan::env::expand;

use super::VolumeError;
use crate::containerd::Mount;

/// Mounts a tmpfs, unless one is there.
pub(super) fn mount_tmpfs(path: &Path, volume: &str, size: Option<i64>, mode: u32) -> Result<(), VolumeError> {
    if is_tmpfs_mount(path) {
        return Ok(());
    }
    let size = size.map(|size| format!(",size={size}")).unwrap_or_default();
    let options = format!("mode={mode:o}{size}");
    let flags = MsFlags::MS_NOSUID | MsFlags::MS_NODEV;
    mount(Some("tmpfs"), path, Some("tmpfs"), flags, Some(options.as_str())).map_err(|error| VolumeError::Io {
        volume: volume.to_owned(),
        operation: "mount a tmpfs at",
        path: path.to_owned(),
        source: error.into(),
    })
}

/// A tmpfs whose parent directory is on another device is a mount of its own.
fn is_tmpfs_mount(path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    let device = |path: &Path| std::fs::metadata(path).map(|metadata| metadata.dev()).ok();
    let own = path.parent().is_some_and(|parent| device(parent) != device(path));
    own && statfs(path).is_ok_and(|stat| stat.filesystem_type() == TMPFS_MAGIC)
}

/// Unmounts every tmpfs among a pod's volumes. Blocking.
pub fn release_tmpfs(directory: &Path) -> Result<(), VolumeError> {
    let Ok(entries) = std::fs::read_dir(directory) else { return Ok(()) };
    for path in entries.flatten().map(|entry| entry.path()).filter(|path| is_tmpfs_mount(path)) {
        umount2(&path, MntFlags::MNT_DETACH).map_err(|error| VolumeError::Io {
            volume: path.file_name().unwrap_or_default().to_string_lossy().into_owned(),
            operation: "unmount",
            path: path.clone(),
            source: error.into(),
        })?;
    }
    Ok(())
}

/// The volumes that a container sees. Blocking.
pub fn bind_mounts(
    directory: &Path,
    spec: &PodSpec,
    container: &Container,
    env: &[(String, String)],
) -> Result<Vec<Mount>, VolumeError> {
    let mounts = container.volume_mounts.iter().flatten();
    mounts.map(|mount| bind_mount(directory, spec, mount, env)).collect()
}

fn bind_mount(
    directory: &Path,
    spec: &PodSpec,
    mount: &VolumeMount,
    env: &[(String, String)],
) -> Result<Mount, VolumeError> {
    let volume = spec.volumes.iter().flatten().find(|volume| volume.name == mount.name);
    let volume = volume.ok_or_else(|| VolumeError::Unsupported(mount.name.clone()))?;
    let root = root_of(directory, volume);
    let lookup = |name: &str| env.iter().find(|(key, _)| key == name).map(|(_, value)| value.clone());
    let expanded = mount.sub_path_expr.as_deref().map(|path| expand(path, lookup));
    let sub_path = expanded.or_else(|| mount.sub_path.clone()).filter(|path| !path.is_empty());
    let source = match sub_path {
        None => root,
        Some(path) => within(&root, &path, &mount.name)?,
    };
    let propagation = match mount.mount_propagation.as_deref() {
        Some("HostToContainer") => "rslave",
        Some("Bidirectional") => "rshared",
        _ => "rprivate",
    };
    let read_only = mount.read_only == Some(true);
    Ok(Mount { source, destination: mount.mount_path.clone(), read_only, propagation })
}

fn root_of(directory: &Path, volume: &Volume) -> PathBuf {
    match &volume.host_path {
        Some(source) => PathBuf::from(&source.path),
        None => directory.join(&volume.name),
    }
}

/// A path within a volume, made a directory if nothing is there. Links must not lead out.
fn within(root: &Path, path: &str, volume: &str) -> Result<PathBuf, VolumeError> {
    let outside = || VolumeError::Path { volume: volume.to_owned(), path: path.to_owned() };
    if !Path::new(path).components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir)) {
        return Err(outside());
    }
    let failed =
        |source| VolumeError::Io { volume: volume.to_owned(), operation: "resolve", path: root.join(path), source };
    let root = root.canonicalize().map_err(failed)?;
    let mut resolved = root.clone();
    for part in Path::new(path).components() {
        resolved.push(part);
        match std::fs::create_dir(&resolved) {
            Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => return Err(failed(error)),
            _ => {}
        }
        resolved = resolved.canonicalize().map_err(failed)?;
        if !resolved.starts_with(&root) {
            return Err(outside());
        }
    }
    Ok(resolved)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sub_paths_stay_within_their_volume() {
        let volume = tempfile::tempdir().unwrap();
        std::os::unix::fs::symlink("/etc", volume.path().join("out")).unwrap();
        let check = |path: &str| within(volume.path(), path, "v").map_err(|error| error.to_string());
        assert!(check("a/b").unwrap().ends_with("a/b"));
        for path in ["../x", "/etc", "out", "out/passwd"] {
            assert_eq!(check(path), Err(format!("mount of volume \"v\": path \"{path}\" is not within it")));
        }
    }
}
