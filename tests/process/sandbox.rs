//! What a confined process can still do, and what it cannot, tried one by one.

use std::fs;
use std::net::TcpListener;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixListener};
use std::path::Path;
use std::process::Command;

use crate::probe;

#[test]
fn a_confined_process_does_what_it_was_granted_and_nothing_else() {
    let (folder, allowed, refused) = (tempfile::tempdir().unwrap(), listener(), listener());
    let _socket = UnixListener::bind(folder.path().join("socket")).unwrap();
    let name = format!("probe-{}", std::process::id());
    let _abstract = UnixListener::bind_addr(&SocketAddr::from_abstract_name(&name).unwrap()).unwrap();
    let mut command = command(folder.path(), &allowed, &refused);
    let text = probe::run(command.env("PROBE_ABSTRACT", name));
    let abi = text.split_once("(landlock ").and_then(|(_, rest)| rest.split_once(')')?.0.parse::<u8>().ok());
    println!("{}", text.lines().next().unwrap());
    let Some(abi) = abi else {
        assert!(text.starts_with("not confined; not refused: files and programs"), "{text}");
        return;
    };
    let mut tried = 0;
    for (what, result) in text.lines().filter_map(|line| line.split_once(": ")) {
        let newer = |needed: u8| abi < needed;
        let unknown = (what.ends_with("another port") || what.ends_with("on a port")) && newer(4)
            || (what.contains("abstract") || what.contains("signal")) && newer(6);
        let expected = if what.starts_with("NOT ") && !unknown { "Err(PermissionDenied)" } else { "Ok(())" };
        match what {
            "no new privileges" => assert_eq!(result, "true"),
            _ if what.contains("confined") => {}
            _ => assert_eq!(result, expected, "{what} in\n{text}"),
        }
        tried += 1;
    }
    assert!(tried >= 20, "only {tried} in\n{text}");
    let full = text.starts_with("confined in full");
    assert_eq!(full, abi >= 6, "{text}");
    assert_eq!(text.lines().next().unwrap().contains("not refused"), !full, "{text}");
}

#[test]
fn a_process_that_has_threads_is_not_confined_and_says_so() {
    let (folder, port) = (tempfile::tempdir().unwrap(), listener());
    let text = probe::run(command(folder.path(), &port, &port).env("PROBE_THREAD", "1"));
    assert_eq!(text.trim(), "refused: the sandbox must come before threads, and there are 2");
}

#[test]
fn full_confinement_is_had_or_refused() {
    let (folder, port) = (tempfile::tempdir().unwrap(), listener());
    let _socket = UnixListener::bind(folder.path().join("socket")).unwrap();
    let text = probe::run(command(folder.path(), &port, &port).env("PROBE_FULL", "1").env("PROBE_ABSTRACT", "x"));
    let refused = text.starts_with("refused: sandbox.require is \"full\", and the process is ");
    assert!(text.starts_with("confined in full (landlock ") || refused, "{text}");
}

fn command(folder: &Path, granted: &TcpListener, refused: &TcpListener) -> Command {
    let (config, state) = (folder.join("config"), folder.join("state"));
    fs::write(&config, "x").unwrap();
    fs::write(folder.join("open"), "x").unwrap();
    fs::create_dir(&state).unwrap();
    let port = |listener: &TcpListener| listener.local_addr().unwrap().port().to_string();
    let mut command = probe::command("confine");
    command.env("PROBE_READ", config).env("PROBE_WRITE", state).env("PROBE_OTHER", folder);
    command.env("PROBE_PORT", port(granted)).env("PROBE_OTHER_PORT", port(refused));
    command
}

fn listener() -> TcpListener {
    TcpListener::bind("127.0.0.1:0").unwrap()
}
