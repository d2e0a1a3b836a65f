//! Restarts under clients that keep their connections: nothing is lost but what HTTP cannot promise.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixListener;
use std::process::{Child, Stdio};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use tradingbot::clock::Mark;
use tradingbot::domain::Span;

use crate::handed;
use crate::loaded::Loaded;

/// What became of the requests of all clients.
#[derive(Default)]
struct Sum {
    over: AtomicBool,
    answered: AtomicUsize,
    /// Connections that ended before anything was asked on them again: what every client has to expect.
    closed_idle: AtomicUsize,
    /// Requests without an answer on connections that the bot was free to close: idle for as long as it goes on answering
    /// when it stops.
    crossed: AtomicUsize,
    /// All other requests without a whole answer.
    lost: AtomicUsize,
}

#[test]
fn restarts_lose_no_request_but_those_that_cross_an_idle_close() {
    let loaded = Loaded::new();
    let api = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = api.local_addr().unwrap();
    let control = UnixListener::bind(loaded.state.join("control")).unwrap();
    let sockets: [OwnedFd; 2] = [api.into(), control.into()];
    let (sum, request) = (Sum::default(), loaded.request("GET", "/v1/status", ""));
    std::thread::scope(|scope| {
        for pause_ms in [0, 0, 0, 0, 20, 450, 510, 600] {
            let (sum, request) = (&sum, &request);
            scope.spawn(move || ask_on(address, request, pause_ms, sum));
        }
        for _ in 0..RESTARTS {
            let mut bot = start(&loaded, &sockets);
            let before = sum.answered.load(Ordering::Relaxed);
            while sum.answered.load(Ordering::Relaxed) < before + 1_000 && bot.try_wait().unwrap().is_none() {
                std::thread::yield_now();
            }
            kill_process(Pid::from_child(&bot), Signal::TERM).unwrap();
            assert!(bot.wait().unwrap().success());
        }
        // The last answers come from one more, or those who wait would wait for ever.
        let mut bot = start(&loaded, &sockets);
        sum.over.store(true, Ordering::Relaxed);
        let before = sum.answered.load(Ordering::Relaxed);
        while sum.answered.load(Ordering::Relaxed) < before + 8 {
            std::thread::yield_now();
        }
        bot.kill().unwrap();
        bot.wait().unwrap();
    });
    let [answered, closed_idle, crossed, lost] =
        [&sum.answered, &sum.closed_idle, &sum.crossed, &sum.lost].map(|count| count.load(Ordering::Relaxed));
    println!(
        "{RESTARTS} restarts: {answered} answered, {lost} lost, {crossed} crossed, {closed_idle} closed while idle"
    );
    assert_eq!(lost, 0, "of {answered}");
    assert!(answered > RESTARTS * 1_000);
}

/// Asks over one connection after the other, each for as long as it is open, and counts. `pause_ms` is how long it rests
/// between an answer and the next request, unless the connection ends before.
fn ask_on(to: SocketAddr, request: &str, pause_ms: u64, sum: &Sum) {
    loop {
        let mut stream = TcpStream::connect(to).unwrap();
        stream.set_nodelay(true).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        let mut rested = None;
        loop {
            match exchange(&mut stream, request) {
                Exchange::Answered { last } => {
                    sum.answered.fetch_add(1, Ordering::Relaxed);
                    if sum.over.load(Ordering::Relaxed) {
                        return;
                    }
                    if last {
                        break;
                    }
                }
                // At the first request of a connection there is no such excuse.
                Exchange::Empty if rested.is_some_and(|rested| rested >= LINGER) => {
                    sum.crossed.fetch_add(1, Ordering::Relaxed);
                    break;
                }
                Exchange::Empty | Exchange::Torn => {
                    sum.lost.fetch_add(1, Ordering::Relaxed);
                    break;
                }
            }
            let answered = Mark::now();
            if has_ended(&stream, pause_ms) {
                sum.closed_idle.fetch_add(1, Ordering::Relaxed);
                break;
            }
            rested = Some(answered.elapsed());
        }
    }
}

/// What came of one request.
enum Exchange {
    /// A whole answer, which may say that it is the last.
    Answered { last: bool },
    /// Not a byte.
    Empty,
    /// A part of an answer.
    Torn,
}

fn exchange(stream: &mut TcpStream, request: &str) -> Exchange {
    let mut answer = Vec::new();
    if stream.write_all(request.as_bytes()).is_ok() {
        let mut bytes = [0; 4_096];
        loop {
            match stream.read(&mut bytes) {
                Ok(0) => break,
                Ok(read) => answer.extend_from_slice(&bytes[..read]),
                Err(error) => {
                    assert_ne!(error.kind(), ErrorKind::WouldBlock, "no answer in a minute");
                    break;
                }
            }
            if let Some(last) = whole(&answer) {
                return Exchange::Answered { last };
            }
        }
    }
    if answer.is_empty() { Exchange::Empty } else { Exchange::Torn }
}

/// Whether an answer that is whole says that it is the last.
fn whole(answer: &[u8]) -> Option<bool> {
    let text = std::str::from_utf8(answer).ok()?;
    let (head, body) = text.split_once("\r\n\r\n")?;
    assert!(head.starts_with("HTTP/1.1 200 "), "{text}");
    let length: usize = head.lines().find_map(|line| line.strip_prefix("content-length: "))?.parse().unwrap();
    (body.len() == length).then(|| head.contains("connection: close"))
}

/// Waits for the end of a connection over which nothing is asked, or until the time is over.
fn has_ended(stream: &TcpStream, most_ms: u64) -> bool {
    if most_ms == 0 {
        stream.set_nonblocking(true).unwrap();
    } else {
        stream.set_read_timeout(Some(Duration::from_millis(most_ms))).unwrap();
    }
    let ended = !stream.peek(&mut [0]).is_err_and(|error| error.kind() == ErrorKind::WouldBlock);
    stream.set_nonblocking(false).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    ended
}

/// A bot that is handed the sockets, as the service manager does it.
fn start(loaded: &Loaded, sockets: &[OwnedFd; 2]) -> Child {
    let arguments = ["run".as_ref(), "--config".as_ref(), loaded.config.as_os_str()];
    let mut command = handed::command(&sockets.each_ref(), "api:control", &arguments);
    command.env("STATE_DIRECTORY", &loaded.state).stderr(Stdio::null()).spawn().unwrap()
}

const RESTARTS: usize = 5;
/// As long as a bot that stops goes on answering.
const LINGER: Span = Span::from_millis(500);
