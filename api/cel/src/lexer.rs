//! From characters to tokens.

use crate::{CompileError, literal};

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Token {
    Name(String),
    /// A field's name between back quotes.
    Quoted(String),
    /// Digits, decimal or with `0x`; a sign may stand before it.
    Int(String),
    Uint(u64),
    Double(f64),
    String(String),
    Bytes(Vec<u8>),
    Symbol(&'static str),
    End,
}

/// A token and the byte where it begins.
pub(crate) struct Placed {
    pub(crate) token: Token,
    pub(crate) at: usize,
}

/// The longer ones first.
const SYMBOLS: [&str; 25] = [
    "==", "!=", "<=", ">=", "&&", "||", "<", ">", "+", "-", "*", "/", "%", "!", "?", ":", ".", ",", "(", ")", "[", "]",
    "{", "}", "=",
];

/// All tokens of a text, [`Token::End`] last.
pub(crate) fn tokens(text: &str) -> Result<Vec<Placed>, CompileError> {
    let mut lexer = Lexer { text, at: 0 };
    let mut tokens = Vec::new();
    loop {
        lexer.skip_blanks();
        let at = lexer.at;
        let token = lexer.token()?;
        let end = token == Token::End;
        tokens.push(Placed { token, at });
        if end {
            return Ok(tokens);
        }
    }
}

struct Lexer<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Lexer<'a> {
    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn error(&self, at: usize, message: impl std::fmt::Display) -> CompileError {
        CompileError::new(self.text, at, format!("Syntax error: {message}"))
    }

    fn skip_blanks(&mut self) {
        loop {
            let trimmed = self.rest().trim_start_matches([' ', '\t', '\n', '\r', '\u{c}']);
            self.at = self.text.len() - trimmed.len();
            if !trimmed.starts_with("//") {
                return;
            }
            self.at += trimmed.find('\n').unwrap_or(trimmed.len());
        }
    }

    fn token(&mut self) -> Result<Token, CompileError> {
        let rest = self.rest();
        let Some(first) = rest.chars().next() else { return Ok(Token::End) };
        let second = rest[first.len_utf8()..].chars().next();
        if first.is_ascii_digit() || (first == '.' && second.is_some_and(|char| char.is_ascii_digit())) {
            return self.number();
        }
        if let Some(token) = self.string()? {
            return Ok(token);
        }
        if first.is_ascii_alphabetic() || first == '_' {
            return Ok(Token::Name(self.word().to_owned()));
        }
        if first == '`' {
            return self.quoted();
        }
        let symbol = SYMBOLS.iter().find(|symbol| rest.starts_with(**symbol));
        let symbol = symbol.ok_or_else(|| self.error(self.at, format!("token recognition error at: '{first}'")))?;
        self.at += symbol.len();
        Ok(Token::Symbol(symbol))
    }

    fn word(&mut self) -> &'a str {
        let rest = self.rest();
        let end = rest.find(|char: char| !char.is_ascii_alphanumeric() && char != '_').unwrap_or(rest.len());
        self.at += end;
        &rest[..end]
    }

    fn quoted(&mut self) -> Result<Token, CompileError> {
        let start = self.at;
        let inner = &self.rest()[1..];
        let end = inner.find('`').ok_or_else(|| self.error(start, "unterminated field name"))?;
        self.at += end + 2;
        Ok(Token::Quoted(inner[..end].to_owned()))
    }

    fn number(&mut self) -> Result<Token, CompileError> {
        let start = self.at;
        let rest = self.rest();
        let end = if rest.starts_with("0x") { hexadecimal(rest) } else { decimal(rest) };
        let digits = &rest[..end];
        self.at += end;
        let bad = || self.error(start, format!("invalid number {digits}"));
        if !digits.starts_with("0x") && digits.contains(['.', 'e', 'E']) {
            return digits.parse().map(Token::Double).map_err(|_| bad());
        }
        if self.rest().starts_with(['u', 'U']) {
            let number = match digits.strip_prefix("0x") {
                Some(digits) => u64::from_str_radix(digits, 16),
                None => digits.parse(),
            };
            let number = number.map_err(|_| bad())?;
            self.at += 1;
            return Ok(Token::Uint(number));
        }
        Ok(Token::Int(digits.to_owned()))
    }

    /// A string or bytes, if one begins here.
    fn string(&mut self) -> Result<Option<Token>, CompileError> {
        let start = self.at;
        let rest = self.rest();
        let quote = rest.bytes().take(3).position(|byte| matches!(byte, b'"' | b'\''));
        let prefix = quote.map(|end| rest[..end].to_ascii_lowercase());
        let Some(prefix) = prefix.filter(|prefix| ["", "r", "b", "rb", "br"].contains(&prefix.as_str())) else {
            return Ok(None);
        };
        let (raw, bytes) = (prefix.contains('r'), prefix.contains('b'));
        let body = self.body(prefix.len(), raw)?;
        let token = if bytes {
            literal::bytes(body, raw).map(Token::Bytes)
        } else {
            literal::text(body, raw).map(Token::String)
        };
        token.map(Some).map_err(|why| self.error(start, why))
    }

    /// What stands between the quotes.
    fn body(&mut self, prefix: usize, raw: bool) -> Result<&'a str, CompileError> {
        let start = self.at;
        let rest = &self.rest()[prefix..];
        let one = &rest[..1];
        let triple = one.repeat(3);
        let quote: &str = if rest.starts_with(&triple) { &triple } else { one };
        let inner = &rest[quote.len()..];
        let end = closing(inner, quote, raw).ok_or_else(|| self.error(start, "unterminated string"))?;
        self.at += prefix + quote.len() + end + quote.len();
        Ok(&inner[..end])
    }
}

fn hexadecimal(text: &str) -> usize {
    text[2..].find(|char: char| !char.is_ascii_hexdigit()).map_or(text.len(), |end| end + 2)
}

/// How long the number at the start of the text is.
fn decimal(text: &str) -> usize {
    let digits = |from: usize| text[from..].bytes().take_while(u8::is_ascii_digit).count();
    let mut end = digits(0);
    if text[end..].starts_with('.') && digits(end + 1) > 0 {
        end += 1 + digits(end + 1);
    }
    if text[end..].starts_with(['e', 'E']) {
        let sign = usize::from(text[end + 1..].starts_with(['+', '-']));
        let exponent = digits(end + 1 + sign);
        if exponent > 0 {
            end += 1 + sign + exponent;
        }
    }
    end
}

/// Where the quote that ends a string stands. A string between single quotes ends on its line.
fn closing(inner: &str, quote: &str, raw: bool) -> Option<usize> {
    let mut escaped = false;
    for (at, char) in inner.char_indices() {
        if escaped {
            escaped = false;
        } else if char == '\\' && !raw {
            escaped = true;
        } else if inner[at..].starts_with(quote) {
            return Some(at);
        } else if char == '\n' && quote.len() == 1 {
            return None;
        }
    }
    None
}
