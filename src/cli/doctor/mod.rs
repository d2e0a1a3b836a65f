//! `tradingbot doctor`: whether a bot of this machine is in order, what is not, and what to do about it.

mod host;
mod sandbox;

use std::io::Write;

use serde::Serialize;

use super::bot_unit::BotUnit;
use super::tool::SYSTEMCTL;
use super::{Exit, Failure};

/// `tradingbot doctor`.
#[derive(Debug, clap::Args)]
pub struct Doctor {
    /// Look at the sandbox alone, layer by layer; as root, to see all of it.
    #[arg(long)]
    sandbox: bool,
    #[command(flatten)]
    bot: BotUnit,
}

/// What was found out about a layer of the sandbox, or about anything else that a bot needs.
#[derive(Debug, Serialize)]
struct Finding {
    layer: &'static str,
    state: State,
    /// What shows it.
    details: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    remedy: Option<String>,
    /// How the command ends when this is the worst.
    #[serde(skip)]
    exit: Exit,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
enum State {
    /// A layer of the sandbox is in force.
    InForce,
    /// Something else is as it should be.
    InOrder,
    /// It works, and could be better.
    Advice,
    /// A layer of the sandbox is not in force.
    Missing,
    /// Something else is not as it should be.
    Wrong,
    /// It could not be looked at.
    NotKnown,
}

#[derive(Debug, Serialize)]
struct Report {
    service: String,
    layers: Vec<Finding>,
}

impl Doctor {
    /// Looks at everything, or at the sandbox alone, and says how it stands.
    ///
    /// # Errors
    ///
    /// Something is not in order, or cannot be looked at.
    pub fn run(&self, json: bool, out: &mut dyn Write) -> Result<(), Failure> {
        let mut layers = if self.sandbox { Vec::new() } else { host::findings(&self.bot) };
        // Last, because it confines this very process.
        layers.extend(sandbox::layers(&self.bot));
        let report = Report { service: self.bot.service(), layers };
        if json {
            let text = serde_json::to_string(&report).map_err(|error| Failure::new(Exit::Failure, &error))?;
            writeln!(out, "{text}")?;
        } else {
            show(&report, out)?;
        }
        report.verdict()
    }
}

/// The process of the running bot.
fn main_process(service: &str) -> Option<u32> {
    property(service, "MainPID")?.parse().ok().filter(|pid| *pid != 0)
}

fn property(unit: &str, name: &str) -> Option<String> {
    let answer = SYSTEMCTL.ask(&["show", "--value", "--property", name, unit]).ok().filter(|answer| answer.done)?;
    Some(answer.text().trim().to_owned())
}

impl Finding {
    /// A layer of the sandbox.
    fn of(layer: &'static str, faults: Vec<String>, proof: &str, remedy: String) -> Self {
        if faults.is_empty() {
            return Self::good(layer, State::InForce, proof.to_owned());
        }
        Self { layer, state: State::Missing, details: faults, remedy: Some(remedy), exit: Exit::Sandbox }
    }

    fn in_order(layer: &'static str, proof: String) -> Self {
        Self::good(layer, State::InOrder, proof)
    }

    fn advice(layer: &'static str, what: String, remedy: String) -> Self {
        Self { remedy: Some(remedy), ..Self::good(layer, State::Advice, what) }
    }

    fn wrong(layer: &'static str, exit: Exit, what: String, remedy: String) -> Self {
        Self { layer, state: State::Wrong, details: vec![what], remedy: Some(remedy), exit }
    }

    fn not_known(layer: &'static str, why: String, remedy: &str) -> Self {
        Self { remedy: Some(remedy.to_owned()), ..Self::unknown(layer, why) }
    }

    fn unknown(layer: &'static str, why: String) -> Self {
        Self { exit: Exit::Failure, ..Self::good(layer, State::NotKnown, why) }
    }

    fn good(layer: &'static str, state: State, what: String) -> Self {
        Self { layer, state, details: vec![what], remedy: None, exit: Exit::Success }
    }
}

impl Report {
    /// The first fault decides how the command ends, else the first layer of the sandbox that is missing, else that something
    /// is not known.
    fn verdict(&self) -> Result<(), Failure> {
        let of_state = |state: State| self.layers.iter().filter(move |finding| finding.state == state);
        let named = |state: State| of_state(state).map(|finding| finding.layer).collect::<Vec<_>>().join(", ");
        let worst =
            [State::Wrong, State::Missing, State::NotKnown].into_iter().find_map(|state| of_state(state).next());
        let Some(worst) = worst else { return Ok(()) };
        let mut said = Vec::new();
        for (state, words) in [(State::Wrong, "not in order"), (State::Missing, "not in force as shipped")] {
            if of_state(state).next().is_some() {
                said.push(format!("{words}: {}", named(state)));
            }
        }
        if said.is_empty() {
            said.push(format!("could not be looked at: {}", named(State::NotKnown)));
        }
        Err(Failure::say(worst.exit, said.join("; ")))
    }
}

fn show(report: &Report, out: &mut dyn Write) -> Result<(), Failure> {
    for Finding { layer, state, details, remedy, .. } in &report.layers {
        let state = match state {
            State::InForce => "in force",
            State::InOrder => "in order",
            State::Advice => "advice",
            State::Missing => "MISSING",
            State::Wrong => "WRONG",
            State::NotKnown => "not known",
        };
        for (at, detail) in details.iter().flat_map(|detail| detail.lines()).enumerate() {
            let (layer, state) = if at == 0 { (*layer, state) } else { ("", "") };
            writeln!(out, "{layer:<13} {state:<10} {detail}")?;
        }
        if let Some(remedy) = remedy {
            writeln!(out, "{:<24} what to do: {remedy}", "")?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_missing_layer_decides_and_an_unknown_one_is_no_yes() {
        let finding = |state| match state {
            State::Missing => Finding::of("unit", vec!["x".to_owned()], "", String::new()),
            State::NotKnown => Finding::not_known("unit", String::new(), ""),
            State::Wrong => Finding::wrong("ledger", Exit::Ledger, String::new(), String::new()),
            State::InForce | State::InOrder | State::Advice => Finding::good("unit", state, String::new()),
        };
        let verdict = |states: &[State]| {
            let layers = states.iter().map(|state| finding(*state)).collect();
            Report { service: String::new(), layers }.verdict().map_err(|failure| failure.exit())
        };
        assert_eq!(verdict(&[State::InForce]), Ok(()));
        assert_eq!(verdict(&[State::InOrder, State::Advice]), Ok(()), "advice is no fault");
        assert_eq!(verdict(&[State::InForce, State::NotKnown]), Err(Exit::Failure));
        assert_eq!(verdict(&[State::NotKnown, State::Missing]), Err(Exit::Sandbox));
        assert_eq!(verdict(&[State::Missing, State::NotKnown, State::Wrong]), Err(Exit::Ledger));
    }
}
