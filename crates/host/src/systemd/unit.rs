//! The lines of the bot's unit that confine it, and which of them a host has lost or changed.

use std::collections::BTreeMap;
use std::fmt;

/// What a host's unit does not hold to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Deviation {
    /// A line that is not there.
    Missing {
        /// As it should stand.
        line: String,
    },
    /// A line that says something else.
    Changed {
        /// As it should stand.
        line: String,
        /// As it stands.
        found: String,
        /// In which file.
        file: String,
    },
    /// A line that allows more.
    Added {
        /// As it stands.
        found: String,
        /// In which file.
        file: String,
    },
}

/// Compares a unit as it was shipped, its drop-ins after it, with what `systemctl cat` prints of a host's. Only lines that
/// confine count.
#[must_use]
pub fn deviations(shipped: &[&str], installed: &str) -> Vec<Deviation> {
    let (shipped, installed) = (Settings::read(&shipped.concat()), Settings::read(installed));
    let mut found = Vec::new();
    for (key, wanted) in &shipped.0 {
        if ABOUT_OTHER_THINGS.contains(&key.as_str()) || ALLOWING.contains(&key.as_str()) {
            continue;
        }
        match installed.0.get(key) {
            None => found.extend(missing(key, wanted)),
            Some(there) if LISTS.contains(&key.as_str()) => compare_lists(key, wanted, there, &mut found),
            Some(there) if key == COMMAND && is_confined(wanted, there) => {}
            Some(there) if LIMITS.contains(&key.as_str()) && is_within(wanted, there) => {}
            Some(there) => found.extend(changed(key, wanted, there)),
        }
    }
    for (key, there) in installed.0.iter().filter(|(key, _)| ALLOWING.contains(&key.as_str())) {
        let known = |setting: &&Setting| {
            shipped.0.get(key).is_some_and(|shipped| shipped.iter().any(|wanted| wanted.value == setting.value))
        };
        found.extend(there.iter().filter(|setting| !known(setting)).map(|setting| added(key, setting)));
    }
    found
}

/// The assignments of a service or a slice, and those of its `[Unit]` that guard it, that are in force, each with its file. What is assigned nothing is there and empty.
struct Settings(BTreeMap<String, Vec<Setting>>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct Setting {
    value: String,
    file: String,
}

impl Settings {
    fn read(text: &str) -> Self {
        let mut settings: BTreeMap<String, Vec<Setting>> = BTreeMap::new();
        let (mut file, mut section) = (String::new(), String::new());
        for line in text.replace("\\\n", " ").lines().map(str::trim) {
            if let Some(path) = line.strip_prefix("# /") {
                file = format!("/{path}");
            } else if line.starts_with('[') {
                line.clone_into(&mut section);
            } else if let Some((key, value)) =
                line.split_once('=').filter(|(key, _)| !line.starts_with(['#', ';']) && is_read(&section, key.trim()))
            {
                let values = settings.entry(key.trim().to_owned()).or_default();
                let is_list = LISTS.contains(&key.trim()) || ALLOWING.contains(&key.trim());
                if value.trim().is_empty() || !is_list {
                    values.clear();
                }
                let setting = |value: &str| Setting { value: value.to_owned(), file: file.clone() };
                let is_words = is_list && !key.starts_with("Exec") || LISTS.contains(&key.trim());
                if is_words && !value.trim().starts_with('~') {
                    values.extend(value.split_whitespace().map(setting));
                } else if !is_list || !value.trim().is_empty() {
                    values.push(setting(value.trim()));
                }
            }
        }
        Self(settings)
    }
}

/// Whether a setting is looked at in a section.
fn is_read(section: &str, key: &str) -> bool {
    match section {
        "[Service]" | "[Slice]" => !OF_THE_UNIT.contains(&key),
        "[Unit]" => OF_THE_UNIT.contains(&key),
        _ => false,
    }
}

/// Whether it is still the shipped program that is started, and no `+` or `!` before it leaves the sandbox away. What it is
/// told is another matter.
fn is_confined(wanted: &[Setting], there: &[Setting]) -> bool {
    let program = |settings: &[Setting]| -> Option<String> {
        Some(settings.last()?.value.trim_start_matches(['@', '-', ':']).split_whitespace().next()?.to_owned())
    };
    program(wanted) == program(there)
}

/// Whether a limit is at most as wide as it should be.
fn is_within(wanted: &[Setting], there: &[Setting]) -> bool {
    let amount = |settings: &[Setting]| {
        let value = settings.last()?.value.as_str();
        let (number, unit) = value.split_at(value.find(|sign: char| !sign.is_ascii_digit()).unwrap_or(value.len()));
        let power = UNITS.iter().position(|name| *name == unit)?;
        number.parse::<u64>().ok()?.checked_mul(1_u64.checked_shl(10 * u32::try_from(power).ok()?)?)
    };
    matches!((amount(wanted), amount(there)), (Some(wanted), Some(there)) if there <= wanted)
}

fn missing(key: &str, wanted: &[Setting]) -> Option<Deviation> {
    let values: Vec<&str> = wanted.iter().map(|setting| setting.value.as_str()).collect();
    Some(Deviation::Missing { line: format!("{key}={}", values.join(" ")) })
}

fn changed(key: &str, wanted: &[Setting], there: &[Setting]) -> Option<Deviation> {
    let value = |settings: &[Setting]| settings.last().map_or_else(String::new, |setting| setting.value.clone());
    let (wanted, found) = (value(wanted), value(there));
    let file = there.last().map_or_else(String::new, |setting| setting.file.clone());
    (plain(&wanted) != plain(&found)).then(|| Deviation::Changed {
        line: format!("{key}={wanted}"),
        found: format!("{key}={found}"),
        file,
    })
}

fn compare_lists(key: &str, wanted: &[Setting], there: &[Setting], found: &mut Vec<Deviation>) {
    let lacks = |list: &[Setting], value: &str| list.iter().all(|setting| setting.value != value);
    let lost = wanted.iter().map(|setting| setting.value.as_str()).filter(|value| lacks(there, value));
    let lost: Vec<&str> = lost.filter(|value| !value.starts_with(JOURNAL_UNITS)).collect();
    if FORBIDDING.contains(&key) {
        found.extend((!lost.is_empty()).then(|| Deviation::Missing { line: format!("{key}={}", lost.join(" ")) }));
        return;
    }
    // A list that allows: what is not on it any more confines the more, but some that are empty allow everything.
    let allows = |setting: &&Setting| !setting.value.starts_with('~') && setting.value != "none";
    if OPEN_WHEN_EMPTY.contains(&key) && there.iter().all(|setting| setting.value.starts_with('~')) {
        found.extend(missing(key, wanted));
    }
    let more = there.iter().filter(allows).filter(|setting| lacks(wanted, &setting.value));
    let more = more.filter(|setting| !setting.value.starts_with(JOURNALS));
    found.extend(more.map(|setting| added(key, setting)));
}

fn added(key: &str, setting: &Setting) -> Deviation {
    Deviation::Added { found: format!("{key}={}", setting.value), file: setting.file.clone() }
}

/// Truth in one of its spellings.
fn plain(value: &str) -> &str {
    match value {
        "true" | "on" | "1" => "yes",
        "false" | "off" | "0" => "no",
        other => other,
    }
}

impl fmt::Display for Deviation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing { line } => write!(f, "{line} is missing"),
            Self::Changed { line, found, file } => write!(f, "{found} ({file}) instead of {line}"),
            Self::Added { found, file } => write!(f, "{found} ({file}) allows more"),
        }
    }
}

/// A unit as it is shipped, and the drop-in beside it.
#[derive(Debug)]
pub struct Shipped {
    /// The unit.
    pub unit: &'static str,
    /// What is beside it where systemd is older than [`NEW_SYSTEMD`].
    pub beside_old: &'static str,
    /// What is beside it from [`NEW_SYSTEMD`] on.
    pub beside_new: &'static str,
}

/// The one bot of a host.
pub const SERVICE: Shipped = Shipped {
    unit: include_str!("../../../../systemd/tradingbot.service"),
    beside_old: include_str!("../../../../systemd/252/tradingbot.service.conf"),
    beside_new: include_str!("../../../../systemd/257/tradingbot.service.conf"),
};
/// One more bot.
pub const INSTANCE: Shipped = Shipped {
    unit: include_str!("../../../../systemd/tradingbot@.service"),
    beside_old: include_str!("../../../../systemd/252/tradingbot@.service.conf"),
    beside_new: include_str!("../../../../systemd/257/tradingbot@.service.conf"),
};
/// What all bots of a host are in together.
pub const SLICE: &str = include_str!("../../../../systemd/tradingbot.slice");
/// The version of systemd that changes what is beside a unit.
pub const NEW_SYSTEMD: u32 = 257;

/// Sockets of the journal and of its namespaces, which a bot may be given a choice of.
const JOURNALS: &str = "/run/systemd/journal";
/// Units of those.
const JOURNAL_UNITS: &str = "systemd-journald@";
/// Settings that add up; assigning nothing empties them.
const LISTS: &[&str] = &[
    "AmbientCapabilities",
    "BindReadOnlyPaths",
    "CapabilityBoundingSet",
    "ExecPaths",
    "IPAddressDeny",
    "InaccessiblePaths",
    "NoExecPaths",
    "ReadOnlyPaths",
    "Requires",
    "RestrictAddressFamilies",
    "SocketBindDeny",
    "SystemCallArchitectures",
    "SystemCallFilter",
    "Wants",
];
/// Those of them that forbid, so that more on them is no fault.
const FORBIDDING: &[&str] =
    &["IPAddressDeny", "InaccessiblePaths", "NoExecPaths", "ReadOnlyPaths", "Requires", "SocketBindDeny", "Wants"];
/// Those that allow everything when nothing is on them.
const OPEN_WHEN_EMPTY: &[&str] = &["RestrictAddressFamilies", "SystemCallArchitectures", "SystemCallFilter"];
/// Settings that allow something, so that only what the shipped unit has of them may be there.
const ALLOWING: &[&str] = &[
    "BindPaths",
    "DeviceAllow",
    "Environment",
    "EnvironmentFile",
    "ExecCondition",
    "ExecStartPost",
    "ExecStartPre",
    "ExecStop",
    "ExecStopPost",
    "ExtensionDirectories",
    "ExtensionImages",
    "IPAddressAllow",
    "IPCNamespacePath",
    "JoinsNamespaceOf",
    "MountImages",
    "NetworkNamespacePath",
    "PassEnvironment",
    "PermissionsStartOnly",
    "ReadWritePaths",
    "RootImage",
    "SocketBindAllow",
    "SupplementaryGroups",
];
/// Settings of `[Unit]` that guard the service: what they name is not read in another section.
const OF_THE_UNIT: &[&str] = &["JoinsNamespaceOf", "Requires", "StartLimitIntervalSec", "Wants"];
/// The setting with the program.
const COMMAND: &str = "ExecStart";
/// Settings that confine the more the less they say.
const LIMITS: &[&str] = &["LimitCORE", "LimitMEMLOCK", "LimitNOFILE", "MemoryMax", "MemorySwapMax", "TasksMax"];
/// What a number of bytes may be followed by, each 1024 times the one before.
const UNITS: &[&str] = &["", "K", "M", "G", "T"];
/// Settings of the shipped unit that say how it runs and not what it may do.
const ABOUT_OTHER_THINGS: &[&str] = &[
    "ImportCredential",
    "LoadCredential",
    "NotifyAccess",
    "Restart",
    "RestartMaxDelaySec",
    "RestartSec",
    "RestartSteps",
    "Sockets",
    "StandardError",
    "StandardInput",
    "StandardOutput",
    "SyslogIdentifier",
    "TimeoutStartSec",
    "TimeoutStopSec",
    "Type",
];

#[cfg(test)]
mod tests {
    use super::*;

    /// Settings of other sections.
    const OF_OTHERS: &[&str] = &["After", "Description", "Documentation", "PartOf", "WantedBy"];

    fn installed(unit: &str, drop_in: &str) -> String {
        format!("# /usr/lib/systemd/system/tradingbot.service\n{unit}\n\n# /etc/systemd/system/x.conf\n{drop_in}\n")
    }

    fn faults(unit: &str, drop_in: &str) -> Vec<String> {
        deviations(&[SERVICE.unit], &installed(unit, drop_in)).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_unit_as_shipped_has_no_fault() {
        assert_eq!(faults(SERVICE.unit, ""), [""; 0]);
        for Shipped { unit, beside_old, beside_new } in [SERVICE, INSTANCE] {
            for beside in [beside_old, beside_new] {
                assert_eq!(deviations(&[unit, beside], &installed(unit, beside)), []);
            }
        }
    }

    #[test]
    fn every_line_that_is_taken_out_is_named() {
        let key = |line: &str| line.split_once('=').map_or("", |(key, _)| key).to_owned();
        let confining = SERVICE.unit.lines().filter(|line| {
            let (key, about) = (key(line), |list: &[&str]| list.contains(&key(line).as_str()));
            let allowing = about(LISTS) && !about(FORBIDDING);
            !key.is_empty()
                && !line.starts_with('#')
                && !about(ABOUT_OTHER_THINGS)
                && !about(ALLOWING)
                && !about(OF_OTHERS)
                && !allowing
        });
        let mut tried = 0;
        for line in confining {
            let faults = faults(&SERVICE.unit.replacen(&format!("{line}\n"), "", 1), "");
            assert_eq!(faults, [format!("{line} is missing")]);
            tried += 1;
        }
        assert!(tried > 45, "{tried}");
        for guard in ["MemoryMax", "TasksMax", "LimitNOFILE", "WatchdogSec", "StartLimitIntervalSec", "Slice", "Wants"]
        {
            let line = SERVICE.unit.lines().find(|line| key(line) == guard).unwrap();
            assert_eq!(faults(&SERVICE.unit.replacen(line, "", 1), ""), [format!("{line} is missing")]);
        }
        for list in ["CapabilityBoundingSet=", "AmbientCapabilities=", "RestrictAddressFamilies=AF_UNIX"] {
            assert_eq!(faults(&SERVICE.unit.replacen(&format!("{list}\n"), "", 1), ""), [format!("{list} is missing")]);
        }
    }

    #[test]
    fn what_a_drop_in_weakens_is_named_with_its_file() {
        for (drop_in, expected) in [
            ("PrivateNetwork=no", "PrivateNetwork=no (/etc/systemd/system/x.conf) instead of PrivateNetwork=yes"),
            ("PrivateNetwork=", "PrivateNetwork= (/etc/systemd/system/x.conf) instead of PrivateNetwork=yes"),
            ("SystemCallFilter=@mount", "SystemCallFilter=@mount (/etc/systemd/system/x.conf) allows more"),
            ("BindPaths=/home", "BindPaths=/home (/etc/systemd/system/x.conf) allows more"),
            ("MemoryMax=1G", "MemoryMax=1G (/etc/systemd/system/x.conf) instead of MemoryMax=256M"),
            ("TasksMax=infinity", "TasksMax=infinity (/etc/systemd/system/x.conf) instead of TasksMax=32"),
            ("WatchdogSec=0", "WatchdogSec=0 (/etc/systemd/system/x.conf) instead of WatchdogSec=10s"),
            ("Slice=system.slice", "Slice=system.slice (/etc/systemd/system/x.conf) instead of Slice=tradingbot.slice"),
            ("ExecStopPost=+/bin/sh", "ExecStopPost=+/bin/sh (/etc/systemd/system/x.conf) allows more"),
            (
                "ExecStart=\nExecStart=+/usr/bin/tradingbot run",
                "ExecStart=+/usr/bin/tradingbot run (/etc/systemd/system/x.conf) instead of ExecStart=/usr/bin/tradingbot run \
                 --config /etc/tradingbot/tradingbot.toml",
            ),
            ("ExecStartPre=+/x", "ExecStartPre=+/x (/etc/systemd/system/x.conf) allows more"),
            ("Environment=LD_PRELOAD=/x", "Environment=LD_PRELOAD=/x (/etc/systemd/system/x.conf) allows more"),
            (
                "CapabilityBoundingSet=CAP_KILL",
                "CapabilityBoundingSet=CAP_KILL (/etc/systemd/system/x.conf) allows more",
            ),
        ] {
            assert_eq!(faults(SERVICE.unit, &format!("[Service]\n{drop_in}\n")), [expected]);
        }
        assert_eq!(faults(SERVICE.unit, "[Service]\nIPAddressDeny=\n"), ["IPAddressDeny=any is missing"]);
        let unit = "[Unit]\nWants=\nStartLimitIntervalSec=10s\n";
        assert_eq!(faults(SERVICE.unit, unit).len(), 2, "{:?}", faults(SERVICE.unit, unit));
        for emptied in ["SystemCallFilter=\n", "SystemCallFilter=\nSystemCallFilter=~reboot\n"] {
            let faults = faults(SERVICE.unit, &format!("[Service]\n{emptied}"));
            assert!(faults.len() == 1 && faults[0].starts_with("SystemCallFilter=@default "), "{faults:?}");
        }
    }

    #[test]
    fn the_slice_is_compared_too() {
        let taken = |line: &str| deviations(&[SLICE], &SLICE.replacen(line, "", 1)).len();
        assert_eq!((taken("nothing"), taken("IPAddressDeny=any\n"), taken("MemoryMax=1G\n")), (0, 1, 1));
    }

    #[test]
    fn what_changes_nothing_or_confines_more_is_no_fault() {
        let drop_in = "[Unit]\nPrivateNetwork=no\n[Service]\n# BindPaths=/x\nPrivateNetwork=true\nMemoryMax=128M\nTasksMax=31\n\
                       ExecStart=\nExecStart=-/usr/bin/tradingbot run --config /etc/tradingbot/other.toml\n\
                       SystemCallFilter=~landlock_create_ruleset\nInaccessiblePaths=/srv\nBindReadOnlyPaths=\nPrivatePIDs=yes\n\
                       BindReadOnlyPaths=/run/systemd/journal.tradingbot\n";
        assert_eq!(faults(SERVICE.unit, drop_in), [""; 0]);
    }
}
