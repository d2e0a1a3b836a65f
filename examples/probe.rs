//! A program for `tests/process/`: does to itself what the bot does to itself, and prints what it can see afterwards.

use std::env;
use std::fs;
use std::io::{self, Write};
use std::net::{TcpListener, TcpStream};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram, UnixStream};
use std::path::{Path, PathBuf};

use rustix::io::FdFlags;
use tradingbot::domain::Span;
use tradingbot::log::{Log, LogFormat, LogLevel, LogSettings, OrderDetails, catch_panics, message};
use tradingbot::redact;
use tradingbot::sandbox::{self, Grants, Require};
use tradingbot::secrets::{Environment, Places, Secrets, seal_process};
use tradingbot::systemd::{Inherited, Listener, Notifier};

fn main() -> io::Result<()> {
    let role = env::args().nth(1).unwrap_or_default();
    let out = &mut io::stdout().lock();
    match role.as_str() {
        "secrets" => secrets(out),
        "log" => log(out),
        "journal" => journal(out),
        "confine" => confine(out),
        "sockets" => sockets(out),
        "notify" => notify(),
        _ => Err(io::Error::other("probe knows no such role")),
    }
}

/// Takes secrets from everywhere, and shows what the kernel still tells about this process.
///
/// With `PROBE_SEAL=first` it is sealed before, as the bot is; then only root could read its environment.
fn secrets(out: &mut dyn Write) -> io::Result<()> {
    let seal_first = env::var_os("PROBE_SEAL").is_some_and(|when| when == "first");
    if seal_first {
        seal_process().map_err(io::Error::other)?;
    }
    let environment = match Environment::take() {
        Ok(environment) => environment,
        Err(error) => return writeln!(out, "refused: {error}"),
    };
    let folder = env::var_os("PROBE_FOLDER").map(Into::into);
    let env_file = env::var_os("PROBE_ENV_FILE").map(Into::into);
    match Secrets::load(Places { credentials: Places::credentials(), folder, environment, env_file }) {
        Ok(secrets) => {
            for ((name, source), (_, secret)) in secrets.sources().zip(secrets.each()) {
                writeln!(out, "{name} from {source}: {} bytes", secret.expose(<[u8]>::len))?;
            }
        }
        Err(error) => writeln!(out, "refused: {error}")?,
    }
    let files: &[&str] = if seal_first { &["comm", "limits"] } else { &["comm", "cmdline", "environ"] };
    for file in files {
        let text = fs::read(format!("/proc/self/{file}"))?;
        for line in text.split(|byte| matches!(byte, 0 | b'\n')) {
            writeln!(out, "{file} {}", String::from_utf8_lossy(line))?;
        }
    }
    writeln!(out, "dumpable {:?}", rustix::process::dumpable_behavior()?)
}

/// Writes to the log of the process in every way it has, with a secret in each; `PROBE_FILE` is where it goes.
fn log(out: &mut dyn Write) -> io::Result<()> {
    let secret = env::var("PROBE_SECRET").unwrap_or_default();
    catch_panics();
    let early = secret.clone();
    let _ = std::thread::spawn(move || panic!("before the log, secret={early:?}")).join();
    let file = env::var_os("PROBE_FILE").map(PathBuf::from);
    let format = if env::var_os("PROBE_JSON").is_some() { LogFormat::Json } else { LogFormat::Auto };
    let mut settings = LogSettings { format, level: LogLevel::Info, order_details: OrderDetails::Full, file };
    let log = Log::start(&settings).map_err(io::Error::other)?;
    redact::hold(secret.as_bytes());
    tracing::info!(target: "tradingbot", message_id = message::READY.id, price = 64_000, "first {secret}");
    tracing::debug!(target: "tradingbot", "not shown {secret}");
    settings.level = LogLevel::Debug;
    settings.order_details = OrderDetails::Redacted;
    log.reload(&settings);
    if let Some(path) = &settings.file {
        fs::rename(path, path.with_extension("1"))?;
        log.reopen()?;
    }
    tracing::debug!(target: "tradingbot", price = 64_000, "second {secret}");
    let _ = std::thread::spawn(move || panic!("broke on {secret}")).join();
    writeln!(out, "lost {}; a second log: {:?}", log.lost(), Log::start(&settings).err().map(|error| error.to_string()))
}

/// Stands in for the journal in a `/run` of its own, writes to it, and shows what arrived.
fn journal(out: &mut dyn Write) -> io::Result<()> {
    let path = Path::new("/run/systemd/journal/socket");
    fs::create_dir_all(path.parent().unwrap_or(path))?;
    let socket = UnixDatagram::bind(path)?;
    let (format, order_details) = (LogFormat::Journal, OrderDetails::Redacted);
    let settings = LogSettings { format, level: LogLevel::Trace, order_details, file: None };
    let _log = Log::start(&settings).map_err(io::Error::other)?;
    let secret = env::var("PROBE_SECRET").unwrap_or_default();
    redact::hold(secret.as_bytes());
    let span = tracing::info_span!(target: "tradingbot", "order", order_id = "tb-1", text = %secret);
    span.in_scope(|| {
        let id = message::ORDER_REFUSED.id;
        tracing::warn!(target: "tradingbot", message_id = id, symbol = "BTCUSDT", price = 64_000, "refused {secret}");
        tracing::info!(target: "tradingbot", api_key = secret, "said");
    });
    let _ = std::thread::spawn(move || panic!("broke on {secret}")).join();
    socket.set_nonblocking(true)?;
    let mut buffer = vec![0; 65_536];
    while let Ok(length) = socket.recv(&mut buffer) {
        show_record(&buffer[..length], out)?;
    }
    Ok(())
}

/// Shows a record of the journal's protocol: `NAME=value` on a line, or the name on a line, length and value
/// behind it; an empty line ends a record.
fn show_record(mut record: &[u8], out: &mut dyn Write) -> io::Result<()> {
    while let Some(end) = record.iter().position(|byte| *byte == b'\n') {
        let (line, rest) = (&record[..end], &record[end + 1..]);
        if line.is_empty() {
            record = rest;
            continue;
        }
        if line.contains(&b'=') {
            writeln!(out, "{}", String::from_utf8_lossy(line))?;
            record = rest;
            continue;
        }
        let (length, rest) = rest.split_first_chunk::<8>().ok_or_else(|| io::Error::other("a record is cut off"))?;
        let length = usize::try_from(u64::from_le_bytes(*length)).map_err(io::Error::other)?;
        writeln!(out, "{}={}", String::from_utf8_lossy(line), String::from_utf8_lossy(&rest[..length]))?;
        record = &rest[length + 1..];
    }
    Ok(())
}

/// Confines itself to `PROBE_READ` (a file), `PROBE_WRITE` (a folder) and `PROBE_PORT`, then tries everything else.
fn confine(out: &mut dyn Write) -> io::Result<()> {
    let path = |name| env::var_os(name).map(PathBuf::from).unwrap_or_default();
    let (read, write, other) = (path("PROBE_READ"), path("PROBE_WRITE"), path("PROBE_OTHER"));
    let port = |name| env::var(name).ok().and_then(|port| port.parse::<u16>().ok()).unwrap_or(0);
    let (granted, refused) = (port("PROBE_PORT"), port("PROBE_OTHER_PORT"));
    let kept = fs::File::options().append(true).open(other.join("open"))?;
    let grants =
        Grants { read: vec![read.clone()], write: vec![write.clone()], bind: Vec::new(), connect: vec![granted] };
    seal_process().map_err(io::Error::other)?;
    if env::var_os("PROBE_THREAD").is_some() {
        std::thread::spawn(std::thread::park);
    }
    let require = if env::var_os("PROBE_FULL").is_some() { Require::Full } else { Require::Best };
    match sandbox::confine(&grants, require) {
        Ok(confined) => writeln!(out, "{confined}")?,
        Err(error) => return writeln!(out, "refused: {error}"),
    }
    let own = write.join("new");
    let abstract_name = SocketAddr::from_abstract_name(env::var("PROBE_ABSTRACT").unwrap_or_default())?;
    let tries: [(&str, &dyn Fn() -> io::Result<()>); 18] = [
        ("read the granted file", &|| fs::read(&read).map(drop)),
        ("write in the granted folder", &|| fs::write(&own, "x")),
        ("truncate in the granted folder", &|| fs::File::create(&own).map(drop)),
        ("rename in the granted folder", &|| fs::rename(&own, write.join("renamed"))),
        ("make a folder in the granted folder", &|| fs::create_dir(write.join("folder"))),
        ("list the granted folder", &|| fs::read_dir(&write).map(drop)),
        ("remove in the granted folder", &|| fs::remove_file(write.join("renamed"))),
        ("connect to the granted port", &|| TcpStream::connect(("127.0.0.1", granted)).map(drop)),
        ("write to an open file", &|| (&kept).write_all(b"x")),
        ("connect to a socket with a path", &|| UnixStream::connect(other.join("socket")).map(drop)),
        ("NOT write the granted file", &|| fs::File::options().append(true).open(&read).map(drop)),
        ("NOT read another file", &|| fs::read(other.join("open")).map(drop)),
        ("NOT read the system", &|| fs::read("/etc/passwd").map(drop)),
        ("NOT make a file elsewhere", &|| fs::write(other.join("new"), "x")),
        ("NOT run a program", &|| std::process::Command::new("/bin/true").status().map(drop)),
        ("NOT connect to another port", &|| TcpStream::connect(("127.0.0.1", refused)).map(drop)),
        ("NOT listen on a port", &|| TcpListener::bind("127.0.0.1:0").map(drop)),
        ("NOT connect to an abstract socket", &|| UnixStream::connect_addr(&abstract_name).map(drop)),
    ];
    for (what, attempt) in tries {
        let result = attempt().map_err(|error| error.kind());
        writeln!(out, "{what}: {result:?}")?;
    }
    let parent = rustix::process::getppid().ok_or_else(|| io::Error::other("there is no parent"))?;
    let result = rustix::process::test_kill_process(parent).map_err(|errno| io::Error::from(errno).kind());
    writeln!(out, "NOT signal the parent: {result:?}")?;
    writeln!(out, "no new privileges: {}", rustix::thread::no_new_privs()?)
}

/// Takes the listeners that were handed over, says what they are, and shows that no program it starts would get them.
fn sockets(out: &mut dyn Write) -> io::Result<()> {
    let inherited = match Inherited::take() {
        Ok(inherited) => inherited,
        Err(error) => return writeln!(out, "refused: {error}"),
    };
    for (name, listeners) in [("api", &inherited.api), ("control", &inherited.control)] {
        for listener in listeners {
            let flags = match listener {
                Listener::Tcp(tcp) => rustix::io::fcntl_getfd(tcp)?,
                Listener::Unix(unix) => rustix::io::fcntl_getfd(unix)?,
            };
            let local = listener.is_local();
            writeln!(out, "{name} {listener} local {local} closed on exec {}", flags.contains(FdFlags::CLOEXEC))?;
        }
    }
    writeln!(out, "empty {}", inherited.is_empty())
}

/// Tells the service manager everything there is to tell.
fn notify() -> io::Result<()> {
    seal_process().map_err(io::Error::other)?;
    let notifier = Notifier::from_environment();
    let every = notifier.alive_every().map_or_else(|| "never".to_owned(), |span| span.to_string());
    let all = || {
        notifier.status(&format!("alive every {every}\nREADY=1"))?;
        notifier.more_time(Span::SECOND)?;
        notifier.ready("serving")?;
        notifier.alive()?;
        notifier.reloading()?;
        notifier.ready("serving again")?;
        notifier.stopping("draining")
    };
    all().map_err(io::Error::other)
}
