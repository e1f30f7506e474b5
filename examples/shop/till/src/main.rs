//! A till of the sample shop: answers each visitor with its own name, so that whoever asks can count the tills.
//!
//! It needs no async runtime and no HTTP crate: one request a connection, one thread a visitor, a fixed number of visitors at a
//! time. As process 1 of its container it would ignore SIGTERM by default, so it blocks the signal and waits for it: from then
//! on it is not ready, takes no new visitor, serves those inside, and leaves.
//!
//! Settings, all from the environment: `PORT` (8080), `GREETING`, `HOSTNAME`.

mod request;
mod shutdown;
mod visitors;

use std::io::Write;
use std::net::{TcpListener, TcpStream};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use request::Request;
use visitors::Visitors;

/// How long a visitor may take to say what is wanted, or to take the answer.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long those inside are served after SIGTERM; below the 30 s that a pod gets.
const CLOSING_TIME: Duration = Duration::from_secs(10);
/// Threads at a time. A visitor beyond that is told to come back, so a flood costs no memory.
const MOST_VISITORS: usize = 256;

/// What a till knows of itself.
struct Till {
    name: String,
    greeting: String,
    visitors: Visitors,
}

fn main() -> ExitCode {
    match open() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("till: {error}");
            ExitCode::FAILURE
        }
    }
}

fn open() -> std::io::Result<()> {
    let signals = shutdown::block()?;
    let till = Arc::new(Till {
        name: setting("HOSTNAME", "till"),
        greeting: setting("GREETING", "Welcome"),
        visitors: Visitors::new(MOST_VISITORS),
    });
    let listener = TcpListener::bind(("0.0.0.0", port()?))?;
    eprintln!("till {} is open on {}", till.name, listener.local_addr()?);
    let at_the_door = Arc::clone(&till);
    std::thread::spawn(move || welcome(&listener, &at_the_door));
    shutdown::wait(&signals)?;
    close(&till);
    Ok(())
}

fn setting(name: &str, default: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| default.to_owned())
}

fn port() -> std::io::Result<u16> {
    setting("PORT", "8080")
        .parse()
        .map_err(|error| std::io::Error::other(format!("PORT is not a port number: {error}")))
}

fn close(till: &Till) {
    eprintln!("till {} closes, {} visitors inside", till.name, till.visitors.inside());
    till.visitors.close();
    if !till.visitors.wait_until_empty(CLOSING_TIME) {
        eprintln!("till {} leaves {} visitors unserved", till.name, till.visitors.inside());
    }
}

fn welcome(listener: &TcpListener, till: &Arc<Till>) {
    for stream in listener.incoming().filter_map(Result::ok) {
        if !till.visitors.enter() {
            report(answer(&stream, "503 Service Unavailable", "This till is full or closing.\n"));
            continue;
        }
        let till = Arc::clone(till);
        std::thread::spawn(move || {
            report(serve(&stream, &till));
            till.visitors.leave();
        });
    }
}

/// A visitor who walks away in the middle is worth a line, not more.
fn report(result: std::io::Result<()>) {
    if let Err(error) = result {
        eprintln!("visitor lost: {error}");
    }
}

fn serve(stream: &TcpStream, till: &Till) -> std::io::Result<()> {
    stream.set_read_timeout(Some(PATIENCE))?;
    let Some(request) = Request::read(stream)? else {
        return answer(stream, "400 Bad Request", "Speak HTTP, please.\n");
    };
    match (request.method.as_str(), request.path.as_str()) {
        ("GET" | "HEAD", "/healthz") => answer(stream, "200 OK", "ok\n"),
        ("GET" | "HEAD", "/readyz") if till.visitors.is_open() => answer(stream, "200 OK", "ok\n"),
        ("GET" | "HEAD", "/readyz") => answer(stream, "503 Service Unavailable", "closing\n"),
        ("GET" | "HEAD", "/") => answer(stream, "200 OK", &format!("{} from {}\n", till.greeting, till.name)),
        ("GET" | "HEAD", _) => answer(stream, "404 Not Found", "No such shelf.\n"),
        _ => answer(stream, "405 Method Not Allowed", "Only GET is served here.\n"),
    }
}

fn answer(mut stream: &TcpStream, status: &str, body: &str) -> std::io::Result<()> {
    stream.set_write_timeout(Some(PATIENCE))?;
    let length = body.len();
    write!(
        stream,
        "HTTP/1.1 {status}\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
    )?;
    stream.flush()
}
