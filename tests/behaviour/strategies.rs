//! Strategies: each stands in one place, from which all that names it is made, and one of somebody else's runs as ours do.

use std::fs;
use std::path::Path;

use tradingbot::config;
use tradingbot::domain::{Candle, ExitReason, Price, Purpose, Side};
use tradingbot::strategy::{
    Descriptor, Parameter, Rule, RuleError, STRATEGIES, SignalRule, Strategy, StrategySettings, Target,
};

use crate::support::desk::{Desk, strategy};

/// Wants to be long after so many candles that rose in a row, and flat after one that fell.
struct Streak {
    length: u32,
    risen: u32,
    close: Price,
}

impl Strategy for Streak {
    fn update(&mut self, candle: &Candle) -> Target {
        let before = std::mem::replace(&mut self.close, candle.close);
        self.risen = if before > Price::ZERO && candle.close > before { self.risen + 1 } else { 0 };
        match self.risen {
            0 => Target::Flat,
            risen if risen >= self.length => Target::Long,
            _ => Target::Hold,
        }
    }
}

static STREAK: Descriptor = Descriptor {
    name: "streak",
    aliases: &[],
    enters: "so many candles in a row have risen",
    leaves: "one has not",
    reads: "close",
    parameters: &[Parameter { name: "length", about: "how many", unit: "candles", least: 1, most: 9, default: 3 }],
    rising: &[],
    warm_up: |rule| rule.value("length"),
    build: |rule, _: SignalRule| Box::new(Streak { length: rule.value("length"), risen: 0, close: Price::ZERO }),
};

#[test]
fn a_strategy_of_somebody_else_needs_nothing_but_its_descriptor() {
    let rule = Rule::new(&STREAK, &[("length", 2)]).unwrap();
    assert_eq!((rule.name(), rule.to_string().as_str(), rule.warm_up()), ("streak", "streak(2)", 2));
    let refused = Rule::new(&STREAK, &[("length", 10)]).unwrap_err();
    assert_eq!(refused, RuleError::OutOfBounds { strategy: "streak", name: "length", value: 10, least: 1, most: 9 });
    let mut desk = Desk::with(|setup| setup.strategies = vec![StrategySettings { rule, ..strategy("mine") }]);
    desk.candle("100");
    desk.candle("101");
    assert_eq!(desk.submitted(), None, "one of two");
    desk.candle("102");
    let entry = desk.submitted().unwrap();
    assert_eq!((entry.side, entry.purpose), (Side::Buy, Purpose::Enter));
    desk.accept(entry.id);
    desk.fill(&entry, 1, &entry.qty.to_string(), "102");
    desk.candle("103");
    assert_eq!(desk.submitted(), None, "it is held already");
    desk.candle("102");
    let exit = desk.submitted().unwrap();
    assert_eq!((exit.side, exit.purpose), (Side::Sell, Purpose::Exit(ExitReason::ExitSignal)));
    desk.accept(exit.id);
    desk.fill(&exit, 2, &exit.qty.to_string(), "102");
    let view = desk.engine.snapshot();
    assert_eq!((view.strategies[0].kind.as_str(), view.strategies[0].closed), ("streak", 1));
}

#[test]
fn each_is_named_in_its_own_file_and_in_the_list() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = Vec::new();
    for folder in ["src", "crates/core/src", "crates/domain/src", "crates/binance/src", "crates/host/src"] {
        walk(&root.join(folder), &mut files);
    }
    assert!(files.len() > 150, "{}", files.len());
    for descriptor in STRATEGIES {
        let module = descriptor.name.replace('-', "_");
        let camel: String = descriptor.name.split('-').map(|part| part[..1].to_uppercase() + &part[1..]).collect();
        let words = [descriptor.name, module.as_str(), camel.as_str()];
        let naming: Vec<&str> = files
            .iter()
            .filter(|(_, text)| words.iter().any(|word| text.contains(word)))
            .map(|(name, _)| name.as_str())
            .collect();
        let own = format!("crates/core/src/strategy/{module}.rs");
        let mut expected = [own.as_str(), "crates/core/src/strategy/mod.rs"];
        expected.sort_unstable();
        assert_eq!(naming, expected, "{}", descriptor.name);
        let (_, list) = files.iter().find(|(name, _)| name == "crates/core/src/strategy/mod.rs").unwrap();
        assert_eq!(list.matches(&module).count(), 2, "{module} is a module and a line of the list");
    }
}

#[test]
fn the_pages_say_of_each_what_it_says_of_itself() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let page = fs::read_to_string(root.join("docs/backtest.md")).unwrap();
    let reference = config::reference();
    for one in STRATEGIES {
        let aliases: Vec<String> = one.aliases.iter().map(|alias| format!("`{alias}`")).collect();
        let aliases = if aliases.is_empty() { String::new() } else { format!(" ({})", aliases.join(", ")) };
        let options: Vec<String> = one.parameters.iter().map(|it| format!("--{} {}", it.name, it.default)).collect();
        let (name, options) = (one.name, options.join(" "));
        let row = format!("| `{name}`{aliases} | {} | {} | {} | `{options}` |\n", one.enters, one.leaves, one.reads);
        assert!(page.contains(&row), "docs/backtest.md lacks\n{row}");
        assert!(reference.contains(&format!("`\"{name}\"`: enters when {}, leaves when {}.", one.enters, one.leaves)));
        for parameter in one.parameters {
            let row = reference.lines().find(|line| line.starts_with(&format!("| `{}` |", parameter.name)));
            let row = row.unwrap_or_else(|| panic!("the reference has no {}", parameter.name));
            assert!(row.contains(parameter.about) && row.contains(name), "{row}");
        }
    }
}

fn walk(folder: &Path, found: &mut Vec<(String, String)>) {
    let mut entries: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    entries.sort();
    for path in entries {
        if path.is_dir() {
            walk(&path, found);
        } else {
            let name = path.strip_prefix(env!("CARGO_MANIFEST_DIR")).unwrap().display().to_string();
            found.push((name, fs::read_to_string(&path).unwrap_or_default()));
        }
    }
}
