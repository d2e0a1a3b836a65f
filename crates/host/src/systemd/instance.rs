//! Which bot of a host: the first, or one more by its name; and where the package keeps what is its own.

use std::env;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use thiserror::Error;

/// One bot of a host. The first has no name.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Instance(Option<String>);

impl Instance {
    /// The bot that this process is, by the state folder that its unit gave it; the first when no unit did.
    #[must_use]
    pub fn own() -> Self {
        // The service manager may name several folders, the first is ours.
        let folders = env::var_os("STATE_DIRECTORY").unwrap_or_default();
        env::split_paths(&folders).next().map_or_else(Self::default, |state| Self::of_state(&state))
    }

    /// The bot whose state the package keeps in `state`; the first when it is nobody's.
    #[must_use]
    pub fn of_state(state: &Path) -> Self {
        let name = state.file_name().and_then(|name| name.to_str()).and_then(|name| name.strip_prefix("tradingbot@"));
        name.and_then(|name| name.parse().ok()).unwrap_or_default()
    }

    /// Its name; none for the first.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        self.0.as_deref()
    }

    /// Its name as its units, its state folder and its credentials bear it: `tradingbot`, `tradingbot@two`.
    #[must_use]
    pub fn stem(&self) -> String {
        self.name().map_or_else(|| "tradingbot".to_owned(), |name| format!("tradingbot@{name}"))
    }

    /// What means it on a command line, with a blank before it: nothing for the first, ` --bot two`.
    #[must_use]
    pub fn flag(&self) -> String {
        self.name().map_or_else(String::new, |name| format!(" --bot {name}"))
    }

    /// Its service.
    #[must_use]
    pub fn service(&self) -> String {
        format!("{}.service", self.stem())
    }

    /// The unit that opens its API.
    #[must_use]
    pub fn socket(&self) -> String {
        format!("{}.socket", self.stem())
    }

    /// The unit that opens its control socket.
    #[must_use]
    pub fn control_unit(&self) -> String {
        self.name()
            .map_or_else(|| "tradingbot-control.socket".to_owned(), |name| format!("tradingbot-control@{name}.socket"))
    }

    /// Its control socket.
    #[must_use]
    pub fn control(&self) -> PathBuf {
        self.run_folder().join("control.sock")
    }

    /// Where its API listens unless somebody says otherwise, as `api.listen` has it.
    #[must_use]
    pub fn api(&self) -> String {
        match self.name() {
            None => "127.0.0.1:8080".to_owned(),
            Some(_) => format!("unix:{}", self.run_folder().join("api.sock").display()),
        }
    }

    /// Its folder for ledger and token hashes.
    #[must_use]
    pub fn state(&self) -> PathBuf {
        Path::new("/var/lib").join(self.stem())
    }

    /// Its configuration.
    #[must_use]
    pub fn config(&self) -> PathBuf {
        Path::new("/etc/tradingbot").join(format!("{}.toml", self.name().unwrap_or("tradingbot")))
    }

    fn run_folder(&self) -> PathBuf {
        let folder = Path::new("/run/tradingbot");
        self.name().map_or_else(|| folder.to_owned(), |name| folder.join(name))
    }
}

impl FromStr for Instance {
    type Err = InstanceNameError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        if text.is_empty() || text.len() > NAME_BYTES_MAX || text.starts_with('-') || !text.bytes().all(plain) {
            return Err(InstanceNameError::Malformed);
        }
        // Its configuration would be the first bot's.
        if text == "tradingbot" {
            return Err(InstanceNameError::First);
        }
        Ok(Self(Some(text.to_owned())))
    }
}

/// Text that is no name of one more bot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum InstanceNameError {
    /// It could lead to another file or unit.
    #[error("is no name of a bot; write up to {NAME_BYTES_MAX} letters, digits, dashes and underscores, no dash first")]
    Malformed,
    /// It is the first bot's.
    #[error("is the first bot of the host; leave --bot out to mean it")]
    First,
}

const NAME_BYTES_MAX: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_its_own_has_its_name() {
        let (first, two) = (Instance::default(), "two".parse::<Instance>().unwrap());
        let places = |bot: &Instance| [bot.control(), bot.state(), bot.config()].map(|path| path.display().to_string());
        assert_eq!(
            places(&first),
            ["/run/tradingbot/control.sock", "/var/lib/tradingbot", "/etc/tradingbot/tradingbot.toml"]
        );
        assert_eq!(
            places(&two),
            ["/run/tradingbot/two/control.sock", "/var/lib/tradingbot@two", "/etc/tradingbot/two.toml"]
        );
        assert_eq!((first.api().as_str(), two.api().as_str()), ("127.0.0.1:8080", "unix:/run/tradingbot/two/api.sock"));
        assert_eq!((first.flag().as_str(), two.flag().as_str()), ("", " --bot two"));
        assert_eq!(
            [two.service(), two.socket(), two.control_unit()],
            ["tradingbot@two.service", "tradingbot@two.socket", "tradingbot-control@two.socket"]
        );
        assert_eq!(first.control_unit(), "tradingbot-control.socket");
    }

    #[test]
    fn a_name_cannot_lead_to_another_file_or_unit() {
        assert_eq!("paper-2".parse::<Instance>().unwrap().name(), Some("paper-2"));
        for text in ["", "../x", "a b", "a/b", "a.service", "é", "-h", "a\n", "a@b", "x".repeat(65).as_str()] {
            assert_eq!(text.parse::<Instance>(), Err(InstanceNameError::Malformed), "{text}");
        }
        assert_eq!("tradingbot".parse::<Instance>(), Err(InstanceNameError::First));
    }

    #[test]
    fn a_state_folder_says_whose_it_is() {
        let of = |path: &str| Instance::of_state(Path::new(path)).name().map(str::to_owned);
        assert_eq!(of("/var/lib/tradingbot@two"), Some("two".to_owned()));
        for path in ["/var/lib/tradingbot", "/srv/state", "/", "/var/lib/tradingbot@", "/var/lib/tradingbot@a b"] {
            assert_eq!(of(path), None, "{path}");
        }
    }
}
