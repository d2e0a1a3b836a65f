//! What one more bot of a host has to itself, and what is the first bot's.

use std::path::PathBuf;

use super::api::Listen;
use super::raw::RawConfig;
use super::reader::{Reader, written};

/// The places of one more bot of a host, which hold where its file names none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Own {
    /// Its folder for ledger and token hashes.
    pub state: PathBuf,
    /// Where its API listens.
    pub listen: Listen,
    /// What becomes of a file that names the first bot's places.
    pub borrowed: Borrowed,
}

/// What becomes of a file of one more bot that names the first bot's places.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Borrowed {
    /// It is refused.
    Refused,
    /// Its own places hold all the same, because its unit gives it those; the keys are listed in `Config::borrowed`.
    Replaced,
}

impl RawConfig {
    /// Puts the bot's own places where none are written, or where those of the first are and may be replaced: the keys for
    /// which that was done.
    pub(super) fn keep_apart(&mut self, own: &Own, reader: &mut Reader<'_>) -> Vec<&'static str> {
        let state_taken = reader.has("state") && self.state == written::<PathBuf>(FIRST_STATE);
        let listen_taken = reader.has("api.listen") && self.api.listen == written::<Listen>(FIRST_LISTEN);
        let mut borrowed = Vec::new();
        for (key, taken, meant) in [
            ("state", state_taken, own.state.display().to_string()),
            ("api.listen", listen_taken, own.listen.to_string()),
        ] {
            match (taken, own.borrowed) {
                (true, Borrowed::Refused) => {
                    let what = format!("is the first bot's on this host; take the key out, or write \"{meant}\"");
                    reader.conflict(&[key], &what);
                }
                (true, Borrowed::Replaced) => borrowed.push(key),
                (false, _) => {}
            }
        }
        if state_taken || !reader.has("state") {
            self.state.clone_from(&own.state);
        }
        if listen_taken || !reader.has("api.listen") {
            self.api.listen = own.listen.clone();
        }
        borrowed
    }
}

/// What holds for the first bot, as written in the file.
const FIRST_STATE: &str = "'/var/lib/tradingbot'";
const FIRST_LISTEN: &str = "'127.0.0.1:8080'";

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::config::{Config, ConfigFaults, parse_as};

    const LEAST: &str = "mode = 'paper'\nmarket = { source = 'practice' }\n";

    fn parse(text: &str, borrowed: Borrowed) -> Result<Config, ConfigFaults> {
        let listen = "unix:/run/tradingbot/two/api.sock".parse().unwrap();
        let own = Own { state: "/var/lib/tradingbot@two".into(), listen, borrowed };
        parse_as(Path::new("/etc/tradingbot/two.toml"), format!("{text}{LEAST}").as_bytes(), Some(&own))
    }

    fn places(config: &Config) -> (String, String) {
        (config.state.display().to_string(), config.api.listen.to_string())
    }

    #[test]
    fn what_is_not_written_is_its_own() {
        let config = parse("", Borrowed::Refused).unwrap();
        assert_eq!(places(&config), ("/var/lib/tradingbot@two".into(), "unix:/run/tradingbot/two/api.sock".into()));
        assert_eq!(config.view()["api"]["listen"], "unix:/run/tradingbot/two/api.sock");
        let config = parse("state = '/srv/two'\napi = { listen = '127.0.0.1:8081' }\n", Borrowed::Refused).unwrap();
        assert_eq!(places(&config), ("/srv/two".into(), "127.0.0.1:8081".into()));
    }

    #[test]
    fn what_is_the_first_bots_is_refused_or_replaced() {
        let text = "state = '/var/lib/tradingbot'\napi = { listen = '127.0.0.1:8080' }\n";
        let faults = parse(text, Borrowed::Refused).unwrap_err();
        let said: Vec<String> = faults.faults().iter().map(ToString::to_string).collect();
        assert_eq!(
            said,
            [
                "state: '/var/lib/tradingbot' is the first bot's on this host; take the key out, or write \
                 \"/var/lib/tradingbot@two\"",
                "api.listen: '127.0.0.1:8080' is the first bot's on this host; take the key out, or write \
                 \"unix:/run/tradingbot/two/api.sock\"",
            ]
        );
        let config = parse(text, Borrowed::Replaced).unwrap();
        assert_eq!(places(&config), ("/var/lib/tradingbot@two".into(), "unix:/run/tradingbot/two/api.sock".into()));
        assert_eq!(config.borrowed, ["state", "api.listen"]);
    }
}
