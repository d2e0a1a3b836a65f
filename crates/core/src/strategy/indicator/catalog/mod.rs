//! Indicators by name, with their parameters and columns: for commands, reports and rules written as text.

mod table;

use std::fmt;

use thiserror::Error;

use super::{Bar, PERIOD_MAX};

pub use table::CATALOG;

/// An indicator that can be asked for by name.
pub struct Definition {
    /// Its name.
    pub name: &'static str,
    /// What it says, in one line.
    pub about: &'static str,
    /// What can be set.
    pub parameters: &'static [Parameter],
    columns: &'static [&'static str],
    numbered: bool,
    build: fn(&Values) -> Box<dyn Series>,
}

/// Something that can be set.
#[derive(Debug)]
pub struct Parameter {
    /// Its name.
    pub name: &'static str,
    /// What it is when nothing is said; several values where one indicator is commonly drawn with several.
    pub default: &'static [f64],
    /// Whether it counts candles.
    pub whole: bool,
    /// Least value.
    pub least: f64,
}

/// An indicator at work.
pub trait Series {
    /// Takes in one candle and appends one value a column; `None` where there is none yet.
    fn update(&mut self, bar: &Bar, row: &mut Vec<Option<f64>>);
}

/// A value that a parameter cannot have.
#[derive(Debug, Clone, PartialEq, Error)]
pub enum ParameterError {
    /// The indicator has no such parameter.
    #[error("{indicator} has no parameter {name}; it has {known}")]
    Unknown {
        /// Which indicator.
        indicator: &'static str,
        /// What was asked for.
        name: String,
        /// What it has.
        known: String,
    },
    /// A value that makes no sense.
    #[error("{indicator}: {name} {value} is not a {kind} from {least} to {most}")]
    OutOfRange {
        /// Which indicator.
        indicator: &'static str,
        /// Which parameter.
        name: &'static str,
        /// What was asked for.
        value: f64,
        /// `number` or `whole number`.
        kind: &'static str,
        /// Least value.
        least: f64,
        /// Largest value.
        most: f64,
    },
    /// Several values, or none, where one is needed.
    #[error("{indicator}: {name} takes one value")]
    NotOne {
        /// Which indicator.
        indicator: &'static str,
        /// Which parameter.
        name: &'static str,
    },
    /// Two parameters that contradict each other.
    #[error("{indicator}: {less} must not be more than {more}")]
    Order {
        /// Which indicator.
        indicator: &'static str,
        /// The one that should be less.
        less: &'static str,
        /// The one that should be more.
        more: &'static str,
    },
}

impl fmt::Debug for Definition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Definition").field("name", &self.name).finish_non_exhaustive()
    }
}

impl Definition {
    /// The indicator of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<&'static Self> {
        CATALOG.iter().find(|definition| definition.name == name)
    }

    /// Values for all parameters: those that are given by name, the defaults for the rest. There is one set for each
    /// of several periods, which is for indicators whose columns carry the period.
    ///
    /// # Errors
    ///
    /// [`ParameterError`] when a name is unknown, or values make no sense, alone or together.
    pub fn values<'a>(
        &'static self,
        given: impl IntoIterator<Item = (&'a str, &'a [f64])>,
    ) -> Result<Vec<Values>, ParameterError> {
        let indicator = self.name;
        let mut chosen: Vec<&[f64]> = self.parameters.iter().map(|parameter| parameter.default).collect();
        for (name, values) in given {
            let known = self.parameters.iter().zip(&mut chosen).find(|(parameter, _)| parameter.name == name);
            let Some((parameter, place)) = known else {
                let names: Vec<&str> = self.parameters.iter().map(|parameter| parameter.name).collect();
                let known = if names.is_empty() { "none".to_owned() } else { names.join(", ") };
                return Err(ParameterError::Unknown { indicator, name: name.to_owned(), known });
            };
            values.iter().try_for_each(|value| parameter.check(indicator, *value))?;
            if values.len() != 1 && !self.numbered {
                return Err(ParameterError::NotOne { indicator, name: parameter.name });
            }
            *place = values;
        }
        let sets = chosen.iter().map(|values| values.len()).max().unwrap_or(1);
        let nth = |set: usize| chosen.iter().filter_map(|values| values.get(set).or(values.first()).copied()).collect();
        (0..sets).map(|set| Values { definition: self, values: nth(set) }.in_order()).collect()
    }
}

impl Parameter {
    fn check(&self, indicator: &'static str, value: f64) -> Result<(), ParameterError> {
        let &Self { name, whole, least, .. } = self;
        let most = if whole { f64::from(PERIOD_MAX) } else { FACTOR_MAX };
        if !(least..=most).contains(&value) || (whole && value.fract() != 0.0) {
            let kind = if whole { "whole number" } else { "number" };
            return Err(ParameterError::OutOfRange { indicator, name, value, kind, least, most });
        }
        Ok(())
    }
}

/// A definition with a value for each of its parameters.
#[derive(Debug, Clone)]
pub struct Values {
    definition: &'static Definition,
    values: Vec<f64>,
}

impl Values {
    /// The columns, in the order of the values; with the period where several periods are common.
    #[must_use]
    pub fn columns(&self) -> Vec<String> {
        let named = |column: &&str| match self.values.first() {
            Some(period) if self.definition.numbered => format!("{column}_{period}"),
            Some(_) | None => (*column).to_owned(),
        };
        self.definition.columns.iter().map(named).collect()
    }

    /// A fresh indicator.
    #[must_use]
    pub fn build(&self) -> Box<dyn Series> {
        (self.definition.build)(self)
    }

    fn in_order(self) -> Result<Self, ParameterError> {
        let parameters = self.definition.parameters;
        let value = |name| parameters.iter().zip(&self.values).find(|(parameter, _)| parameter.name == name);
        for (less, more) in ORDERED {
            if let (Some((_, low)), Some((_, high))) = (value(less), value(more))
                && low > high
            {
                return Err(ParameterError::Order { indicator: self.definition.name, less, more });
            }
        }
        Ok(self)
    }

    fn number(&self, at: usize) -> f64 {
        *self.values.get(at).expect("a definition reads the parameters it has")
    }

    #[expect(
        clippy::as_conversions,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "checked by set"
    )]
    fn period(&self, at: usize) -> u32 {
        self.number(at) as u32
    }
}

/// Largest factor that makes sense.
const FACTOR_MAX: f64 = 1_000.0;

/// Parameters of which the first must not be more than the second.
const ORDERED: [(&str, &str); 2] = [("fast", "slow"), ("step", "max")];

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(name: &str, given: &[(&str, &[f64])]) -> Result<Vec<Values>, String> {
        Definition::named(name).unwrap().values(given.iter().copied()).map_err(|error| error.to_string())
    }

    fn columns(name: &str, given: &[(&str, &[f64])]) -> Vec<String> {
        asked(name, given).unwrap().iter().flat_map(Values::columns).collect()
    }

    #[test]
    fn every_indicator_gives_one_value_a_column() {
        let bar = Bar { day: 0, open: 1.0, high: 1.0, low: 1.0, close: 1.0, volume: 1.0, typical_units: 0 };
        for definition in &CATALOG {
            for values in asked(definition.name, &[]).unwrap() {
                let mut series = values.build();
                let mut row = Vec::new();
                for rows in 1..=300 {
                    series.update(&bar, &mut row);
                    assert_eq!(row.len(), rows * values.columns().len(), "{}", definition.name);
                }
                let last = row.split_off(row.len() - values.columns().len());
                assert!(last.iter().all(Option::is_some), "{}", definition.name);
            }
        }
    }

    #[test]
    fn columns_carry_the_period_where_several_are_common() {
        assert_eq!(columns("ema", &[]), ["ema_12", "ema_26", "ema_200"]);
        assert_eq!(columns("ema", &[("period", &[7.0])]), ["ema_7"]);
        assert_eq!(columns("adx", &[("period", &[7.0, 9.0])]).len(), 6);
        assert_eq!(columns("macd", &[("fast", &[3.0])]), ["macd", "macd_signal", "macd_hist"]);
        assert_eq!(columns("obv", &[]), ["obv"]);
    }

    #[test]
    fn values_that_make_no_sense_are_refused_in_words() {
        let refused = |indicator, name, values: &[f64]| asked(indicator, &[(name, values)]).unwrap_err();
        assert_eq!(refused("rsi", "fast", &[1.0]), "rsi has no parameter fast; it has period");
        assert_eq!(refused("obv", "period", &[1.0]), "obv has no parameter period; it has none");
        assert_eq!(refused("sma", "period", &[0.0]), "sma: period 0 is not a whole number from 1 to 100000");
        assert_eq!(refused("sma", "period", &[2.5]), "sma: period 2.5 is not a whole number from 1 to 100000");
        assert_eq!(refused("sma", "period", &[f64::NAN]), "sma: period NaN is not a whole number from 1 to 100000");
        assert_eq!(refused("adx", "period", &[1.0]), "adx: period 1 is not a whole number from 2 to 100000");
        assert_eq!(
            refused("bollinger", "deviations", &[-1.0]),
            "bollinger: deviations -1 is not a number from 0 to 1000"
        );
        assert_eq!(refused("bollinger", "period", &[20.0, 50.0]), "bollinger: period takes one value");
        assert_eq!(refused("macd", "fast", &[27.0]), "macd: fast must not be more than slow");
        assert_eq!(refused("parabolic-sar", "step", &[0.3]), "parabolic-sar: step must not be more than max");
    }
}
