//! The configuration: what is refused, in which words, and that nothing secret is ever among them.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use proptest::prelude::*;
use proptest::sample::Index;
use serde_json::Value as Json;
use tradingbot::config::{self, Config, ConfigFaults, Mode, Source, Speed, Start};
use tradingbot::domain::{EntryStyle, Rate, Sizing, Span};

use crate::data::golden;

const SHIPPED: &str = include_str!("../../config/tradingbot.toml");
const LEAST: &str = "mode = 'paper'\nmarket = { source = 'practice' }\n";
/// A key in pieces, so that no file of the project holds one.
const KEY_PIECES: [&str; 4] = ["qT7vLm2Xz9Rb4NwK", "d8HsJ3fPyC6gVa1E", "u5ZtQoB0MrSx7Ukn", "W2iGeD9jYpF4hLcA"];

/// What a key of the exchange looks like.
fn exchange_key() -> String {
    KEY_PIECES.concat()
}

fn parse(text: &str) -> Result<Config, ConfigFaults> {
    config::parse(Path::new("/etc/tradingbot/t.toml"), text.as_bytes())
}

/// A broken file: its name, what it holds, and the text it must be refused with.
struct Broken {
    name: String,
    bytes: Vec<u8>,
    expected: String,
}

/// The broken files. What stands for a secret in them is put in here.
fn broken() -> Vec<Broken> {
    let mut files: Vec<PathBuf> = fs::read_dir(golden("config"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "toml"))
        .collect();
    files.sort();
    assert!(files.len() >= 60, "some are gone");
    let token = format!("{}:AA{}{}", "110201543", KEY_PIECES[0], KEY_PIECES[1]);
    let read = |file: PathBuf| {
        let bytes = match String::from_utf8(fs::read(&file).unwrap()) {
            Ok(text) => text
                .replace("{{exchange-key}}", &exchange_key())
                .replace("{{telegram-token}}", &token)
                .replace("{{private-key}}", &["PRIVATE", "KEY"].join(" "))
                .replace("{{half}}", &KEY_PIECES[0][..12])
                .into_bytes(),
            Err(error) => error.into_bytes(),
        };
        let expected = fs::read_to_string(file.with_extension("txt")).unwrap_or_default();
        Broken { name: file.file_name().unwrap().to_str().unwrap().to_owned(), bytes, expected }
    };
    files.into_iter().map(read).collect()
}

#[test]
fn every_broken_file_is_refused_in_the_words_beside_it() {
    let bless = std::env::var_os("TRADINGBOT_BLESS").is_some();
    let mut differ = String::new();
    for Broken { name, bytes, expected } in broken() {
        let text = format!("{}\n", config::parse(Path::new(&name), &bytes).unwrap_err());
        if bless {
            fs::write(golden("config").join(&name).with_extension("txt"), &text).unwrap();
        } else if text != expected {
            write!(differ, "{name}\n--- expected\n{expected}--- refused with\n{text}").unwrap();
        }
    }
    assert!(differ.is_empty(), "{differ}");
}

#[test]
fn the_command_gives_the_same_verdict() {
    let folder = tempfile::tempdir().unwrap();
    for Broken { name, bytes, expected } in broken() {
        fs::write(folder.path().join(&name), bytes).unwrap();
        let check = |more: &[&str]| {
            let mut command = Command::new(env!("CARGO_BIN_EXE_tradingbot"));
            command.current_dir(folder.path()).args(["check-config", &name]).args(more).output().unwrap()
        };
        let plain = check(&[]);
        assert_eq!(plain.status.code(), Some(78), "{name}");
        let said = String::from_utf8(plain.stderr).unwrap();
        let (head, faults) = said.split_once('\n').unwrap();
        assert!(head.starts_with("error: the configuration is refused, "), "{head}");
        assert_eq!(faults, expected, "{name}");
        let json: Json = serde_json::from_slice(&check(&["--json"]).stdout).unwrap();
        assert_eq!(json["valid"], false);
        let listed: String = json["faults"].as_array().unwrap().iter().map(as_line).collect();
        assert_eq!(listed, expected, "{name}");
    }
}

fn as_line(fault: &Json) -> String {
    let text = |name: &str| fault[name].as_str().unwrap();
    let key = if text("key").is_empty() { String::new() } else { format!(" {}:", text("key")) };
    format!("{}:{}:{}:{key} {}\n", text("file"), fault["line"], fault["column"], text("message"))
}

#[test]
fn a_place_that_holds_no_file_is_one_fault() {
    let folder = tempfile::tempdir().unwrap();
    let missing = config::load(&folder.path().join("none.toml")).unwrap_err().to_string();
    assert!(missing.ends_with("mend this one") && missing.contains("none.toml: cannot be read: "), "{missing}");
    let not_file = config::load(folder.path()).unwrap_err().to_string();
    assert!(not_file.ends_with("is not a file; name the configuration file itself"), "{not_file}");
    let large = folder.path().join("large.toml");
    fs::write(&large, format!("{LEAST}{}", "# more\n".repeat(40_000))).unwrap();
    let large = config::load(&large).unwrap_err().to_string();
    assert!(large.ends_with("is larger than 262144 bytes; a configuration is a few thousand"), "{large}");
}

#[test]
fn a_file_with_countless_faults_is_refused_in_bounded_text() {
    let text = format!("{LEAST}{}", (0..20_000).map(|at| format!("k{at} = 1\n")).collect::<String>());
    let faults = parse(&text).unwrap_err();
    assert_eq!(faults.faults().len(), 1_000);
    assert!(faults.to_string().ends_with("and 900 more"));
    assert_eq!(faults.to_string().lines().count(), 101);
}

#[test]
fn what_is_written_is_what_is_set() {
    let text =
        fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("config/examples/strategies.toml")).unwrap();
    let config = parse(&text).unwrap();
    assert_eq!((config.mode, config.start), (Mode::Paper, Start::Halted));
    assert_eq!(config.market.source, Source::Practice { seed: 42 });
    assert_eq!(config.limits.order_notional_max, "2500".parse().unwrap());
    assert_eq!(config.limits.staleness_max, Span::from_secs(5));
    let [ema, rsi, breakout] = config.strategies.as_slice() else { panic!("three strategies") };
    assert_eq!((ema.warm_up, ema.positions_max, ema.exits.cooldown), (200, 1, Span::from_secs(900)));
    let trailing = ema.exits.trailing.unwrap();
    assert_eq!(trailing.distance_before, Some("0.04".parse().unwrap()));
    assert_eq!((rsi.warm_up, rsi.positions_max, rsi.exits.roi.len()), (14, 1, 3));
    assert_eq!(rsi.entry, EntryStyle::PostOnly { timeout: Span::from_secs(120) });
    assert_eq!(breakout.warm_up, 55);
    assert!(matches!(breakout.sizing, Sizing::VolatilityTarget { period: 20, .. }));
}

#[test]
fn relative_paths_start_at_the_folder_of_the_file() {
    let text = "mode = 'paper'\nstate = 'state'\n[market]\nsource = 'recording'\nfiles = ['a.jsonl', '/b.jsonl']\n\
                [log]\nfile = 'log/bot.log'\n[secrets]\ndirectory = 'secrets'\n";
    let config = parse(text).unwrap();
    assert_eq!(config.state, Path::new("/etc/tradingbot/state"));
    assert_eq!(config.log.file.as_deref(), Some(Path::new("/etc/tradingbot/log/bot.log")));
    assert_eq!(config.secrets.directory.as_deref(), Some(Path::new("/etc/tradingbot/secrets")));
    let files = ["/etc/tradingbot/a.jsonl", "/b.jsonl"].map(PathBuf::from).to_vec();
    assert_eq!(config.market.source, Source::Recording { files, speed: Speed::Times(1) });
    assert_eq!(config.view()["secrets"]["directory"], "(set)");
}

#[test]
fn rules_of_an_instrument_are_the_sources_where_the_file_is_silent() {
    let text =
        format!("{LEAST}account = {{ fee-taker = '0.002' }}\n[[instrument]]\nsymbol = 'BTCUSDT'\ntick = '0.5'\n");
    let config = parse(&text).unwrap();
    let symbol = "BTCUSDT".parse().unwrap();
    let alone = config.instrument(symbol).unwrap();
    assert_eq!((alone.base.as_str(), alone.quote.as_str()), ("BTC", "USDT"));
    assert_eq!((alone.tick, alone.fee_taker), ("0.5".parse().unwrap(), "0.002".parse().unwrap()));
    let mut source = alone;
    (source.tick, source.lot, source.fee_taker) = ("0.01".parse().unwrap(), "0.001".parse().unwrap(), Rate::ZERO);
    let over = config.instrument_over(source);
    assert_eq!((over.tick, over.lot, over.fee_taker), ("0.5".parse().unwrap(), "0.001".parse().unwrap(), Rate::ZERO));
    assert_eq!(config.instrument("ADAUSDT".parse().unwrap()), None);
}

#[test]
fn the_view_written_down_again_is_the_same_configuration() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("config");
    for name in ["tradingbot.toml", "examples/strategies.toml", "examples/recording.toml", "examples/usd-m.toml"] {
        let config = parse(&fs::read_to_string(folder.join(name)).unwrap()).unwrap();
        let view = config.view();
        let text: String =
            view.as_object().unwrap().iter().map(|(key, value)| format!("{key} = {}\n", as_toml(value))).collect();
        let mut again = parse(&text).unwrap_or_else(|faults| panic!("{name}: {faults}\n{text}"));
        again.digest.clone_from(&config.digest);
        assert_eq!(again, config);
    }
}

fn as_toml(value: &Json) -> String {
    match value {
        Json::Object(table) => {
            let keys: Vec<String> = table.iter().map(|(key, value)| format!("{key} = {}", as_toml(value))).collect();
            format!("{{ {} }}", keys.join(", "))
        }
        Json::Array(items) => format!("[{}]", items.iter().map(as_toml).collect::<Vec<String>>().join(", ")),
        plain => plain.to_string(),
    }
}

#[test]
fn a_change_tells_whether_it_needs_a_restart() {
    let old = parse(SHIPPED).unwrap();
    let changed = SHIPPED
        .replace("level = \"info\"", "level = \"debug\"")
        .replace("rate-limit-burst = 20", "rate-limit-burst = 30")
        .replace("exposure-max = \"5000\"", "exposure-max = \"4000\"")
        .replace("fast = 12", "fast = 13");
    let new = parse(&changed).unwrap();
    assert_eq!(new.log.level, tradingbot::log::LogLevel::Debug);
    let difference = Config::reloadable_difference(&old, &new);
    assert_eq!(difference.reloadable, ["api.rate-limit-burst", "log.level", "risk.exposure-max"]);
    assert_eq!(difference.restart, ["strategy[0].fast"]);
    let fewer = parse(&SHIPPED[..SHIPPED.find("[[strategy]]").unwrap()]).unwrap();
    let difference = Config::reloadable_difference(&old, &fewer);
    assert_eq!(difference.reloadable, Vec::<String>::new());
    assert!(difference.restart.contains(&"strategy[0].name".to_owned()));
    assert_eq!(Config::reloadable_difference(&old, &old), config::Difference::default());
    assert_ne!(old.digest, new.digest);
}

#[test]
fn a_file_in_order_is_summed_up() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("config/tradingbot.toml");
    let run = |more: &[&str]| {
        let output =
            Command::new(env!("CARGO_BIN_EXE_tradingbot")).arg("check-config").arg(&file).args(more).output().unwrap();
        assert!(output.status.success());
        String::from_utf8(output.stdout).unwrap()
    };
    let said = run(&[]);
    assert!(said.contains("in order\n  mode      paper, halted until an operator resumes it\n"), "{said}");
    assert!(said.contains("500 an entry, from candle 27 on"), "{said}");
    let json: Json = serde_json::from_str(&run(&["--json"])).unwrap();
    assert_eq!(json["valid"], true);
    assert_eq!(json["digest"].as_str().unwrap().len(), 64);
    assert_eq!(json["config"]["risk"]["drawdown-max"], "0.1");
    assert!(run(&["--reference"]).starts_with("# Configuration\n"));
}

/// One slip of the hand, or one attack.
#[derive(Debug, Clone)]
enum Edit {
    Delete(Index, usize),
    Insert(Index, &'static str),
    Repeat(Index),
    Swap(Index, Index),
    Value(Index, &'static str),
}

const PIECES: [&str; 24] = [
    "\"", "'", "\"\"\"", "\\", "\\u", "[", "]", "[[", "{", "}", "=", ",", ".", "#", "\n", "\r", "\u{0}", "\u{202e}",
    "é", "-", "1e4", "0x", "key", " ",
];
const VALUES: [&str; 16] = [
    "0",
    "-1",
    "\"\"",
    "true",
    "[]",
    "{}",
    "1.5",
    "\"1e4\"",
    "inf",
    "1979-05-27",
    "\"live\"",
    "[[]]",
    "\"0\"",
    "'5 min'",
    "99999999999999999999",
    "\"\"\"\n\"\"\"",
];

fn edits() -> impl Strategy<Value = Vec<Edit>> {
    let edit = prop_oneof![
        (any::<Index>(), 1_usize..30).prop_map(|(at, count)| Edit::Delete(at, count)),
        (any::<Index>(), prop::sample::select(PIECES.to_vec())).prop_map(|(at, piece)| Edit::Insert(at, piece)),
        any::<Index>().prop_map(Edit::Repeat),
        (any::<Index>(), any::<Index>()).prop_map(|(one, other)| Edit::Swap(one, other)),
        (any::<Index>(), prop::sample::select(VALUES.to_vec())).prop_map(|(at, value)| Edit::Value(at, value)),
    ];
    prop::collection::vec(edit, 0..6)
}

fn mutated(text: &str, edits: &[Edit]) -> String {
    let mut text = text.to_owned();
    for edit in edits {
        let mut lines: Vec<String> = text.split('\n').map(str::to_owned).collect();
        match edit {
            Edit::Delete(at, count) => {
                let characters: Vec<char> = text.chars().collect();
                let from = at.index(characters.len().max(1));
                text = characters.iter().take(from).chain(characters.iter().skip(from + count)).collect();
            }
            Edit::Insert(at, piece) => {
                let characters: Vec<char> = text.chars().collect();
                let (before, after) = characters.split_at(at.index(characters.len() + 1));
                text = before.iter().copied().chain(piece.chars()).chain(after.iter().copied()).collect();
            }
            Edit::Repeat(at) => {
                let line = lines[at.index(lines.len())].clone();
                lines.insert(at.index(lines.len()), line);
                text = lines.join("\n");
            }
            Edit::Swap(one, other) => {
                let (one, other) = (one.index(lines.len()), other.index(lines.len()));
                lines.swap(one, other);
                text = lines.join("\n");
            }
            Edit::Value(at, value) => {
                let at = at.index(lines.len());
                if let Some((key, _)) = lines[at].split_once('=') {
                    lines[at] = format!("{key}= {value}");
                }
                text = lines.join("\n");
            }
        }
    }
    text
}

/// The shipped file with a key in it, where people put keys.
fn planted(place: &Index, form: usize) -> String {
    let key = exchange_key();
    let line = match form {
        0 => format!("api-key = \"{key}\""),
        1 => format!("# {key}"),
        2 => format!("{key} = 1"),
        3 => format!("key = {key}"),
        4 => format!("[{key}]"),
        5 => format!("level = [\"\"\"\n{key}\"\"\"]"),
        6 => format!("name = \"\\u0061{key}\""),
        _ => format!("listen = '{key}:8080'"),
    };
    let mut lines: Vec<&str> = SHIPPED.lines().collect();
    lines.insert(place.index(lines.len() + 1), &line);
    lines.join("\n")
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 5_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_mutation_panics_or_shows_a_planted_key(place: Index, form in 0_usize..8, edits in edits()) {
        let text = mutated(&planted(&place, form), &edits);
        let Err(faults) = parse(&text) else {
            prop_assert!(!text.contains(&exchange_key()), "a key was accepted:\n{text}");
            return Ok(());
        };
        let shown = format!("{faults}\n{faults:?}\n{}", serde_json::to_string(faults.faults()).unwrap());
        let key: Vec<char> = exchange_key().chars().collect();
        for stretch in key.windows(24) {
            let stretch: String = stretch.iter().collect();
            prop_assert!(!shown.contains(&stretch), "{stretch} is shown:\n{shown}");
        }
        let lines = text.split('\n').count();
        prop_assert!(faults.faults().iter().all(|fault| (1..=lines).contains(&fault.line) && fault.column >= 1), "{shown}");
    }

    #[test]
    fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = config::parse(Path::new("t.toml"), &bytes);
    }

}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_mutation_that_is_accepted_is_still_within_its_limits(edits in edits()) {
        if let Ok(config) = parse(&mutated(SHIPPED, &edits)) {
            let limits = &config.limits;
            prop_assert!(limits.order_notional_max <= limits.position_notional_max);
            prop_assert!(limits.position_notional_max <= limits.exposure_max);
            let mut names = BTreeMap::new();
            for strategy in &config.strategies {
                prop_assert_eq!(names.insert(strategy.name, ()), None);
                prop_assert!(strategy.symbols.iter().all(|symbol| limits.symbols.contains(symbol)));
                if let Sizing::Fixed { stake } = strategy.sizing {
                    prop_assert!(stake <= limits.order_notional_max);
                }
            }
        }
    }
}
