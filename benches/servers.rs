//! What the bot's API is measured against: a bare hyper, and nginx with a file.

use std::convert::Infallible;
use std::fs;
use std::io::{BufRead, BufReader};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use http_body_util::Full;
use hyper::Response;
use hyper::body::Bytes;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tempfile::TempDir;

use super::bot;

/// A server in a process of its own, on the first core; it is stopped when this goes.
pub struct Server {
    /// Where it listens.
    pub address: SocketAddr,
    /// The process that answers.
    pub process: u32,
    child: Child,
    _folder: Option<TempDir>,
}

impl Server {
    /// What the smallest server on the same library does.
    pub fn hello() -> Self {
        let own = std::env::current_exe().unwrap();
        let mut child =
            Command::new("taskset").args(["-c", "0"]).arg(own).arg(HELLO).stdout(Stdio::piped()).spawn().unwrap();
        let line = BufReader::new(child.stdout.as_mut().unwrap()).lines().next().unwrap().unwrap();
        Self { address: line.parse().unwrap(), process: child.id(), child, _folder: None }
    }

    /// nginx with one worker that sends a file with `body` in it; `None` when it is not installed. Without `sendfile`, which
    /// is slower for so small a file.
    pub fn nginx(body: &[u8]) -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("status.json"), body).unwrap();
        let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let config = folder.path().join("nginx.conf");
        fs::write(&config, nginx_config(folder.path(), address)).unwrap();
        let child = Command::new("taskset")
            .args(["-c", "0", "nginx", "-c"])
            .arg(config)
            .arg("-p")
            .arg(folder.path())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let children = format!("/proc/{0}/task/{0}/children", child.id());
        let mut server = Self { address, process: child.id(), child, _folder: Some(folder) };
        let began = Instant::now();
        while began.elapsed() < Duration::from_secs(5) {
            let worker = fs::read_to_string(&children).unwrap_or_default();
            if let (Ok(_), Ok(worker)) = (TcpStream::connect(address), worker.trim().parse()) {
                server.process = worker;
                return Some(server);
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        None
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        bot::stop(&mut self.child);
    }
}

/// Serves for ever, and says where.
pub fn say_hello() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        println!("{}", listener.local_addr().unwrap());
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            stream.set_nodelay(true).unwrap();
            tokio::spawn(async move {
                let service = service_fn(|_| async {
                    Ok::<_, Infallible>(Response::new(Full::new(Bytes::from_static(b"{\"hello\":\"world\"}"))))
                });
                let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
            });
        }
    });
}

fn nginx_config(folder: &Path, address: SocketAddr) -> String {
    // The files belong to whoever runs this, and a worker of root would be somebody else.
    let user = if rustix::process::geteuid().is_root() { "user root;" } else { "" };
    let here = folder.display();
    format!(
        "{user} daemon off; worker_processes 1; pid {here}/nginx.pid; error_log /dev/null;
         events {{ worker_connections 256; }}
         http {{
             access_log off; open_file_cache max=10; keepalive_requests 1000000000; default_type application/json;
             client_body_temp_path {here}/1; proxy_temp_path {here}/2; fastcgi_temp_path {here}/3;
             uwsgi_temp_path {here}/4; scgi_temp_path {here}/5;
             server {{ listen {address}; root {here}; }}
         }}"
    )
}

/// The argument that makes this program a bare hyper.
pub const HELLO: &str = "hello-server";
