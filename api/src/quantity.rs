//! Quantities: amounts of CPU, memory and other resources, such as `500m`, `1.5Gi` or `2e3`.
//!
//! A quantity is an exact number with up to nine decimals; smaller parts are rounded away from zero, and magnitudes above
//! 2^63-1 are capped. It is written in its canonical form: no fraction, the largest suffix that allows it.

use std::cmp::Ordering;
use std::fmt;
use std::ops::{Add, AddAssign, Neg, Sub};
use std::str::FromStr;

use thiserror::Error;

const NANO: i128 = 1_000_000_000;
const MAX: i128 = i64::MAX as i128 * NANO;

/// How the quantity was written, and so how it is written again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Format {
    /// `500m`, `2k`.
    #[default]
    Decimal,
    /// `64Mi`.
    Binary,
    /// `5e3`.
    Exponent,
}

/// An amount of a resource.
#[derive(Clone, Copy, Debug, Default)]
pub struct Quantity {
    nanos: i128,
    format: Format,
}

/// Why a text is no quantity.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error(
    "a quantity is a number with an optional suffix: one of n, u, m, k, M, G, T, P, E, Ki, Mi, Gi, Ti, Pi, Ei, or an exponent such as e3"
)]
pub struct QuantityError;

impl Quantity {
    /// So many whole units.
    pub fn whole(units: i64) -> Self {
        Self { nanos: i128::from(units) * NANO, format: Format::Decimal }
    }

    /// So many thousandths, such as of a CPU.
    pub fn milli(thousandths: i64) -> Self {
        Self { nanos: cap(i128::from(thousandths) * (NANO / 1000)), format: Format::Decimal }
    }

    /// So many bytes, written with binary suffixes.
    pub fn bytes(bytes: i64) -> Self {
        Self { nanos: i128::from(bytes) * NANO, format: Format::Binary }
    }

    /// Reads a quantity.
    pub fn parse(text: &str) -> Result<Self, QuantityError> {
        let (negative, unsigned) = match text.as_bytes().first() {
            Some(b'-') => (true, &text[1..]),
            Some(b'+') => (false, &text[1..]),
            _ => (false, text),
        };
        let end = unsigned.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(unsigned.len());
        let (digits, suffix) = unsigned.split_at(end);
        let scale = Scale::parse(suffix).ok_or(QuantityError)?;
        let nanos = cap(scale.nanos(digits)?);
        Ok(Self { nanos: if negative { -nanos } else { nanos }, format: scale.format })
    }

    /// The amount in whole units, rounded up.
    pub fn value(&self) -> i64 {
        self.scaled(NANO)
    }

    /// The amount in thousandths, rounded up.
    pub fn milli_value(&self) -> i64 {
        self.scaled(NANO / 1000)
    }

    /// Whether the amount is nothing.
    pub fn is_zero(&self) -> bool {
        self.nanos == 0
    }

    /// Whether the amount is less than nothing.
    pub fn is_negative(&self) -> bool {
        self.nanos < 0
    }

    /// Whether the amount has no fraction.
    pub fn is_whole(&self) -> bool {
        self.nanos % NANO == 0
    }

    /// The amount as a floating-point number.
    #[allow(clippy::cast_precision_loss)] // an approximation is what is asked for
    pub fn approximate(&self) -> f64 {
        self.nanos as f64 / NANO as f64
    }

    fn scaled(&self, unit: i128) -> i64 {
        let up = self.nanos.div_euclid(unit) + i128::from(self.nanos.rem_euclid(unit) != 0);
        i64::try_from(up).unwrap_or(if up < 0 { i64::MIN } else { i64::MAX })
    }
}

fn cap(nanos: i128) -> i128 {
    nanos.clamp(-MAX, MAX)
}

/// What a suffix multiplies by: `base` to the power of `power`.
struct Scale {
    base: u32,
    power: i32,
    format: Format,
}

impl Scale {
    fn parse(suffix: &str) -> Option<Self> {
        const DECIMAL: [(&str, i32); 10] =
            [("n", -9), ("u", -6), ("m", -3), ("", 0), ("k", 3), ("M", 6), ("G", 9), ("T", 12), ("P", 15), ("E", 18)];
        const BINARY: [(&str, i32); 6] = [("Ki", 10), ("Mi", 20), ("Gi", 30), ("Ti", 40), ("Pi", 50), ("Ei", 60)];
        if let Some((_, power)) = DECIMAL.iter().find(|row| row.0 == suffix) {
            return Some(Self { base: 10, power: *power, format: Format::Decimal });
        }
        if let Some((_, power)) = BINARY.iter().find(|row| row.0 == suffix) {
            return Some(Self { base: 2, power: *power, format: Format::Binary });
        }
        let exponent = suffix.strip_prefix(['e', 'E'])?;
        let power: i32 = exponent.parse().ok()?;
        Some(Self { base: 10, power, format: Format::Exponent })
    }

    /// The digits times this scale, in billionths, rounded up.
    fn nanos(&self, digits: &str) -> Result<i128, QuantityError> {
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        if whole.len() + fraction.len() == 0 || fraction.contains('.') {
            return Err(QuantityError);
        }
        let decimals = i32::try_from(fraction.len()).map_err(|_| QuantityError)?;
        let significant = format!("{whole}{fraction}");
        let significant = significant.trim_start_matches('0');
        if significant.is_empty() {
            return Ok(0);
        }
        // More digits than an i128 holds: the last ones are far below a billionth, or the amount is capped anyway.
        let kept = &significant[..significant.len().min(36)];
        let dropped = i32::try_from(significant.len() - kept.len()).map_err(|_| QuantityError)?;
        let mantissa: i128 = kept.parse().map_err(|_| QuantityError)?;
        let ten = (9 - decimals).saturating_add(dropped);
        Ok(match self.base {
            2 => scale_decimal(mantissa, ten, 1_i128 << self.power),
            _ => scale_decimal(mantissa, ten.saturating_add(self.power), 1),
        })
    }
}

/// `mantissa × 10^ten × factor`, rounded up and capped.
fn scale_decimal(mantissa: i128, ten: i32, factor: i128) -> i128 {
    let power = 10_i128.checked_pow(ten.unsigned_abs());
    match (ten >= 0, power) {
        (true, Some(power)) => mantissa.checked_mul(power).and_then(|n| n.checked_mul(factor)).unwrap_or(MAX),
        (true, None) => MAX,
        (false, Some(power)) => match mantissa.checked_mul(factor) {
            Some(product) => product / power + i128::from(product % power != 0),
            None => (mantissa / power).checked_mul(factor).unwrap_or(MAX),
        },
        (false, None) => 1,
    }
}

impl FromStr for Quantity {
    type Err = QuantityError;
    fn from_str(text: &str) -> Result<Self, QuantityError> {
        Self::parse(text)
    }
}

impl fmt::Display for Quantity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.format {
            Format::Binary if self.is_whole() && self.nanos.abs() >= 1024 * NANO => write_binary(f, self.nanos / NANO),
            Format::Exponent => write_decimal(f, self.nanos, &EXPONENTS),
            _ => write_decimal(f, self.nanos, &SUFFIXES),
        }
    }
}

const SUFFIXES: [&str; 10] = ["n", "u", "m", "", "k", "M", "G", "T", "P", "E"];
const EXPONENTS: [&str; 10] = ["e-9", "e-6", "e-3", "", "e3", "e6", "e9", "e12", "e15", "e18"];

fn write_decimal(f: &mut fmt::Formatter<'_>, mut number: i128, suffixes: &[&str]) -> fmt::Result {
    if number == 0 {
        return f.write_str("0");
    }
    let mut step = 0;
    while number % 1000 == 0 && step + 1 < suffixes.len() {
        number /= 1000;
        step += 1;
    }
    write!(f, "{number}{}", suffixes[step])
}

fn write_binary(f: &mut fmt::Formatter<'_>, mut number: i128) -> fmt::Result {
    const BINARY: [&str; 7] = ["", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"];
    let mut step = 0;
    while number % 1024 == 0 && step + 1 < BINARY.len() {
        number /= 1024;
        step += 1;
    }
    write!(f, "{number}{}", BINARY[step])
}

impl PartialEq for Quantity {
    fn eq(&self, other: &Self) -> bool {
        self.nanos == other.nanos
    }
}

impl Eq for Quantity {}

impl PartialOrd for Quantity {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Quantity {
    fn cmp(&self, other: &Self) -> Ordering {
        self.nanos.cmp(&other.nanos)
    }
}

impl Add for Quantity {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        let format = if self.is_zero() { other.format } else { self.format };
        Self { nanos: cap(self.nanos + other.nanos), format }
    }
}

impl AddAssign for Quantity {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

impl Neg for Quantity {
    type Output = Self;
    fn neg(self) -> Self {
        Self { nanos: -self.nanos, format: self.format }
    }
}

impl Sub for Quantity {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        self + -other
    }
}
