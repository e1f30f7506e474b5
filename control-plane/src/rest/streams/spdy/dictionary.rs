//! The dictionary that SPDY/3 compresses headers with.
//!
//! A constant of the protocol, from section 2.6.10.1 of draft-mbelshe-httpbis-spdy-00: words of HTTP, each after its length in
//! four bytes, then values that are frequent, without lengths. A peer that has another dictionary cannot talk to us; the checksum
//! that every zlib stream with a dictionary carries is tested below.

use std::sync::LazyLock;

#[rustfmt::skip]
const WORDS: &[&str] = &[
    "options", "head", "post", "put", "delete", "trace", "accept", "accept-charset", "accept-encoding",
    "accept-language", "accept-ranges", "age", "allow", "authorization", "cache-control", "connection",
    "content-base", "content-encoding", "content-language", "content-length", "content-location", "content-md5",
    "content-range", "content-type", "date", "etag", "expect", "expires", "from", "host", "if-match",
    "if-modified-since", "if-none-match", "if-range", "if-unmodified-since", "last-modified", "location",
    "max-forwards", "pragma", "proxy-authenticate", "proxy-authorization", "range", "referer", "retry-after",
    "server", "te", "trailer", "transfer-encoding", "upgrade", "user-agent", "vary", "via", "warning",
    "www-authenticate", "method", "get", "status", "200 OK", "version", "HTTP/1.1", "url", "public", "set-cookie",
    "keep-alive", "origin",
];

const VALUES: &str = concat!(
    "100101201202205206300302303304305306307402405406407408409410411412413414415416417502504505203 Non-Au",
    "thoritative Information204 No Content301 Moved Permanently400 Bad Request401 Unauthorized403 Forbidd",
    "en404 Not Found500 Internal Server Error501 Not Implemented503 Service UnavailableJan Feb Mar Apr Ma",
    "y Jun Jul Aug Sept Oct Nov Dec 00:00:00 Mon, Tue, Wed, Thu, Fri, Sat, Sun, GMTchunked,text/html,imag",
    "e/png,image/jpg,image/gif,application/xml,application/xhtml+xml,text/plain,text/javascript,publicpri",
    "vatemax-age=gzip,deflate,sdchcharset=utf-8charset=iso-8859-1,utf-,*,enq=0.",
);

/// The dictionary.
pub(super) fn dictionary() -> &'static [u8] {
    static DICTIONARY: LazyLock<Vec<u8>> = LazyLock::new(|| {
        let word = |word: &&str| {
            let length = u32::try_from(word.len()).expect("a word is short");
            [&length.to_be_bytes(), word.as_bytes()].concat()
        };
        let words = WORDS.iter().flat_map(word);
        words.chain(VALUES.bytes()).collect()
    });
    &DICTIONARY
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Adler-32, as RFC 1950 defines it.
    fn checksum(bytes: &[u8]) -> u32 {
        let (low, high) = bytes.iter().fold((1_u32, 0_u32), |(low, high), byte| {
            let low = (low + u32::from(*byte)) % 65_521;
            (low, (high + low) % 65_521)
        });
        high << 16 | low
    }

    #[test]
    fn it_is_the_one_that_peers_have() {
        assert_eq!(dictionary().len(), 1423);
        assert_eq!(checksum(dictionary()), 0xe3c6_a7c2);
    }
}
