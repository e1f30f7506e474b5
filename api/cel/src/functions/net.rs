//! IP addresses and ranges of them.

use std::net::IpAddr;

use crate::signature::{Arguments, Library, Row};
use crate::{EvaluationError, Opaque, Value};

pub(super) const LIBRARY: Library = &[
    Row::new("ip(string) -> ip", |a| address(a.text(0)?).map(value)),
    Row::new("isIP(string) -> bool", |a| Ok(Value::Bool(address(a.text(0)?).is_ok()))),
    Row::new("ip::isCanonical(string) -> bool", |a| {
        let text = a.text(0)?;
        Ok(Value::Bool(address(text)?.to_string() == text))
    }),
    Row::new("string(ip) -> string", |a| {
        let text = a.opaque::<Address>(0)?.0.to_string();
        a.give(text)
    }),
    Row::new("ip.family() -> int", |a| Ok(Value::Int(if ip(a)?.is_ipv4() { 4 } else { 6 }))),
    Row::new("ip.isUnspecified() -> bool", |a| Ok(Value::Bool(ip(a)?.is_unspecified()))),
    Row::new("ip.isLoopback() -> bool", |a| Ok(Value::Bool(ip(a)?.is_loopback()))),
    Row::new("ip.isLinkLocalMulticast() -> bool", |a| {
        Ok(Value::Bool(match ip(a)? {
            IpAddr::V4(ip) => ip.octets()[..3] == [224, 0, 0],
            IpAddr::V6(ip) => ip.segments()[0] & 0xff0f == 0xff02,
        }))
    }),
    Row::new("ip.isLinkLocalUnicast() -> bool", |a| {
        Ok(Value::Bool(match ip(a)? {
            IpAddr::V4(ip) => ip.is_link_local(),
            IpAddr::V6(ip) => ip.segments()[0] & 0xffc0 == 0xfe80,
        }))
    }),
    Row::new("ip.isGlobalUnicast() -> bool", |a| Ok(Value::Bool(is_global_unicast(ip(a)?)))),
    Row::new("cidr(string) -> cidr", |a| range(a.text(0)?).map(Value::opaque)),
    Row::new("isCIDR(string) -> bool", |a| Ok(Value::Bool(range(a.text(0)?).is_ok()))),
    Row::new("string(cidr) -> string", |a| {
        let Cidr { address, length } = a.opaque::<Cidr>(0)?;
        let text = format!("{address}/{length}");
        a.give(text)
    }),
    Row::new("cidr.containsIP(ip) -> bool", |a| Ok(Value::Bool(cidr(a)?.has(a.opaque::<Address>(1)?.0)))),
    Row::new("cidr.containsIP(string) -> bool", |a| {
        let ip = address(a.text(1)?)?;
        Ok(Value::Bool(cidr(a)?.has(ip)))
    }),
    Row::new("cidr.containsCIDR(cidr) -> bool", |a| Ok(Value::Bool(cidr(a)?.holds(a.opaque::<Cidr>(1)?)))),
    Row::new("cidr.containsCIDR(string) -> bool", |a| {
        let other = range(a.text(1)?)?;
        Ok(Value::Bool(cidr(a)?.holds(&other)))
    }),
    Row::new("cidr.ip() -> ip", |a| Ok(value(cidr(a)?.address))),
    Row::new("cidr.masked() -> cidr", |a| Ok(Value::opaque(cidr(a)?.masked()))),
    Row::new("cidr.prefixLength() -> int", |a| Ok(Value::Int(cidr(a)?.length.into()))),
];

#[derive(Debug, PartialEq, Eq)]
struct Address(IpAddr);

impl Opaque for Address {
    fn type_name(&self) -> &'static str {
        "ip"
    }

    fn is_equal(&self, other: &dyn Opaque) -> bool {
        let other: &dyn std::any::Any = other;
        other.downcast_ref() == Some(self)
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Cidr {
    address: IpAddr,
    length: u8,
}

impl Opaque for Cidr {
    fn type_name(&self) -> &'static str {
        "cidr"
    }

    fn is_equal(&self, other: &dyn Opaque) -> bool {
        let other: &dyn std::any::Any = other;
        other.downcast_ref() == Some(self)
    }
}

impl Cidr {
    fn masked(&self) -> Self {
        Self { address: masked(self.address, self.length), length: self.length }
    }

    fn has(&self, ip: IpAddr) -> bool {
        ip.is_ipv4() == self.address.is_ipv4() && masked(ip, self.length) == masked(self.address, self.length)
    }

    fn holds(&self, other: &Self) -> bool {
        other.length >= self.length && self.has(other.address)
    }
}

fn masked(ip: IpAddr, length: u8) -> IpAddr {
    match ip {
        IpAddr::V4(ip) => {
            let mask = u32::MAX.checked_shl(32 - u32::from(length)).unwrap_or(0);
            IpAddr::V4((u32::from(ip) & mask).into())
        }
        IpAddr::V6(ip) => {
            let mask = u128::MAX.checked_shl(128 - u32::from(length)).unwrap_or(0);
            IpAddr::V6((u128::from(ip) & mask).into())
        }
    }
}

fn value(ip: IpAddr) -> Value {
    Value::opaque(Address(ip))
}

fn ip(a: &Arguments<'_>) -> Result<IpAddr, EvaluationError> {
    Ok(a.opaque::<Address>(0)?.0)
}

fn cidr<'a>(a: &Arguments<'a>) -> Result<&'a Cidr, EvaluationError> {
    a.opaque(0)
}

/// An address without a zone, and not an IPv4 address in IPv6's clothes.
fn address(text: &str) -> Result<IpAddr, EvaluationError> {
    let ip = text.parse().map_err(|_| EvaluationError::invalid(format!("IP Address {text:?} parse error")))?;
    match ip {
        IpAddr::V6(six) if six.to_ipv4_mapped().is_some() => {
            Err(EvaluationError::invalid(format!("IPv4-mapped IPv6 address {text:?} is not allowed")))
        }
        ip => Ok(ip),
    }
}

fn range(text: &str) -> Result<Cidr, EvaluationError> {
    let error =
        || EvaluationError::invalid(format!("network address parse error during conversion from string: {text:?}"));
    let (ip, length) = text.split_once('/').ok_or_else(error)?;
    let address = address(ip)?;
    let digits = !length.is_empty()
        && length.bytes().all(|byte| byte.is_ascii_digit())
        && (length == "0" || !length.starts_with('0'));
    let length: u8 = length.parse().map_err(|_| error())?;
    let most = if address.is_ipv4() { 32 } else { 128 };
    if digits && length <= most { Ok(Cidr { address, length }) } else { Err(error()) }
}

fn is_global_unicast(ip: IpAddr) -> bool {
    let link_local = match ip {
        IpAddr::V4(ip) => ip.is_link_local() || ip.is_broadcast(),
        IpAddr::V6(ip) => ip.segments()[0] & 0xffc0 == 0xfe80,
    };
    !(ip.is_unspecified() || ip.is_loopback() || ip.is_multicast() || link_local)
}
