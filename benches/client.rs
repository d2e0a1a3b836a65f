//! A client that keeps a server busy: `wrk` on the second core.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::Command;

/// Asks `path` with a token over all connections for some seconds; how many answers came, all of them good, and in how
/// many seconds.
///
/// The limit of requests is so high that none is refused, but every request is counted, and `wrk` stands for a proxy with 250
/// clients behind it, whose addresses are read.
pub fn keep_busy(server: SocketAddr, path: &str, token: &str) -> (f64, f64) {
    let output = Command::new("taskset")
        .args(["-c", "1", "wrk", "--threads", "1", "--connections", CONNECTIONS, "--duration", SECONDS])
        .args(["--script", concat!(env!("CARGO_MANIFEST_DIR"), "/benches/wrk.lua")])
        .args(["--header", &format!("Authorization: Bearer {token}"), &format!("http://{server}{path}")])
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && !text.contains("Non-2xx") && !text.contains("Socket errors"), "{text}");
    let line = text.lines().find(|line| line.contains(" requests in ")).unwrap();
    let words: Vec<&str> = line.split_whitespace().collect();
    (words[0].parse().unwrap(), words[3].trim_end_matches("s,").parse().unwrap())
}

/// The body of one answer.
pub fn body_of(server: SocketAddr, path: &str, token: &str) -> Vec<u8> {
    let mut connection = TcpStream::connect(server).unwrap();
    let head = format!("GET {path} HTTP/1.1\r\nHost: {server}\r\nAuthorization: Bearer {token}\r\n");
    write!(connection, "{head}Connection: close\r\n\r\n").unwrap();
    let mut answer = Vec::new();
    connection.read_to_end(&mut answer).unwrap();
    assert!(answer.starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(&answer));
    let body = answer.windows(4).position(|bytes| bytes == b"\r\n\r\n").unwrap() + 4;
    answer.split_off(body)
}

/// As many as there are at once.
pub const CONNECTIONS: &str = "64";
/// How long they are kept busy.
pub const SECONDS: &str = "2";
