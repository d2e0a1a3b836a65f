//! `tradingbot halt`, `resume`, `cancel`, `close`: what an operator asks of a running bot.

use std::io::Write;

use reqwest::Method;

use super::call::{Call, parse};
use super::look::raw;
use super::{Exit, Failure, Inherited};
use crate::api::{ChangeVerdict, ChangeView};
use crate::domain::{ClientOrderId, InstrumentId, Reason};

/// `tradingbot halt`.
#[derive(Debug, clap::Args)]
pub struct Halt {
    /// Why; goes to the ledger.
    #[arg(long)]
    reason: Reason,
    #[command(flatten)]
    call: Call,
}

/// `tradingbot resume`.
#[derive(Debug, clap::Args)]
pub struct Resume {
    /// Why; goes to the ledger.
    #[arg(long)]
    reason: Reason,
    #[command(flatten)]
    call: Call,
}

/// `tradingbot cancel`.
#[derive(Debug, clap::Args)]
pub struct Cancel {
    /// Which order, as `tradingbot orders` shows it.
    id: ClientOrderId,
    #[command(flatten)]
    call: Call,
}

/// `tradingbot close`.
#[derive(Debug, clap::Args)]
pub struct Close {
    /// Which symbol.
    symbol: InstrumentId,
    #[command(flatten)]
    call: Call,
}

/// What a change came to, and what to say of it.
struct Words<'w> {
    done: &'w str,
    already: &'w str,
}

impl Halt {
    /// Halts.
    ///
    /// # Errors
    ///
    /// The bot cannot be reached, or refuses.
    pub fn run(&self, inherited: Inherited, json: bool, out: &mut dyn Write) -> Result<(), Failure> {
        let body = self.call.bot(inherited)?.change(&Method::POST, "/v1/halt", Some(self.reason.as_str()))?;
        let resume = format!("tradingbot resume{} --reason WHY", self.call.flags());
        let done = &format!("halted: nothing is sent until `{resume}`; positions are left as they are");
        let answer: ChangeView<'_> = parse(&body)?;
        if answer.replay.is_some_and(|replay| replay.trading) {
            let text = "it was halted, but somebody has resumed it since the first try: it trades; halt it again";
            return Err(Failure::say(Exit::Failure, text));
        }
        show(&body, json, &Words { done, already: "it was halted before; the first reason stays" }, out)
    }
}

impl Resume {
    /// Resumes.
    ///
    /// # Errors
    ///
    /// The bot cannot be reached, or refuses.
    pub fn run(&self, inherited: Inherited, json: bool, out: &mut dyn Write) -> Result<(), Failure> {
        let body = self.call.bot(inherited)?.change(&Method::POST, "/v1/resume", Some(self.reason.as_str()))?;
        show(&body, json, &Words { done: "resumed: it trades again", already: "it was not halted" }, out)
    }
}

impl Cancel {
    /// Asks for the end of an order.
    ///
    /// # Errors
    ///
    /// The bot cannot be reached, or refuses.
    pub fn run(&self, inherited: Inherited, json: bool, out: &mut dyn Write) -> Result<(), Failure> {
        let body = self.call.bot(inherited)?.change(&Method::DELETE, &format!("/v1/orders/{}", self.id), None)?;
        let done = &format!("its end is asked for; `tradingbot orders{}` shows when it has come", self.call.flags());
        show(&body, json, &Words { done, already: "its end was asked for before" }, out)
    }
}

impl Close {
    /// Asks to leave a symbol.
    ///
    /// # Errors
    ///
    /// The bot cannot be reached, or refuses.
    pub fn run(&self, inherited: Inherited, json: bool, out: &mut dyn Write) -> Result<(), Failure> {
        let path = format!("/v1/positions/{}/close", percent(&self.symbol.to_string()));
        let body = self.call.bot(inherited)?.change(&Method::POST, &path, None)?;
        let flags = self.call.flags();
        let done = &format!("it is being left at market; `tradingbot positions{flags}` shows when nothing is held");
        show(&body, json, &Words { done, already: "it is being left already" }, out)
    }
}

fn show(body: &[u8], json: bool, words: &Words<'_>, out: &mut dyn Write) -> Result<(), Failure> {
    if json {
        return raw(body, out);
    }
    let answer: ChangeView<'_> = parse(body)?;
    let text = match answer.verdict {
        ChangeVerdict::Done => words.done,
        ChangeVerdict::Already => words.already,
    };
    Ok(writeln!(out, "{text}")?)
}

/// A name as a part of a path.
fn percent(name: &str) -> String {
    name.bytes().fold(String::new(), |mut text, byte| {
        if byte.is_ascii_alphanumeric() || byte == b'_' {
            text.push(char::from(byte));
        } else {
            text.push_str(&format!("%{byte:02X}"));
        }
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_outside_ascii_are_spelt_in_bytes() {
        assert_eq!(percent("BTC_USDT"), "BTC_USDT");
        assert_eq!(percent("币USDT"), "%E5%B8%81USDT");
    }
}
