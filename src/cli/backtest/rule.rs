//! `--strategy` and the options of each, made from what strategies say of themselves.

use std::collections::BTreeMap;

use clap::builder::PossibleValue;
use clap::{Arg, ArgMatches, Args, Command, FromArgMatches, value_parser};

use super::check::refuse;
use super::{Exit, Failure};
use crate::strategy::{Descriptor, Parameter, Rule, RuleError, STRATEGIES};

/// Which strategy, and the values that were given for its parameters.
#[derive(Debug)]
pub(super) struct RuleOptions {
    descriptor: &'static Descriptor,
    given: BTreeMap<&'static str, u32>,
}

impl RuleOptions {
    /// The rule, defaults filled in.
    ///
    /// # Errors
    ///
    /// An option of another strategy, which would change nothing, and whoever gave it would not know; or a value that makes
    /// no sense.
    pub(super) fn read(&self) -> Result<Rule, Failure> {
        for (name, value) in &self.given {
            if !has(self.descriptor, name) {
                let others: Vec<&str> = having(name).map(|other| other.name).collect();
                let (strategy, others) = (self.descriptor.name, others.join(" or "));
                let what = format!("means nothing to {strategy}; leave it out, or choose --strategy {others}");
                return refuse(&format!("--{name}"), value, what);
            }
        }
        let given: Vec<(&str, u32)> = self.given.iter().map(|(name, value)| (*name, *value)).collect();
        match Rule::new(self.descriptor, &given) {
            Ok(rule) => Ok(rule),
            Err(RuleError::OutOfBounds { name, value, least, most, .. }) => {
                refuse(&format!("--{name}"), value, format!("is out of bounds; give from {least} to {most}"))
            }
            Err(RuleError::Crossed { crossed, .. }) => {
                let ((small, low), (large, high)) = (crossed.small, crossed.large);
                let relation = if crossed.equal { "at most" } else { "less than" };
                let what = format!("must be {relation} --{large}, which is {high}; lower the one or raise the other");
                refuse(&format!("--{small}"), low, what)
            }
            Err(error @ (RuleError::UnknownStrategy { .. } | RuleError::UnknownParameter { .. })) => {
                Err(Failure::new(Exit::Usage, &error))
            }
        }
    }
}

impl Args for RuleOptions {
    fn augment_args(command: Command) -> Command {
        let strategies = STRATEGIES.iter().map(|one| {
            let help = format!("Enters when {}, leaves when {}", plain(one.enters), plain(one.leaves));
            PossibleValue::new(one.name).aliases(one.aliases).help(help)
        });
        let strategy = Arg::new(STRATEGY)
            .long(STRATEGY)
            .value_name("NAME")
            .value_parser(clap::builder::PossibleValuesParser::new(strategies))
            .default_value(STRATEGIES.first().expect("there are some").name)
            .conflicts_with(CONFIG)
            .help("Which strategy");
        parameters().into_iter().fold(command.arg(strategy), |command, name| {
            let about: Vec<String> = having(name).filter_map(|one| Some(help(one, of(one, name)?))).collect();
            let option = Arg::new(name)
                .long(name)
                .value_parser(value_parser!(u32))
                .value_name("NUMBER")
                .conflicts_with(CONFIG)
                .help(capital(&about.join("; ")));
            command.arg(option)
        })
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for RuleOptions {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let word = matches.get_one::<String>(STRATEGY).map(String::as_str).unwrap_or_default();
        let called = |one: &&&'static Descriptor| one.name == word || one.aliases.contains(&word);
        let descriptor = STRATEGIES.iter().find(called).expect("the parser takes no other word");
        let value = |name: &'static str| Some((name, *matches.get_one::<u32>(name)?));
        Ok(Self { descriptor, given: parameters().into_iter().filter_map(value).collect() })
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

/// Names of all parameters, each once, in the order of the strategies.
fn parameters() -> Vec<&'static str> {
    let mut names = Vec::new();
    for parameter in STRATEGIES.iter().flat_map(|one| one.parameters) {
        if !names.contains(&parameter.name) {
            names.push(parameter.name);
        }
    }
    names
}

fn of(strategy: &'static Descriptor, name: &str) -> Option<&'static Parameter> {
    strategy.parameters.iter().find(|parameter| parameter.name == name)
}

fn has(strategy: &'static Descriptor, name: &str) -> bool {
    of(strategy, name).is_some()
}

fn having(name: &str) -> impl Iterator<Item = &'static Descriptor> {
    STRATEGIES.iter().copied().filter(move |one| has(one, name))
}

fn help(strategy: &Descriptor, parameter: &Parameter) -> String {
    let Parameter { about, default, .. } = parameter;
    format!("for {}, {}; {default} when it is not given", strategy.name, plain(about))
}

/// With a capital in front.
fn capital(text: &str) -> String {
    let mut rest = text.chars();
    rest.next().into_iter().flat_map(char::to_uppercase).chain(rest).collect()
}

/// Without the signs that a page would show as code.
fn plain(text: &str) -> String {
    text.replace('`', "")
}

const STRATEGY: &str = "strategy";
/// The option that says all this, and more, by a file.
const CONFIG: &str = "config";
