//! A pod's volumes: made before its containers, kept current, taken down after them.
//!
//! Each lies at `<pod>/volumes/<name>`, except hostPath volumes, which lie where they say. What may hold secrets lives on
//! tmpfs and never reaches a disk.

mod atomic;
mod host_path;
mod mounts;

use std::io;
use std::path::{Path, PathBuf};

use k8s_openapi::api::core::v1::{EmptyDirVolumeSource, Volume};
use xebec_node_plan::field::Surroundings;
use xebec_node_plan::files::{FilesError, is_rendered, is_secret, render};
use xebec_node_plan::pod::action::Desired;
use xebec_node_plan::resources::whole;

pub use mounts::{bind_mounts, unmount_below};

/// A volume cannot be made or used.
#[derive(Debug, thiserror::Error)]
pub enum VolumeError {
    /// Something it is made from is missing or wrong.
    #[error("MountVolume.SetUp failed for volume \"{volume}\" : {source}")]
    Files {
        /// Which volume.
        volume: String,
        /// Why not.
        #[source]
        source: FilesError,
    },
    /// A file of it cannot be used.
    #[error("cannot {operation} {path} of volume \"{volume}\": {source}")]
    Io {
        /// Which volume.
        volume: String,
        /// What was attempted.
        operation: &'static str,
        /// On which file.
        path: PathBuf,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// What is on the node is not what the volume asks for.
    #[error("hostPath type check failed: {path} is not a {wanted}")]
    HostPath {
        /// What is there.
        path: PathBuf,
        /// What should be.
        wanted: String,
    },
    /// A kind of volume that this node does not provide.
    #[error("volume \"{0}\" is of a kind that this node does not provide")]
    Unsupported(String),
    /// A mount leads out of its volume, or names no volume.
    #[error("mount of volume \"{volume}\": path \"{path}\" is not within it")]
    Path {
        /// Which volume.
        volume: String,
        /// Which path.
        path: String,
    },
}

/// Makes all volumes of a pod; those that exist are kept. Blocking.
pub fn prepare(directory: &Path, desired: &Desired, around: &Surroundings<'_>) -> Result<(), VolumeError> {
    for volume in desired.spec().volumes.iter().flatten() {
        prepare_one(&directory.join(&volume.name), volume, desired, around)?;
    }
    Ok(())
}

/// Renews what volumes show of ConfigMaps, Secrets and tokens. What has vanished stays as it was. Blocking.
pub fn refresh(directory: &Path, desired: &Desired, around: &Surroundings<'_>) -> Result<(), VolumeError> {
    for volume in desired.spec().volumes.iter().flatten().filter(|volume| is_rendered(volume)) {
        if let Ok(files) = render(volume, &desired.references, around) {
            atomic::write(&directory.join(&volume.name), &files).map_err(|error| error.of_volume(&volume.name))?;
        }
    }
    Ok(())
}

fn prepare_one(path: &Path, volume: &Volume, desired: &Desired, around: &Surroundings<'_>) -> Result<(), VolumeError> {
    if let Some(source) = &volume.host_path {
        return host_path::check(source, &volume.name);
    }
    let group = desired.spec().security_context.as_ref().and_then(|context| context.fs_group);
    if let Some(source) = &volume.empty_dir {
        return empty_dir(path, &volume.name, source, group);
    }
    if !is_rendered(volume) {
        return Err(VolumeError::Unsupported(volume.name.clone()));
    }
    let files = render(volume, &desired.references, around)
        .map_err(|source| VolumeError::Files { volume: volume.name.clone(), source })?;
    make_directory(path, &volume.name, 0o755, group)?;
    if is_secret(volume) {
        mounts::mount_tmpfs(path, &volume.name, None, 0o755)?;
    }
    atomic::write(path, &files).map_err(|error| error.of_volume(&volume.name))
}

fn empty_dir(path: &Path, name: &str, source: &EmptyDirVolumeSource, group: Option<i64>) -> Result<(), VolumeError> {
    make_directory(path, name, 0o777, group)?;
    if source.medium.as_deref() == Some("Memory") {
        return mounts::mount_tmpfs(path, name, source.size_limit.as_ref().map(whole), 0o777);
    }
    Ok(())
}

fn make_directory(path: &Path, volume: &str, mode: u32, group: Option<i64>) -> Result<(), VolumeError> {
    use std::os::unix::fs::PermissionsExt;
    let failed = |operation| {
        move |source| VolumeError::Io { volume: volume.to_owned(), operation, path: path.to_owned(), source }
    };
    std::fs::create_dir_all(path).map_err(failed("create"))?;
    let group = group.and_then(|group| u32::try_from(group).ok());
    if group.is_some() {
        std::os::unix::fs::chown(path, None, group).map_err(failed("change the group of"))?;
    }
    let mode = if group.is_some() { mode | 0o2070 } else { mode };
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).map_err(failed("change the mode of"))
}
