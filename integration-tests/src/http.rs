//! One HTTP GET, each wait bounded: enough to ask a till for its name.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use anyhow::{Context, Result, bail};

/// The longest an answer may take; a till on the next host answers in a millisecond.
const PATIENCE: Duration = Duration::from_secs(2);
const LIMIT: u64 = 1024 * 1024;

/// The body of a 200 answer; anything else is an error.
pub fn get(address: SocketAddr, path: &str) -> Result<String> {
    let mut stream = TcpStream::connect_timeout(&address, PATIENCE).with_context(|| format!("connect to {address}"))?;
    stream.set_read_timeout(Some(PATIENCE)).context("set a deadline")?;
    write!(stream, "GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n")
        .with_context(|| format!("ask {address}"))?;
    let mut bytes = Vec::new();
    stream.take(LIMIT).read_to_end(&mut bytes).with_context(|| format!("listen to {address}"))?;
    body(&String::from_utf8_lossy(&bytes)).with_context(|| format!("GET http://{address}{path}"))
}

fn body(answer: &str) -> Result<String> {
    let (head, body) = answer.split_once("\r\n\r\n").context("the answer is cut off")?;
    let status = head.lines().next().unwrap_or_default();
    if status.split(' ').nth(1) != Some("200") {
        bail!("the answer is {status}");
    }
    Ok(body.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_whole_200_is_an_answer() {
        assert_eq!(body("HTTP/1.1 200 OK\r\nA: b\r\n\r\nhello").expect("whole"), "hello");
        assert!(body("HTTP/1.1 503 Busy\r\n\r\nhello").is_err());
        assert!(body("HTTP/1.1 200 OK\r\n").is_err());
    }
}
