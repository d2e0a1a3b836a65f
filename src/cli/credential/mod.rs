//! `tradingbot credential`: a secret sealed to this host, so that nothing on its disk can be read elsewhere.

mod check;

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, IsTerminal, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use clap::builder::{PossibleValuesParser, TypedValueParser};
use rustix::stdio;
use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};
use serde_json::json;

use super::bot_unit::BotUnit;
use super::tool::SYSTEMD_CREDS;
use super::{Exit, Failure};
use crate::secrets::{Secret, SecretName};
use check::Check;

/// `tradingbot credential`.
#[derive(Debug, clap::Args)]
pub struct Credential {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    /// Seal a secret to this host, and have the service load it. The secret is read from standard input.
    Seal(Seal),
    /// Try each secret that the service manager would load for a bot, and say what is wrong with it.
    Check(Check),
}

#[derive(Debug, clap::Args)]
struct Seal {
    /// Which secret.
    #[arg(value_parser = secret_name())]
    name: SecretName,
    #[command(flatten)]
    bot: BotUnit,
    /// Put it in the place of one that is sealed already.
    #[arg(long)]
    replace: bool,
}

/// Where a sealed secret and the drop-in that loads it are.
#[derive(Debug)]
struct Sealed {
    file: PathBuf,
    drop_in: PathBuf,
}

impl Credential {
    /// Seals or checks.
    ///
    /// # Errors
    ///
    /// A secret that would not be loaded; or what is read is no secret, one is sealed already, the host cannot seal, or the files cannot be written.
    pub fn run(&self, json: bool, out: &mut dyn Write) -> Result<(), Failure> {
        match &self.action {
            Action::Seal(seal) => seal.run(json, out),
            Action::Check(check) => check.run(json, out),
        }
    }
}

impl Seal {
    fn run(&self, json: bool, out: &mut dyn Write) -> Result<(), Failure> {
        if !rustix::process::geteuid().is_root() {
            return Err(Failure::say(Exit::Denied, "only root can seal: the key of this host is root's; use sudo"));
        }
        let (name, service) = (self.name.credential(), self.bot.service());
        let sealed = Sealed::of(Path::new("/"), name, &self.bot);
        if sealed.file.exists() && !self.replace {
            let file = sealed.file.display();
            return Err(Failure::say(Exit::Usage, format!("{file} is there already; --replace puts a new one there")));
        }
        let secret = ask(name)?;
        // The name is sealed in: a file that is put in the place of another is refused.
        let flag = format!("--name={name}");
        let text = secret.expose(|bytes| SYSTEMD_CREDS.feed(&["encrypt", &flag, "-", "-"], bytes))?;
        sealed.write(name, &text)?;
        let (file, drop_in) = (sealed.file.display().to_string(), sealed.drop_in.display().to_string());
        if json {
            return Ok(writeln!(
                out,
                "{}",
                json!({ "name": name, "file": file, "drop-in": drop_in, "service": service })
            )?);
        }
        writeln!(out, "sealed  {file}\nloaded  by {drop_in}")?;
        Ok(writeln!(out, "next    systemctl daemon-reload && systemctl try-restart {service}")?)
    }
}

impl Sealed {
    fn of(root: &Path, name: &str, bot: &BotUnit) -> Self {
        let drop_ins = root.join("etc/systemd/system").join(format!("{}.d", bot.service()));
        Self {
            file: root.join("etc/credstore.encrypted").join(bot.stem()).join(name),
            drop_in: drop_ins.join(format!("60-credential-{name}.conf")),
        }
    }

    /// The secret first: a drop-in without it would keep the bot from starting.
    fn write(&self, name: &str, text: &[u8]) -> Result<(), Failure> {
        put(&self.file, text, 0o700, 0o600)?;
        let load = format!("[Service]\nLoadCredentialEncrypted={name}:{}\n", self.file.display());
        put(&self.drop_in, load.as_bytes(), 0o755, 0o644)
    }
}

/// Puts a whole file in place, or leaves the one before.
fn put(path: &Path, text: &[u8], folder_mode: u32, mode: u32) -> Result<(), Failure> {
    let folder = path.parent().unwrap_or(Path::new("/"));
    let fresh = folder.join(format!(".{}.new", path.file_name().unwrap_or_default().to_string_lossy()));
    let write = || -> io::Result<()> {
        DirBuilder::new().recursive(true).mode(folder_mode).create(folder)?;
        match fs::remove_file(&fresh) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            Ok(()) | Err(_) => {}
        }
        let mut file = OpenOptions::new().write(true).create_new(true).mode(mode).open(&fresh)?;
        file.write_all(text)?;
        file.sync_all()?;
        fs::rename(&fresh, path)?;
        File::open(folder)?.sync_all()
    };
    write().map_err(|error| {
        let _ = fs::remove_file(&fresh);
        Failure::say(Exit::Failure, format!("cannot write {}: {error}; what was there is unchanged", path.display()))
    })
}

/// Reads the secret: all of standard input, or one line that is not shown where that is a terminal.
fn ask(name: &str) -> Result<Secret, Failure> {
    let refuse = |why: String| Failure::say(Exit::Secret, format!("{name} is refused: {why}"));
    let read = if io::stdin().is_terminal() {
        let _ = write!(io::stderr(), "{name}, which is not shown: ");
        let silence = Silence::keep().map_err(|error| refuse(error.to_string()))?;
        let read = Secret::read(Input { one_line: true, over: false });
        drop(silence);
        let _ = writeln!(io::stderr());
        read
    } else {
        Secret::read(Input { one_line: false, over: false })
    };
    read.map_err(|error| refuse(error.to_string()))
}

/// Standard input without a buffer that would keep a copy.
struct Input {
    one_line: bool,
    over: bool,
}

impl Read for Input {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.over {
            return Ok(0);
        }
        let count = rustix::io::read(stdio::stdin(), &mut *buffer)?;
        self.over = self.one_line && buffer.get(..count).is_some_and(|read| read.ends_with(b"\n"));
        Ok(count)
    }
}

/// A terminal that shows nothing of what is typed, and hands over Ctrl-C as a character, so that it is never left so.
struct Silence {
    before: Termios,
}

impl Silence {
    fn keep() -> io::Result<Self> {
        let before = tcgetattr(stdio::stdin())?;
        let mut silent = before.clone();
        silent.local_modes -= LocalModes::ECHO | LocalModes::ISIG;
        tcsetattr(stdio::stdin(), OptionalActions::Flush, &silent)?;
        Ok(Self { before })
    }
}

impl Drop for Silence {
    fn drop(&mut self) {
        let _ = tcsetattr(stdio::stdin(), OptionalActions::Flush, &self.before);
    }
}

/// Reads one of the names that a secret can have.
fn secret_name() -> impl TypedValueParser<Value = SecretName> {
    PossibleValuesParser::new(SecretName::ALL.map(SecretName::credential)).map(|written| {
        let named = SecretName::ALL.into_iter().find(|name| name.credential() == written);
        named.expect("the parser lets only these names pass")
    })
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        bot: BotUnit,
    }

    fn bot(words: &[&str]) -> BotUnit {
        Line::parse_from([&["x"], words].concat()).bot
    }

    #[test]
    fn what_is_sealed_is_root_s_alone_and_loaded_from_where_it_is() {
        let root = tempfile::tempdir().unwrap();
        let sealed = Sealed::of(root.path(), "binance-secret", &bot(&["--bot", "two"]));
        sealed.write("binance-secret", b"first").unwrap();
        sealed.write("binance-secret", b"second").unwrap();
        let file = root.path().join("etc/credstore.encrypted/tradingbot@two/binance-secret");
        assert_eq!(fs::read(&file).unwrap(), b"second");
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o7777;
        assert_eq!((mode(&file), mode(file.parent().unwrap())), (0o600, 0o700));
        let drop_in = root.path().join("etc/systemd/system/tradingbot@two.service.d/60-credential-binance-secret.conf");
        let text = fs::read_to_string(&drop_in).unwrap();
        assert_eq!(text, format!("[Service]\nLoadCredentialEncrypted=binance-secret:{}\n", file.display()));
        assert_eq!(fs::read_dir(file.parent().unwrap()).unwrap().count(), 1);
    }

    #[test]
    fn a_place_that_cannot_be_written_is_named_and_keeps_what_it_had() {
        let root = tempfile::tempdir().unwrap();
        fs::write(root.path().join("etc"), "a file").unwrap();
        let failure = Sealed::of(root.path(), "api-token", &bot(&[])).write("api-token", b"x").unwrap_err();
        assert!(failure.to_string().contains("etc/credstore.encrypted/tradingbot/api-token"), "{failure}");
    }
}
