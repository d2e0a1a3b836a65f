//! `tradingbot doctor --sandbox`: what confines the bot on this machine, layer by layer.

use std::fs;
use std::path::Path;

use super::{Finding, main_process, property};
use crate::cli::bot_unit::BotUnit;
use crate::cli::tool::{JOURNALCTL, NFT, SYSTEMCTL};
use crate::cli::{Exit, Failure};
use crate::log::message;
use crate::sandbox::{self, Enforcement, Grants, Surroundings, Verdict};
use crate::systemd::unit;

/// Looks at every layer.
pub fn layers(bot: &BotUnit) -> Vec<Finding> {
    let service = bot.service();
    let pid = main_process(&service);
    let mut layers = vec![unit(bot)];
    layers.extend(surroundings(&service, pid));
    layers.push(firewall());
    // Last, because it takes from this very process what it needs for the others.
    layers.push(landlock(pid));
    layers
}

fn unit(bot: &BotUnit) -> Finding {
    let service = &bot.service();
    let version = match SYSTEMCTL.ask(&["--version"]) {
        Ok(answer) => version_of(&answer.text()),
        Err(failure) => return Finding::not_known(UNIT, failure.to_string(), "start it with systemd"),
    };
    let mut lines = Vec::new();
    for (name, shipped) in [(service.as_str(), bot.shipped(version)), (SLICE, vec![unit::SLICE])] {
        let Some(cat) = SYSTEMCTL.ask(&["cat", "--no-pager", name]).ok().filter(|answer| answer.done) else {
            let what = format!("{name} is not installed on this machine");
            return Finding::not_known(UNIT, what, "install the package: docs/install.md");
        };
        let deviations = unit::deviations(&shipped, &cat.text());
        lines.extend(deviations.iter().map(|deviation| format!("{name}: {deviation}")));
        if property(name, "NeedDaemonReload").as_deref() == Some("yes") {
            lines.push(format!("{name} has changed since systemd read it: systemctl daemon-reload"));
        }
    }
    let remedy =
        format!("systemctl revert the unit that is named, or put the line back; then systemctl restart {service}");
    Finding::of(UNIT, lines, "every line that confines is as shipped", remedy)
}

/// What surrounds the running bot.
fn surroundings(service: &str, pid: Option<u32>) -> Vec<Finding> {
    let found = pid.ok_or_else(|| format!("the bot does not run: systemctl start {service}")).and_then(|pid| {
        let found = Surroundings::of(Path::new(&format!("/proc/{pid}"))).map_err(|error| {
            let failure = Failure::new(Exit::Sandbox, &error);
            format!("{failure}; run this as root")
        });
        found.map(|found| (found, said(pid, "guarded from outside")))
    });
    match found {
        Ok((found, said)) => {
            let remedy = format!("see `unit` above; then systemctl restart {service}");
            found.verdicts().iter().map(|verdict| of_running(verdict, said.as_deref(), &remedy)).collect()
        }
        Err(why) => vec![Finding::unknown(RUNNING, why)],
    }
}

/// A layer of the running bot: what is seen from here, and for what is not, what the bot said when it started.
fn of_running(verdict: &Verdict, said: Option<&str>, remedy: &str) -> Finding {
    let layer = verdict.layer.as_str();
    let mut faults: Vec<String> = verdict.fault.iter().cloned().collect();
    if !verdict.layer.is_tried() {
        return Finding::of(layer, faults, "in the running bot", remedy.to_owned());
    }
    let Some(said) = said else {
        let why = "the bot tries this when it starts, and the journal does not have its answer any more";
        return Finding::not_known(layer, why.to_owned(), remedy);
    };
    let missing = said.split_once("missing: ").and_then(|(_, missing)| missing.find(&format!("{layer} (")));
    if faults.is_empty() && missing.is_some() {
        faults.push(format!("the bot said when it started: {said}"));
    }
    Finding::of(layer, faults, "tried by the running bot when it started", remedy.to_owned())
}

/// The last record of the bot's about its sandbox that has `words` in it.
fn said(pid: u32, words: &str) -> Option<String> {
    let (process, kind) = (format!("_PID={pid}"), format!("MESSAGE_ID={}", message::CONFINED.id));
    let answer = JOURNALCTL.ask(&["-q", "--no-pager", "--namespace=*", "-b", "-o", "cat", &process, &kind]).ok()?;
    answer.text().lines().rfind(|line| line.contains(words)).map(str::to_owned)
}

/// What the running bot said of landlock when it started; else what the kernel can do, tried on this process.
fn landlock(pid: Option<u32>) -> Finding {
    let remedy = "a kernel of Linux 6.12 or newer with landlock in its lsm= list refuses all of it".to_owned();
    if let Some(said) = pid.and_then(|pid| said(pid, "confined")) {
        let faults = if said.starts_with("confined in full") { Vec::new() } else { vec![said.clone()] };
        return Finding::of(LANDLOCK, faults, &format!("the running bot is {said}"), remedy);
    }
    match sandbox::confine(&Grants::default(), sandbox::Require::Best) {
        Ok(confined) => {
            let faults = match confined.enforcement() {
                Enforcement::Full => Vec::new(),
                Enforcement::Partial | Enforcement::Nothing => vec![confined.to_string()],
            };
            Finding::of(LANDLOCK, faults, &format!("a process of this machine can be {confined}"), remedy)
        }
        Err(error) => Finding::not_known(LANDLOCK, Failure::new(Exit::Sandbox, &error).to_string(), &remedy),
    }
}

/// Whether nothing goes out for the bot's user.
fn firewall() -> Finding {
    let remedy = "tradingbot firewall apply";
    match NFT.ask(&["list", "table", "inet", "tradingbot"]) {
        Ok(answer) if answer.done => {
            let users = fs::read_to_string("/etc/passwd").unwrap_or_default();
            let holes = holes(&answer.text(), user_number(&users));
            Finding::of(FIREWALL, holes, "table inet tradingbot is loaded, rule by rule as shipped", remedy.to_owned())
        }
        Ok(answer) if answer.complaint.contains("No such file") => {
            Finding::of(FIREWALL, vec!["table inet tradingbot is not loaded".to_owned()], "", remedy.to_owned())
        }
        Ok(answer) => Finding::not_known(FIREWALL, format!("nft: {}", answer.complaint), "run this as root"),
        Err(failure) => Finding::not_known(FIREWALL, failure.to_string(), remedy),
    }
}

/// Where the table is not as it was shipped, rule by rule: one before the others can let through what they drop, and one that
/// asks for more drops less.
fn holes(table: &str, user: Option<&str>) -> Vec<String> {
    let rules = |chain: &str| -> Vec<&str> {
        let (head, mut lines) = (format!("chain {chain} {{"), table.lines().map(str::trim));
        lines.find(|line| *line == head);
        lines.take_while(|line| *line != "}").collect()
    };
    let Some(user) = user else { return vec!["there is no user tradingbot whose packets could be dropped".to_owned()] };
    let picked = format!("meta skuid {user} goto bot");
    let mut holes = Vec::new();
    for (chain, shipped) in [("output", &[&[HOOK] as &[&str], &[&picked]]), ("bot", &[&ANSWERS as &[&str], &[DROP]])] {
        let rules = rules(chain);
        for (at, spellings) in shipped.iter().enumerate() {
            if rules.get(at).is_none_or(|rule| !spellings.contains(rule)) {
                let found = rules.get(at).unwrap_or(&"nothing");
                let wanted = spellings.last().unwrap_or(&"");
                holes.push(format!("table inet tradingbot, chain {chain}: {found}, instead of {wanted}"));
            }
        }
    }
    holes
}

/// The number of the bot's user in what `/etc/passwd` says.
fn user_number(users: &str) -> Option<&str> {
    users.lines().find_map(|line| line.strip_prefix("tradingbot:")?.split(':').nth(1))
}

/// The number in `systemd 257 (257.8-1~deb13u2)`; 0 when there is none.
fn version_of(text: &str) -> u32 {
    text.split_whitespace().nth(1).and_then(|word| word.parse().ok()).unwrap_or(0)
}

const UNIT: &str = "unit";
const RUNNING: &str = "running bot";
const LANDLOCK: &str = "landlock";
const FIREWALL: &str = "firewall";
const SLICE: &str = "tradingbot.slice";
/// The rules of `nftables/tradingbot.nft` as `nft list` spells them; that for answers differs between Debian 12 and 13.
const HOOK: &str = "type filter hook output priority filter; policy accept;";
const ANSWERS: [&str; 2] = [
    "tcp flags != syn / syn,ack counter name \"answered\" accept",
    "tcp flags & (syn | ack) != syn counter name \"answered\" accept",
];
const DROP: &str = "counter name \"refused\" drop";

#[cfg(test)]
mod tests {
    use super::super::State;
    use super::*;
    use crate::sandbox::Layer;

    #[test]
    fn the_version_of_systemd_is_its_first_number() {
        assert_eq!(version_of("systemd 257 (257.8-1~deb13u2)\n+PAM"), 257);
        assert_eq!(version_of("systemd 252 (252.39-1~deb12u2)\n+PAM"), 252);
        assert_eq!(version_of(""), 0);
    }

    #[test]
    fn what_only_the_bot_can_try_is_taken_from_what_it_said() {
        let state = |layer, fault: Option<&str>, said| {
            let verdict = Verdict { layer, fault: fault.map(str::to_owned) };
            of_running(&verdict, said, "").state
        };
        let whole = Some("guarded from outside in full: system calls, sockets");
        let part =
            Some("guarded from outside in part: system calls; missing: sockets (it may ask for others), memory (x)");
        assert_eq!(state(Layer::Sockets, None, whole), State::InForce);
        assert_eq!(state(Layer::Sockets, None, part), State::Missing);
        assert_eq!(state(Layer::SystemCalls, None, part), State::InForce);
        assert_eq!(state(Layer::SystemCalls, Some("there is no filter"), whole), State::Missing);
        assert_eq!(state(Layer::Sockets, None, None), State::NotKnown);
        assert_eq!(state(Layer::Network, None, None), State::InForce);
    }

    #[test]
    fn a_table_that_is_not_as_shipped_has_a_hole() {
        for answers in ANSWERS {
            let whole = format!(
                "table inet tradingbot {{\n\tchain output {{\n\t\t{HOOK}\n\t\tmeta skuid 996 goto bot\n\t}}\n\n\tchain bot \
                 {{\n\t\t{answers}\n\t\t{DROP}\n\t}}\n}}\n"
            );
            assert_eq!(holes(&whole, Some("996")), [""; 0]);
            let with = |from: &str, to: &str| holes(&whole.replace(from, to), Some("996")).join("\n");
            for (from, to) in [
                ("skuid 996", "skuid 1000"),
                (DROP, "tcp dport 443 counter name \"refused\" drop"),
                (DROP, "counter name \"refused\""),
                (answers, "counter name \"answered\" accept"),
                (HOOK, "type filter hook input priority filter; policy accept;"),
                ("meta skuid 996", "accept\n\t\tmeta skuid 996"),
                ("meta skuid 996 goto bot", ""),
            ] {
                assert!(with(from, to).starts_with("table inet tradingbot, chain "), "{from} {to}");
            }
            assert!(
                with(DROP, "tcp dport 443 drop")
                    .ends_with("bot: tcp dport 443 drop, instead of counter name \"refused\" drop")
            );
            assert_eq!(holes(&whole, None).len(), 1);
        }
        assert_eq!(holes("", Some("996")).len(), 4);
        let users = "root:x:0:0::/root:/bin/sh\ntradingbot:x:996:996::/:/bin/false\n";
        assert_eq!((user_number(users), user_number("")), (Some("996"), None));
    }
}
