//! A client that sends exactly the bytes it is told and reads what comes back.

use std::collections::BTreeMap;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::Value;

/// Where to, and with what.
#[derive(Debug, Clone)]
pub struct Client {
    to: To,
    headers: Vec<(String, String)>,
}

#[derive(Debug, Clone)]
enum To {
    Tcp(SocketAddr),
    Unix(PathBuf),
}

/// One connection.
pub struct Connection {
    stream: Box<dyn Stream>,
    buffer: Vec<u8>,
}

/// One answer.
#[derive(Debug, Clone)]
pub struct Response {
    pub status: u16,
    pub headers: BTreeMap<String, String>,
    pub body: Vec<u8>,
}

trait Stream: Read + Write {}

impl Stream for TcpStream {}

impl Stream for UnixStream {}

impl Client {
    pub fn tcp(address: SocketAddr) -> Self {
        Self { to: To::Tcp(address), headers: Vec::new() }
    }

    pub fn unix(path: &Path) -> Self {
        Self { to: To::Unix(path.to_owned()), headers: Vec::new() }
    }

    pub fn with_token(&self, token: &str) -> Self {
        self.with("Authorization", &format!("Bearer {token}"))
    }

    /// The same with one header more.
    pub fn with(&self, name: &str, value: &str) -> Self {
        let mut client = self.clone();
        client.headers.push((name.to_owned(), value.to_owned()));
        client
    }

    pub fn connect(&self) -> Connection {
        let stream: Box<dyn Stream> = match &self.to {
            To::Tcp(address) => {
                let stream = TcpStream::connect(address).unwrap();
                stream.set_read_timeout(Some(PATIENCE)).unwrap();
                stream.set_nodelay(true).unwrap();
                Box::new(stream)
            }
            To::Unix(path) => {
                let stream = UnixStream::connect(path).unwrap();
                stream.set_read_timeout(Some(PATIENCE)).unwrap();
                Box::new(stream)
            }
        };
        Connection { stream, buffer: Vec::new() }
    }

    /// The bytes of a request with this client's headers.
    pub fn request(&self, method: &str, path: &str, body: Option<&str>) -> String {
        let mut text = format!("{method} {path} HTTP/1.1\r\nHost: localhost\r\n");
        for (name, value) in &self.headers {
            text.push_str(&format!("{name}: {value}\r\n"));
        }
        if let Some(body) = body {
            text.push_str(&format!("Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}", body.len()));
        } else {
            text.push_str("\r\n");
        }
        text
    }

    pub fn get(&self, path: &str) -> Response {
        self.ask("GET", path, None)
    }

    pub fn post(&self, path: &str, body: Option<&str>) -> Response {
        self.ask("POST", path, body)
    }

    pub fn ask(&self, method: &str, path: &str, body: Option<&str>) -> Response {
        let mut connection = self.connect();
        connection.send(self.request(method, path, body).as_bytes());
        connection.read_response(method == "HEAD").unwrap()
    }
}

impl Connection {
    pub fn send(&mut self, bytes: &[u8]) {
        // Whoever is refused early may be cut off while still sending.
        let _ = self.stream.write_all(bytes).and_then(|()| self.stream.flush());
    }

    /// The next answer; an error when the connection ends before it is whole.
    pub fn read_response(&mut self, head_only: bool) -> io::Result<Response> {
        let mut response = self.read_head()?;
        if head_only || response.status == 304 || response.status == 204 || response.status == 100 {
            return Ok(response);
        }
        if response.header("transfer-encoding") == Some("chunked") {
            while let Some(chunk) = self.read_chunk()? {
                response.body.extend(chunk);
            }
        } else {
            let len: usize = response.header("content-length").unwrap_or("0").parse().unwrap();
            response.body = self.take(len)?;
        }
        Ok(response)
    }

    /// The head of an answer alone.
    pub fn read_head(&mut self) -> io::Result<Response> {
        let end = loop {
            if let Some(at) = self.buffer.windows(4).position(|bytes| bytes == b"\r\n\r\n") {
                break at + 4;
            }
            self.fill()?;
        };
        let head = String::from_utf8(self.take(end)?).unwrap();
        let mut lines = head.trim_end().split("\r\n");
        let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
        let mut headers = BTreeMap::new();
        for line in lines {
            let (name, value) = line.split_once(": ").unwrap();
            let before = headers.insert(name.to_ascii_lowercase(), value.to_owned());
            assert_eq!(before, None, "{name} stands twice");
        }
        Ok(Response { status, headers, body: Vec::new() })
    }

    /// The next chunk of a chunked body; `None` at its end.
    pub fn read_chunk(&mut self) -> io::Result<Option<Vec<u8>>> {
        let line = self.read_line()?;
        let len = usize::from_str_radix(&line, 16).unwrap();
        let chunk = self.take(len)?;
        assert_eq!(self.read_line()?, "");
        Ok(Some(chunk).filter(|chunk| !chunk.is_empty()))
    }

    /// What the server sends until it ends the connection in order; an error when it resets it.
    pub fn read_to_end(&mut self) -> io::Result<Vec<u8>> {
        let mut all = std::mem::take(&mut self.buffer);
        self.stream.read_to_end(&mut all)?;
        Ok(all)
    }

    /// Sends, and says whether it could.
    pub fn try_send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes)
    }

    /// Whether the server has closed the connection, and sent nothing before.
    pub fn is_closed(&mut self) -> bool {
        self.buffer.is_empty() && self.fill().is_err_and(|error| error.kind() != io::ErrorKind::WouldBlock)
    }

    fn read_line(&mut self) -> io::Result<String> {
        loop {
            if let Some(at) = self.buffer.windows(2).position(|bytes| bytes == b"\r\n") {
                let line = self.take(at + 2)?;
                return Ok(String::from_utf8(line[..at].to_vec()).unwrap());
            }
            self.fill()?;
        }
    }

    fn take(&mut self, len: usize) -> io::Result<Vec<u8>> {
        while self.buffer.len() < len {
            self.fill()?;
        }
        Ok(self.buffer.drain(..len).collect())
    }

    fn fill(&mut self) -> io::Result<()> {
        let mut chunk = [0; 8_192];
        match self.stream.read(&mut chunk)? {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            read => {
                self.buffer.extend(&chunk[..read]);
                Ok(())
            }
        }
    }
}

impl Response {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(String::as_str)
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// The code of a refusal; empty when it is none.
    pub fn code(&self) -> String {
        match self.header("content-type") {
            Some("application/problem+json") => self.json()["code"].as_str().unwrap().to_owned(),
            _ => String::new(),
        }
    }
}

/// Longer than anything takes; a test that waits for it fails.
const PATIENCE: Duration = Duration::from_secs(30);
