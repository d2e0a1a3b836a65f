//! What a strategy says of itself, in its own file: configuration, options, reference and backtests are made from it.

use std::fmt;

use thiserror::Error;

use super::{STRATEGIES, SignalRule, Strategy};

/// A kind of strategy: how it is called, what can be set, and how one is made.
pub struct Descriptor {
    /// Its name in configuration, reports and the API.
    pub name: &'static str,
    /// Other words for it on the command line.
    pub aliases: &'static [&'static str],
    /// When it enters; goes on after "enters when".
    pub enters: &'static str,
    /// When it leaves; goes on after "leaves when".
    pub leaves: &'static str,
    /// What of a candle it reads.
    pub reads: &'static str,
    /// What can be set.
    pub parameters: &'static [Parameter],
    /// Which parameters must not cross.
    pub rising: &'static [Rising],
    /// How many candles it must have seen before its answers mean something.
    pub warm_up: fn(&Rule) -> u32,
    /// A fresh one for one instrument.
    pub build: fn(&Rule, SignalRule) -> Box<dyn Strategy>,
}

/// A whole number that can be set.
#[derive(Debug)]
pub struct Parameter {
    /// Its name, in kebab case.
    pub name: &'static str,
    /// What it is, without its name.
    pub about: &'static str,
    /// What it counts.
    pub unit: &'static str,
    /// Least value.
    pub least: u32,
    /// Largest value.
    pub most: u32,
    /// What a backtest takes when nothing is said.
    pub default: u32,
}

/// Two parameters of which one must not be above the other.
#[derive(Debug)]
pub struct Rising {
    /// The smaller one.
    pub small: &'static str,
    /// The larger one.
    pub large: &'static str,
    /// Whether they may be equal.
    pub equal: bool,
}

/// A kind of strategy with values for all its parameters, which are within their bounds and fit together.
#[derive(Debug, Clone)]
pub struct Rule {
    descriptor: &'static Descriptor,
    values: Vec<u32>,
}

/// Why there is no such rule.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum RuleError {
    /// No strategy has this name.
    #[error("no strategy is called {name}; there are {known}")]
    UnknownStrategy {
        /// What was asked for.
        name: String,
        /// Names of those that there are.
        known: String,
    },
    /// The strategy has no such parameter.
    #[error("{strategy} has no parameter {name}; it has {known}")]
    UnknownParameter {
        /// Which strategy.
        strategy: &'static str,
        /// What was asked for.
        name: String,
        /// What it has.
        known: String,
    },
    /// A value that the parameter cannot have.
    #[error("{strategy}: {name} {value} is not from {least} to {most}")]
    OutOfBounds {
        /// Which strategy.
        strategy: &'static str,
        /// Which parameter.
        name: &'static str,
        /// What was asked for.
        value: u32,
        /// Least value.
        least: u32,
        /// Largest value.
        most: u32,
    },
    /// Two values that contradict each other.
    #[error("{strategy}: {crossed}")]
    Crossed {
        /// Which strategy.
        strategy: &'static str,
        /// Which parameters.
        crossed: Crossed,
    },
}

/// Two values that contradict each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Crossed {
    /// The one that should be smaller.
    pub small: (&'static str, u32),
    /// The one that should be larger.
    pub large: (&'static str, u32),
    /// Whether they might have been equal.
    pub equal: bool,
}

impl Descriptor {
    /// The strategy of this name, which is not one of its aliases.
    #[must_use]
    pub fn named(name: &str) -> Option<&'static Self> {
        STRATEGIES.iter().copied().find(|descriptor| descriptor.name == name)
    }

    /// The first pair of `values`, which has one value a parameter, that must not be so.
    #[must_use]
    pub fn crossed(&self, values: &[u32]) -> Option<Crossed> {
        let value = |name: &'static str| (name, values.get(self.place(name)).copied().unwrap_or_default());
        self.rising.iter().find_map(|rising| {
            let (small, large) = (value(rising.small), value(rising.large));
            let fits = small.1 < large.1 || rising.equal && small.1 == large.1;
            (!fits).then_some(Crossed { small, large, equal: rising.equal })
        })
    }

    fn place(&self, name: &str) -> usize {
        let place = self.parameters.iter().position(|parameter| parameter.name == name);
        place.expect("a descriptor names its own parameters alone")
    }
}

impl Rule {
    /// The strategy of `descriptor` with the `given` values and its defaults for the rest.
    ///
    /// # Errors
    ///
    /// A parameter is not one of its own, or a value makes no sense, alone or beside another.
    pub fn new(descriptor: &'static Descriptor, given: &[(&str, u32)]) -> Result<Self, RuleError> {
        let strategy = descriptor.name;
        let mut values: Vec<u32> = descriptor.parameters.iter().map(|parameter| parameter.default).collect();
        for &(name, value) in given {
            let mut known = descriptor.parameters.iter().zip(&mut values);
            let Some((parameter, place)) = known.find(|(parameter, _)| parameter.name == name) else {
                let known = names(descriptor.parameters.iter().map(|parameter| parameter.name));
                return Err(RuleError::UnknownParameter { strategy, name: name.to_owned(), known });
            };
            let Parameter { name, least, most, .. } = *parameter;
            if !(least..=most).contains(&value) {
                return Err(RuleError::OutOfBounds { strategy, name, value, least, most });
            }
            *place = value;
        }
        match descriptor.crossed(&values) {
            Some(crossed) => Err(RuleError::Crossed { strategy, crossed }),
            None => Ok(Self { descriptor, values }),
        }
    }

    /// The strategy of this name with the `given` values and its defaults for the rest.
    ///
    /// # Errors
    ///
    /// [`RuleError`].
    pub fn named(name: &str, given: &[(&str, u32)]) -> Result<Self, RuleError> {
        match Descriptor::named(name) {
            Some(descriptor) => Self::new(descriptor, given),
            None => {
                let known = names(STRATEGIES.iter().map(|descriptor| descriptor.name));
                Err(RuleError::UnknownStrategy { name: name.to_owned(), known })
            }
        }
    }

    /// The name of its kind, in configuration and reports.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        self.descriptor.name
    }

    /// The value of one of its own parameters.
    ///
    /// # Panics
    ///
    /// When its descriptor has none of that name.
    #[must_use]
    pub fn value(&self, name: &str) -> u32 {
        self.values.get(self.descriptor.place(name)).copied().expect("there is one value a parameter")
    }

    /// How many candles it must have seen before its answers mean something.
    #[must_use]
    pub fn warm_up(&self) -> u32 {
        (self.descriptor.warm_up)(self)
    }

    /// A fresh one for one instrument.
    #[must_use]
    pub fn build(&self, signals: SignalRule) -> Box<dyn Strategy> {
        (self.descriptor.build)(self, signals)
    }
}

impl PartialEq for Rule {
    fn eq(&self, other: &Self) -> bool {
        (self.name(), &self.values) == (other.name(), &other.values)
    }
}

impl Eq for Rule {}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}(", self.name())?;
        for (place, value) in self.values.iter().enumerate() {
            write!(f, "{}{value}", if place == 0 { "" } else { ", " })?;
        }
        f.write_str(")")
    }
}

impl fmt::Debug for Descriptor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Descriptor").field("name", &self.name).finish_non_exhaustive()
    }
}

impl fmt::Display for Crossed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ((small, low), (large, high)) = (self.small, self.large);
        let relation = if self.equal { "at most" } else { "less than" };
        write!(f, "{small}, {low}, must be {relation} {large}, {high}")
    }
}

/// Names in a row.
fn names(names: impl Iterator<Item = &'static str>) -> String {
    names.collect::<Vec<_>>().join(", ")
}

/// Most candles that a strategy may look back over.
pub const PERIOD_MAX: u32 = 20_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_of_a_strategy_agrees_with_itself() {
        for descriptor in STRATEGIES {
            let rule = Rule::new(descriptor, &[]).unwrap();
            for parameter in descriptor.parameters {
                assert!((parameter.least..=parameter.most).contains(&parameter.default), "{}", parameter.name);
                assert_eq!(rule.value(parameter.name), parameter.default);
            }
            assert!(rule.warm_up() > 0);
            drop(rule.build(SignalRule::Strict));
        }
        let mut words: Vec<&str> =
            STRATEGIES.iter().flat_map(|one| one.aliases.iter().copied().chain([one.name])).collect();
        let count = words.len();
        words.sort_unstable();
        words.dedup();
        assert_eq!(words.len(), count, "each word means one strategy");
    }

    #[test]
    fn a_rule_is_refused_with_what_is_wrong_and_what_would_be_right() {
        let refused = |name: &str, given: &[(&str, u32)]| Rule::named(name, given).unwrap_err().to_string();
        let list = STRATEGIES.iter().map(|one| one.name).collect::<Vec<_>>().join(", ");
        assert_eq!(refused("macd", &[]), format!("no strategy is called macd; there are {list}"));
        let first = STRATEGIES[0];
        let parameter = &first.parameters[0];
        let known = first.parameters.iter().map(|one| one.name).collect::<Vec<_>>().join(", ");
        assert_eq!(
            refused(first.name, &[("pace", 1)]),
            format!("{} has no parameter pace; it has {known}", first.name)
        );
        assert_eq!(
            refused(first.name, &[(parameter.name, 0)]),
            format!("{}: {} 0 is not from {} to {}", first.name, parameter.name, parameter.least, parameter.most)
        );
    }

    #[test]
    fn values_that_cross_are_refused_and_equal_ones_where_they_may_not_be() {
        for descriptor in STRATEGIES {
            for rising in descriptor.rising {
                let given = |small, large| Rule::new(descriptor, &[(rising.small, small), (rising.large, large)]);
                assert!(given(20, 21).is_ok());
                assert_eq!(given(20, 20).is_ok(), rising.equal);
                let crossed = Crossed { small: (rising.small, 21), large: (rising.large, 20), equal: rising.equal };
                assert_eq!(given(21, 20), Err(RuleError::Crossed { strategy: descriptor.name, crossed }));
            }
        }
    }
}
