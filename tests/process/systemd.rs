//! Listeners handed over as the service manager does it, and what it is told.

use std::net::{TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::os::unix::net::{UnixDatagram, UnixListener};
use std::process::{Command, Stdio};

use crate::probe;

#[test]
fn listeners_are_taken_by_their_names() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("control");
    let tcp = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = tcp.local_addr().unwrap();
    let text = handed(&[tcp.into(), UnixListener::bind(&path).unwrap().into()], "api:control");
    let expected = format!(
        "api {address} local true closed on exec true\ncontrol unix:{} local true closed on exec true\nempty false\n",
        path.display()
    );
    assert_eq!(text, expected);
}

#[test]
fn one_name_may_stand_for_several_listeners() {
    let four = TcpListener::bind("0.0.0.0:0").unwrap();
    let address = four.local_addr().unwrap();
    let unix = UnixListener::bind(tempfile::tempdir().unwrap().path().join("api")).unwrap();
    let text = handed(&[four.into(), unix.into()], "api:api");
    assert!(text.starts_with(&format!("api {address} local false closed on exec true\napi unix:/")), "{text}");
}

#[test]
fn listeners_without_a_known_name_are_refused() {
    let listener = || OwnedFd::from(TcpListener::bind("127.0.0.1:0").unwrap());
    for (names, refusal) in [
        ("tradingbot.socket", "a socket is named \"tradingbot.socket\"; write FileDescriptorName=api or"),
        ("", "1 sockets were handed over with 0 names in LISTEN_FDNAMES"),
        ("api:control", "1 sockets were handed over with 2 names in LISTEN_FDNAMES"),
        ("control", "the socket \"control\" must be a unix socket"),
    ] {
        let text = handed(&[listener()], names);
        assert!(text.starts_with(&format!("refused: {refusal}")), "{names}: {text}");
    }
}

#[test]
fn what_is_no_listener_is_refused() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let connected = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let datagram = UnixDatagram::unbound().unwrap();
    let file = tempfile::tempfile().unwrap();
    for descriptor in [connected.into(), datagram.into(), file.into()] {
        let text = handed(&[descriptor], "api");
        assert!(text.starts_with("refused: the socket \"api\" is no listening stream socket"), "{text}");
    }
}

#[test]
fn listeners_meant_for_another_process_are_left_alone() {
    let mut command = probe::command("sockets");
    let text = probe::run(command.env("LISTEN_PID", "1").env("LISTEN_FDS", "1").env("LISTEN_FDNAMES", "api"));
    assert_eq!(text, "empty true\n");
}

#[test]
fn the_service_manager_is_told_each_step() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("notify");
    let socket = UnixDatagram::bind(&path).unwrap();
    probe::run(probe::command("notify").env("NOTIFY_SOCKET", &path).env("WATCHDOG_USEC", "3000000"));
    socket.set_nonblocking(true).unwrap();
    let mut buffer = [0; 1_024];
    let mut told = Vec::new();
    while let Ok(length) = socket.recv(&mut buffer) {
        told.push(String::from_utf8(buffer[..length].to_vec()).unwrap());
    }
    let (monotonic, told): (Vec<String>, Vec<String>) =
        told.into_iter().partition(|text| text.contains("MONOTONIC_USEC="));
    assert_eq!(
        told,
        [
            "STATUS=alive every 1s500ms READY=1\n",
            "EXTEND_TIMEOUT_USEC=1000000\n",
            "READY=1\nSTATUS=serving\n",
            "WATCHDOG=1\n",
            "READY=1\nSTATUS=serving again\n",
            "STOPPING=1\nSTATUS=draining\n",
        ]
    );
    assert!(monotonic.len() == 1 && monotonic[0].starts_with("RELOADING=1\nMONOTONIC_USEC="), "{monotonic:?}");
}

#[test]
fn a_watchdog_of_another_process_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("notify");
    let socket = UnixDatagram::bind(&path).unwrap();
    let mut command = probe::command("notify");
    probe::run(command.env("NOTIFY_SOCKET", &path).env("WATCHDOG_USEC", "3000000").env("WATCHDOG_PID", "1"));
    let mut buffer = [0; 1_024];
    let length = socket.recv(&mut buffer).unwrap();
    assert!(buffer[..length].starts_with(b"STATUS=alive every never"));
}

#[test]
fn a_service_manager_that_is_gone_is_an_error() {
    let output = probe::command("notify").env("NOTIFY_SOCKET", "/nowhere").output().unwrap();
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success() && text.contains("NotifyError"), "{text}");
}

/// Runs the probe with these as descriptors 3 and 4. They come in as standard input and error, and a shell moves them, so
/// that the process id is known before the program begins.
fn handed(descriptors: &[OwnedFd], names: &str) -> String {
    let script = "export LISTEN_PID=$$; exec \"$0\" sockets 3<&0 4<&2 </dev/null 2>/dev/null";
    let mut command = Command::new("sh");
    command.args(["-c", script]).arg(probe::path());
    command.env("LISTEN_FDS", descriptors.len().to_string()).env("LISTEN_FDNAMES", names);
    command.stdin(descriptors[0].try_clone().unwrap());
    if let Some(second) = descriptors.get(1) {
        command.stderr(second.try_clone().unwrap());
    } else {
        command.stderr(Stdio::null());
    }
    let output = command.output().unwrap();
    assert!(output.status.success());
    String::from_utf8(output.stdout).unwrap()
}
