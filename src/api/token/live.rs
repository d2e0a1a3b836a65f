//! The tokens that count right now, followed while the file changes under a running server.

use subtle::{ConditionallySelectable, ConstantTimeEq};

use super::file::Stamp;
use super::{
    Scope, Standing, TOKEN_DIGITS, TokenFile, TokenFileError, TokenHash, TokenName, TokenRecord, looks_like_token,
};
use crate::domain::Timestamp;

/// What is known of the tokens of one file.
#[derive(Debug)]
pub(crate) struct Tokens {
    file: TokenFile,
    given: Option<TokenRecord>,
    stamp: Option<Stamp>,
    known: Result<Vec<TokenRecord>, TokenFileError>,
}

/// Which token somebody came with; stays the same while the file changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct TokenId(TokenHash);

/// Why somebody's token opens nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unrecognised {
    /// There is no such token.
    Unknown,
    /// Its time is over.
    Expired,
    /// It was taken back.
    Revoked,
    /// The file of tokens cannot be read, and what cannot be read may have been revoked.
    Unreadable,
}

impl TokenId {
    /// The id that no token has.
    pub(crate) const STRANGERS: Self = Self(TokenHash([0; 32]));

    /// The id of the token with this hash.
    #[cfg(test)]
    pub(crate) const fn of(hash: TokenHash) -> Self {
        Self(hash)
    }
}

impl Tokens {
    /// Reads the file; one that cannot be read opens for nobody until it can. The token of hash `given` is known besides.
    pub(crate) fn open(file: TokenFile, given: Option<TokenHash>, now: Timestamp) -> Self {
        let stamp = file.stamp();
        let known = file.read();
        Self { file, given: given.map(|hash| TokenRecord::given(hash, now)), stamp, known }
    }

    /// Reads the file again if it has changed, and says whether it has.
    pub(crate) fn follow(&mut self) -> bool {
        let stamp = self.file.stamp();
        if stamp == self.stamp && self.known.is_ok() {
            return false;
        }
        // The stamp is taken before the file is read: a change in between is seen the next time.
        let was_fault = self.known.is_err();
        self.known = self.file.read();
        let changed = stamp != self.stamp || was_fault != self.known.is_err();
        self.stamp = stamp;
        changed
    }

    /// Whether these are the digits of a token, without what it begins with.
    pub(crate) fn are_digits_of_one(&self, digits: &str) -> bool {
        let Some(hash) = (digits.len() == TOKEN_DIGITS).then(|| TokenHash::of_digits(digits)) else {
            return false;
        };
        self.known.as_ref().is_ok_and(|known| self.find(known, &hash).is_some())
    }

    /// Where the file is.
    pub(crate) const fn file(&self) -> &TokenFile {
        &self.file
    }

    /// Why the file cannot be read, if it cannot.
    pub(crate) fn fault(&self) -> Option<&TokenFileError> {
        self.known.as_ref().err()
    }

    /// How many tokens are worth something.
    pub(crate) fn live(&self, now: Timestamp) -> usize {
        let known = self.known.as_deref().unwrap_or_default();
        known.iter().chain(&self.given).filter(|token| token.standing(now) == Standing::Live).count()
    }

    /// Whose token `shown` is. Compares with every token there is, in the same time wherever it differs.
    pub(crate) fn recognise(&self, shown: &[u8], now: Timestamp) -> Result<(TokenId, &TokenName, Scope), Unrecognised> {
        let known = self.known.as_ref().map_err(|_| Unrecognised::Unreadable)?;
        if !looks_like_token(shown) {
            return Err(Unrecognised::Unknown);
        }
        let hash = TokenHash::of(shown);
        let token = self.find(known, &hash).ok_or(Unrecognised::Unknown)?;
        match token.standing(now) {
            Standing::Live => Ok((TokenId(hash), &token.name, token.scope)),
            Standing::Expired => Err(Unrecognised::Expired),
            Standing::Revoked => Err(Unrecognised::Revoked),
        }
    }

    /// Whether a token that was recognised before still is.
    pub(crate) fn still(&self, id: TokenId, now: Timestamp) -> bool {
        let known = self.known.as_deref().unwrap_or_default();
        self.find(known, &id.0).is_some_and(|token| token.standing(now) == Standing::Live)
    }

    fn find<'t>(&'t self, known: &'t [TokenRecord], hash: &TokenHash) -> Option<&'t TokenRecord> {
        let mut found = u32::MAX;
        for (at, token) in (0..u32::MAX).zip(known.iter().chain(&self.given)) {
            let same = token.sha256.as_bytes().ct_eq(hash.as_bytes());
            found.conditional_assign(&at, same);
        }
        known.iter().chain(&self.given).nth(usize::try_from(found).ok()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Span;

    const NOW: Timestamp = Timestamp::from_nanos(1_700_000_000_000_000_000);

    fn shown(token: &super::super::Token) -> Vec<u8> {
        token.expose(|text| text.as_bytes().to_vec())
    }

    #[test]
    fn a_token_that_was_given_by_its_hash_opens_beside_those_of_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let file = TokenFile::of(folder.path());
        let (ours, _) = file.add("ours".parse().unwrap(), Scope::Read, NOW, None).unwrap();
        let given = super::super::Token::draw().unwrap();
        let tokens = Tokens::open(file, Some(given.hash()), NOW);
        assert_eq!(tokens.live(NOW), 2);
        let (id, name, scope) = tokens.recognise(&shown(&given), NOW).unwrap();
        assert_eq!((name.as_str(), scope), ("credential", Scope::Admin));
        assert!(tokens.still(id, NOW));
        assert_eq!(tokens.recognise(&shown(&ours), NOW).unwrap().2, Scope::Read);
        let other = super::super::Token::draw().unwrap();
        assert_eq!(tokens.recognise(&shown(&other), NOW).unwrap_err(), Unrecognised::Unknown);
    }

    #[test]
    fn tokens_come_and_go_while_they_are_followed() {
        let folder = tempfile::tempdir().unwrap();
        let file = TokenFile::of(folder.path());
        let mut tokens = Tokens::open(file.clone(), None, NOW);
        assert_eq!(tokens.live(NOW), 0);
        let (old, _) = file.add("old".parse().unwrap(), Scope::Trade, NOW, None).unwrap();
        assert_eq!(tokens.recognise(&shown(&old), NOW), Err(Unrecognised::Unknown));
        assert!(tokens.follow());
        let (new, _) = file.add("new".parse().unwrap(), Scope::Trade, NOW, None).unwrap();
        assert!(tokens.follow());
        assert!(!tokens.follow());
        let (id, name, scope) = tokens.recognise(&shown(&old), NOW).unwrap();
        assert_eq!((name.as_str(), scope), ("old", Scope::Trade));
        assert!(tokens.recognise(&shown(&new), NOW).is_ok(), "both are worth something while one replaces the other");
        assert!(tokens.still(id, NOW));
        file.revoke(&"old".parse().unwrap(), NOW).unwrap();
        tokens.follow();
        assert_eq!(tokens.recognise(&shown(&old), NOW), Err(Unrecognised::Revoked));
        assert!(!tokens.still(id, NOW));
        assert!(tokens.recognise(&shown(&new), NOW).is_ok());
    }

    #[test]
    fn a_token_ends_at_its_hour() {
        let folder = tempfile::tempdir().unwrap();
        let file = TokenFile::of(folder.path());
        let end = NOW.plus(Span::HOUR);
        let (token, _) = file.add("short".parse().unwrap(), Scope::Read, NOW, Some(end)).unwrap();
        let tokens = Tokens::open(file, None, NOW);
        assert!(tokens.recognise(&shown(&token), end.minus(Span::from_nanos(1))).is_ok());
        assert_eq!(tokens.recognise(&shown(&token), end), Err(Unrecognised::Expired));
    }

    #[test]
    fn a_file_that_cannot_be_read_opens_for_nobody() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let file = TokenFile::of(folder.path());
        let (token, _) = file.add("ops".parse().unwrap(), Scope::Admin, NOW, None).unwrap();
        let mut tokens = Tokens::open(file.clone(), None, NOW);
        let mode = |mode| std::fs::set_permissions(file.path(), std::fs::Permissions::from_mode(mode)).unwrap();
        mode(0o644);
        assert!(tokens.follow());
        assert_eq!(tokens.recognise(&shown(&token), NOW), Err(Unrecognised::Unreadable));
        assert!(tokens.fault().is_some());
        mode(0o600);
        assert!(tokens.follow());
        assert!(tokens.recognise(&shown(&token), NOW).is_ok());
    }

    #[test]
    fn what_only_resembles_a_token_is_unknown() {
        let folder = tempfile::tempdir().unwrap();
        let file = TokenFile::of(folder.path());
        let (token, _) = file.add("ops".parse().unwrap(), Scope::Admin, NOW, None).unwrap();
        let tokens = Tokens::open(file, None, NOW);
        let mut other = shown(&token);
        let last = other.last_mut().unwrap();
        *last = if *last == b'0' { b'1' } else { b'0' };
        for wrong in [&other[..], b"", b"tb_", &shown(&token)[..66], &shown(&token).to_ascii_uppercase()] {
            assert_eq!(tokens.recognise(wrong, NOW), Err(Unrecognised::Unknown));
        }
    }
}
