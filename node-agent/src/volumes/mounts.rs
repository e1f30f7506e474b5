//! Mounting: tmpfs for what must not reach a disk, and the bind mounts that containers get.

use std::os::unix::ffi::OsStringExt;
use std::path::{Component, Path, PathBuf};

use k8s_openapi::api::core::v1::{Container, PodSpec, Volume, VolumeMount};
use nix::errno::Errno;
use nix::mount::{MntFlags, MsFlags, mount, umount2};
use nix::sys::statfs::{TMPFS_MAGIC, statfs};
use xebec_node_plan::env::expand;

use super::VolumeError;
use crate::containerd::Mount;

/// The mounts that this thread sees.
const MOUNTS: &str = "/proc/thread-self/mountinfo";

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

/// Unmounts everything below a directory: our tmpfs, and what a container has mounted into a volume that it shares with the
/// node. Whoever removes the directory would otherwise remove what is mounted there. Blocking.
pub fn unmount_below(directory: &Path) -> Result<(), VolumeError> {
    let Ok(directory) = directory.canonicalize() else { return Ok(()) };
    let failed = |operation, path: &Path, source| VolumeError::Io {
        volume: path.file_name().unwrap_or_default().to_string_lossy().into_owned(),
        operation,
        path: path.to_owned(),
        source,
    };
    let table = std::fs::read(MOUNTS).map_err(|source| failed("read", Path::new(MOUNTS), source))?;
    // The newest first: it may lie on an older one.
    for path in mounts_below(&table, &directory).iter().rev() {
        match umount2(path, MntFlags::MNT_DETACH | MntFlags::UMOUNT_NOFOLLOW) {
            // It went with one that it lay on.
            Ok(()) | Err(Errno::EINVAL | Errno::ENOENT) => {}
            Err(error) => return Err(failed("unmount", path, error.into())),
        }
    }
    Ok(())
}

/// Mount points below a directory, in the order of the kernel's table.
fn mounts_below(table: &[u8], directory: &Path) -> Vec<PathBuf> {
    let lines = table.split(|byte| *byte == b'\n');
    let points = lines.filter_map(|line| line.split(|byte| *byte == b' ').nth(4)).map(unescaped);
    points.filter(|point| point.starts_with(directory) && point != directory).collect()
}

/// The kernel writes blanks and backslashes as octal numbers: `\040`.
fn unescaped(text: &[u8]) -> PathBuf {
    let (mut bytes, mut rest) = (Vec::with_capacity(text.len()), text);
    while let Some((first, after)) = rest.split_first() {
        let number = after.get(..3).and_then(|digits| std::str::from_utf8(digits).ok());
        match number.and_then(|digits| u8::from_str_radix(digits, 8).ok()).filter(|_| *first == b'\\') {
            Some(byte) => {
                bytes.push(byte);
                rest = &after[3..];
            }
            None => {
                bytes.push(*first);
                rest = after;
            }
        }
    }
    PathBuf::from(std::ffi::OsString::from_vec(bytes))
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
    fn mounts_below_a_directory_are_found_in_the_kernels_table() {
        let table = b"22 1 8:1 / / rw - ext4 /dev/sda rw\n\
            90 22 0:50 / /data/pods/u/volumes/v rw shared:1 - tmpfs tmpfs rw\n\
            91 90 0:51 / /data/pods/u/volumes/v/a\\040b rw - nfs far:/x rw\n\
            92 22 0:52 / /data/pods/u/volumes2 rw - tmpfs tmpfs rw\n\
            93 22 0:53 / /data/pods/u/volumes rw - tmpfs tmpfs rw\n";
        let found = mounts_below(table, Path::new("/data/pods/u/volumes"));
        assert_eq!(found, ["/data/pods/u/volumes/v", "/data/pods/u/volumes/v/a b"].map(PathBuf::from));
    }

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
