//! Images: read from archives, imported when they appear in the node's image directory.

mod archive;
mod docker_archive;
mod oci_layout;
mod watch;

pub use archive::{ArchiveError, ArchivedImage, Blob, ImageArchive, Place};
pub use watch::ImageDirectory;
pub(crate) use watch::chain;
