//! Which bot of this host is meant: the first, or one more by its name.

use std::env;
use std::path::PathBuf;

use crate::config::{Borrowed, Own};
use crate::systemd::{Instance, unit};

/// Which bot of this host.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct BotUnit {
    /// One more bot of this host, tradingbot@NAME, with the control socket, state folder and configuration of that name.
    #[arg(long, value_name = "NAME")]
    bot: Option<Instance>,
}

impl BotUnit {
    /// Whether one was named.
    pub const fn is_named(&self) -> bool {
        self.bot.is_some()
    }

    /// The bot: that of the name, or the first.
    pub fn instance(&self) -> Instance {
        self.bot.clone().unwrap_or_default()
    }

    /// Its state folder; where no bot is named, `$STATE_DIRECTORY` counts first.
    pub fn state(&self) -> PathBuf {
        let folders = env::var_os("STATE_DIRECTORY").filter(|_| !self.is_named()).unwrap_or_default();
        // The service manager may name several, the first is ours.
        let own = env::split_paths(&folders).next().filter(|folder| folder.is_absolute());
        own.unwrap_or_else(|| self.instance().state())
    }

    /// The places of its own that its configuration is checked by; none for the first.
    pub fn own(&self, borrowed: Borrowed) -> Option<Own> {
        own(&self.instance(), borrowed)
    }

    /// Its name as a user, a folder or a file bears it.
    pub fn stem(&self) -> String {
        self.instance().stem()
    }

    /// The words that mean it on a command line, with a space before them.
    pub fn flag(&self) -> String {
        self.instance().flag()
    }

    /// Its service.
    pub fn service(&self) -> String {
        self.instance().service()
    }

    /// Its unit as shipped, with the drop-in for systemd `version`.
    pub fn shipped(&self, version: u32) -> Vec<&'static str> {
        let shipped = if self.is_named() { &unit::INSTANCE } else { &unit::SERVICE };
        vec![shipped.unit, if version >= unit::NEW_SYSTEMD { shipped.beside_new } else { shipped.beside_old }]
    }
}

impl From<Option<Instance>> for BotUnit {
    fn from(bot: Option<Instance>) -> Self {
        Self { bot }
    }
}

/// The places that are a bot's own; none for the first.
pub fn own(bot: &Instance, borrowed: Borrowed) -> Option<Own> {
    bot.name()?;
    let listen = bot.api().parse().expect("the package's own socket is a place to listen at");
    Some(Own { state: bot.state(), listen, borrowed })
}
