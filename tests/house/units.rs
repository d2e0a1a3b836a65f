//! Unit files keep what they promise: each line of the sandbox is there, and nothing opens or starts by itself.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// The units that run the program on what it has written.
const PROGRAMS: [&str; 4] = [
    "tradingbot.service",
    "tradingbot@.service",
    "tradingbot-ledger-verify.service",
    "tradingbot-ledger-verify@.service",
];

/// What each process of the bot must not be without.
const SANDBOX: &[(&str, &str)] = &[
    ("AmbientCapabilities", ""),
    ("CapabilityBoundingSet", ""),
    ("Delegate", "no"),
    ("DevicePolicy", "closed"),
    ("Group", "tradingbot"),
    ("IPAddressDeny", "any"),
    ("InaccessiblePaths", "+/sys"),
    ("KeyringMode", "private"),
    ("LimitCORE", "0"),
    ("LockPersonality", "yes"),
    ("MemoryDenyWriteExecute", "yes"),
    ("MountAPIVFS", "yes"),
    ("NoNewPrivileges", "yes"),
    ("PrivateDevices", "yes"),
    ("PrivateIPC", "yes"),
    ("PrivateMounts", "yes"),
    ("PrivateNetwork", "yes"),
    ("PrivateTmp", "yes"),
    ("PrivateUsers", "yes"),
    ("ProcSubset", "pid"),
    ("ProtectClock", "yes"),
    ("ProtectControlGroups", "yes"),
    ("ProtectHome", "yes"),
    ("ProtectHostname", "yes"),
    ("ProtectKernelLogs", "yes"),
    ("ProtectKernelModules", "yes"),
    ("ProtectKernelTunables", "yes"),
    ("ProtectProc", "invisible"),
    ("ProtectSystem", "strict"),
    ("RemoveIPC", "yes"),
    ("ReadOnlyPaths", "+/run +/tmp +/var/tmp +/dev/shm"),
    ("RestrictNamespaces", "yes"),
    ("RestrictRealtime", "yes"),
    ("RestrictSUIDSGID", "yes"),
    ("RootDirectory", "/run/tradingbot-root"),
    ("Slice", "tradingbot.slice"),
    ("SocketBindDeny", "any"),
    ("StateDirectoryMode", "0700"),
    ("SystemCallArchitectures", "native"),
    ("SystemCallErrorNumber", "EPERM"),
    ("UMask", "0077"),
    ("User", "tradingbot"),
];

/// What the bot, as a service that is started by its sockets, must have besides.
const SERVICE: &[(&str, &str)] = &[
    ("FileDescriptorStoreMax", "1"),
    ("NotifyAccess", "main"),
    ("Restart", "on-failure"),
    ("RestartSec", "2s"),
    ("RestrictAddressFamilies", "AF_UNIX"),
    ("StandardInput", "null"),
    ("StartLimitIntervalSec", "0"),
    ("Type", "notify"),
    ("WatchdogSec", "10s"),
];

/// Groups of system calls of which none may be in the list, with one that stands for each.
const NEVER: &[&str] = &[
    "@",
    "bind",
    "bpf",
    "chroot",
    "clock_settime",
    "fork",
    "init_module",
    "io_uring_setup",
    "ioperm",
    "kexec_load",
    "keyctl",
    "listen",
    "mount",
    "move_mount",
    "open_by_handle_at",
    "perf_event_open",
    "pidfd_getfd",
    "pivot_root",
    "process_vm_readv",
    "ptrace",
    "reboot",
    "setns",
    "setuid",
    "swapon",
    "symlink",
    "unshare",
    "userfaultfd",
    "vfork",
];

#[test]
fn every_line_of_the_sandbox_is_in_each_service_that_runs_the_bot() {
    for name in PROGRAMS {
        let unit = Unit::read(name);
        for (key, value) in SANDBOX {
            assert_eq!(unit.all(key), vec![*value], "{key}= in {name}");
        }
    }
    for name in ["tradingbot.service", "tradingbot@.service"] {
        let unit = Unit::read(name);
        for (key, value) in SERVICE {
            assert_eq!(unit.all(key), vec![*value], "{key}= in {name}");
        }
    }
    for name in ["tradingbot-ledger-verify.service", "tradingbot-ledger-verify@.service"] {
        assert_eq!(Unit::read(name).all("RestrictAddressFamilies"), vec!["none"], "{name}");
    }
}

#[test]
fn nothing_can_be_run_but_the_program_and_its_libraries() {
    for name in PROGRAMS {
        let unit = Unit::read(name);
        let state = unit.all("StateDirectory").join("");
        let places = format!("+/ +/var/lib/{state} +/run +/tmp +/var/tmp +/dev/shm");
        assert_eq!(unit.all("NoExecPaths"), vec![places], "{name}: a mount of its own has flags of its own");
        let bound = unit.all("BindReadOnlyPaths");
        for path in unit.all("ExecPaths") {
            assert!(bound.iter().any(|bound| path.strip_prefix('+') == Some(bound)), "{path} in {name}");
        }
    }
}

#[test]
fn system_calls_are_listed_by_name_and_none_leads_out() {
    for name in PROGRAMS {
        let lists = Unit::read(name).all("SystemCallFilter").join(" ");
        let calls: Vec<&str> = lists.split_whitespace().collect();
        assert!(calls.len() > 20, "{name}");
        for call in calls {
            let refused = NEVER.iter().any(|never| *never == call || (*never == "@" && call.starts_with('@')));
            assert!(!refused || call == "@default", "{call} in {name}");
        }
    }
}

#[test]
fn one_more_bot_is_confined_as_the_first() {
    let lines = |name: &str| {
        let text = Unit::text(name).replace("tradingbot@%i", "tradingbot").replace("control@%i", "control");
        let text = text.replace("verify@%i", "verify").replace("/tradingbot/%i/", "/tradingbot/");
        let text = text.replace("/%i.toml", "/tradingbot.toml").replace(" --bot %i", "").replace(" %i", "");
        let lines: Vec<String> = text.lines().filter(|line| !line.starts_with('#')).map(str::to_owned).collect();
        lines
    };
    assert_eq!(lines("tradingbot.service"), lines("tradingbot@.service"));
    for kind in ["service", "timer"] {
        let (first, more) = (format!("tradingbot-ledger-verify.{kind}"), format!("tradingbot-ledger-verify@.{kind}"));
        assert_eq!(lines(&first), lines(&more));
    }
}

#[test]
fn sockets_listen_on_this_host_only_and_by_the_names_the_bot_knows() {
    for (name, descriptor, address) in [
        ("tradingbot.socket", "api", "127.0.0.1:8080"),
        ("tradingbot-control.socket", "control", "/run/tradingbot/control.sock"),
        ("tradingbot@.socket", "api", "/run/tradingbot/%i/api.sock"),
        ("tradingbot-control@.socket", "control", "/run/tradingbot/%i/control.sock"),
    ] {
        let unit = Unit::read(name);
        assert_eq!(unit.all("FileDescriptorName"), vec![descriptor], "{name}");
        assert_eq!(unit.all("ListenStream"), vec![address], "{name}");
        assert_eq!(unit.all("TriggerLimitIntervalSec"), vec!["0"], "{name}: a crash loop must not close it");
        assert_eq!(unit.all("StartLimitIntervalSec"), vec!["0"], "{name}: nor must many restarts");
        if address.starts_with('/') {
            // A proxy, which may open the API's socket, must not be able to resume.
            let group = if descriptor == "control" { "tradingbot" } else { "tradingbot-proxy" };
            assert_eq!((unit.all("SocketMode"), unit.all("SocketGroup")), (vec!["0660"], vec![group]), "{name}");
        } else {
            assert_eq!(unit.all("IPAddressDeny"), vec!["any"], "{name}");
        }
    }
}

#[test]
fn a_bot_ends_with_its_control_socket_which_hangs_on_nothing() {
    for at in ["", "@"] {
        let of = |kind: &str| format!("{kind}{}.socket", if at.is_empty() { "" } else { "@%i" });
        let service = Unit::read(&format!("tradingbot{at}.service"));
        assert_eq!(service.all("Requires"), [of("tradingbot-control")]);
        assert_eq!(service.all("PartOf"), [of("tradingbot")], "one restart of the API's socket is a change of port");
        let control = Unit::read(&format!("tradingbot-control{at}.socket"));
        for key in ["PartOf", "BindsTo", "Requires", "Requisite", "ConsistsOf"] {
            assert!(control.all(key).is_empty(), "{key}= of the control socket");
        }
    }
}

#[test]
fn a_bot_that_ends_in_failure_is_told_of_until_it_runs_again() {
    for name in ["tradingbot.service", "tradingbot@.service"] {
        let unit = Unit::read(name);
        let ends = unit.all("ExecStopPost").join("\n");
        assert!(ends.contains("start tradingbot-failed@%N.service"), "{name}: {ends}");
        assert!(unit.all("ExecStartPost").is_empty(), "{name}: a stop while that runs would be a failure");
        let reload = unit.all("ExecReload").join("\n");
        assert!(reload.starts_with("+/usr/bin/tradingbot reload --pid $MAINPID "), "{name}: {reload}");
    }
    let failed = Unit::read("tradingbot-failed@.service");
    assert!(failed.all("ExecStart")[0].ends_with("exit 1'"));
    assert_eq!(failed.all("OnFailure"), ["tradingbot-recovered@%i.service"]);
    let recovered = Unit::read("tradingbot-recovered@.service");
    let recovered = recovered.all("ExecStart").join("");
    assert!(recovered.ends_with("reset-failed tradingbot-failed@%i.service'"), "{recovered}");
}

#[test]
fn no_bot_takes_the_host_with_it() {
    for name in PROGRAMS {
        let unit = Unit::read(name);
        for (key, value) in [("MemoryMax", "256M"), ("MemorySwapMax", "0"), ("TasksMax", "32"), ("LimitNOFILE", "4096")]
        {
            assert_eq!(unit.all(key), [value], "{key}= in {name}");
        }
    }
    let slice = Unit::read("tradingbot.slice");
    assert_eq!((slice.all("MemoryMax"), slice.all("TasksMax")), (vec!["1G"], vec!["256"]));
}

#[test]
fn whoever_enables_a_socket_enables_its_control_socket() {
    assert_eq!(Unit::read("tradingbot.socket").all("Also"), ["tradingbot-control.socket"]);
    // A template without its instance is nothing that can be enabled.
    assert_eq!(Unit::read("tradingbot@.socket").all("Also"), ["tradingbot-control@%i.socket"]);
}

#[test]
fn nothing_that_can_be_enabled_is_enabled_by_itself() {
    let preset = Unit::text("tradingbot.preset");
    for path in files() {
        let name = path.file_name().unwrap().to_str().unwrap();
        let text = fs::read_to_string(&path).unwrap();
        let disabled = preset.lines().any(|line| line.strip_prefix("disable ") == Some(name));
        assert_eq!(text.contains("\n[Install]\n"), disabled, "{name} and the preset");
    }
}

#[test]
fn every_unit_says_what_it_is_and_where_to_read_on() {
    for path in files().iter().filter(|path| path.extension().is_some_and(|ext| ext != "conf")) {
        let name = path.file_name().unwrap().to_str().unwrap();
        let unit = Unit::read(name);
        assert_eq!(unit.all("Description").len(), 1, "{name}");
        assert!(unit.all("Description").iter().all(|text| text.starts_with("Trading bot")), "{name}");
        assert_eq!(unit.all("Documentation").len(), 1, "{name}");
    }
}

#[test]
fn no_file_under_systemd_is_left_out_of_the_package() {
    let rules = fs::read_to_string(root().join("debian/rules")).unwrap_or_default()
        + &fs::read_to_string(root().join("debian/tradingbot.install")).unwrap_or_default();
    for path in files() {
        let shipped = path.strip_prefix(root()).unwrap().to_str().unwrap();
        let folder = Path::new(shipped).parent().unwrap().to_str().unwrap();
        let by_kind = path.extension().map(|ext| format!("{folder}/*.{}", ext.to_str().unwrap())).unwrap_or_default();
        assert!(rules.contains(shipped) || rules.contains(&by_kind), "{shipped} is in no install list");
    }
}

/// Assignments of a unit file by key; a key may stand several times.
struct Unit(BTreeMap<String, Vec<String>>);

impl Unit {
    fn text(name: &str) -> String {
        fs::read_to_string(root().join("systemd").join(name)).unwrap()
    }

    fn read(name: &str) -> Self {
        let mut values: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for line in Self::text(name).lines().filter(|line| !line.starts_with(['#', '['])) {
            if let Some((key, value)) = line.split_once('=') {
                values.entry(key.to_owned()).or_default().push(value.to_owned());
            } else {
                assert!(line.is_empty(), "\"{line}\" in {name}");
            }
        }
        Self(values)
    }

    fn all(&self, key: &str) -> Vec<&str> {
        self.0.get(key).map(|values| values.iter().map(String::as_str).collect()).unwrap_or_default()
    }
}

/// Unit files and drop-ins.
fn files() -> Vec<PathBuf> {
    let kinds = ["service", "socket", "timer", "slice", "conf"];
    let mut found = Vec::new();
    for folder in ["systemd", "systemd/252", "systemd/257"] {
        for entry in fs::read_dir(root().join(folder)).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_some_and(|ext| kinds.iter().any(|kind| ext == *kind)) {
                found.push(path);
            }
        }
    }
    assert!(found.len() >= 10);
    found.sort();
    found
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}
