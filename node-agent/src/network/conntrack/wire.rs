//! ctnetlink's messages, as far as we use them: list all entries of IPv4, delete one.
//!
//! ```text
//! message:   length u32, type u16, flags u16, sequence u32, port u32 | family u8, version u8, resource u16 | attributes
//! attribute: length u16, type u16 | value, padded to four
//! ```
//!
//! Headers are in the machine's byte order, values in the network's. See `linux/netfilter/nfnetlink_conntrack.h`.

use std::net::Ipv4Addr;

use xebec_node_plan::nft::Endpoint;

const HEADER: usize = 16;
/// The header of all netfilter messages, after the general one.
const FAMILY_HEADER: usize = 4;
const ATTRIBUTE_HEADER: usize = 4;

const ERROR: u16 = 2;
const DONE: u16 = 3;
const CONNTRACK: u16 = 1 << 8;
const GET: u16 = CONNTRACK | 1;
const DELETE: u16 = CONNTRACK | 2;

const REQUEST: u16 = 0x1;
const ACKNOWLEDGE: u16 = 0x4;
const DUMP: u16 = 0x300;

const TUPLE_ORIGINAL: u16 = 1;
const TUPLE_REPLY: u16 = 2;
const ID: u16 = 12;
const ZONE: u16 = 18;
/// Within a tuple.
const TUPLE_IP: u16 = 1;
const TUPLE_PROTOCOL: u16 = 2;
/// Within its parts: where from, where to; and of the protocol which it is.
const IP_SOURCE: u16 = 1;
const IP_DESTINATION: u16 = 2;
const PROTOCOL_NUMBER: u16 = 1;
const PROTOCOL_SOURCE: u16 = 2;
const PROTOCOL_DESTINATION: u16 = 3;
/// What an attribute's type says besides.
const NESTED: u16 = 0x8000;
const TYPE: u16 = 0x3fff;

/// A UDP flow that the service rules have sent elsewhere than its client did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Flow {
    /// Where the client sends to.
    pub(crate) service: Endpoint,
    /// Who gets it.
    pub(crate) endpoint: Endpoint,
    /// The attributes by which the kernel knows the entry.
    identity: Vec<u8>,
}

/// A message of the kernel.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Message<'a> {
    /// The attributes of an entry.
    Entry(&'a [u8]),
    /// The answer is complete: an error number, or 0.
    End(i32),
}

/// Asks for all entries.
pub(super) fn list() -> Vec<u8> {
    message(GET, REQUEST | DUMP, &[])
}

/// Asks to delete this entry. Without an identity the kernel would delete all; a flow always has one.
pub(super) fn delete(flow: &Flow) -> Vec<u8> {
    message(DELETE, REQUEST | ACKNOWLEDGE, &flow.identity)
}

fn message(kind: u16, flags: u16, attributes: &[u8]) -> Vec<u8> {
    let length = u32::try_from(HEADER + FAMILY_HEADER + attributes.len()).unwrap_or(u32::MAX);
    let mut message = length.to_ne_bytes().to_vec();
    message.extend(kind.to_ne_bytes());
    message.extend(flags.to_ne_bytes());
    // Sequence and port are of no use here: one request is under way at a time, on a socket of its own.
    message.extend([0; 8]);
    message.extend([libc::AF_INET as u8, 0, 0, 0]);
    message.extend(attributes);
    message
}

/// The messages of one datagram, up to the first that is cut off.
pub(super) fn messages(mut datagram: &[u8]) -> impl Iterator<Item = Message<'_>> {
    std::iter::from_fn(move || {
        let length = u32::from_ne_bytes(part(datagram, 0)?) as usize;
        let kind = u16::from_ne_bytes(part(datagram, 4)?);
        let body = datagram.get(HEADER..length)?;
        datagram = datagram.get(padded(length)..).unwrap_or_default();
        match kind {
            ERROR | DONE => Some(Message::End(i32::from_ne_bytes(part(body, 0).unwrap_or_default()).saturating_neg())),
            _ => Some(Message::Entry(body.get(FAMILY_HEADER..).unwrap_or_default())),
        }
    })
}

/// Reads an entry; `None` for other protocols, and for what goes where it was sent.
pub(super) fn flow(entry: &[u8]) -> Option<Flow> {
    let original = attribute(entry, TUPLE_ORIGINAL)?;
    let reply = attribute(entry, TUPLE_REPLY)?;
    let of_udp = nested(original, TUPLE_PROTOCOL, PROTOCOL_NUMBER)? == [libc::IPPROTO_UDP as u8];
    let service = end(original, IP_DESTINATION, PROTOCOL_DESTINATION)?;
    let endpoint = end(reply, IP_SOURCE, PROTOCOL_SOURCE)?;
    let identity = attributes(entry).filter(|attribute| [TUPLE_ORIGINAL, ZONE, ID].contains(&attribute.kind));
    let identity = identity.flat_map(|attribute| attribute.encode()).collect();
    (of_udp && service != endpoint).then_some(Flow { service, endpoint, identity })
}

/// One end of a tuple.
fn end(tuple: &[u8], address: u16, port: u16) -> Option<Endpoint> {
    let address: [u8; 4] = nested(tuple, TUPLE_IP, address)?.try_into().ok()?;
    let port = nested(tuple, TUPLE_PROTOCOL, port)?.try_into().ok()?;
    Some(Endpoint { address: Ipv4Addr::from(address), port: u16::from_be_bytes(port) })
}

struct Attribute<'a> {
    kind: u16,
    flags: u16,
    value: &'a [u8],
}

impl Attribute<'_> {
    fn encode(&self) -> Vec<u8> {
        let length = u16::try_from(ATTRIBUTE_HEADER + self.value.len()).unwrap_or(u16::MAX);
        let mut encoded = length.to_ne_bytes().to_vec();
        encoded.extend((self.kind | self.flags).to_ne_bytes());
        encoded.extend(self.value);
        encoded.resize(padded(encoded.len()), 0);
        encoded
    }
}

fn attributes(mut bytes: &[u8]) -> impl Iterator<Item = Attribute<'_>> {
    std::iter::from_fn(move || {
        let length = usize::from(u16::from_ne_bytes(part(bytes, 0)?));
        let kind = u16::from_ne_bytes(part(bytes, 2)?);
        let value = bytes.get(ATTRIBUTE_HEADER..length)?;
        bytes = bytes.get(padded(length)..).unwrap_or_default();
        Some(Attribute { kind: kind & TYPE, flags: kind & NESTED, value })
    })
}

fn attribute(bytes: &[u8], kind: u16) -> Option<&[u8]> {
    attributes(bytes).find(|attribute| attribute.kind == kind).map(|attribute| attribute.value)
}

fn nested(bytes: &[u8], outer: u16, inner: u16) -> Option<&[u8]> {
    attribute(attribute(bytes, outer)?, inner)
}

fn part<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    bytes.get(at..at + N)?.try_into().ok()
}

fn padded(length: usize) -> usize {
    length.next_multiple_of(4)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encode(kind: u16, value: &[u8]) -> Vec<u8> {
        Attribute { kind, flags: 0, value }.encode()
    }

    fn nest(kind: u16, parts: &[Vec<u8>]) -> Vec<u8> {
        Attribute { kind, flags: NESTED, value: &parts.concat() }.encode()
    }

    fn tuple(kind: u16, protocol: u8, from: ([u8; 4], u16), to: ([u8; 4], u16)) -> Vec<u8> {
        let ip = [encode(IP_SOURCE, &from.0), encode(IP_DESTINATION, &to.0)];
        let protocol = [
            encode(PROTOCOL_NUMBER, &[protocol]),
            encode(PROTOCOL_SOURCE, &from.1.to_be_bytes()),
            encode(PROTOCOL_DESTINATION, &to.1.to_be_bytes()),
        ];
        nest(kind, &[nest(TUPLE_IP, &ip), nest(TUPLE_PROTOCOL, &protocol)])
    }

    /// Client 10.42.1.2:5000 asks 10.43.0.10:53 and is served by this endpoint.
    fn entry(protocol: u8, endpoint: ([u8; 4], u16)) -> Vec<u8> {
        let client = ([10, 42, 1, 2], 5000);
        [
            tuple(TUPLE_ORIGINAL, protocol, client, ([10, 43, 0, 10], 53)),
            tuple(TUPLE_REPLY, protocol, endpoint, client),
            encode(3, &[0, 0, 0, 8]),
            encode(ID, &[1, 2, 3, 4]),
        ]
        .concat()
    }

    #[test]
    fn an_entry_is_read_and_deleted_by_what_names_it() {
        let entry = entry(17, ([10, 42, 1, 9], 5353));
        let flow = flow(&entry).unwrap();
        assert_eq!(flow.service, Endpoint { address: [10, 43, 0, 10].into(), port: 53 });
        assert_eq!(flow.endpoint, Endpoint { address: [10, 42, 1, 9].into(), port: 5353 });
        let request = delete(&flow);
        assert_eq!(request.len(), u32::from_ne_bytes(part(&request, 0).unwrap()) as usize);
        let sent: Vec<u16> = attributes(&request[HEADER + FAMILY_HEADER..]).map(|attribute| attribute.kind).collect();
        assert_eq!(sent, [TUPLE_ORIGINAL, ID]);
    }

    #[test]
    fn other_protocols_and_untranslated_flows_are_left_alone() {
        assert_eq!(flow(&entry(6, ([10, 42, 1, 9], 5353))), None);
        assert_eq!(flow(&entry(17, ([10, 43, 0, 10], 53))), None);
    }

    #[test]
    fn garbage_is_no_message_and_no_entry() {
        let good = message(GET, 0, &entry(17, ([10, 42, 1, 9], 5353)));
        for cut in 0..good.len() {
            assert_eq!(messages(&good[..cut]).count(), 0);
            assert_eq!(flow(&good[cut..]).filter(|flow| flow.identity.is_empty()), None);
        }
        let zero_length = [0u8; 64];
        assert_eq!(messages(&zero_length).count(), 0);
        assert_eq!(attributes(&zero_length).count(), 0);
    }

    #[test]
    fn answers_end_with_an_error_number() {
        let mut refused = message(ERROR, 0, &[]);
        refused.truncate(HEADER);
        refused.extend((-libc::ENOENT).to_ne_bytes());
        refused[0] = refused.len() as u8;
        assert_eq!(messages(&refused).collect::<Vec<_>>(), [Message::End(libc::ENOENT)]);
    }
}
