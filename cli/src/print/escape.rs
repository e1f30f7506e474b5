//! What others wrote must not drive the reader's terminal.

use std::borrow::Cow;

/// Control characters as Rust writes them; line ends stay.
pub(crate) fn escape(text: &str) -> Cow<'_, str> {
    escape_but(text, |letter| letter == '\n')
}

/// For one cell of a table: line ends too.
pub(super) fn escape_cell(text: &str) -> Cow<'_, str> {
    escape_but(text, |_| false)
}

fn escape_but(text: &str, kept: impl Fn(char) -> bool) -> Cow<'_, str> {
    let escaped = |letter: char| is_dangerous(letter) && !kept(letter);
    if !text.contains(escaped) {
        return Cow::Borrowed(text);
    }
    let write = |letter: char| if escaped(letter) { letter.escape_default().to_string() } else { letter.to_string() };
    Cow::Owned(text.chars().map(write).collect())
}

/// Control characters, and those that turn the direction of what follows.
fn is_dangerous(letter: char) -> bool {
    letter.is_control() || matches!(letter, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_are_shown_not_obeyed() {
        assert_eq!(escape_cell("a\u{1b}[2Jb\n\u{202e}c"), "a\\u{1b}[2Jb\\n\\u{202e}c");
        assert_eq!(escape("two\nlines\t"), "two\nlines\\t");
        assert_eq!(escape("Größe ✓"), "Größe ✓");
    }
}
