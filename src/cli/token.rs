//! Tokens for the API: made, listed and taken back in the state folder, while the bot runs or not.

use std::io::Write;
use std::path::PathBuf;
use std::str::FromStr;

use serde::Serialize;

use super::bot_unit::BotUnit;
use super::show::Table;
use super::{Exit, Failure};
use crate::api::{Scope, Standing, Token, TokenFile, TokenFileError, TokenName, TokenRecord};
use crate::clock;
use crate::domain::{Span, Timestamp};

/// `tradingbot token`.
#[derive(Debug, clap::Args)]
pub struct Tokens {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    /// Make a token and show it, this once.
    New {
        /// What to call it in lists and logs: lower-case letters, digits and dashes.
        #[arg(long)]
        name: TokenName,
        /// What it may do: read (look), trade (also halt, pause, cancel, close) or admin (also resume).
        #[arg(long)]
        scope: Scope,
        /// For how long it is worth something, such as 12h or 90d; or `never`, then it has no end.
        #[arg(long, value_name = "TIME", default_value = "90d")]
        expires: Lifetime,
        #[command(flatten)]
        state: State,
    },
    /// Make an admin token that is kept nowhere, and show it with its hash: for the credential admin-token-hash.
    Draw,
    /// List the tokens there are; the tokens themselves are not kept and cannot be shown.
    List {
        #[command(flatten)]
        state: State,
    },
    /// Take a token back; a running bot knows within a second or two.
    Revoke {
        /// Which.
        name: TokenName,
        #[command(flatten)]
        state: State,
    },
}

#[derive(Debug, clap::Args)]
struct State {
    #[command(flatten)]
    bot: BotUnit,
    /// The folder for ledger and token hashes, as the configuration names it. When neither this nor --bot is given:
    /// $STATE_DIRECTORY, else /var/lib/tradingbot.
    #[arg(long, value_name = "FOLDER", conflicts_with = "bot")]
    state: Option<PathBuf>,
}

/// How long a token is worth something.
#[derive(Debug, Clone, Copy)]
enum Lifetime {
    Never,
    For(Span),
}

impl Tokens {
    /// Makes, lists or takes back.
    ///
    /// # Errors
    ///
    /// The state folder or its file of tokens cannot be used, the name is taken or unknown.
    pub fn run(&self, json: bool, out: &mut dyn Write) -> Result<(), Failure> {
        let now = clock::now();
        match &self.action {
            Action::New { name, scope, expires, state } => {
                let expires = match expires {
                    Lifetime::Never => None,
                    Lifetime::For(span) => Some(now.plus(*span)),
                };
                let (token, record) = state.file().add(name.clone(), *scope, now, expires).map_err(failure)?;
                token.expose(|secret| match json {
                    true => show_json(&Made { token: secret, row: Row::of(&record, now) }, out),
                    false => show_made(secret, &record, out),
                })
            }
            Action::Draw => draw(json, out),
            Action::List { state } => {
                let records = state.file().read().map_err(failure)?;
                let rows: Vec<Row<'_>> = records.iter().map(|record| Row::of(record, now)).collect();
                if json { show_json(&rows, out) } else { show_rows(&rows, &state.flags(), out) }
            }
            Action::Revoke { name, state } => {
                let record = state.file().revoke(name, now).map_err(failure)?;
                let row = Row::of(&record, now);
                if json {
                    show_json(&row, out)
                } else {
                    Ok(writeln!(out, "{name} is revoked; a running bot refuses it within a second or two")?)
                }
            }
        }
    }
}

impl State {
    fn file(&self) -> TokenFile {
        TokenFile::of(&self.state.clone().unwrap_or_else(|| self.bot.state()))
    }

    /// What names the same folder on another command line, with a blank before it.
    fn flags(&self) -> String {
        self.state.as_ref().map_or_else(|| self.bot.flag(), |state| format!(" --state {}", state.display()))
    }
}

impl FromStr for Lifetime {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "never" {
            return Ok(Self::Never);
        }
        let span: Span = text.parse().map_err(|error| format!("{error}, nor is it never"))?;
        if span < Span::MINUTE || span > LIFETIME_MAX {
            return Err("a token lives for one minute to 3650 days; write never for one without end".to_owned());
        }
        Ok(Self::For(span))
    }
}

/// A new token, with the only chance to see it.
#[derive(Debug, Serialize)]
struct Made<'t> {
    token: &'t str,
    #[serde(flatten)]
    row: Row<'t>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
struct Row<'t> {
    name: &'t TokenName,
    scope: Scope,
    standing: Standing,
    created: Timestamp,
    expires: Option<Timestamp>,
    revoked: Option<Timestamp>,
}

impl<'t> Row<'t> {
    fn of(record: &'t TokenRecord, now: Timestamp) -> Self {
        Self {
            name: &record.name,
            scope: record.scope,
            standing: record.standing(now),
            created: record.created,
            expires: record.expires,
            revoked: record.revoked,
        }
    }
}

fn show_json(value: &impl Serialize, out: &mut dyn Write) -> Result<(), Failure> {
    let text = serde_json::to_string(value).expect("names, times and hashes have a JSON form");
    Ok(writeln!(out, "{text}")?)
}

/// An admin token for a daemon that is given its hash when it starts.
fn draw(json: bool, out: &mut dyn Write) -> Result<(), Failure> {
    let token = Token::draw().map_err(|error| Failure::new(Exit::Secret, &error))?;
    let hash = token.hash();
    token.expose(|secret| {
        if json {
            return show_json(&serde_json::json!({ "token": secret, "sha256": hash }), out);
        }
        writeln!(out, "{secret}\n\nIts hash, for tradingbot credential seal admin-token-hash:\n\n{hash}\n")?;
        writeln!(out, "The token is an admin's. It is shown this once, and neither is kept.")?;
        Ok(())
    })
}

/// The token stands alone on the first line, so that `head -n 1` takes it.
fn show_made(secret: &str, record: &TokenRecord, out: &mut dyn Write) -> Result<(), Failure> {
    let until = record.expires.map_or_else(|| "without end".to_owned(), |at| format!("until {}", to_second(at)));
    writeln!(out, "{secret}")?;
    writeln!(out)?;
    writeln!(
        out,
        "This is {}, scope {}, {until}. It is shown this once; only its hash is kept.",
        record.name, record.scope
    )?;
    writeln!(out, "Put it where the client looks, for example: export API_TOKEN=...")?;
    Ok(())
}

fn show_rows(rows: &[Row<'_>], flags: &str, out: &mut dyn Write) -> Result<(), Failure> {
    if rows.is_empty() {
        writeln!(out, "there are no tokens; make one with `tradingbot token new{flags} --name NAME --scope read`")?;
        return Ok(());
    }
    let mut table = Table::new(&["NAME", "SCOPE", "STANDING", "CREATED", "EXPIRES"]);
    for row in rows {
        let standing = match row.standing {
            Standing::Live => "live",
            Standing::Expired => "expired",
            Standing::Revoked => "revoked",
        };
        table.row(vec![
            row.name.to_string(),
            row.scope.to_string(),
            standing.to_owned(),
            to_second(row.created),
            row.expires.map_or_else(|| "never".to_owned(), to_second),
        ]);
    }
    Ok(table.write(out)?)
}

fn to_second(at: Timestamp) -> String {
    at.floor(Span::SECOND).to_string()
}

fn failure(error: TokenFileError) -> Failure {
    let exit = match error {
        TokenFileError::Folder { .. }
        | TokenFileError::Read { .. }
        | TokenFileError::Exposed { .. }
        | TokenFileError::OpenFolder { .. }
        | TokenFileError::Foreign { .. }
        | TokenFileError::Linked { .. }
        | TokenFileError::NotFile { .. }
        | TokenFileError::TooLarge { .. }
        | TokenFileError::NotTokens { .. }
        | TokenFileError::Newer { .. }
        | TokenFileError::Write { .. }
        | TokenFileError::Random(_) => Exit::Secret,
        TokenFileError::NameTaken { .. } | TokenFileError::Full { .. } | TokenFileError::Unknown { .. } => {
            Exit::Failure
        }
    };
    Failure::new(exit, &error)
}

const LIFETIME_MAX: Span = Span::from_secs(3_650 * 86_400);
