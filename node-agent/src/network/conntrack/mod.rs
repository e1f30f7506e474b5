//! Makes the kernel forget UDP flows to endpoints that are gone.
//!
//! The service rules choose an endpoint for the first packet of a flow; the connection table keeps the choice for the rest.
//! A TCP connection to a pod that has gone ends by itself, but UDP has no end: a client that keeps its port, as a resolver
//! does, would send to the dead address for as long as it sends. So these entries are taken out of the table, and the next
//! packet is a first one again.
//!
//! It talks the kernel's ctnetlink itself (`wire.rs`), because the only command for it is on few machines.

mod wire;

use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::time::{Duration, Instant};

use nix::sys::socket::{
    AddressFamily, MsgFlags, SockFlag, SockProtocol, SockType, recv, send, setsockopt, socket, sockopt,
};
use nix::sys::time::{TimeVal, TimeValLike};

pub(super) use wire::Flow;
use wire::Message;

/// The kernel answers at once or not at all.
const ANSWER: i64 = 1;
/// A table of a million entries is read in less.
const DEADLINE: Duration = Duration::from_secs(5);
/// The kernel's messages have at most a few pages.
const BUFFER: usize = 64 << 10;

/// Takes the UDP flows that are `stale` out of the table of the calling thread's namespace; says how many. Blocks.
pub(super) fn clear(stale: impl Fn(&Flow) -> bool) -> io::Result<usize> {
    let socket = socket(AddressFamily::Netlink, SockType::Raw, SockFlag::SOCK_CLOEXEC, SockProtocol::NetlinkNetFilter)?;
    setsockopt(&socket, sockopt::ReceiveTimeout, &TimeVal::seconds(ANSWER))?;
    let mut found = Vec::new();
    ask(&socket, &wire::list(), |entry| found.extend(wire::flow(entry).filter(&stale)))?;
    for flow in &found {
        match ask(&socket, &wire::delete(flow), |_| {}) {
            // It has ended meanwhile.
            Err(error) if error.raw_os_error() == Some(libc::ENOENT) => {}
            other => other?,
        }
    }
    Ok(found.len())
}

/// Sends a request, and takes the entries of the answer until its end.
fn ask(socket: &OwnedFd, request: &[u8], mut take: impl FnMut(&[u8])) -> io::Result<()> {
    send(socket.as_raw_fd(), request, MsgFlags::empty())?;
    let end = Instant::now() + DEADLINE;
    let mut buffer = vec![0; BUFFER];
    loop {
        let length = recv(socket.as_raw_fd(), &mut buffer, MsgFlags::empty())?;
        for message in wire::messages(&buffer[..length]) {
            match message {
                Message::Entry(entry) => take(entry),
                Message::End(0) => return Ok(()),
                Message::End(errno) => return Err(io::Error::from_raw_os_error(errno)),
            }
        }
        if Instant::now() > end {
            return Err(io::ErrorKind::TimedOut.into());
        }
    }
}
