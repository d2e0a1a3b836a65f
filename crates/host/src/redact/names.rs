//! Names whose values are not for the log: in fields, and in texts before a colon or an equals sign.

/// What is never written in a log; by the operator's choice prices, quantities and balances are not either.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hidden {
    /// Keys, tokens, signatures and passwords.
    Secrets,
    /// Those, and what an order or an account comes to.
    SecretsAndOrderDetails,
}

/// Whether the value of a field of that name is never logged, whatever it is.
#[must_use]
pub fn is_hidden(field: &str, hidden: Hidden) -> bool {
    match Name::of(field.as_bytes()) {
        Name::Secret | Name::SecretLine => true,
        Name::OrderDetail => hidden == Hidden::SecretsAndOrderDetails,
        Name::Open => false,
    }
}

/// Whether a key of that name in a file would hold a secret: anywhere in its name stands what says so.
#[must_use]
pub fn names_a_secret(key: &str) -> bool {
    let key: String = key.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_ascii_lowercase();
    [SECRETS, ["credential", "bearer"].as_slice()].concat().iter().any(|name| key.contains(name))
}

/// What a name says about the value that goes with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Name {
    /// A key, token, signature or password: never written.
    Secret,
    /// The value of a header that is more than one word: never written, to the end of the line.
    SecretLine,
    /// A price, quantity or balance: written when the operator wants it so.
    OrderDetail,
    /// Anything else.
    Open,
}

impl Name {
    /// Judges a name by its ending, whatever its case, underscores, dashes and full stops: `API_TOKEN`, `apiToken` and
    /// `telegram-bot-token` end alike.
    pub(super) fn of(name: &[u8]) -> Self {
        // Names are judged for each word of each text: the last letter alone rules most of them out.
        let last = name.iter().rfind(|byte| byte.is_ascii_alphanumeric()).map(u8::to_ascii_lowercase);
        if !matches!(last, Some(b'y' | b't' | b'n' | b'e' | b'd' | b's' | b'l' | b'c')) {
            return Self::Open;
        }
        if ends_with_any(name, SECRET_LINES) {
            Self::SecretLine
        } else if ends_with_any(name, SECRETS) {
            Self::Secret
        } else if ORDER_DETAILS.iter().any(|word| ends_with_word(name, word)) {
            Self::OrderDetail
        } else {
            Self::Open
        }
    }
}

fn ends_with_any(name: &[u8], endings: &[&str]) -> bool {
    endings.iter().any(|ending| end_of(name, ending).is_some())
}

/// Whether `word` is the last word of the name, so that `coffee` holds no `fee`.
fn ends_with_word(name: &[u8], word: &str) -> bool {
    end_of(name, word).is_some_and(|start| {
        let joint = start.checked_sub(1).map(|before| name[before]);
        joint.is_none_or(|before| !before.is_ascii_alphabetic() || name[start].is_ascii_uppercase())
    })
}

/// Where in `name` the ending begins, leaving signs and case aside.
fn end_of(name: &[u8], ending: &str) -> Option<usize> {
    let mut at = name.len();
    for wanted in ending.bytes().rev() {
        at = name[..at].iter().rposition(u8::is_ascii_alphanumeric)?;
        if name[at].to_ascii_lowercase() != wanted {
            return None;
        }
    }
    Some(at)
}

const SECRET_LINES: &[&str] = &["authorization", "cookie"];
/// Endings rather than words: what is run together with another word is meant all the same.
const SECRETS: &[&str] = &[
    "apikey",
    "secret",
    "secretkey",
    "privatekey",
    "signingkey",
    "listenkey",
    "accesskey",
    "token",
    "signature",
    "password",
    "passwd",
    "passphrase",
    "pwd",
    "mnemonic",
];
const ORDER_DETAILS: &[&str] = &[
    "qty",
    "quantity",
    "price",
    "notional",
    "amount",
    "balance",
    "balances",
    "fee",
    "fees",
    "commission",
    "pnl",
    "profit",
    "equity",
    "exposure",
    "cost",
    "drawdown",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_judged_by_their_ending() {
        for name in
            ["api_key", "apiKey", "X-MBX-APIKEY", "API_TOKEN", "secret", "BINANCE_SECRET", "my.signature", "PWD"]
        {
            assert_eq!(Name::of(name.as_bytes()), Name::Secret, "{name}");
        }
        for name in ["authorization", "Proxy-Authorization", "set-cookie"] {
            assert_eq!(Name::of(name.as_bytes()), Name::SecretLine, "{name}");
        }
        for name in ["qty", "origQty", "entry_price", "avgPrice", "fee", "balances", "maker-fee", "PRICE", "pnl"] {
            assert_eq!(Name::of(name.as_bytes()), Name::OrderDetail, "{name}");
        }
        for name in
            ["", "_", "symbol", "token_name", "tokens", "coffee", "surprice", "keys", "seed", "order_id", "client"]
        {
            assert_eq!(Name::of(name.as_bytes()), Name::Open, "{name}");
        }
    }
}
