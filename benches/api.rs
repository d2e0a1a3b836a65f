//! Requests per second on one core with every layer on: guard, quota, token, route, tag, headers. The baselines run in the
//! same minute: a bare hyper that says hello, and nginx with a static file of the same size, where nginx is there.
//!
//! `cargo bench --bench api`, or with a word of one line's name behind `--` that line alone. The client is a thread on another core that keeps 32 connections busy.
#![expect(
    clippy::disallowed_methods,
    clippy::float_arithmetic,
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::as_conversions,
    clippy::cast_precision_loss,
    reason = "a benchmark measures time and prints it"
)]

use std::convert::Infallible;
use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

use http_body_util::Full;
use hyper::Response;
use hyper::body::Bytes;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use rustix::thread::{CpuSet, gettid, sched_setaffinity};
use tokio::sync::watch;
use tradingbot::api::{
    Doors, Feed, HeadView, History, HistoryError, Listener, Mark, Numbered, OperatorDoorError, Page, ProvenEntry,
    Readiness, Scope, Settings, TokenFile, serve,
};
use tradingbot::clock;
use tradingbot::domain::snapshot::{BalanceView, MarketView};
use tradingbot::domain::{Fill, RoundTrip, RunId, Snapshot};

fn main() {
    println!("{CONNECTIONS} connections, bursts of {} s, server and client on a core each", BURST.as_secs());
    let folder = tempfile::tempdir().unwrap();
    let (token, _) =
        TokenFile::of(folder.path()).add("bench".parse().unwrap(), Scope::Read, clock::now(), None).unwrap();
    let token = token.expose(str::to_owned);
    let request = |path: &str| {
        format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\nUser-Agent: bench\r\n\r\n")
    };
    let before = resident_kib();
    let hello = Server::start(|listener| hello(&listener));
    let state = folder.path().to_owned();
    let ours = Server::start(move |listener| ours(listener, state));
    let status = body_of(ours.address, &request("/v1/status"));
    let nginx = Nginx::start(folder.path(), &status);
    println!("the status has {} bytes; both servers took {} KiB to start", status.len(), resident_kib() - before);
    for round in 1..=ROUNDS {
        println!("round {round}");
        show("bare hyper, hello", hello.address, &request("/"), &hello.cpu);
        match &nginx {
            Some(nginx) => show("nginx, static file", nginx.address, &request("/status.json"), &nginx.cpu()),
            None => println!("  nginx is not there"),
        }
        show("ours, /v1/health", ours.address, &request("/v1/health"), &ours.cpu);
        show("ours, /v1/status", ours.address, &request("/v1/status"), &ours.cpu);
    }
    println!("resident after all that: {} KiB, client and both servers", resident_kib());
}

/// A server on a thread of its own, on the first core.
struct Server {
    address: SocketAddr,
    /// Where its time on a processor stands, in nanoseconds.
    cpu: Cpu,
}

enum Cpu {
    Thread(PathBuf),
    Process(PathBuf),
}

/// nginx with one worker, on the first core.
struct Nginx {
    address: SocketAddr,
    master: Child,
    worker: u32,
}

impl Server {
    fn start(run: impl FnOnce(TcpListener) + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (tell, told) = mpsc::channel();
        std::thread::spawn(move || {
            stay_on(0);
            tell.send(gettid().as_raw_nonzero()).unwrap();
            run(listener);
        });
        let cpu = Cpu::Thread(format!("/proc/self/task/{}/schedstat", told.recv().unwrap()).into());
        Self { address, cpu }
    }
}

impl Cpu {
    fn used(&self) -> Duration {
        match self {
            Self::Thread(path) => {
                let text = fs::read_to_string(path).unwrap();
                Duration::from_nanos(text.split(' ').next().unwrap().parse().unwrap())
            }
            Self::Process(path) => {
                let text = fs::read_to_string(path).unwrap();
                let fields: Vec<&str> = text.rsplit(')').next().unwrap().split_whitespace().collect();
                let ticks: u64 = fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap();
                Duration::from_millis(ticks * 10)
            }
        }
    }
}

impl Nginx {
    fn start(folder: &Path, body: &[u8]) -> Option<Self> {
        fs::write(folder.join("status.json"), body).unwrap();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let here = folder.display();
        let config = format!(
            "daemon off; worker_processes 1; worker_cpu_affinity 01; pid {here}/nginx.pid; error_log /dev/null;\n\
             events {{ worker_connections 256; }}\n\
             http {{ access_log off; open_file_cache max=10; keepalive_requests 1000000000; default_type application/json;\n\
             server {{ listen 127.0.0.1:{port}; root {here}; }} }}\n"
        );
        fs::write(folder.join("nginx.conf"), config).unwrap();
        let mut command = Command::new("nginx");
        command.arg("-c").arg(folder.join("nginx.conf")).arg("-p").arg(folder).stderr(Stdio::null());
        // The files belong to whoever runs this, and a worker of root would be somebody else.
        command.arg("-g").arg("user root;");
        let master = command.spawn().ok()?;
        let children = format!("/proc/{0}/task/{0}/children", master.id());
        let address = SocketAddr::from(([127, 0, 0, 1], port));
        let began = Instant::now();
        while began.elapsed() < Duration::from_secs(5) {
            let worker = fs::read_to_string(&children).unwrap_or_default();
            if let (Ok(_), Ok(worker)) = (TcpStream::connect(address), worker.trim().parse()) {
                return Some(Self { address, master, worker });
            }
            std::thread::yield_now();
        }
        None
    }

    fn cpu(&self) -> Cpu {
        Cpu::Process(format!("/proc/{}/stat", self.worker).into())
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        let _ = rustix::process::kill_process(
            rustix::process::Pid::from_child(&self.master),
            rustix::process::Signal::TERM,
        );
        let _ = self.master.wait();
    }
}

/// What the smallest server on the same library does.
fn hello(listener: &TcpListener) {
    listener.set_nonblocking(true).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let listener = tokio::net::TcpListener::from_std(listener.try_clone().unwrap()).unwrap();
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            tokio::spawn(async move {
                let service = service_fn(|_| async {
                    Ok::<_, Infallible>(Response::new(Full::new(Bytes::from_static(b"{\"hello\":\"world\"}"))))
                });
                let _ =
                    hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
            });
        }
    });
}

fn ours(listener: TcpListener, state: PathBuf) {
    let (_snapshot, snapshot) = watch::channel(Arc::new(picture()));
    let (_ready, ready) = watch::channel(Readiness::Ready);
    let (_config, config) = watch::channel(Arc::from("{}"));
    let doors = Doors {
        snapshot,
        ready,
        operator: Arc::new(|_| Err(OperatorDoorError::Closed)),
        history: Arc::new(NoHistory),
        feed: Arc::new(Feed::new(RunId(1))),
        config,
        now: clock::now,
    };
    let text = format!("mode = \"paper\"\nstate = \"{}\"\n[market]\nsource = \"practice\"\n", state.display());
    let path = state.join("tradingbot.toml");
    fs::write(&path, text).unwrap();
    let config = tradingbot::config::load(&path).unwrap();
    let mut settings = Settings::new(&config.api, state);
    settings.rate_limit_per_minute = u32::MAX;
    settings.rate_limit_burst = u32::MAX;
    let (_settings, settings) = watch::channel(settings);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let listeners = vec![Listener::tcp(listener).unwrap()];
    runtime.block_on(serve(listeners, doors, settings, std::future::pending())).unwrap();
}

/// Keeps all connections busy for a while, and prints what came of it.
fn show(name: &str, address: SocketAddr, request: &str, cpu: &Cpu) {
    let wanted = std::env::args().skip(1).find(|argument| !argument.starts_with("--"));
    if wanted.is_some_and(|wanted| !name.contains(&wanted)) {
        return;
    }
    let request = request.to_owned();
    let client = move || {
        stay_on(1);
        let mut connections: Vec<TcpStream> = (0..CONNECTIONS)
            .map(|_| {
                let stream = TcpStream::connect(address).unwrap();
                stream.set_nodelay(true).unwrap();
                stream
            })
            .collect();
        let mut buffer = vec![0; 64 * 1024];
        let len = read_answer(&mut connections[0], request.as_bytes(), &mut buffer);
        let (mut answers, began) = (0_u64, Instant::now());
        while began.elapsed() < BURST {
            for connection in &mut connections {
                connection.write_all(request.as_bytes()).unwrap();
            }
            for connection in &mut connections {
                let mut got = 0;
                while got < len {
                    got += connection.read(&mut buffer).unwrap();
                }
                answers += 1;
            }
        }
        (answers, began.elapsed())
    };
    let used = cpu.used();
    let (answers, time) = std::thread::spawn(client).join().unwrap();
    let used = cpu.used() - used;
    println!(
        "  {name:20} {:8.0} requests/s {:6.2} us of processor time each",
        answers as f64 / time.as_secs_f64(),
        used.as_secs_f64() * 1e6 / answers as f64,
    );
}

/// Reads one whole answer and says how long it was; all others have the same length.
fn read_answer(connection: &mut TcpStream, request: &[u8], buffer: &mut [u8]) -> usize {
    connection.write_all(request).unwrap();
    let mut got = 0;
    loop {
        got += connection.read(&mut buffer[got..]).unwrap();
        let text = String::from_utf8_lossy(&buffer[..got]).to_ascii_lowercase();
        let Some(head) = text.find("\r\n\r\n") else { continue };
        assert!(text.starts_with("http/1.1 200"), "{text}");
        let length = text.split("content-length: ").nth(1).unwrap().split("\r\n").next().unwrap();
        if got == head + 4 + length.parse::<usize>().unwrap() {
            return got;
        }
    }
}

fn body_of(address: SocketAddr, request: &str) -> Vec<u8> {
    let mut buffer = vec![0; 64 * 1024];
    let len = read_answer(&mut TcpStream::connect(address).unwrap(), request.as_bytes(), &mut buffer);
    let head = buffer.windows(4).position(|bytes| bytes == b"\r\n\r\n").unwrap() + 4;
    buffer[head..len].to_vec()
}

fn stay_on(core: usize) {
    let mut cores = CpuSet::new();
    cores.set(core);
    // On a machine with one core both share it, and the figures are worth less.
    let _ = sched_setaffinity(None, &cores);
}

fn resident_kib() -> u64 {
    let text = fs::read_to_string("/proc/self/status").unwrap();
    let line = text.lines().find(|line| line.starts_with("VmRSS")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

fn picture() -> Snapshot {
    let price = "64250.1".parse().unwrap();
    let market = |symbol: &str| MarketView {
        symbol: symbol.parse().unwrap(),
        last: price,
        bid: Some(price),
        ask: Some(price),
        heard: clock::now(),
        stale: false,
    };
    Snapshot {
        run: RunId(1),
        balances: vec![BalanceView { asset: "USDT".parse().unwrap(), total: "1000".parse().unwrap() }],
        markets: vec![market("BTCUSDT"), market("ETHUSDT")],
        ..Snapshot::default()
    }
}

struct NoHistory;

impl History for NoHistory {
    fn fills(&self, _page: Page) -> Result<Vec<Numbered<Fill>>, HistoryError> {
        Ok(Vec::new())
    }

    fn trips(&self, _page: Page) -> Result<Vec<Numbered<RoundTrip>>, HistoryError> {
        Ok(Vec::new())
    }

    fn marks(&self, _page: Page) -> Result<Vec<Numbered<Mark>>, HistoryError> {
        Ok(Vec::new())
    }

    fn entries(&self, _page: Page) -> Result<Vec<ProvenEntry>, HistoryError> {
        Ok(Vec::new())
    }

    fn head(&self) -> Result<HeadView, HistoryError> {
        Ok(HeadView { seq: 0, hash: "0".repeat(64) })
    }
}

const CONNECTIONS: usize = 32;
const BURST: Duration = Duration::from_secs(3);
const ROUNDS: usize = 3;
