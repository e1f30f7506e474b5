//! The channel protocols v4 and v5: every message begins with the number of its channel.
//!
//! For a command: 0 stdin, 1 stdout, 2 stderr, 3 the Status at the end, 4 sizes of the terminal; in v5 a message of channel 255
//! closes the channel that it names. For port-forward each port has two channels, data and errors, and the first message of
//! each, from us, is the port's number.

use bytes::Bytes;
use serde::Deserialize;

pub(super) const STDIN: u8 = 0;
pub(super) const STDOUT: u8 = 1;
pub(super) const STDERR: u8 = 2;
pub(super) const STATUS: u8 = 3;
const RESIZE: u8 = 4;
const CLOSE: u8 = 255;

/// Which of the protocols.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Version {
    V4,
    V5,
}

/// What a client says.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Incoming {
    Stdin(Bytes),
    StdinClosed,
    Resize {
        width: u32,
        height: u32,
    },
    /// Something that has no meaning here, and does no harm.
    Nothing,
}

/// A message that breaks the protocol.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum ChannelError {
    /// There is no such channel.
    #[error("there is no channel {0}")]
    NoChannel(u8),
    /// The terminal's size cannot be read.
    #[error("the size of the terminal is not a pair of Width and Height")]
    Size,
}

/// A message that belongs on a channel.
pub(super) fn write(channel: u8, payload: &[u8]) -> Bytes {
    [&[channel], payload].concat().into()
}

/// The channel of a message, and the rest.
pub(super) fn split(mut message: Bytes) -> Option<(u8, Bytes)> {
    let channel = *message.first()?;
    Some((channel, message.split_off(1)))
}

/// Reads a message of exec or attach.
pub(super) fn read(version: Version, message: Bytes) -> Result<Incoming, ChannelError> {
    let Some((channel, payload)) = split(message) else { return Ok(Incoming::Nothing) };
    match channel {
        STDIN if payload.is_empty() => Ok(Incoming::Nothing),
        STDIN => Ok(Incoming::Stdin(payload)),
        STDOUT | STDERR | STATUS => Ok(Incoming::Nothing),
        RESIZE => size(&payload),
        CLOSE if version == Version::V5 && payload.as_ref() == [STDIN] => Ok(Incoming::StdinClosed),
        CLOSE if version == Version::V5 => Ok(Incoming::Nothing),
        other => Err(ChannelError::NoChannel(other)),
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Size {
    width: u16,
    height: u16,
}

/// Reads a terminal's size.
pub(super) fn size(json: &[u8]) -> Result<Incoming, ChannelError> {
    let Size { width, height } = serde_json::from_slice(json).map_err(|_| ChannelError::Size)?;
    Ok(Incoming::Resize { width: width.into(), height: height.into() })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(version: Version, message: &'static [u8], expect: Result<Incoming, ChannelError>) {
        assert_eq!(read(version, Bytes::from_static(message)), expect, "{message:?}");
    }

    #[test]
    fn messages_mean_what_their_channel_says() {
        use Version::{V4, V5};
        check(V4, b"\0abc", Ok(Incoming::Stdin(Bytes::from_static(b"abc"))));
        check(V4, b"", Ok(Incoming::Nothing));
        check(V4, b"\0", Ok(Incoming::Nothing));
        check(V5, b"\xff\0", Ok(Incoming::StdinClosed));
        check(V5, b"\xff\x01", Ok(Incoming::Nothing));
        check(V5, b"\xff", Ok(Incoming::Nothing));
        check(V4, b"\xff\0", Err(ChannelError::NoChannel(255)));
        check(V5, b"\x05", Err(ChannelError::NoChannel(5)));
        check(V5, b"\x04{\"Width\":80,\"Height\":24}", Ok(Incoming::Resize { width: 80, height: 24 }));
        check(V5, b"\x04{\"Width\":-1}", Err(ChannelError::Size));
    }

    proptest! {
        #[test]
        fn whatever_is_read_nothing_breaks(message: Vec<u8>, v5: bool) {
            let version = if v5 { Version::V5 } else { Version::V4 };
            let _checked = read(version, message.into()).is_ok();
        }

        #[test]
        fn what_is_written_is_split_again(channel: u8, payload: Vec<u8>) {
            prop_assert_eq!(split(write(channel, &payload)), Some((channel, payload.into())));
        }
    }
}
