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
    // Asked first here and below: without nft nothing is changed. The unit would be passed over in silence.
    NFT.tell(&["list", "tables"])?;
    SYSTEMCTL.tell(&["unmask", "--quiet", OUTGOING_UNIT])?;
    SYSTEMCTL.tell(&["restart", OUTGOING_UNIT])?;
    if !is_loaded(OUTGOING)? {
        let message = format!(
            "{OUTGOING_UNIT} has started, and table inet {OUTGOING} is not there; `systemctl status \
                               {OUTGOING_UNIT}` says what it did"
        );
        return Err(Failure::say(Exit::Failure, message));
    }
    Ok("table inet tradingbot is loaded: nothing goes out for the user tradingbot but answers")
}

fn let_out() -> Result<&'static str, Failure> {
    NFT.tell(&["list", "tables"])?;
    // A bot that runs would load it again; and what is masked has no command any more that would delete the table.
    SYSTEMCTL.tell(&["mask", "--quiet", "--now", OUTGOING_UNIT])?;
    delete(OUTGOING)?;
    Ok(REMOVED)
}

/// Denies what comes in, after it is sure that this ends by itself.
fn try_ingress() -> Result<&'static str, Failure> {
    if is_active(INCOMING_UNIT)? {
        return Ok("table inet tradingbot_ingress is loaded and confirmed already");
    }
    NFT.tell(&["list", "tables"])?;
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
    let denied = |what| Err(Failure::say(Exit::Denied, what));
    match came_in(proc, std::process::id()) {
        // Whoever sits at the host needs no network to take the rules back.
        CameIn::Console => {}
        CameIn::Ssh { connected } if connected <= since => return denied(OLDER),
        CameIn::Ssh { .. } => {
            let counter = NFT.feed(&["list", "counter", "inet", INCOMING, "ssh"], &[])?;
            if packets(&String::from_utf8_lossy(&counter)).is_none_or(|count| count == 0) {
                return denied(NONE_CAME);
            }
        }
        CameIn::Unknown => return denied(UNKNOWN),
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
    NFT.tell(&["list", "tables"])?;
    end_trial()?;
    SYSTEMCTL.tell(&["disable", "--quiet", "--now", INCOMING_UNIT])?;
    delete(INCOMING)?;
    Ok("table inet tradingbot_ingress is removed")
}

/// Whether a table is in force.
fn is_loaded(table: &str) -> Result<bool, Failure> {
    Ok(NFT.ask(&["list", "table", "inet", table])?.done)
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

/// By which way somebody came to give a command.
#[derive(Debug, PartialEq, Eq)]
enum CameIn {
    /// Over ssh, by a connection that was made so many microseconds after the machine started.
    Ssh { connected: u64 },
    /// At the host's own console, a serial one or that of a hypervisor.
    Console,
    /// It cannot be told: what is detached (tmux, screen, setsid) outlives the connection over which it was started.
    Unknown,
}

/// How the one who started process `pid` came in. The process that sshd makes for a connection counts, not that of a shell
/// in it.
fn came_in(proc: &Path, pid: u32) -> CameIn {
    let (mut pid, mut console, mut connected) = (pid, false, None);
    for _ in 0..ANCESTORS_MAX {
        let Some(process) = process(proc, pid) else { break };
        console |= CONSOLES.contains(&process.terminal_major);
        if process.name.starts_with("sshd") {
            let command = fs::read(proc.join(pid.to_string()).join("cmdline")).unwrap_or_default();
            if !String::from_utf8_lossy(&command).contains("[listener]") {
                connected = process.started_ticks.checked_mul(MICROS_PER_TICK);
            }
        }
        pid = process.parent;
        if pid <= 1 {
            break;
        }
    }
    match connected {
        Some(connected) => CameIn::Ssh { connected },
        None if console => CameIn::Console,
        None => CameIn::Unknown,
    }
}

/// Of a process, what `/proc/PID/stat` says: proc(5).
struct Process {
    name: String,
    parent: u32,
    terminal_major: u32,
    started_ticks: u64,
}

fn process(proc: &Path, pid: u32) -> Option<Process> {
    let stat = fs::read_to_string(proc.join(pid.to_string()).join("stat")).ok()?;
    let (name, rest) = stat.split_once('(')?.1.rsplit_once(')')?;
    let fields: Vec<&str> = rest.split_whitespace().collect();
    let terminal: u32 = fields.get(TERMINAL_FIELD)?.parse().ok()?;
    Some(Process {
        name: name.to_owned(),
        parent: fields.get(PARENT_FIELD)?.parse().ok()?,
        terminal_major: (terminal >> 8) & 0xfff,
        started_ticks: fields.get(START_FIELD)?.parse().ok()?,
    })
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
const REMOVED: &str = "table inet tradingbot is removed and its unit masked, over restarts too, until `tradingbot firewall \
                       apply`; what the bot's own unit refuses stays: `tradingbot doctor --sandbox`";
const ON_TRIAL: &str = "table inet tradingbot_ingress is on trial: two minutes after it was loaded it is taken back. Leave this \
                        connection open, open a new one, and say there: tradingbot firewall confirm";
const OLDER: &str = "this connection is older than the rules, so it shows nothing; open a new ssh connection to this host and \
                     say it there";
const NONE_CAME: &str = "no ssh connection has come in under the rules yet, at port 22, which is the one they leave open; open a \
                         new one from another host and say it there";
const UNKNOWN: &str = "it cannot be told over which connection this came in (tmux, screen and what is detached outlive theirs); \
                       open a new ssh connection to this host and say it there, outside of tmux or screen, or at the host's \
                       console";
/// Counted after the name.
const PARENT_FIELD: usize = 1;
const TERMINAL_FIELD: usize = 4;
const START_FIELD: usize = 19;
/// `USER_HZ` of Linux is 100.
const MICROS_PER_TICK: u64 = 10_000;
/// Major numbers of terminals that no network leads to: `tty1` and `ttyS0` with their kin, and `hvc0` of hypervisors.
const CONSOLES: [u32; 2] = [4, 229];
/// A chain of processes longer than this is none of ours.
const ANCESTORS_MAX: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    fn write(proc: &Path, [pid, parent, terminal]: [u32; 3], name: &str, command: &str, ticks: u64) {
        let folder = proc.join(pid.to_string());
        fs::create_dir_all(&folder).unwrap();
        let between = "0 ".repeat(14);
        fs::write(folder.join("stat"), format!("{pid} ({name}) S {parent} 1 1 {terminal} {between}{ticks} 0 0"))
            .unwrap();
        fs::write(folder.join("cmdline"), command).unwrap();
    }

    const PTS_0: u32 = 136 << 8;
    const TTY_1: u32 = (4 << 8) | 1;

    #[test]
    fn a_connection_is_as_old_as_the_process_that_sshd_made_for_it() {
        let folder = tempfile::tempdir().unwrap();
        let proc = folder.path();
        write(proc, [9, 1, 0], "sshd", "sshd: /usr/sbin/sshd -D [listener] 0 of 10-100 startups", 5);
        write(proc, [20, 9, 0], "sshd-session", "sshd: me [priv]", 700);
        write(proc, [21, 20, 0], "sshd-session", "sshd: me@pts/0", 710);
        write(proc, [22, 21, PTS_0], "bash (x) y", "bash", 720);
        write(proc, [23, 22, PTS_0], "tradingbot", "tradingbot", 900);
        assert_eq!(came_in(proc, 23), CameIn::Ssh { connected: 7_000_000 });
    }

    #[test]
    fn only_a_console_needs_no_connection_and_what_is_detached_is_not_known() {
        let folder = tempfile::tempdir().unwrap();
        let proc = folder.path();
        write(proc, [30, 1, TTY_1], "login", "login -- root", 700);
        write(proc, [31, 30, TTY_1], "sudo", "sudo tradingbot", 800);
        write(proc, [32, 31, PTS_0], "tradingbot", "tradingbot", 900);
        assert_eq!(came_in(proc, 32), CameIn::Console);
        write(proc, [40, 1, 0], "tmux: server", "tmux", 700);
        write(proc, [41, 40, PTS_0], "tradingbot", "tradingbot", 900);
        assert_eq!(came_in(proc, 41), CameIn::Unknown);
        assert_eq!(came_in(proc, 99), CameIn::Unknown);
    }

    #[test]
    fn packets_are_read_from_the_counter() {
        let text = "table inet tradingbot_ingress {\n\tcounter admitted {\n\t\tcomment \"x\"\n\t\tpackets 3 bytes 180\n\t}\n}\n";
        assert_eq!(packets(text), Some(3));
        assert_eq!(packets(""), None);
    }
}
