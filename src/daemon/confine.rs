//! What the process is allowed from its start to its end.

use std::path::{Path, PathBuf};

use crate::config::{Config, Source};
use crate::log::message;
use crate::sandbox::{self, Confined, Enforcement, Grants, Surroundings};
use crate::systemd::Instance;

use super::error::DaemonError;

/// Looks at what guards the process, and takes from it all but its state, its configuration and its recordings.
pub(super) fn confine(
    config: &Config,
    path: Option<&Path>,
    runtime: Option<PathBuf>,
    bot: &Instance,
) -> Result<Confined, DaemonError> {
    let folder = |path: &Path| match path.parent() {
        Some(folder) if folder.as_os_str().is_empty() => PathBuf::from("."),
        Some(folder) => folder.to_owned(),
        None => PathBuf::from("/"),
    };
    let mut grants = Grants { write: vec![config.state.clone()], ..Grants::default() };
    grants.write.extend(runtime);
    grants.read.extend(path.map(folder));
    if let Source::Recording { files, .. } = &config.market.source {
        grants.read.extend(files.iter().cloned());
    }
    grants.write.extend(config.log.file.as_deref().map(folder));
    let message_id = message::CONFINED.id;
    let surroundings = Surroundings::own()?.satisfy(config.sandbox.require);
    let surroundings = surroundings.map_err(DaemonError::Unguarded)?;
    match (surroundings.are_whole(), path) {
        (true, _) => tracing::info!(message_id, "{surroundings}"),
        // In a terminal there are none to be had.
        (false, None) => tracing::debug!(message_id, "{surroundings}"),
        (false, Some(_)) => {
            let flag = bot.flag();
            tracing::warn!(message_id, "{surroundings}; tradingbot doctor --sandbox{flag} says what to do");
        }
    }
    let confined = sandbox::confine(&grants, config.sandbox.require)?;
    match confined.enforcement() {
        Enforcement::Full => tracing::info!(message_id, "{confined}"),
        Enforcement::Partial | Enforcement::Nothing => tracing::warn!(message_id, "{confined}"),
    }
    Ok(confined)
}
