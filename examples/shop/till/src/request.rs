//! Just enough of HTTP/1.1 to read a request line: headers are skipped, bodies are not served.

use std::io::{BufRead, BufReader, Read};

/// More than any honest request needs; the rest is not read.
const LIMIT: u64 = 8 * 1024;

/// The first line of a request.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Request {
    pub(crate) method: String,
    pub(crate) path: String,
}

impl Request {
    /// Reads up to the empty line that ends the headers. `None`: this is not HTTP, or it is too long.
    pub(crate) fn read(stream: impl Read) -> std::io::Result<Option<Request>> {
        let mut lines = BufReader::new(stream.take(LIMIT));
        let mut first = String::new();
        lines.read_line(&mut first)?;
        loop {
            let mut header = String::new();
            if lines.read_line(&mut header)? == 0 {
                return Ok(None);
            }
            if header.trim_end().is_empty() {
                return Ok(Request::parse(&first));
            }
        }
    }

    fn parse(line: &str) -> Option<Request> {
        let mut words = line.split_ascii_whitespace();
        let (method, target, version) = (words.next()?, words.next()?, words.next()?);
        let path = target.split('?').next().unwrap_or(target);
        version.starts_with("HTTP/1.").then(|| Request { method: method.to_owned(), path: path.to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(wire: &str, expected: Option<(&str, &str)>) {
        let read = Request::read(wire.as_bytes()).expect("reading from memory");
        let expected = expected.map(|(method, path)| Request { method: method.to_owned(), path: path.to_owned() });
        assert_eq!(read, expected, "{wire:?}");
    }

    #[test]
    fn the_path_is_read_without_its_query() {
        check("GET /healthz?probe=1 HTTP/1.1\r\nHost: till\r\n\r\n", Some(("GET", "/healthz")));
    }

    #[test]
    fn what_is_not_http_is_refused() {
        check("\r\n\r\n", None);
        check("HELLO\r\n\r\n", None);
        check("GET / SPDY/3\r\n\r\n", None);
        check("GET / HTTP/1.1\r\nHost: cut off", None);
    }

    #[test]
    fn endless_headers_are_refused() {
        check(&format!("GET / HTTP/1.1\r\n{}", "X: y\r\n".repeat(10_000)), None);
    }
}
