//! Indicators over a file of klines, as CSV or JSON.

mod doubts;

use std::collections::BTreeMap;
use std::io::Write;
use std::path::PathBuf;

use clap::builder::PossibleValuesParser;
use clap::{Arg, ArgMatches, Command, FromArgMatches, value_parser};
use serde_json::json;

use super::series::Series;
use super::{Exit, Failure};
use crate::domain::Candle;
use crate::store::read_klines;
use crate::strategy::indicator::Bar;
use crate::strategy::indicator::catalog::{CATALOG, Definition, Values};

/// `tradingbot indicator`.
#[derive(Debug, clap::Args)]
pub struct Indicator {
    /// List all indicators with their parameters and columns.
    #[arg(long, conflicts_with_all = ["name", "files"])]
    list: bool,
    /// Which indicator.
    #[arg(required_unless_present = "list", value_parser = PossibleValuesParser::new(CATALOG.iter().map(|one| one.name)))]
    name: Option<String>,
    /// Files of klines of one symbol in the layout of Binance's archives, each continuing the one before, plain or packed with
    /// zstd.
    #[arg(required_unless_present = "list", value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Print only so many of the first rows.
    #[arg(long, value_name = "ROWS")]
    first: Option<usize>,
    /// Print only so many of the last rows.
    #[arg(long, value_name = "ROWS")]
    last: Option<usize>,
    #[command(flatten)]
    given: Given,
}

impl Indicator {
    /// Prints the list, or one line a row of the files: `row,open_time` in milliseconds since 1970, and the values, which are
    /// empty (`null` in JSON) as long as there are none; to `notes` why there are none at all.
    pub fn run(&self, json: bool, out: &mut dyn Write, notes: &mut dyn Write) -> Result<(), Failure> {
        let Some(definition) = self.name.as_deref().and_then(Definition::named) else { return list(json, out) };
        let given = self.given.0.iter().map(|(name, values)| (*name, values.as_slice()));
        let asked = definition.values(given).map_err(|error| Failure::new(Exit::Usage, &error))?;
        let columns: Vec<String> = asked.iter().flat_map(Values::columns).collect();
        let mut indicators: Vec<_> = asked.iter().map(Values::build).collect();
        let series = self.read()?;
        let candles = &series.candles;
        let mut valued = vec![false; columns.len()];
        let mut sheet = Sheet::open(json, columns, out)?;
        for (row, candle) in candles.iter().enumerate() {
            let mut values = Vec::with_capacity(sheet.columns.len());
            for one in &mut indicators {
                one.update(&Bar::from(candle), &mut values);
            }
            for (valued, value) in valued.iter_mut().zip(&values) {
                *valued |= value.is_some();
            }
            if self.wants(row, candles.len()) {
                sheet.row(row, candle, &values)?;
            }
        }
        for note in doubts::of(definition, &asked, &series, &valued) {
            if json {
                writeln!(notes, "{}", json!({ "note": note }))?;
            } else {
                writeln!(notes, "note: {note}")?;
            }
        }
        sheet.close()
    }

    /// The files, one after the other.
    fn read(&self) -> Result<Series, Failure> {
        let mut series: Option<Series> = None;
        for path in &self.files {
            let file = read_klines(path).map_err(|error| Failure::new(Exit::Data, &error))?;
            match &mut series {
                Some(series) => series.go_on(path, file)?,
                None => series = Some(Series::begin(file)),
            }
        }
        series.ok_or_else(|| Failure::say(Exit::Usage, "no file was named"))
    }

    fn wants(&self, row: usize, rows: usize) -> bool {
        match (self.first, self.last) {
            (None, None) => true,
            (first, last) => row < first.unwrap_or(0) || rows - row <= last.unwrap_or(0),
        }
    }
}

/// Parameters as they were given, by name. What can be given is what the indicators have.
#[derive(Debug, Clone, Default)]
struct Given(BTreeMap<&'static str, Vec<f64>>);

impl clap::Args for Given {
    fn augment_args(command: Command) -> Command {
        parameters().into_iter().fold(command, |command, (name, uses)| {
            let argument = Arg::new(name)
                .long(name)
                .help(format!("Set this parameter of {}", uses.join(", ")))
                .value_name("NUMBER")
                .value_parser(value_parser!(f64))
                .value_delimiter(',')
                .allow_negative_numbers(true);
            command.arg(argument.help_heading("Parameters"))
        })
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for Given {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let given = |name| matches.get_many::<f64>(name).map(|values| (name, values.copied().collect()));
        Ok(Self(parameters().into_keys().filter_map(given).collect()))
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        self.0.append(&mut Self::from_arg_matches(matches)?.0);
        Ok(())
    }
}

/// Every parameter, with the indicators that have it and their defaults.
fn parameters() -> BTreeMap<&'static str, Vec<String>> {
    let mut parameters: BTreeMap<&'static str, Vec<String>> = BTreeMap::new();
    for definition in &CATALOG {
        for parameter in definition.parameters {
            let uses = parameters.entry(parameter.name).or_default();
            uses.push(format!("{} ({})", definition.name, comma_separated(parameter.default)));
        }
    }
    parameters
}

fn comma_separated(values: &[f64]) -> String {
    values.iter().map(ToString::to_string).collect::<Vec<_>>().join(",")
}

fn list(json: bool, out: &mut dyn Write) -> Result<(), Failure> {
    let mut all = Vec::new();
    for definition in &CATALOG {
        let values = definition.values([]).map_err(|error| Failure::new(Exit::Failure, &error))?;
        let columns: Vec<String> = values.iter().flat_map(Values::columns).collect();
        let parameters = definition.parameters;
        if json {
            let parameters: Vec<_> =
                parameters.iter().map(|one| json!({ "name": one.name, "default": one.default })).collect();
            let (name, about) = (definition.name, definition.about);
            all.push(json!({ "name": name, "about": about, "parameters": parameters, "columns": columns }));
        } else {
            let parameters: Vec<String> =
                parameters.iter().map(|one| format!(" --{} {}", one.name, comma_separated(one.default))).collect();
            writeln!(out, "{}{}", definition.name, parameters.concat())?;
            writeln!(out, "    {}", definition.about)?;
            writeln!(out, "    columns: {}", columns.join(","))?;
        }
    }
    if json {
        writeln!(out, "{}", serde_json::Value::from(all))?;
    }
    Ok(())
}

/// Rows going out, as CSV or as a JSON array of objects.
struct Sheet<'a> {
    json: bool,
    columns: Vec<String>,
    empty: bool,
    out: &'a mut dyn Write,
}

impl<'a> Sheet<'a> {
    fn open(json: bool, columns: Vec<String>, out: &'a mut dyn Write) -> Result<Self, Failure> {
        if json {
            write!(out, "[")?;
        } else {
            writeln!(out, "row,open_time,{}", columns.join(","))?;
        }
        Ok(Self { json, columns, empty: true, out })
    }

    fn row(&mut self, row: usize, candle: &Candle, values: &[Option<f64>]) -> Result<(), Failure> {
        let time = candle.open_time.millis();
        let tidy = |value: &Option<f64>| value.map(|value| if value == 0.0 { 0.0 } else { value });
        if self.json {
            let separator = if self.empty { "\n" } else { ",\n" };
            write!(self.out, "{separator}{{\"row\":{row},\"open_time\":{time}")?;
            for (column, value) in self.columns.iter().zip(values) {
                write!(self.out, ",\"{column}\":{}", json!(tidy(value)))?;
            }
            write!(self.out, "}}")?;
        } else {
            write!(self.out, "{row},{time}")?;
            for value in values {
                match tidy(value) {
                    Some(value) => write!(self.out, ",{value}")?,
                    None => write!(self.out, ",")?,
                }
            }
            writeln!(self.out)?;
        }
        self.empty = false;
        Ok(())
    }

    fn close(self) -> Result<(), Failure> {
        if self.json {
            writeln!(self.out, "\n]")?;
        }
        Ok(())
    }
}
