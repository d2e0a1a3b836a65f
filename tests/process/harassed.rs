//! The real program among people who want to keep its operator out: thousands of connections that ask nothing, and as many
//! heads that never end, from one address and from thousands.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use rustix::net::{AddressFamily, SocketFlags, SocketType, bind, connect, socket_with};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use serde_json::Value;

use crate::loaded::Loaded;

/// A bot on the practice market that may open so many files.
struct Bot {
    child: Child,
    address: SocketAddr,
    loaded: Loaded,
}

/// Strangers who connect over and over again.
struct Crowd {
    over: Arc<AtomicBool>,
    connected: Arc<AtomicUsize>,
    threads: Vec<JoinHandle<()>>,
}

/// Somebody with a token and a connection.
struct Client<'b> {
    bot: &'b Bot,
    stream: TcpStream,
}

#[test]
fn whoever_has_a_token_is_answered_whatever_strangers_do() {
    let files = open_more_files();
    // As many as there is room for beside the slow ones and other tests.
    let idle = files.saturating_sub(2_500).clamp(500, 10_000);
    // As in a shell, and as in the unit.
    for files in [1_024, 4_096] {
        let bot = Bot::start(files);
        let mut regular = Client::new(&bot);
        let before = regular.ask("GET", "/v1/status", "");
        let quiet = bot.files();
        let mut memory = Vec::new();
        for addresses in [1, 4_000] {
            let crowd = Crowd::gather(bot.address, addresses, idle);
            let mut rounds = 0;
            while rounds < 100 || crowd.connected.load(Ordering::Relaxed) < idle + SLOW_HEADS {
                regular.ask("GET", "/v1/status", "");
                Client::new(&bot).ask("GET", "/v1/status", "");
                rounds += 1;
            }
            Client::new(&bot).ask("POST", "/v1/halt", r#"{"reason":"drill"}"#);
            regular.ask("POST", "/v1/resume", r#"{"reason":"drill is over"}"#);
            let (connected, open) = (crowd.connected.load(Ordering::Relaxed), bot.files());
            crowd.disperse();
            while bot.files() > quiet + 2 {
                regular.ask("GET", "/v1/health", "");
            }
            memory.push(bot.resident_kib());
            println!(
                "{files} files, {addresses} addresses: {connected} strangers, {open} of them at once, {rounds} rounds, {} KiB after",
                memory.last().unwrap()
            );
            assert!(open < files, "{open} open files of {files}");
        }
        let after = regular.ask("GET", "/v1/status", "");
        assert!(after["seq"].as_u64() > before["seq"].as_u64(), "it goes on trading: {after}");
        assert!(after["markets"].as_array().unwrap().iter().all(|market| market["stale"] == false), "{after}");
        assert!(memory[1] < memory[0] + 4_096, "what one crowd costs is given back before the next: {memory:?}");
        assert!(memory[1] < 65_536, "{memory:?}");
    }
}

impl Bot {
    fn start(files: usize) -> Self {
        let loaded = Loaded::new();
        let script = format!(
            "ulimit -n {files} && exec {} run --config {}",
            env!("CARGO_BIN_EXE_tradingbot"),
            loaded.config.display()
        );
        let mut child = Command::new("bash")
            .args(["-c", &script])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.as_mut().unwrap()).lines().map(Result::unwrap);
        let address = lines.filter_map(|line| line.split_once("http://")?.1.split(',').next()?.parse().ok()).next();
        Self { child, address: address.unwrap(), loaded }
    }

    /// How many files it has open.
    fn files(&self) -> usize {
        fs::read_dir(format!("/proc/{}/fd", self.child.id())).unwrap().count()
    }

    fn resident_kib(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
        line.split_whitespace().nth(1).unwrap().parse().unwrap()
    }
}

impl Drop for Bot {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl<'b> Client<'b> {
    fn new(bot: &'b Bot) -> Self {
        let stream = TcpStream::connect(bot.address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        stream.set_nodelay(true).unwrap();
        Self { bot, stream }
    }

    /// The answer, which must be a good one.
    fn ask(&mut self, method: &str, path: &str, body: &str) -> Value {
        let request = self.bot.loaded.request(method, path, body);
        self.stream.write_all(request.as_bytes()).unwrap();
        let mut text = Vec::new();
        loop {
            let mut bytes = [0; 4_096];
            let read = self.stream.read(&mut bytes).unwrap();
            assert!(read > 0, "{method} {path}: cut off after {:?}", String::from_utf8_lossy(&text));
            text.extend_from_slice(&bytes[..read]);
            let whole = String::from_utf8_lossy(&text);
            if let Some((head, body)) = whole.split_once("\r\n\r\n") {
                assert!(head.starts_with("HTTP/1.1 200 "), "{method} {path}: {whole}");
                if let Ok(json) = serde_json::from_str(body) {
                    return json;
                }
            }
        }
    }
}

impl Crowd {
    /// Most say nothing; others have begun a head and add a byte to it now and then, or ask once and stay.
    fn gather(to: SocketAddr, addresses: usize, idle: usize) -> Self {
        let (over, connected) = (Arc::<AtomicBool>::default(), Arc::<AtomicUsize>::default());
        let kinds = [(idle, &b""[..], 1), (SLOW_HEADS, SLOW_HEAD, 1), (ASKING, REQUEST, REQUEST.len())];
        let threads = kinds.map(|(count, text, pace)| {
            let (over, connected) = (Arc::clone(&over), Arc::clone(&connected));
            std::thread::spawn(move || {
                let mut open: Vec<Option<(TcpStream, usize)>> = (0..count).map(|_| None).collect();
                while !over.load(Ordering::Relaxed) {
                    for (at, stranger) in open.iter_mut().enumerate() {
                        if over.load(Ordering::Relaxed) {
                            return;
                        }
                        let lives = stranger.as_mut().is_some_and(|(stream, sent)| goes_on(stream, sent, text, pace));
                        if !lives {
                            *stranger = stranger_from(at % addresses, to).map(|stream| (stream, 0));
                            connected.fetch_add(usize::from(stranger.is_some()), Ordering::Relaxed);
                        }
                    }
                }
            })
        });
        Self { over, connected, threads: threads.into() }
    }

    fn disperse(self) {
        self.over.store(true, Ordering::Relaxed);
        self.threads.into_iter().for_each(|thread| thread.join().unwrap());
    }
}

/// Sends the next bytes of its text; whether the connection is open still.
fn goes_on(stream: &mut TcpStream, sent: &mut usize, text: &[u8], pace: usize) -> bool {
    if let Some(part) = text.get(*sent..*sent + pace) {
        *sent += pace;
        if stream.write(part).is_err() {
            return false;
        }
    }
    match stream.read(&mut [0; 64]) {
        Ok(read) => read > 0,
        Err(error) => error.kind() == std::io::ErrorKind::WouldBlock,
    }
}

/// A connection from one of many addresses of this machine.
fn stranger_from(number: usize, to: SocketAddr) -> Option<TcpStream> {
    let [.., high, low] = number.to_be_bytes();
    let from = SocketAddrV4::new(Ipv4Addr::new(127, 0, high, low.max(1)), 0);
    let socket = socket_with(AddressFamily::INET, SocketType::STREAM, SocketFlags::CLOEXEC, None).ok()?;
    bind(&socket, &from).ok()?;
    connect(&socket, &to).ok()?;
    let stream = TcpStream::from(socket);
    stream.set_nonblocking(true).ok()?;
    Some(stream)
}

/// Raises the limit of open files as far as it goes, and says how far.
fn open_more_files() -> usize {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: limit.maximum, maximum: limit.maximum };
    setrlimit(Resource::Nofile, raised).unwrap();
    raised.current.and_then(|files| usize::try_from(files).ok()).unwrap_or(usize::MAX)
}

const SLOW_HEADS: usize = 1_000;
const ASKING: usize = 200;
const REQUEST: &[u8] = b"GET /v1/status HTTP/1.1\r\nHost: bot\r\n\r\n";
const SLOW_HEAD: &[u8] =
    b"GET /v1/status HTTP/1.1\r\nHost: bot\r\nX-Slow: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
