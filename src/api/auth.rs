//! Who asks, and what they may: the only maker of [`Authorized`], which every change asks for.

use std::marker::PhantomData;
use std::sync::Arc;

use hyper::HeaderMap;
use hyper::header::AUTHORIZATION;

use super::client::Origin;
use super::problem::{ApiError, Code};
use super::slots::Holder;
use super::token::{Scope, Tokens, Unrecognised};
use crate::domain::Timestamp;

/// Somebody who is known, by token or by listener.
#[derive(Debug, Clone)]
pub(super) struct Caller {
    name: Arc<str>,
    scope: Scope,
    holder: Holder,
}

/// Proof that somebody may do what `R` may. Only [`check`] makes one.
#[derive(Debug)]
pub(super) struct Authorized<R> {
    by: Arc<str>,
    role: PhantomData<R>,
}

/// A role, at compile time.
pub(super) trait Role {
    /// The least scope for it.
    const SCOPE: Scope;
}

/// May look.
#[derive(Debug)]
pub(super) enum Read {}

/// May halt, pause, cancel and close.
#[derive(Debug)]
pub(super) enum Trade {}

/// May resume.
#[derive(Debug)]
pub(super) enum Admin {}

impl Role for Read {
    const SCOPE: Scope = Scope::Read;
}

impl Role for Trade {
    const SCOPE: Scope = Scope::Trade;
}

impl Role for Admin {
    const SCOPE: Scope = Scope::Admin;
}

impl Caller {
    /// What the token or listener is called.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// What it may do.
    pub(super) const fn scope(&self) -> Scope {
        self.scope
    }

    /// Whose connections and streams it counts to.
    pub(super) const fn holder(&self) -> Holder {
        self.holder
    }
}

impl<R> Authorized<R> {
    /// Who it is, as the ledger will name them.
    pub(super) fn by(&self) -> String {
        self.by.as_ref().to_owned()
    }
}

/// Who sent a request with these headers. Over the control socket that is decided by the socket; a peer's uid is never
/// asked, because inside a user namespace everybody reads as nobody.
pub(super) fn identify(
    origin: Origin,
    headers: &HeaderMap,
    tokens: &Tokens,
    now: Timestamp,
) -> Result<Caller, ApiError> {
    match origin {
        Origin::Control => {
            return Ok(Caller { name: Arc::from("control"), scope: Scope::Admin, holder: Holder::Control });
        }
        Origin::Tcp(_) | Origin::Unix => {}
    }
    let shown = headers.get(AUTHORIZATION).map(|value| value.as_bytes()).and_then(bearer);
    let shown = shown.ok_or(ApiError::of(Code::TokenMissing))?;
    match tokens.recognise(shown, now) {
        Ok((id, name, scope)) => Ok(Caller { name: name.shared(), scope, holder: Holder::Token(id) }),
        Err(Unrecognised::Unknown) => Err(ApiError::of(Code::TokenUnknown)),
        Err(Unrecognised::Expired) => Err(ApiError::of(Code::TokenExpired)),
        Err(Unrecognised::Revoked) => Err(ApiError::of(Code::TokenRevoked)),
        Err(Unrecognised::Unreadable) => Err(ApiError::of(Code::TokensUnreadable)),
    }
}

/// Whether `caller` may do what `R` may.
pub(super) fn check<R: Role>(caller: &Caller) -> Result<Authorized<R>, ApiError> {
    if caller.scope < R::SCOPE {
        let text = format!("the token's scope is {}; this needs {}", caller.scope, R::SCOPE);
        return Err(ApiError::say(Code::ScopeTooSmall, text));
    }
    Ok(Authorized { by: Arc::clone(&caller.name), role: PhantomData })
}

/// What stands after `Bearer`, in any case.
fn bearer(value: &[u8]) -> Option<&[u8]> {
    let (scheme, rest) = value.split_at_checked(BEARER.len())?;
    let token = rest.strip_prefix(b" ")?.trim_ascii_start();
    (scheme.eq_ignore_ascii_case(BEARER) && !token.is_empty()).then_some(token)
}

const BEARER: &[u8] = b"bearer";

#[cfg(test)]
mod tests {
    use super::*;

    fn caller(scope: Scope) -> Caller {
        Caller { name: Arc::from("ops"), scope, holder: Holder::Control }
    }

    #[test]
    fn a_role_is_given_to_its_scope_and_those_above() {
        assert!(check::<Read>(&caller(Scope::Read)).is_ok());
        assert!(check::<Trade>(&caller(Scope::Admin)).is_ok());
        assert_eq!(check::<Admin>(&caller(Scope::Trade)).unwrap_err().code, Code::ScopeTooSmall);
        assert_eq!(check::<Trade>(&caller(Scope::Read)).unwrap_err().code, Code::ScopeTooSmall);
        assert_eq!(check::<Admin>(&caller(Scope::Admin)).unwrap().by(), "ops");
    }

    #[test]
    fn a_bearer_is_read_in_any_case_and_nothing_else_is() {
        assert_eq!(bearer(b"Bearer tb_1"), Some(&b"tb_1"[..]));
        assert_eq!(bearer(b"bEARER  tb_1"), Some(&b"tb_1"[..]));
        for value in [&b""[..], b"Bearer", b"Bearer ", b"Bearertb_1", b"Basic tb_1", b"tb_1"] {
            assert_eq!(bearer(value), None);
        }
    }
}
