//! What the service manager would load for a bot, each tried as it would be.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use serde_json::json;

use crate::cli::bot_unit::BotUnit;
use crate::cli::tool::{SYSTEMCTL, SYSTEMD_CREDS};
use crate::cli::{Exit, Failure};
use crate::secrets::SecretName;

/// `tradingbot credential check`.
#[derive(Debug, clap::Args)]
pub(super) struct Check {
    #[command(flatten)]
    bot: BotUnit,
}

/// A file that the service manager takes for a secret of the bot.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Found {
    /// The credential.
    name: String,
    file: PathBuf,
    /// The name that is sealed in with it; none where it is plain.
    sealed_as: Option<String>,
}

impl Check {
    pub(super) fn run(&self, json: bool, out: &mut dyn Write) -> Result<(), Failure> {
        if !rustix::process::geteuid().is_root() {
            return Err(Failure::say(Exit::Denied, "only root can open what is sealed to this host; use sudo"));
        }
        let stem = self.bot.stem();
        let mut found = loaded(&SYSTEMCTL.ask(&["cat", &self.bot.service()])?.text());
        found.extend(stored(Path::new("/"), &stem));
        found.sort();
        found.dedup();
        let mut faults = Vec::new();
        for one in &found {
            faults.extend(self.fault(one)?);
        }
        faults.extend(twice(&found));
        if !faults.is_empty() {
            return Err(Failure::say(Exit::Secret, faults.join("\n       ")));
        }
        let kind = |one: &Found| if one.sealed_as.is_some() { "sealed" } else { "plain" };
        if json {
            let rows = found.iter().map(|one| json!({ "name": one.name, "kind": kind(one), "file": one.file }));
            return Ok(writeln!(out, "{}", json!({ "credentials": rows.collect::<Vec<_>>() }))?);
        }
        if found.is_empty() {
            writeln!(out, "none for {}", self.bot.service())?;
        }
        for one in &found {
            writeln!(out, "{:<6} {:<18} opens  {}", kind(one), one.name, one.file.display())?;
        }
        Ok(())
    }

    /// What keeps a secret from being loaded, or from being of use.
    fn fault(&self, one: &Found) -> Result<Option<String>, Failure> {
        let Found { name, file, sealed_as } = one;
        let place = file.display();
        let known = SecretName::ALL.map(SecretName::credential);
        if !known.contains(&name.as_str()) {
            return Ok(Some(format!("{place} is for no secret of the bot, which are {}", known.join(", "))));
        }
        let bot = self.bot.flag();
        let again = match sealed_as {
            Some(_) => format!("seal it anew: tradingbot credential seal {name} --replace{bot}"),
            None => "put it there anew, or take the file away".to_owned(),
        };
        match fs::metadata(file) {
            Err(error) => return Ok(Some(format!("{place} cannot be read: {error}; {again}"))),
            Ok(found) if found.len() == 0 => return Ok(Some(format!("{place} is empty; {again}"))),
            Ok(_) => {}
        }
        let Some(sealed_as) = sealed_as else { return Ok(None) };
        let flag = format!("--name={sealed_as}");
        let answer = SYSTEMD_CREDS.try_out(&["decrypt", &flag, &place.to_string(), "-"])?;
        let complaint = answer.complaint.trim_end_matches('.');
        Ok((!answer.done).then(|| {
            format!(
                "{place} cannot be opened: it was changed, or sealed on another host or under another name \
                 ({complaint}); {again}"
            )
        }))
    }
}

/// What a unit's own lines load from a file; an empty line takes back those before it.
fn loaded(unit: &str) -> Vec<Found> {
    let mut found = Vec::new();
    for line in unit.lines() {
        let Some(value) = line.trim().strip_prefix("LoadCredentialEncrypted=") else { continue };
        match value.split_once(':') {
            None if value.is_empty() => found.clear(),
            Some((name, file)) if file.starts_with('/') => {
                let sealed_as = Some(name.to_owned());
                found.push(Found { name: name.to_owned(), file: PathBuf::from(file), sealed_as });
            }
            None | Some(_) => {}
        }
    }
    found
}

/// What lies in the folders where the service manager looks for secrets of `stem`.
fn stored(root: &Path, stem: &str) -> Vec<Found> {
    let mut found = Vec::new();
    for (folder, sealed) in FOLDERS {
        for entry in fs::read_dir(root.join(folder)).into_iter().flatten().flatten() {
            let file_name = entry.file_name().to_string_lossy().into_owned();
            let Some(name) = file_name.strip_prefix(stem).and_then(|rest| rest.strip_prefix('.')) else { continue };
            let sealed_as = sealed.then(|| file_name.clone());
            found.push(Found { name: name.to_owned(), file: entry.path(), sealed_as });
        }
    }
    found
}

/// Secrets that more than one file holds: only one of them would be taken.
fn twice(found: &[Found]) -> Vec<String> {
    let mut files: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for one in found {
        files.entry(&one.name).or_default().push(one.file.display().to_string());
    }
    let several = files.into_iter().filter(|(_, files)| files.len() > 1);
    several.map(|(name, files)| format!("{name} is in {}; leave one of them", files.join(" and in "))).collect()
}

/// Where the service manager looks, and whether what is there is sealed.
const FOLDERS: [(&str, bool); 4] = [
    ("etc/credstore", false),
    ("run/credstore", false),
    ("etc/credstore.encrypted", true),
    ("run/credstore.encrypted", true),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lines_of_a_unit_name_what_it_loads() {
        let unit = "LoadCredentialEncrypted=old:/x\nLoadCredentialEncrypted=\nLoadCredential=a:tradingbot.a\n\
                    LoadCredentialEncrypted=binance-secret:/etc/credstore.encrypted/tradingbot/binance-secret\n";
        let found = loaded(unit);
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].file, Path::new("/etc/credstore.encrypted/tradingbot/binance-secret"));
        assert_eq!((found[0].name.as_str(), found[0].sealed_as.as_deref()), ("binance-secret", Some("binance-secret")));
    }

    #[test]
    fn files_of_one_bot_are_found_and_those_of_another_are_not() {
        let root = tempfile::tempdir().unwrap();
        for file in ["etc/credstore/tradingbot.binance-secret", "run/credstore.encrypted/tradingbot.binance-secret"] {
            let file = root.path().join(file);
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(file, "x").unwrap();
        }
        fs::write(root.path().join("etc/credstore/tradingbot@two.binance-secret"), "x").unwrap();
        let found = stored(root.path(), "tradingbot");
        assert_eq!(found.len(), 2);
        let faults = twice(&found);
        assert_eq!(faults.len(), 1);
        assert!(
            faults[0].contains("etc/credstore/") && faults[0].contains("run/credstore.encrypted/"),
            "{}",
            faults[0]
        );
        assert_eq!(stored(root.path(), "tradingbot@two").len(), 1);
    }
}
