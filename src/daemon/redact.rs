//! The one way of texts from outside into the ledger and the journal of inputs: without the secrets of this process.
//!
//! An event is cleaned before the engine sees it, so that what the engine decides, what is kept, and what a replay is
//! given are the same.

use std::borrow::Cow;
use std::cell::OnceCell;
use std::path::Path;

use crate::api::{TOKEN_DIGITS, TokenFile, TokenHash};
use crate::domain::{AccountEvent, Event, OperatorEvent};
use crate::redact::{without_numbers, without_secrets};

/// Takes secrets out of events.
#[derive(Debug)]
pub struct Redactor {
    tokens: TokenFile,
    admin: Option<TokenHash>,
}

impl Redactor {
    /// For the tokens of the folder `state`, and the one of which the service manager gave the hash.
    #[must_use]
    pub fn of(state: &Path, admin: Option<TokenHash>) -> Self {
        Self { tokens: TokenFile::of(state), admin }
    }

    /// Takes secrets out of every text that somebody outside has written.
    pub(super) fn clean(&self, event: &mut Event) {
        match event {
            Event::Operator(event) => match event {
                OperatorEvent::Halt { by, reason } | OperatorEvent::Resume { by, reason } => {
                    self.clean_text(by);
                    self.clean_text(reason);
                }
                OperatorEvent::Cancel { by, id: _ }
                | OperatorEvent::Close { by, symbol: _ }
                | OperatorEvent::Flatten { by, reason: _ }
                // A strategy that is not configured is not there, and a configured one is looked at when it is read.
                | OperatorEvent::Pause { by, strategy: _ }
                | OperatorEvent::Unpause { by, strategy: _ } => self.clean_text(by),
            },
            Event::Account(event) => match event {
                AccountEvent::Rejected { id: _, reason }
                | AccountEvent::Ended { id: _, outcome: _, filled: _, reason }
                | AccountEvent::CancelRefused { id: _, reason } => self.clean_text(reason),
                AccountEvent::Accepted { .. }
                | AccountEvent::Filled(_)
                | AccountEvent::Unanswered { .. }
                | AccountEvent::NotFound { .. }
                | AccountEvent::Balance { .. } => {}
            },
            // Numbers and names of the market, and words of this program.
            Event::Market(_) | Event::Link(_) | Event::Timer => {}
        }
    }

    fn clean_text(&self, text: &mut String) {
        let known = without_secrets(text);
        let clean = match self.without_tokens(&known) {
            Cow::Owned(clean) => clean,
            Cow::Borrowed(_) if matches!(known, Cow::Borrowed(_)) => return,
            Cow::Borrowed(_) => known.into_owned(),
        };
        *text = clean;
    }

    /// The text without the digits of any token of which the hash is kept. With its prefix a token is known by that.
    fn without_tokens<'t>(&self, text: &'t str) -> Cow<'t, str> {
        let kept = OnceCell::new();
        without_numbers(text, TOKEN_DIGITS, |digits| {
            let hash = TokenHash::of_digits(&digits.to_ascii_lowercase());
            match kept.get_or_init(|| self.tokens.read()) {
                Ok(tokens) => self.admin == Some(hash) || tokens.iter().any(|token| token.sha256 == hash),
                // Where it cannot be told, whatever has as many digits counts as one.
                Err(_) => true,
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::Scope;
    use crate::domain::{ClientOrderId, ExitReason, Outcome, Qty, Timestamp};
    use crate::redact::REDACTED;

    #[test]
    fn no_text_of_any_event_takes_a_token_along() {
        let folder = tempfile::tempdir().unwrap();
        let tokens = TokenFile::of(folder.path());
        let (token, _) = tokens.add("ops".parse().unwrap(), Scope::Admin, Timestamp::ZERO, None).unwrap();
        let whole = token.expose(str::to_owned);
        let digits = whole.strip_prefix("tb_").unwrap();
        let redactor = Redactor::of(folder.path(), Some(TokenHash::of(format!("tb_{}", "7".repeat(64)).as_bytes())));
        let id: ClientOrderId = "tb-00000001-0000000000000001-00".parse().unwrap();
        for secret in [&whole, digits, &digits.to_uppercase(), &format!("ab{digits}cd"), &"7".repeat(64)] {
            let text = || format!("before {secret} behind");
            let (by, reason) = (text(), text());
            let (symbol, strategy) = ("BTCUSDT".parse().unwrap(), "trend".parse().unwrap());
            let events = [
                Event::Operator(OperatorEvent::Halt { by: by.clone(), reason: reason.clone() }),
                Event::Operator(OperatorEvent::Resume { by: by.clone(), reason: reason.clone() }),
                Event::Operator(OperatorEvent::Cancel { by: by.clone(), id }),
                Event::Operator(OperatorEvent::Close { by: by.clone(), symbol }),
                Event::Operator(OperatorEvent::Flatten { by: by.clone(), reason: ExitReason::Operator }),
                Event::Operator(OperatorEvent::Pause { by: by.clone(), strategy }),
                Event::Operator(OperatorEvent::Unpause { by, strategy }),
                Event::Account(AccountEvent::Rejected { id, reason: reason.clone() }),
                Event::Account(AccountEvent::CancelRefused { id, reason: reason.clone() }),
                Event::Account(AccountEvent::Ended { id, outcome: Outcome::Expired, filled: Qty::ZERO, reason }),
            ];
            for mut event in events {
                redactor.clean(&mut event);
                let kept = serde_json::to_string(&event).unwrap();
                let same = kept.to_ascii_lowercase();
                assert!(!same.contains(&digits[..16]) && !same.contains("7777777"), "{kept}");
                assert!(kept.contains("before ") && kept.contains(REDACTED) && kept.contains(" behind"), "{kept}");
            }
        }
    }

    #[test]
    fn hashes_and_words_stay_as_they_are() {
        let folder = tempfile::tempdir().unwrap();
        let redactor = Redactor::of(folder.path(), None);
        let reason = format!("head 41:{} looks odd", "0f".repeat(32));
        let mut event = Event::Operator(OperatorEvent::Halt { by: "ops".to_owned(), reason });
        let before = event.clone();
        redactor.clean(&mut event);
        assert_eq!(event, before);
    }
}
