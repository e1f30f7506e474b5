//! The line format of container logs, as the container runtime interface defines it:
//! `2026-01-02T03:04:05.000000006Z stdout F the line`; the tag is `P` for a part of a line that goes on in the next record.

use jiff::Timestamp;

/// A record holds no more of a line than this.
pub const LONGEST: usize = 16 * 1024;

/// Which stream a line came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stream {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
}

impl Stream {
    /// As records name it.
    pub fn word(self) -> &'static str {
        match self {
            Stream::Stdout => "stdout",
            Stream::Stderr => "stderr",
        }
    }
}

/// Appends one record to `out`.
pub fn write(out: &mut Vec<u8>, time: Timestamp, stream: Stream, whole: bool, content: &[u8]) {
    let tag = if whole { "F" } else { "P" };
    out.extend_from_slice(format!("{time:.9} {} {tag} ", stream.word()).as_bytes());
    out.extend_from_slice(content);
    out.push(b'\n');
}

/// One record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Record<'a> {
    /// When it was written, as it is written.
    pub time: &'a str,
    /// Which stream it came from.
    pub stream: Stream,
    /// Whether the line ends here.
    pub whole: bool,
    /// The line or part of it, without its end.
    pub content: &'a [u8],
}

impl Record<'_> {
    /// When it was written; absent if that cannot be read.
    pub fn timestamp(&self) -> Option<Timestamp> {
        self.time.parse().ok()
    }
}

/// Reads a record from a line without its end; absent if it is none.
pub fn parse(line: &[u8]) -> Option<Record<'_>> {
    let mut parts = line.splitn(4, |byte| *byte == b' ');
    let time = std::str::from_utf8(parts.next()?).ok()?;
    let stream = match parts.next()? {
        b"stdout" => Stream::Stdout,
        b"stderr" => Stream::Stderr,
        _ => return None,
    };
    let whole = parts.next()? == b"F";
    Some(Record { time, stream, whole, content: parts.next()? })
}

/// Cuts a byte stream into lines.
#[derive(Debug, Default)]
pub struct Lines {
    rest: Vec<u8>,
}

impl Lines {
    /// Takes what was read, and gives each line, or part of a line that is too long, to `emit` with whether it ends there.
    pub fn push(&mut self, mut bytes: &[u8], mut emit: impl FnMut(bool, &[u8])) {
        while let Some(end) = bytes.iter().position(|byte| *byte == b'\n') {
            self.take(&bytes[..end], &mut emit);
            emit(true, &self.rest);
            self.rest.clear();
            bytes = &bytes[end + 1..];
        }
        self.take(bytes, &mut emit);
    }

    /// Gives what is left as a last line.
    pub fn finish(&mut self, mut emit: impl FnMut(bool, &[u8])) {
        if !self.rest.is_empty() {
            emit(true, &self.rest);
            self.rest.clear();
        }
    }

    fn take(&mut self, mut bytes: &[u8], emit: &mut impl FnMut(bool, &[u8])) {
        while self.rest.len() + bytes.len() > LONGEST {
            let (head, tail) = bytes.split_at(LONGEST - self.rest.len());
            self.rest.extend_from_slice(head);
            emit(false, &self.rest);
            self.rest.clear();
            bytes = tail;
        }
        self.rest.extend_from_slice(bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_can_be_read() {
        let mut out = Vec::new();
        write(&mut out, Timestamp::new(1_700_000_000, 5).unwrap(), Stream::Stderr, true, b"a b  c");
        assert_eq!(out, b"2023-11-14T22:13:20.000000005Z stderr F a b  c\n");
        let record = parse(&out[..out.len() - 1]).unwrap();
        assert_eq!((record.stream, record.whole, record.content), (Stream::Stderr, true, &b"a b  c"[..]));
        assert_eq!(record.timestamp(), Some(Timestamp::new(1_700_000_000, 5).unwrap()));
    }

    #[test]
    fn long_lines_come_in_parts() {
        let (mut lines, mut seen) = (Lines::default(), Vec::new());
        let long = [vec![b'x'; LONGEST + 10], b"\nend".to_vec()].concat();
        for chunk in long.chunks(1000) {
            lines.push(chunk, |whole, content| seen.push((whole, content.len())));
        }
        lines.finish(|whole, content| seen.push((whole, content.len())));
        assert_eq!(seen, [(false, LONGEST), (true, 10), (true, 3)]);
    }
}
