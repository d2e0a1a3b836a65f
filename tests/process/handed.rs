//! The program as the service manager starts it: its listeners are open before it begins.

use std::ffi::OsStr;
use std::os::fd::OwnedFd;
use std::process::{Command, Stdio};

/// Runs the program with `sockets`, one or two, as descriptors 3 and 4 under `names`, which a colon separates.
///
/// They go in as standard input and output and a shell moves them, so that no number they have in this process is in the way
/// of another, and no other child of this process inherits them.
pub fn command<S: AsRef<OsStr>>(sockets: &[&OwnedFd], names: &str, arguments: &[S]) -> Command {
    let moved = if sockets.len() == 1 { "3<&0" } else { "3<&0 4<&1" };
    let mut command = Command::new("sh");
    command.args(["-c", &format!("export LISTEN_PID=$$; exec \"$0\" \"$@\" {moved} </dev/null >/dev/null")]);
    command.arg(env!("CARGO_BIN_EXE_tradingbot")).args(arguments);
    command.env("LISTEN_FDS", sockets.len().to_string()).env("LISTEN_FDNAMES", names);
    command.stdin(sockets[0].try_clone().unwrap());
    match sockets.get(1) {
        Some(second) => command.stdout(second.try_clone().unwrap()),
        None => command.stdout(Stdio::null()),
    };
    command
}
