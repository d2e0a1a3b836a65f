//! A program for `tests/process/`: does to itself what the bot does to itself, and prints what it can see afterwards.

use std::env;
use std::fs;
use std::io::{self, Write};

use tradingbot::secrets::{Environment, Places, Secrets, seal_process};

fn main() -> io::Result<()> {
    let role = env::args().nth(1).unwrap_or_default();
    let out = &mut io::stdout().lock();
    match role.as_str() {
        "secrets" => secrets(out),
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
