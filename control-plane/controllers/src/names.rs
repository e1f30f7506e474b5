//! Names for new objects, made from what is.
//!
//! The alphabet has no vowels (no words by accident) and no look-alikes; 27 characters, so five of them hold 27⁵ values.

use std::collections::BTreeSet;

const ALPHABET: &[u8; 27] = b"bcdfghjklmnpqrstvwxz2456789";
const SUFFIX_LENGTH: usize = 5;
/// 27⁵.
const SUFFIXES: u64 = 14_348_907;

/// FNV-1a. Not for secrets.
pub(crate) fn digest<'a>(parts: impl IntoIterator<Item = &'a [u8]>) -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    for part in parts {
        for byte in part.iter().chain(&[0xff]) {
            hash = (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
    }
    hash
}

/// The last `length` characters of a number in the alphabet.
pub(crate) fn encode(mut number: u64, length: usize) -> String {
    let mut text = vec![0; length];
    for slot in text.iter_mut().rev() {
        *slot = ALPHABET[usize::try_from(number % 27).expect("less than 27")];
        number /= 27;
    }
    String::from_utf8(text).expect("the alphabet is ASCII")
}

fn decode(text: &str) -> Option<u64> {
    if text.len() != SUFFIX_LENGTH {
        return None;
    }
    text.bytes().try_fold(0, |number, byte| {
        let digit = ALPHABET.iter().position(|c| *c == byte)?;
        Some(number * 27 + u64::try_from(digit).expect("less than 27"))
    })
}

/// Numbers the children of one object and gives each number a name of the form `<base>-xxxxx`.
///
/// The numbers count up from the highest among the children that exist, so a name comes back only after all later ones
/// have gone. The suffix looks random (each owner shuffles the numbers its own way) but can be read back, so the count
/// needs to be stored nowhere, and two who count from the same children arrive at the same name.
pub(crate) struct ChildNames {
    base: String,
    shift: u64,
    next: u64,
}

/// Coprime to 27⁵, so that multiplying by it shuffles the suffixes.
const FACTOR: u64 = 8_868_101;

impl ChildNames {
    /// Continues after the existing children of the object with this uid.
    pub(crate) fn after<'a>(base: &str, uid: &str, children: impl Iterator<Item = &'a str>) -> Self {
        let base: String = base.chars().take(63 - 1 - SUFFIX_LENGTH).collect();
        let shift = digest([uid.as_bytes()]) % SUFFIXES;
        let unshuffle = inverse(FACTOR, SUFFIXES);
        let number = |name: &str| {
            let suffix = decode(name.strip_prefix(base.as_str())?.strip_prefix('-')?)?;
            Some((suffix + SUFFIXES - shift) % SUFFIXES * unshuffle % SUFFIXES)
        };
        let next = children.filter_map(number).max().map_or(0, |highest| highest + 1);
        Self { base, shift, next }
    }

    /// The next `count` names, passing over those taken.
    pub(crate) fn take(mut self, count: usize, taken: &dyn Fn(&str) -> bool) -> BTreeSet<String> {
        let mut names = BTreeSet::new();
        while names.len() < count {
            let suffix = (self.next % SUFFIXES * FACTOR + self.shift) % SUFFIXES;
            self.next += 1;
            let name = format!("{}-{}", self.base, encode(suffix, SUFFIX_LENGTH));
            if !taken(&name) {
                names.insert(name);
            }
        }
        names
    }
}

/// The number that undoes multiplication by `factor`: Euclid's algorithm, extended.
fn inverse(factor: u64, modulus: u64) -> u64 {
    let signed = |n: u64| i64::try_from(n).expect("27⁵ fits");
    let (mut r, mut next_r) = (signed(modulus), signed(factor % modulus));
    let (mut t, mut next_t) = (0, 1);
    while next_r != 0 {
        let quotient = r / next_r;
        (t, next_t) = (next_t, t - quotient * next_t);
        (r, next_r) = (next_r, r - quotient * next_r);
    }
    u64::try_from(t.rem_euclid(signed(modulus))).expect("not negative")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_count_on_from_the_children_that_exist() {
        let first = ChildNames::after("web", "u1", [].into_iter()).take(3, &|_| false);
        assert_eq!(first.len(), 3);
        let all = first.iter().map(String::as_str);
        let more = ChildNames::after("web", "u1", all).take(3, &|_| false);
        assert!(more.is_disjoint(&first));
    }

    #[test]
    fn the_same_children_give_the_same_names() {
        let of =
            |uid: &str, children: &[&str]| ChildNames::after("web", uid, children.iter().copied()).take(2, &|_| false);
        assert_eq!(of("u1", &["web-foreign", "web-bbbbb"]), of("u1", &["web-bbbbb"]));
        assert_ne!(of("u1", &[]), of("u2", &[]));
    }

    #[test]
    fn taken_names_are_passed_over() {
        let first = ChildNames::after("web", "u1", [].into_iter()).take(1, &|_| false);
        let next = ChildNames::after("web", "u1", [].into_iter()).take(1, &|name| first.contains(name));
        assert!(next.is_disjoint(&first));
    }

    #[test]
    fn suffixes_read_back() {
        for number in [0, 1, 26, 27, SUFFIXES - 1] {
            assert_eq!(decode(&encode(number, SUFFIX_LENGTH)), Some(number));
        }
        assert_eq!(FACTOR * inverse(FACTOR, SUFFIXES) % SUFFIXES, 1);
    }
}
