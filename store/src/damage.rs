//! Which errors of reading mean that what is on disk is damaged.
//!
//! What is damaged is thrown away and made again from the rest. So nothing else may count: too few file descriptors, no
//! memory, no permission, or a file of a newer version, which a downgrade must leave alone. All these stop the start.

use std::io;

use nix::errno::Errno;

/// Whether the contents are not what was written, or the disk cannot give them back.
pub(crate) fn is_damage(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof)
        || error.raw_os_error() == Some(Errno::EIO as i32)
}

/// What a file says that a later program has written.
pub(crate) fn too_new(what: &str, found: u32, known: u32) -> io::Error {
    let text =
        format!("{what} of version {found}, and this program knows up to {known}: start the newer program again");
    io::Error::new(io::ErrorKind::Unsupported, text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_the_contents_or_the_disk_say_is_damage() {
        let of = |errno: Errno| is_damage(&io::Error::from_raw_os_error(errno as i32));
        assert!(of(Errno::EIO) && is_damage(&io::ErrorKind::InvalidData.into()));
        assert!(is_damage(&io::ErrorKind::UnexpectedEof.into()), "cut off");
        for errno in [Errno::EMFILE, Errno::ENFILE, Errno::ENOMEM, Errno::EACCES, Errno::EINTR] {
            assert!(!of(errno), "{errno}");
        }
        assert!(!is_damage(&too_new("a snapshot", 2, 1)));
    }
}
