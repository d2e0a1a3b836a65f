//! The one way of texts from outside into the ledger and the journal of inputs: without the secrets of this process.
//!
//! An event is cleaned before the engine sees it, so that what the engine decides, what is kept, and what a replay is
//! given are the same.

use std::borrow::Cow;
use std::cell::OnceCell;
use std::path::Path;

use crate::api::{TOKEN_DIGITS, TokenFile, TokenHash};
use crate::domain::{AccountEvent, Event, OperatorRequest};
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
            Event::Operator(event) => {
                self.clean_text(&mut event.by);
                match &mut event.request {
                    OperatorRequest::Halt { reason } | OperatorRequest::Resume { reason } => self.clean_text(reason),
                    OperatorRequest::Cancel { id: _ }
                    | OperatorRequest::Close { instrument: _ }
                    | OperatorRequest::Flatten { reason: _ }
                    // A configured name is looked at when it is read, and one with a secret in it is not asked for.
                    | OperatorRequest::Pause { strategy: _ }
                    | OperatorRequest::Unpause { strategy: _ } => {}
                }
            }
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
    use crate::domain::{ClientOrderId, ExitReason, OperatorEvent, Outcome, Qty, Timestamp};
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
            let (instrument, strategy) = ("BTCUSDT".parse().unwrap(), "trend".parse().unwrap());
            let operator = |request| Event::Operator(OperatorEvent { by: by.clone(), request });
            let events = [
                operator(OperatorRequest::Halt { reason: reason.clone() }),
                operator(OperatorRequest::Resume { reason: reason.clone() }),
                operator(OperatorRequest::Cancel { id }),
                operator(OperatorRequest::Close { instrument }),
                operator(OperatorRequest::Flatten { reason: ExitReason::Operator }),
                operator(OperatorRequest::Pause { strategy }),
                operator(OperatorRequest::Unpause { strategy }),
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
        let request = OperatorRequest::Halt { reason };
        let mut event = Event::Operator(OperatorEvent { by: "ops".to_owned(), request });
        let before = event.clone();
        redactor.clean(&mut event);
        assert_eq!(event, before);
    }
}
