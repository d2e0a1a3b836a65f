//! How long somebody with a token waits while thousands of strangers connect.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::JoinHandle;
use std::time::Instant;

use rustix::net::{AddressFamily, SocketFlags, SocketType, bind, connect, socket_with};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use super::bot::{Bot, PAPER};
use super::figure::{Table, grouped};
use super::timing::quantile;

/// The same client before and among the strangers.
pub fn measure() -> Table {
    let limit = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum }).unwrap();
    let bot = Bot::start(PAPER);
    let quiet = Times::of(&bot);
    let mut table = Table::new(
        "Harassed",
        format!(
            "The program trades on the practice market on the first core. {IDLE} connections that ask nothing and {SLOW} that \
             send their head byte by byte come from one address or from 4,000, again and again as the bot closes the oldest. \
             Meanwhile a client with a token asks `{PATH}` {SAMPLES} times over a new connection each and {SAMPLES} times over one \
             that it keeps, by the clock; it runs where the strangers do, on what they leave of the machine. The baseline is the \
             same client of the same bot before they came."
        ),
    );
    for addresses in [1, 4_000] {
        let crowd = Crowd::gather(bot.address, addresses);
        while crowd.connected.load(Ordering::Relaxed) < IDLE + SLOW {
            std::thread::yield_now();
        }
        let harassed = Times::of(&bot);
        crowd.disperse();
        for (what, mut times, mut base) in
            [("a new connection", harassed.new, quiet.new.clone()), ("a kept one", harassed.kept, quiet.kept.clone())]
        {
            let p99 = quantile(&mut times, 0.99);
            table.judge(
                format!("p50 and p99 over {what}, {} addresses", grouped(f64::from(u16::try_from(addresses).unwrap()))),
                format!("{:.2} and {p99:.2} ms", quantile(&mut times, 0.5)),
                format!("{:.2} and {:.2} ms", quantile(&mut base, 0.5), quantile(&mut base, 0.99)),
                "p99 <= 50 ms",
                p99 <= 50.0,
            );
        }
    }
    table
}

/// Milliseconds of each answer.
struct Times {
    new: Vec<f64>,
    kept: Vec<f64>,
}

impl Times {
    fn of(bot: &Bot) -> Self {
        let request = format!("GET {PATH} HTTP/1.1\r\nHost: bot\r\nAuthorization: Bearer {}\r\n\r\n", bot.token);
        let mut regular = TcpStream::connect(bot.address).unwrap();
        let (mut new, mut kept) = (Vec::new(), Vec::new());
        for _ in 0..SAMPLES {
            let began = Instant::now();
            ask(&mut TcpStream::connect(bot.address).unwrap(), &request);
            new.push(began.elapsed().as_secs_f64() * 1e3);
            let began = Instant::now();
            ask(&mut regular, &request);
            kept.push(began.elapsed().as_secs_f64() * 1e3);
        }
        Self { new, kept }
    }
}

fn ask(stream: &mut TcpStream, request: &str) {
    stream.write_all(request.as_bytes()).unwrap();
    let (mut answer, mut bytes) = (Vec::new(), [0; 4_096]);
    while !answer.ends_with(b"}") {
        let read = stream.read(&mut bytes).unwrap();
        assert!(read > 0, "cut off");
        answer.extend_from_slice(&bytes[..read]);
    }
    assert!(answer.starts_with(b"HTTP/1.1 200 "), "{}", String::from_utf8_lossy(&answer));
}

/// Strangers who connect again whenever they are cut off.
struct Crowd {
    over: Arc<AtomicBool>,
    connected: Arc<AtomicUsize>,
    threads: Vec<JoinHandle<()>>,
}

impl Crowd {
    fn gather(to: SocketAddr, addresses: usize) -> Self {
        let (over, connected) = (Arc::<AtomicBool>::default(), Arc::<AtomicUsize>::default());
        let threads = [(IDLE, &b""[..]), (SLOW, HEAD)].map(|(count, head)| {
            let (over, connected) = (Arc::clone(&over), Arc::clone(&connected));
            std::thread::spawn(move || {
                let mut open: Vec<Option<(TcpStream, usize)>> = (0..count).map(|_| None).collect();
                while !over.load(Ordering::Relaxed) {
                    for (at, stranger) in open.iter_mut().enumerate() {
                        if !stranger.as_mut().is_some_and(|(stream, sent)| goes_on(stream, sent, head)) {
                            *stranger = come(at % addresses, to).map(|stream| (stream, 0));
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

/// Sends one byte more of a head; whether the connection is open still.
fn goes_on(stream: &mut TcpStream, sent: &mut usize, head: &[u8]) -> bool {
    let byte = head.get(*sent..=*sent).unwrap_or_default();
    *sent += byte.len();
    let open = byte.is_empty() || stream.write(byte).is_ok();
    open && match stream.read(&mut [0; 64]) {
        Ok(read) => read > 0,
        Err(error) => error.kind() == std::io::ErrorKind::WouldBlock,
    }
}

fn come(number: usize, to: SocketAddr) -> Option<TcpStream> {
    let [.., high, low] = number.to_be_bytes();
    let from = SocketAddrV4::new(Ipv4Addr::new(127, 0, high, low.max(1)), 0);
    let socket = socket_with(AddressFamily::INET, SocketType::STREAM, SocketFlags::CLOEXEC, None).ok()?;
    bind(&socket, &from).ok()?;
    connect(&socket, &to).ok()?;
    let stream = TcpStream::from(socket);
    stream.set_nonblocking(true).ok()?;
    Some(stream)
}

const PATH: &str = "/v1/status";
const IDLE: usize = 10_000;
const SLOW: usize = 1_000;
const SAMPLES: usize = 1_000;
const HEAD: &[u8] =
    b"GET /v1/status HTTP/1.1\r\nHost: bot\r\nX-Slow: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
