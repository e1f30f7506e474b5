//! `jsonpatch.escapeKey`: a key as a part of a JSON pointer.

use xebec_cel::{Library, Row};

pub(super) const LIBRARY: Library = &[Row::new("jsonpatch::escapeKey(string) -> string", |a| {
    let escaped = a.text(0)?.replace('~', "~0").replace('/', "~1");
    a.give(escaped)
})];
