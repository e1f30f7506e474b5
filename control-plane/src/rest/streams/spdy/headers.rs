//! Names and values of a stream: one zlib stream in each direction, for as long as the session.
//!
//! What a peer sends is bounded after it is uncompressed too: a few bytes of zlib can say gigabytes.

use std::collections::BTreeMap;

use bytes::{Buf, BufMut, Bytes, BytesMut};
use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress, Status};

use super::dictionary::dictionary;

/// Bytes of one block of names and values.
const MAX_BLOCK: usize = 64 * 1024;
const CHUNK: usize = 4 * 1024;

/// Values by their names, which are in lower case.
pub(in crate::rest::streams) type Headers = BTreeMap<String, String>;

/// A block that cannot be read. The session is over: what follows depends on it.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum HeaderError {
    /// It is not zlib, or not with our dictionary.
    #[error("headers are not compressed as SPDY/3 compresses them")]
    Zlib,
    /// It says too much.
    #[error("headers are longer than {MAX_BLOCK} bytes")]
    TooLong,
    /// Uncompressed it is no list of names and values.
    #[error("headers are no list of names and values")]
    List,
}

/// Reads the blocks of a session, in their order.
pub(super) struct Inflater(Decompress);

impl Inflater {
    pub(super) fn new() -> Inflater {
        Inflater(Decompress::new(true))
    }

    /// Reads the next block.
    pub(super) fn read(&mut self, block: &[u8]) -> Result<Headers, HeaderError> {
        let text = self.inflate(block)?;
        list(text.freeze()).ok_or(HeaderError::List)
    }

    fn inflate(&mut self, block: &[u8]) -> Result<BytesMut, HeaderError> {
        let (mut text, mut chunk) = (BytesMut::new(), [0; CHUNK]);
        let begin = self.0.total_in();
        loop {
            let (before_in, before_out) = (self.0.total_in(), self.0.total_out());
            let used = usize::try_from(before_in - begin).map_err(|_| HeaderError::TooLong)?;
            let rest = block.get(used..).unwrap_or_default();
            let wants_dictionary = match self.0.decompress(rest, &mut chunk, FlushDecompress::Sync) {
                Ok(Status::StreamEnd) => return Err(HeaderError::Zlib),
                Ok(_) => false,
                Err(error) if error.needs_dictionary().is_some() => true,
                Err(_) => return Err(HeaderError::Zlib),
            };
            if wants_dictionary {
                self.0.set_dictionary(dictionary()).map_err(|_| HeaderError::Zlib)?;
                continue;
            }
            let count = usize::try_from(self.0.total_out() - before_out).map_err(|_| HeaderError::TooLong)?;
            text.extend_from_slice(&chunk[..count.min(CHUNK)]);
            if text.len() > MAX_BLOCK {
                return Err(HeaderError::TooLong);
            }
            if count < CHUNK && (self.0.total_in() == before_in || self.0.total_in() - begin >= block.len() as u64) {
                return Ok(text);
            }
        }
    }
}

/// A number of pairs; each text after its length. Several values of a name are joined by zeros; the first counts.
fn list(mut text: Bytes) -> Option<Headers> {
    let mut headers = Headers::new();
    for _ in 0..text.try_get_u32().ok()? {
        let (name, value) = (string(&mut text)?, string(&mut text)?);
        let value = value.split('\0').next().unwrap_or_default().to_owned();
        headers.insert(name.to_ascii_lowercase(), value);
    }
    Some(headers)
}

fn string(text: &mut Bytes) -> Option<String> {
    let length = usize::try_from(text.try_get_u32().ok()?).ok()?;
    if length > text.len() {
        return None;
    }
    String::from_utf8(text.split_to(length).into()).ok()
}

/// Writes the blocks of a session, in their order.
pub(super) struct Deflater(Compress);

impl Deflater {
    pub(super) fn new() -> Deflater {
        let mut compress = Compress::new(Compression::fast(), true);
        compress.set_dictionary(dictionary()).expect("a dictionary is taken before the first byte");
        Deflater(compress)
    }

    /// Writes a block.
    pub(super) fn write(&mut self, headers: &Headers) -> Bytes {
        let text = block(headers);
        let (mut out, mut chunk, mut used) = (BytesMut::new(), [0; CHUNK], 0);
        loop {
            let (before_in, before_out) = (self.0.total_in(), self.0.total_out());
            let rest = text.get(used..).unwrap_or_default();
            self.0.compress(rest, &mut chunk, FlushCompress::Sync).expect("bytes can always be compressed");
            used += usize::try_from(self.0.total_in() - before_in).expect("not more than there was");
            let count = usize::try_from(self.0.total_out() - before_out).expect("not more than there is room for");
            out.extend_from_slice(&chunk[..count]);
            if count < CHUNK {
                return out.freeze();
            }
        }
    }
}

fn block(headers: &Headers) -> BytesMut {
    let count = |length: usize| u32::try_from(length).expect("our own headers are short");
    let mut text = BytesMut::new();
    text.put_u32(count(headers.len()));
    for word in headers.iter().flat_map(|(name, value)| [name, value]) {
        text.put_u32(count(word.len()));
        text.put(word.as_bytes());
    }
    text
}

#[cfg(test)]
mod tests {
    use proptest::collection::{btree_map, vec};
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn blocks_lean_on_those_before_them() {
        let (mut deflater, mut inflater) = (Deflater::new(), Inflater::new());
        let headers = Headers::from([("streamtype".to_owned(), "data".to_owned())]);
        let blocks = [deflater.write(&headers), deflater.write(&headers)];
        assert!(blocks[1].len() < blocks[0].len());
        for block in blocks {
            assert_eq!(inflater.read(&block), Ok(headers.clone()));
        }
        assert_eq!(inflater.read(&deflater.write(&Headers::new())), Ok(Headers::new()));
    }

    #[test]
    fn few_bytes_that_say_much_are_refused() {
        let mut compress = Compress::new(Compression::best(), true);
        let mut bomb = vec![0; 100_000];
        compress.compress(&vec![0; 10_000_000], &mut bomb, FlushCompress::Sync).unwrap();
        bomb.truncate(usize::try_from(compress.total_out()).unwrap());
        assert_eq!(Inflater::new().read(&bomb), Err(HeaderError::TooLong));
    }

    #[test]
    fn lists_that_lie_are_refused() {
        for lie in [&b""[..], b"\0\0\0\x01", b"\0\0\0\x01\xff\xff\xff\xff", b"\xff\xff\xff\xff\0\0\0\x01a"] {
            assert_eq!(list(Bytes::from_static(lie)), None, "{lie:?}");
        }
        let several = list(Bytes::from_static(b"\0\0\0\x01\0\0\0\x01A\0\0\0\x03b\0c")).unwrap();
        assert_eq!(several, Headers::from([("a".to_owned(), "b".to_owned())]));
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(blocks in vec(btree_map("[a-z]{1,9}", "[ -~]{0,900}", 0..12), 1..5)) {
            let (mut deflater, mut inflater) = (Deflater::new(), Inflater::new());
            for headers in blocks {
                prop_assert_eq!(inflater.read(&deflater.write(&headers)), Ok(headers));
            }
        }

        #[test]
        fn whatever_comes_nothing_breaks(block in vec(any::<u8>(), 0..200)) {
            let _checked = Inflater::new().read(&block).is_ok();
            let _checked = list(block.into()).is_some();
        }
    }
}
