//! Strings, bytes and their escapes.

/// What an escape stands for: a character of text, or a byte.
enum Escaped {
    Char(char),
    Byte(u8),
}

/// The text that a literal's body stands for.
pub(crate) fn text(body: &str, raw: bool) -> Result<String, String> {
    if raw {
        return Ok(body.to_owned());
    }
    let mut out = String::with_capacity(body.len());
    each(body, |part| {
        out.push(match part {
            Escaped::Char(char) => char,
            Escaped::Byte(byte) => char::from(byte),
        });
    })?;
    Ok(out)
}

/// The bytes that a literal's body stands for.
pub(crate) fn bytes(body: &str, raw: bool) -> Result<Vec<u8>, String> {
    if raw {
        return Ok(body.as_bytes().to_vec());
    }
    let mut out = Vec::with_capacity(body.len());
    each(body, |part| match part {
        Escaped::Char(char) => out.extend_from_slice(char.encode_utf8(&mut [0; 4]).as_bytes()),
        Escaped::Byte(byte) => out.push(byte),
    })?;
    Ok(out)
}

fn each(body: &str, mut take: impl FnMut(Escaped)) -> Result<(), String> {
    let mut rest = body.chars();
    while let Some(char) = rest.next() {
        take(if char == '\\' { escape(&mut rest)? } else { Escaped::Char(char) });
    }
    Ok(())
}

fn escape(rest: &mut std::str::Chars<'_>) -> Result<Escaped, String> {
    let char = rest.next().ok_or("unterminated escape sequence")?;
    Ok(match char {
        'a' => Escaped::Char('\u{7}'),
        'b' => Escaped::Char('\u{8}'),
        'f' => Escaped::Char('\u{c}'),
        'n' => Escaped::Char('\n'),
        'r' => Escaped::Char('\r'),
        't' => Escaped::Char('\t'),
        'v' => Escaped::Char('\u{b}'),
        '\\' | '\'' | '"' | '`' | '?' => Escaped::Char(char),
        'x' | 'X' => Escaped::Byte(byte(&digits(rest, 2)?, 16)?),
        'u' => Escaped::Char(point(&digits(rest, 4)?)?),
        'U' => Escaped::Char(point(&digits(rest, 8)?)?),
        '0'..='3' => Escaped::Byte(byte(&format!("{char}{}", digits(rest, 2)?), 8)?),
        other => return Err(format!("unknown escape sequence \\{other}")),
    })
}

fn digits(rest: &mut std::str::Chars<'_>, count: usize) -> Result<String, String> {
    let taken: String = rest.by_ref().take(count).collect();
    if taken.chars().count() == count { Ok(taken) } else { Err("escape sequence is too short".to_owned()) }
}

fn byte(digits: &str, radix: u32) -> Result<u8, String> {
    u8::from_str_radix(digits, radix).map_err(|_| format!("invalid digits {digits:?} in escape sequence"))
}

fn point(digits: &str) -> Result<char, String> {
    let code = u32::from_str_radix(digits, 16).ok().and_then(char::from_u32);
    code.ok_or_else(|| format!("{digits:?} is no code point"))
}
