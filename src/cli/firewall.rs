//! `tradingbot firewall`: nothing goes out for the bot's user, and on request nothing comes in but ssh and HTTPS.

use std::fs;
use std::io::Write;
use std::path::Path;

use serde_json::{Value, json};

use super::tool::{NFT, SYSTEMCTL, SYSTEMD_RUN};
use super::{Exit, Failure};

/// `tradingbot firewall`.
#[derive(Debug, clap::Args)]
pub struct Firewall {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    /// Show the tables that are loaded, with their counters.
    Show,
    /// Load the table that keeps the bot's user from sending anything out.
    Apply {
        /// Deny instead what comes in, but for ssh, HTTPS and answers: on trial for two minutes.
        #[arg(long)]
        ingress: bool,
    },
    /// End the trial of what denies what comes in; it stays, over restarts too. To be said over a new connection.
    Confirm,
    /// Remove the table that keeps the bot's user from sending anything out.
    Remove {
        /// Let in again what comes instead, and forget it.
        #[arg(long)]
        ingress: bool,
    },
}

impl Firewall {
    /// Shows, loads, confirms or removes.
    ///
    /// # Errors
    ///
    /// The caller is not root, a program of the system is missing or refuses, or there is nothing to confirm.
    pub fn run(&self, json: bool, out: &mut dyn Write) -> Result<(), Failure> {
        if !rustix::process::geteuid().is_root() {
            return Err(Failure::say(Exit::Denied, "only root may see or change the firewall; use sudo"));
        }
        let done = match self.action {
            Action::Show => return show(json, out),
            Action::Apply { ingress: false } => keep_in()?,
            Action::Apply { ingress: true } => try_ingress()?,
            Action::Confirm => confirm(Path::new("/proc"))?,
            Action::Remove { ingress: false } => let_out()?,
            Action::Remove { ingress: true } => let_in()?,
        };
        if json { Ok(writeln!(out, "{}", json!({ "done": done }))?) } else { Ok(writeln!(out, "{done}")?) }
    }
}

fn show(json: bool, out: &mut dyn Write) -> Result<(), Failure> {
    let tables = [("outgoing", OUTGOING), ("incoming", INCOMING)];
    if json {
        let table = |name| -> Result<Value, Failure> {
            let answer = NFT.ask(&["-j", "list", "table", "inet", name])?;
            Ok(if answer.done { serde_json::from_slice(&answer.output).unwrap_or(Value::Null) } else { Value::Null })
        };
        let (outgoing, incoming) = (table(OUTGOING)?, table(INCOMING)?);
        let report = json!({ "outgoing": outgoing, "incoming": incoming, "on-trial": trial_since()?.is_some() });
        return Ok(writeln!(out, "{report}")?);
    }
    for (what, name) in tables {
        let answer = NFT.ask(&["list", "table", "inet", name])?;
        let text = if answer.done { answer.text() } else { format!("not loaded (table inet {name})") };
        writeln!(out, "{what}: {}", text.trim_end())?;
    }
    if trial_since()?.is_some() {
        writeln!(out, "{ON_TRIAL}")?;
    }
    Ok(())
}

/// Loads the table of what goes out, as the bot's start does.
fn keep_in() -> Result<&'static str, Failure> {
    SYSTEMCTL.tell(&["unmask", "--quiet", OUTGOING_UNIT])?;
    SYSTEMCTL.tell(&["restart", OUTGOING_UNIT])?;
    Ok("table inet tradingbot is loaded: nothing goes out for the user tradingbot but answers")
}

fn let_out() -> Result<&'static str, Failure> {
    // A bot that runs would load it again; and what is masked has no command any more that would delete the table.
    SYSTEMCTL.tell(&["mask", "--quiet", "--now", OUTGOING_UNIT])?;
    delete(OUTGOING)?;
    Ok("table inet tradingbot is removed until `tradingbot firewall apply`; the bot's unit still has no network")
}

/// Denies what comes in, after it is sure that this ends by itself.
fn try_ingress() -> Result<&'static str, Failure> {
    if is_active(INCOMING_UNIT)? {
        return Ok("table inet tradingbot_ingress is loaded and confirmed already");
    }
    end_trial()?;
    let [unit, after] = [format!("--unit={TRIAL}"), format!("--on-active={TRIAL_SECONDS}")];
    let delete = ["nft", "delete", "table", "inet", INCOMING];
    let timer = ["--quiet", "--collect", &unit, &after, "--timer-property=AccuracySec=1s"];
    SYSTEMD_RUN.tell(&[&timer[..], &delete[..]].concat())?;
    if let Err(failure) = NFT.feed(&["-f", "-"], INGRESS_RULES.as_bytes()) {
        end_trial()?;
        return Err(failure);
    }
    Ok(ON_TRIAL)
}

/// Ends the trial for who has shown that the host can still be reached.
fn confirm(proc: &Path) -> Result<&'static str, Failure> {
    let Some(since) = trial_since()? else {
        let what = "there is nothing on trial; `tradingbot firewall apply --ingress` begins one, for two minutes";
        return Err(Failure::say(Exit::Denied, what));
    };
    let connected = connected_at(proc, std::process::id());
    if connected.is_some_and(|connected| connected <= since) {
        let what = "this connection is older than the rules, so it shows nothing; open a new one and say it there";
        return Err(Failure::say(Exit::Denied, what));
    }
    let counter = NFT.feed(&["list", "counter", "inet", INCOMING, "admitted"], &[])?;
    if packets(&String::from_utf8_lossy(&counter)).is_none_or(|count| count == 0) {
        let what = "no connection has come in under the rules yet; open a new one and say it there";
        return Err(Failure::say(Exit::Denied, what));
    }
    end_trial()?;
    if let Err(failure) = SYSTEMCTL.tell(&["enable", "--quiet", "--now", INCOMING_UNIT]) {
        // Not confirmed, and nothing would take it back any more.
        delete(INCOMING)?;
        return Err(failure);
    }
    Ok("table inet tradingbot_ingress stays, over restarts too; `tradingbot firewall remove --ingress` ends that")
}

fn let_in() -> Result<&'static str, Failure> {
    end_trial()?;
    SYSTEMCTL.tell(&["disable", "--quiet", "--now", INCOMING_UNIT])?;
    delete(INCOMING)?;
    Ok("table inet tradingbot_ingress is removed")
}

/// Deletes a table if it is there.
fn delete(table: &str) -> Result<(), Failure> {
    let commands = format!("add table inet {table}\ndelete table inet {table}\n");
    NFT.feed(&["-f", "-"], commands.as_bytes()).map(drop)
}

/// When the trial that goes on began, in microseconds since the machine started; `None` when there is none.
fn trial_since() -> Result<Option<u64>, Failure> {
    let timer = format!("{TRIAL}.timer");
    if !is_active(&timer)? {
        return Ok(None);
    }
    let since = SYSTEMCTL.ask(&["show", "--value", "--property=ActiveEnterTimestampMonotonic", &timer])?;
    Ok(since.text().trim().parse().ok())
}

fn end_trial() -> Result<(), Failure> {
    let timer = format!("{TRIAL}.timer");
    if is_active(&timer)? { SYSTEMCTL.tell(&["stop", &timer]) } else { Ok(()) }
}

fn is_active(unit: &str) -> Result<bool, Failure> {
    Ok(SYSTEMCTL.ask(&["is-active", "--quiet", unit])?.done)
}

/// When the ssh connection over which process `pid` was started came in, in microseconds since the machine started; `None`
/// when it was started otherwise. The process that sshd makes for a connection counts, not that of a shell in it.
fn connected_at(proc: &Path, pid: u32) -> Option<u64> {
    let (mut pid, mut connected) = (pid, None);
    for _ in 0..ANCESTORS_MAX {
        let stat = fs::read_to_string(proc.join(pid.to_string()).join("stat")).ok()?;
        let (name, rest) = stat.split_once('(')?.1.rsplit_once(')')?;
        let fields: Vec<&str> = rest.split_whitespace().collect();
        if name.starts_with("sshd") {
            let command = fs::read(proc.join(pid.to_string()).join("cmdline")).unwrap_or_default();
            if !String::from_utf8_lossy(&command).contains("[listener]") {
                let ticks: u64 = fields.get(START_FIELD)?.parse().ok()?;
                connected = ticks.checked_mul(MICROS_PER_TICK);
            }
        }
        pid = fields.get(PARENT_FIELD)?.parse().ok()?;
        if pid <= 1 {
            break;
        }
    }
    connected
}

/// The number in `packets 3 bytes 180`.
fn packets(counter: &str) -> Option<u64> {
    let mut words = counter.split_whitespace().skip_while(|word| *word != "packets");
    words.nth(1)?.parse().ok()
}

const OUTGOING: &str = "tradingbot";
const INCOMING: &str = "tradingbot_ingress";
const OUTGOING_UNIT: &str = "tradingbot-firewall.service";
const INCOMING_UNIT: &str = "tradingbot-ingress.service";
const INGRESS_RULES: &str = include_str!("../../nftables/ingress.nft");
const TRIAL: &str = "tradingbot-ingress-trial";
const TRIAL_SECONDS: &str = "120s";
const ON_TRIAL: &str = "table inet tradingbot_ingress is on trial: two minutes after it was loaded it is taken back. Leave this \
                        connection open, open a new one, and say there: tradingbot firewall confirm";
/// Of `/proc/PID/stat`, counted after the name: proc(5).
const PARENT_FIELD: usize = 1;
const START_FIELD: usize = 19;
/// `USER_HZ` of Linux is 100.
const MICROS_PER_TICK: u64 = 10_000;
/// A chain of processes longer than this is none of ours.
const ANCESTORS_MAX: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    fn process(proc: &Path, pid: u32, parent: u32, name: &str, command: &str, ticks: u64) {
        let folder = proc.join(pid.to_string());
        fs::create_dir_all(&folder).unwrap();
        let between = "0 ".repeat(17);
        fs::write(folder.join("stat"), format!("{pid} ({name}) S {parent} {between}{ticks} 0 0")).unwrap();
        fs::write(folder.join("cmdline"), command).unwrap();
    }

    #[test]
    fn a_connection_is_as_old_as_the_process_that_sshd_made_for_it() {
        let folder = tempfile::tempdir().unwrap();
        let proc = folder.path();
        process(proc, 9, 1, "sshd", "sshd: /usr/sbin/sshd -D [listener] 0 of 10-100 startups", 5);
        process(proc, 20, 9, "sshd-session", "sshd: me [priv]", 700);
        process(proc, 21, 20, "sshd-session", "sshd: me@pts/0", 710);
        process(proc, 22, 21, "bash (x) y", "bash", 720);
        process(proc, 23, 22, "tradingbot", "tradingbot", 900);
        assert_eq!(connected_at(proc, 23), Some(7_000_000));
        process(proc, 30, 1, "agetty", "agetty", 700);
        process(proc, 31, 30, "tradingbot", "tradingbot", 900);
        assert_eq!(connected_at(proc, 31), None);
    }

    #[test]
    fn packets_are_read_from_the_counter() {
        let text = "table inet tradingbot_ingress {\n\tcounter admitted {\n\t\tcomment \"x\"\n\t\tpackets 3 bytes 180\n\t}\n}\n";
        assert_eq!(packets(text), Some(3));
        assert_eq!(packets(""), None);
    }
}
