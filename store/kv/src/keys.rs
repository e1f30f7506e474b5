//! Stretches of keys.

use bytes::Bytes;

/// The keys from `start` on, up to `end` and without it. An end that is not after the start makes it empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyRange {
    start: Bytes,
    /// `None`: no end.
    end: Option<Bytes>,
}

impl KeyRange {
    /// Every key.
    pub fn all() -> KeyRange {
        KeyRange::from(Bytes::new())
    }

    /// This key alone.
    pub fn key(key: &[u8]) -> KeyRange {
        KeyRange { start: Bytes::copy_from_slice(key), end: Some(successor(key)) }
    }

    /// The keys that start so.
    pub fn prefix(prefix: impl Into<Bytes>) -> KeyRange {
        let start = prefix.into();
        let end = after_prefix(&start);
        KeyRange { start, end }
    }

    /// From `start` on.
    pub fn from(start: impl Into<Bytes>) -> KeyRange {
        KeyRange { start: start.into(), end: None }
    }

    /// From `start` on, up to `end` and without it.
    pub fn between(start: impl Into<Bytes>, end: impl Into<Bytes>) -> KeyRange {
        KeyRange { start: start.into(), end: Some(end.into()) }
    }

    /// What of it comes after `key`: the next page.
    #[must_use]
    pub fn after(self, key: &[u8]) -> KeyRange {
        if *key < *self.start {
            return self;
        }
        KeyRange { start: successor(key), end: self.end }
    }

    /// The first key it may hold.
    pub fn start(&self) -> &Bytes {
        &self.start
    }

    /// The first key behind it; `None`: there is no end.
    pub fn end(&self) -> Option<&Bytes> {
        self.end.as_ref()
    }

    /// Whether a key belongs to it.
    pub fn contains(&self, key: &[u8]) -> bool {
        *key >= *self.start && self.is_before_end(key)
    }

    pub(crate) fn is_before_end(&self, key: &[u8]) -> bool {
        self.end.as_ref().is_none_or(|end| *key < **end)
    }
}

/// The next key in order.
fn successor(key: &[u8]) -> Bytes {
    [key, &[0]].concat().into()
}

/// The first key that is greater than all that start so; `None`: there is none.
fn after_prefix(prefix: &[u8]) -> Option<Bytes> {
    let last = prefix.iter().rposition(|byte| *byte != u8::MAX)?;
    let mut end = prefix[..=last].to_vec();
    end[last] += 1;
    Some(end.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_ends_where_its_last_byte_would_be_greater() {
        assert_eq!(KeyRange::prefix("/a/").end().unwrap(), "/a0");
        assert_eq!(KeyRange::prefix(&b"a\xff\xff"[..]).end().unwrap(), "b");
        assert_eq!(KeyRange::prefix(&b"\xff"[..]).end(), None);
        assert_eq!(KeyRange::prefix(""), KeyRange::all());
    }

    #[test]
    fn a_range_has_its_start_and_not_its_end() {
        let range = KeyRange::between("b", "d");
        let held: Vec<&str> =
            ["a", "b", "bz", "c", "d"].into_iter().filter(|key| range.contains(key.as_bytes())).collect();
        assert_eq!(held, ["b", "bz", "c"]);
        assert!(!KeyRange::between("d", "b").contains(b"c"), "backwards it is empty");
        assert!(KeyRange::key(b"k").contains(b"k") && !KeyRange::key(b"k").contains(b"k0"));
    }

    #[test]
    fn a_page_goes_on_behind_the_last_key() {
        assert!(!KeyRange::all().after(b"k").contains(b"k"));
        assert!(KeyRange::all().after(b"k").contains(b"k\0"));
        assert_eq!(KeyRange::from("k").after(b"a"), KeyRange::from("k"), "what came before it does not count");
    }
}
