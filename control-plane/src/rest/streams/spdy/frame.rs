//! Frames of SPDY/3.1: bytes in, frames out, and back. Pure.
//!
//! Data is given out as it comes, for a frame of it may be 16 MiB long; control frames are short, and one that is not is refused.

use bytes::{Buf, BufMut, Bytes, BytesMut};

/// Every frame begins with so many bytes.
const HEAD: usize = 8;
/// The names and values of one stream are some hundred bytes.
const MAX_CONTROL: usize = 64 * 1024;
/// The longest data that fits a frame's length.
const MAX_DATA: usize = 0x00ff_ffff;
const VERSION: u16 = 3;
const CONTROL: u8 = 0x80;
const FIN: u8 = 1;
const ID: u32 = 0x7fff_ffff;

const SYN_STREAM: u16 = 1;
const SYN_REPLY: u16 = 2;
const RST_STREAM: u16 = 3;
const PING: u16 = 6;
const GOAWAY: u16 = 7;
const HEADERS: u16 = 8;

/// Why a stream is reset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub(super) enum Reset {
    /// There are too many.
    Refused = 3,
    /// It is not wanted any more.
    Cancel = 5,
}

/// A frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Frame {
    /// A stream begins; its headers are compressed.
    SynStream { stream: u32, fin: bool, headers: Bytes },
    /// Our answer to it.
    SynReply { stream: u32, headers: Bytes },
    /// A stream is broken off.
    Reset { stream: u32, status: u32 },
    /// A question that is answered with itself.
    Ping { id: u32 },
    /// No more streams.
    GoAway { last: u32 },
    /// More headers, which must be uncompressed for the sake of those that follow.
    Headers { headers: Bytes },
    /// Bytes of a stream, or a piece of them.
    Data { stream: u32, fin: bool, bytes: Bytes },
    /// A frame that means nothing here: settings, window updates.
    Other,
}

/// Bytes that are no frames.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum FrameError {
    /// Another version of the protocol.
    #[error("version {0} of SPDY is not spoken here")]
    Version(u16),
    /// A control frame that is too long.
    #[error("a control frame of {0} bytes is too long")]
    TooLong(usize),
    /// A control frame that is too short for what it is.
    #[error("a control frame of type {0} is cut short")]
    Short(u16),
}

/// Cuts frames out of a connection's bytes.
#[derive(Debug, Default)]
pub(super) struct Decoder {
    /// The data frame that has not come whole.
    open: Option<OpenData>,
}

#[derive(Clone, Copy, Debug)]
struct OpenData {
    stream: u32,
    fin: bool,
    left: usize,
}

impl Decoder {
    /// The next frame; `None` until there are more bytes.
    pub(super) fn next(&mut self, buffer: &mut BytesMut) -> Result<Option<Frame>, FrameError> {
        if let Some(open) = self.open.take() {
            return Ok(self.piece(open, buffer));
        }
        let Some(head) = buffer.first_chunk::<HEAD>().copied() else { return Ok(None) };
        let [first, second, third, fourth, flags, long, middle, short] = head;
        let length = u32::from_be_bytes([0, long, middle, short]) as usize;
        if first & CONTROL == 0 {
            buffer.advance(HEAD);
            let stream = u32::from_be_bytes([first, second, third, fourth]);
            return Ok(self.piece(OpenData { stream, fin: flags & FIN != 0, left: length }, buffer));
        }
        let version = u16::from_be_bytes([first & !CONTROL, second]);
        if version != VERSION {
            return Err(FrameError::Version(version));
        }
        if length > MAX_CONTROL {
            return Err(FrameError::TooLong(length));
        }
        if buffer.len() < HEAD + length {
            return Ok(None);
        }
        buffer.advance(HEAD);
        let payload = buffer.split_to(length).freeze();
        let kind = u16::from_be_bytes([third, fourth]);
        control(kind, flags, payload).ok_or(FrameError::Short(kind)).map(Some)
    }

    /// As much of a data frame as has come.
    fn piece(&mut self, open: OpenData, buffer: &mut BytesMut) -> Option<Frame> {
        let count = open.left.min(buffer.len());
        if count == 0 && open.left > 0 {
            self.open = Some(open);
            return None;
        }
        let (bytes, left) = (buffer.split_to(count).freeze(), open.left - count);
        if left > 0 {
            self.open = Some(OpenData { left, ..open });
        }
        Some(Frame::Data { stream: open.stream, fin: open.fin && left == 0, bytes })
    }
}

/// `None`: the payload is too short.
fn control(kind: u16, flags: u8, mut payload: Bytes) -> Option<Frame> {
    let fin = flags & FIN != 0;
    Some(match kind {
        SYN_STREAM => {
            let stream = number(&mut payload)? & ID;
            // The associated stream and the priority mean nothing here.
            let headers = payload.get(6..).map(|rest| payload.slice_ref(rest))?;
            Frame::SynStream { stream, fin, headers }
        }
        SYN_REPLY => Frame::SynReply { stream: number(&mut payload)? & ID, headers: payload },
        RST_STREAM => Frame::Reset { stream: number(&mut payload)? & ID, status: number(&mut payload)? },
        PING => Frame::Ping { id: number(&mut payload)? },
        GOAWAY => Frame::GoAway { last: number(&mut payload)? & ID },
        HEADERS => {
            number(&mut payload)?;
            Frame::Headers { headers: payload }
        }
        _ => Frame::Other,
    })
}

fn number(payload: &mut Bytes) -> Option<u32> {
    payload.try_get_u32().ok()
}

/// Writes a frame as we send them.
pub(super) fn encode(frame: Frame, out: &mut BytesMut) {
    match frame {
        Frame::SynStream { stream, fin, headers } => {
            head(SYN_STREAM, if fin { FIN } else { 0 }, 10 + headers.len(), out);
            out.put_u32(stream);
            out.put_bytes(0, 6);
            out.put(headers);
        }
        Frame::SynReply { stream, headers } => numbered(SYN_REPLY, stream, &headers, out),
        Frame::Headers { headers } => numbered(HEADERS, 0, &headers, out),
        Frame::Reset { stream, status } => numbered(RST_STREAM, stream, &status.to_be_bytes(), out),
        Frame::Ping { id } => numbered(PING, id, &[], out),
        Frame::GoAway { last } => numbered(GOAWAY, last, &0_u32.to_be_bytes(), out),
        Frame::Data { stream, fin, bytes } => data(stream, fin, bytes, out),
        Frame::Other => {}
    }
}

fn head(kind: u16, flags: u8, length: usize, out: &mut BytesMut) {
    out.put_u16(u16::from(CONTROL) << 8 | VERSION);
    out.put_u16(kind);
    out.put_u8(flags);
    out.put_uint(length as u64, 3);
}

/// A control frame that begins with a number.
fn numbered(kind: u16, number: u32, rest: &[u8], out: &mut BytesMut) {
    head(kind, 0, 4 + rest.len(), out);
    out.put_u32(number);
    out.put(rest);
}

fn data(stream: u32, fin: bool, mut bytes: Bytes, out: &mut BytesMut) {
    loop {
        let chunk = bytes.split_to(bytes.len().min(MAX_DATA));
        let is_last = bytes.is_empty();
        out.put_u32(stream & ID);
        out.put_u8(if fin && is_last { FIN } else { 0 });
        out.put_uint(chunk.len() as u64, 3);
        out.put(chunk);
        if is_last {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    fn decode(bytes: &[u8], step: usize) -> Result<Vec<Frame>, FrameError> {
        let (mut decoder, mut buffer, mut frames) = (Decoder::default(), BytesMut::new(), Vec::new());
        for chunk in bytes.chunks(step) {
            buffer.extend_from_slice(chunk);
            while let Some(frame) = decoder.next(&mut buffer)? {
                frames.push(frame);
            }
        }
        Ok(frames)
    }

    /// Pieces of data put together again.
    fn joined(frames: Vec<Frame>) -> Vec<Frame> {
        let mut out: Vec<Frame> = Vec::new();
        for frame in frames {
            match (out.last_mut(), frame) {
                (
                    Some(Frame::Data { stream, fin: fin @ false, bytes }),
                    Frame::Data { stream: next, fin: last, bytes: more },
                ) if *stream == next => {
                    *bytes = [bytes.as_ref(), more.as_ref()].concat().into();
                    *fin = last;
                }
                (_, frame) => out.push(frame),
            }
        }
        out
    }

    #[test]
    fn a_stream_begins() {
        let bytes = b"\x80\x03\x00\x01\x01\x00\x00\x0c\x00\x00\x00\x05\x00\x00\x00\x00\x00\x00xy";
        let headers = Bytes::from_static(b"xy");
        assert_eq!(decode(bytes, 1), Ok(vec![Frame::SynStream { stream: 5, fin: true, headers }]));
    }

    #[test]
    fn what_is_no_spdy_is_refused() {
        assert_eq!(decode(b"\x80\x02\x00\x01\x00\x00\x00\x00", 8), Err(FrameError::Version(2)));
        assert_eq!(decode(b"\x80\x03\x00\x01\x00\xff\xff\xff", 8), Err(FrameError::TooLong(0xff_ffff)));
        assert_eq!(decode(b"\x80\x03\x00\x06\x00\x00\x00\x02\0\0", 8), Err(FrameError::Short(6)));
        assert_eq!(decode(b"\x80\x03\x00\x04\x00\x00\x00\x02\0\0", 8), Ok(vec![Frame::Other]));
    }

    fn frames() -> impl Strategy<Value = Frame> {
        let stream = 1..ID;
        let bytes = || vec(any::<u8>(), 0..300).prop_map(Bytes::from);
        prop_oneof![
            (stream.clone(), any::<bool>(), bytes()).prop_map(|(stream, fin, headers)| Frame::SynStream {
                stream,
                fin,
                headers
            }),
            (stream.clone(), bytes()).prop_map(|(stream, headers)| Frame::SynReply { stream, headers }),
            (stream.clone(), any::<u32>()).prop_map(|(stream, status)| Frame::Reset { stream, status }),
            any::<u32>().prop_map(|id| Frame::Ping { id }),
            (stream.clone()).prop_map(|last| Frame::GoAway { last }),
            (stream, any::<bool>(), bytes()).prop_map(|(stream, fin, bytes)| Frame::Data { stream, fin, bytes }),
        ]
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_in_pieces_of_any_size(frames in vec(frames(), 0..8), step in 1_usize..64) {
            let mut bytes = BytesMut::new();
            for frame in &frames {
                encode(frame.clone(), &mut bytes);
            }
            prop_assert_eq!(joined(decode(&bytes, step).unwrap()), joined(frames));
        }

        #[test]
        fn whatever_comes_nothing_breaks(bytes in vec(any::<u8>(), 0..200), step in 1_usize..64) {
            let _checked = decode(&bytes, step).is_ok();
        }

        #[test]
        fn whatever_a_control_frame_holds_nothing_breaks(kind in 0_u16..12, payload in vec(any::<u8>(), 0..40)) {
            let mut bytes = BytesMut::new();
            head(kind, 0, payload.len(), &mut bytes);
            bytes.extend_from_slice(&payload);
            let _checked = decode(&bytes, 64).is_ok();
        }
    }
}
