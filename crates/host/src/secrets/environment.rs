//! Takes secrets out of the environment, so that neither this process nor `/proc` has them there.
//!
//! A variable that is removed stays readable in `/proc/PID/environ`: that shows the stack a program was started with.
//! Only a new image has a new stack, so the process runs itself again without the variables. What they held goes along
//! in a pipe, which can be read once and is then empty. This happens before anything else, so no thread exists yet, and
//! descriptors handed over by the service manager stay open because nobody has touched them.

use std::collections::BTreeMap;
use std::env;
use std::ffi::{CString, OsStr};
use std::fs::File;
use std::io::{self, PipeReader, Write};
use std::os::fd::{AsRawFd, RawFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::Command;

use rustix::fs::{OFlags, fcntl_setfl};
use rustix::io::{FdFlags, fcntl_setfd};
use secrecy::zeroize::Zeroizing;

use super::value::read_wiped;
use super::{Found, SECRET_BYTES_MAX, Secret, SecretName, Source, TakeEnvironmentError};

/// What stood in the environment, and stands there no longer.
#[derive(Debug, Default)]
pub struct Environment {
    held: BTreeMap<SecretName, Secret>,
}

impl Environment {
    /// Takes the secrets out of the environment.
    ///
    /// When there are any, this does not return: the program begins again, with the same arguments and process id, and
    /// its first call of this function hands them over; a second call has nothing to hand over and fails. It must come
    /// before any thread, and before anything that should be done once.
    ///
    /// # Errors
    ///
    /// A variable cannot be a secret, or the program cannot be run again.
    pub fn take() -> Result<Self, TakeEnvironmentError> {
        let mut held = Self::handed_over()?;
        let mut stood = false;
        for name in SecretName::ALL {
            let Some(value) = env::var_os(name.variable()) else { continue };
            stood = true;
            let secret =
                Secret::parse(value.as_bytes()).map_err(|source| TakeEnvironmentError::Value { name, source })?;
            held.insert(name, secret);
        }
        if !stood {
            return Ok(Self { held });
        }
        Err(run_again(&held))
    }

    /// What the image before this one put in the pipe.
    fn handed_over() -> Result<BTreeMap<SecretName, Secret>, TakeEnvironmentError> {
        // The process id is part of it: a child inherits the variable, but not the descriptor's meaning.
        let own = format!(":{}", std::process::id());
        let descriptor = env::var(HANDOVER).ok().and_then(|text| text.strip_suffix(&own)?.parse::<RawFd>().ok());
        let Some(descriptor) = descriptor else { return Ok(BTreeMap::new()) };
        let path = PathBuf::from(format!("/proc/self/fd/{descriptor}"));
        let fault = |source| TakeEnvironmentError::Pipe { path: path.clone(), source };
        let pipe = File::open(&path).map_err(fault)?;
        let text = read_wiped(pipe, HANDOVER_BYTES_MAX).map_err(fault)?;
        name_process();
        let held = text.as_deref().map(|bytes| decode(bytes)).unwrap_or_default();
        // Only an image before this one sets the variable, and it never hands over nothing.
        if held.is_empty() { Err(TakeEnvironmentError::Emptied { path }) } else { Ok(held) }
    }

    pub(super) fn into_found(self, all: &mut Vec<Found>) {
        all.extend(self.held.into_iter().map(|(name, secret)| Found { name, secret, source: Source::Environment }));
    }
}

/// Replaces this image by the same program without the variables; returns only when that fails.
fn run_again(held: &BTreeMap<SecretName, Secret>) -> TakeEnvironmentError {
    let pipe = match hand_over(held) {
        Ok(pipe) => pipe,
        Err(source) => return TakeEnvironmentError::RunAgain(source),
    };
    let mut arguments = env::args_os();
    let mut command = Command::new("/proc/self/exe");
    command.arg0(arguments.next().unwrap_or_else(|| OsStr::new("tradingbot").to_owned()));
    command.args(arguments).env(HANDOVER, format!("{}:{}", pipe.as_raw_fd(), std::process::id()));
    for name in SecretName::ALL {
        command.env_remove(name.variable());
    }
    TakeEnvironmentError::RunAgain(command.exec())
}

/// Gives the process the name of its program again; running `/proc/self/exe` has made it `exe`.
fn name_process() {
    let program = env::current_exe().ok();
    let name = program.as_deref().and_then(|path| path.file_name()).map(|name| name.as_encoded_bytes());
    if let Some(name) = name.and_then(|bytes| CString::new(bytes).ok()) {
        // A name is for people who look at a list of processes; nothing depends on it.
        let _ = rustix::thread::set_name(&name);
    }
}

/// A pipe that holds the secrets and outlives this image.
fn hand_over(held: &BTreeMap<SecretName, Secret>) -> io::Result<PipeReader> {
    let (reader, mut writer) = io::pipe()?;
    fcntl_setfl(&writer, OFlags::NONBLOCK)?;
    let text = encode(held);
    // All at once or not at all: a pipe takes this much, and an error is better than waiting for ourselves.
    if writer.write(&text)? != text.len() {
        return Err(io::Error::new(io::ErrorKind::WriteZero, "the pipe is too small"));
    }
    fcntl_setfd(&reader, FdFlags::empty())?;
    Ok(reader)
}

/// `NAME=value` lines; a secret holds no line end.
fn encode(held: &BTreeMap<SecretName, Secret>) -> Zeroizing<Vec<u8>> {
    let mut text = Zeroizing::new(Vec::with_capacity(HANDOVER_BYTES_MAX));
    for (name, secret) in held {
        text.extend_from_slice(name.variable().as_bytes());
        text.push(b'=');
        secret.expose(|bytes| text.extend_from_slice(bytes));
        text.push(b'\n');
    }
    text
}

/// The inverse of [`encode`]; skips what is no such line.
fn decode(text: &[u8]) -> BTreeMap<SecretName, Secret> {
    text.split(|byte| *byte == b'\n')
        .filter_map(|line| {
            let equals = line.iter().position(|byte| *byte == b'=')?;
            let (name, value) = line.split_at(equals);
            let name = SecretName::from_variable(std::str::from_utf8(name).ok()?)?;
            Some((name, Secret::parse(&value[1..]).ok()?))
        })
        .collect()
}

/// The variable that names the pipe and the process it is for.
const HANDOVER: &str = "TRADINGBOT_SECRETS_PIPE";
const HANDOVER_BYTES_MAX: usize = SecretName::ALL.len() * (SECRET_BYTES_MAX + 32);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_handed_over_arrives() {
        let held: BTreeMap<_, _> = SecretName::ALL
            .into_iter()
            .map(|name| (name, Secret::parse(&vec![b'='; SECRET_BYTES_MAX]).unwrap()))
            .collect();
        let text = encode(&held);
        assert!(text.len() <= HANDOVER_BYTES_MAX);
        assert_eq!(text.capacity(), HANDOVER_BYTES_MAX, "a buffer that grows leaves copies behind");
        let arrived = decode(&text);
        assert_eq!(arrived.keys().copied().collect::<Vec<_>>(), SecretName::ALL);
        for secret in arrived.values() {
            secret.expose(|bytes| assert_eq!(bytes, vec![b'='; SECRET_BYTES_MAX]));
        }
    }

    #[test]
    fn a_pipe_is_empty_once_read() {
        let held = BTreeMap::from([(SecretName::ApiToken, Secret::parse(b"0123456789").unwrap())]);
        let pipe = hand_over(&held).unwrap();
        let again = File::open(format!("/proc/self/fd/{}", pipe.as_raw_fd())).unwrap();
        let text = read_wiped(again, HANDOVER_BYTES_MAX).unwrap().unwrap();
        assert_eq!(text.as_slice(), b"API_TOKEN=0123456789\n");
        assert_eq!(read_wiped(pipe, HANDOVER_BYTES_MAX).unwrap().unwrap().len(), 0);
    }
}
