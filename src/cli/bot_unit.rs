//! Which bot of this host is meant: the one, or one more by its name.

use std::str::FromStr;

use crate::systemd::unit;

/// Which bot of this host.
#[derive(Debug, clap::Args)]
pub struct BotUnit {
    /// One more bot of this host: tradingbot@NAME.
    #[arg(long, value_name = "NAME")]
    bot: Option<BotName>,
}

/// The name of one more bot on a host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BotName(String);

impl BotUnit {
    /// Its name as a user, a folder or a file bears it.
    pub fn stem(&self) -> String {
        self.bot.as_ref().map_or_else(|| "tradingbot".to_owned(), |name| format!("tradingbot@{}", name.0))
    }

    /// The words that mean it on a command line, with a space before them.
    pub fn flag(&self) -> String {
        self.bot.as_ref().map_or_else(String::new, |name| format!(" --bot {}", name.0))
    }

    /// Its service.
    pub fn service(&self) -> String {
        format!("{}.service", self.stem())
    }

    /// Its unit as shipped, with the drop-in for systemd `version`.
    pub fn shipped(&self, version: u32) -> Vec<&'static str> {
        let shipped = if self.bot.is_none() { &unit::SERVICE } else { &unit::INSTANCE };
        vec![shipped.unit, if version >= unit::NEW_SYSTEMD { shipped.beside_new } else { shipped.beside_old }]
    }
}

impl FromStr for BotName {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        if text.is_empty() || text.len() > NAME_BYTES_MAX || !text.bytes().all(plain) {
            return Err("is no name of a bot: up to 64 letters, digits, dashes and underscores");
        }
        Ok(Self(text.to_owned()))
    }
}

const NAME_BYTES_MAX: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_cannot_lead_to_another_file() {
        assert_eq!("paper-2".parse(), Ok(BotName("paper-2".to_owned())));
        for text in ["", "../x", "a b", "a/b", "a.service", "é", "x".repeat(65).as_str()] {
            assert!(text.parse::<BotName>().is_err(), "{text}");
        }
    }
}
