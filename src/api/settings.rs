//! How much the API bears, and for how long it waits.

use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::listen::STREAMS_MAX;
use super::token::TokenHash;
use crate::config::{Api, Network};

/// How much the API bears. The three rates may change while it runs, the rest counts from the start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// Requests that one token may make in a minute, evenly spread; and those that one client may make that are refused
    /// before anybody looks at whose they are.
    pub rate_limit_per_minute: u32,
    /// Of which so many at once.
    pub rate_limit_burst: u32,
    /// Requests without a valid token that one client may make in a minute.
    pub auth_failures_per_minute: u32,
    /// Proxies whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<Network>,
    /// Whether what comes over the unix socket of the API comes from such a proxy.
    pub unix_is_proxy: bool,
    /// Largest body of a request.
    pub body_bytes_max: usize,
    /// Longest for the head of a request to arrive.
    pub header_timeout: Duration,
    /// Longest for the body of a request to arrive.
    pub body_timeout: Duration,
    /// Longest without a request; may take up to twice as long to be noticed.
    pub idle_timeout: Duration,
    /// Longest for a client to take some of what it is sent.
    pub write_timeout: Duration,
    /// Longest for the engine or the ledger to answer.
    pub answer_timeout: Duration,
    /// Most connections at once over one listener that have shown a valid token. Others, and the control socket, have numbers
    /// of their own.
    pub connections_max: usize,
    /// Most connections at once over one listener that have not; the oldest of them makes room for the next.
    pub newcomers_max: usize,
    /// Most event streams at once with tokens, at most 16. The control socket has a number of its own.
    pub streams_max: usize,
    /// How often an event stream says that it is alive.
    pub stream_beat: Duration,
    /// How often the file of tokens is looked at and clients are forgotten.
    pub housekeeping: Duration,
    /// How long requests are still answered once the server is to stop.
    pub linger: Duration,
    /// How long what is being answered by then may take.
    pub drain: Duration,
    /// The folder with the file of tokens.
    pub state: PathBuf,
    /// The hash of an admin token that is known besides those of the file.
    pub admin: Option<TokenHash>,
    /// Where programs reach it.
    pub access: Access,
    /// What names this bot on a command line, with a blank before it, such as ` --bot two`; empty for a host's first.
    pub bot_flag: String,
}

/// Where programs reach the API, or what keeps them out.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Access {
    /// Addresses such as `http://127.0.0.1:8080` and `unix:/run/tradingbot/two/api.sock`; the control socket is not among them.
    pub listening: Vec<String>,
    /// Why there are none, and what to do.
    pub fault: Option<String>,
}

impl Settings {
    /// As the operator configured it.
    #[must_use]
    pub fn new(api: &Api, state: PathBuf) -> Self {
        let size = |number: u32| usize::try_from(number).unwrap_or(usize::MAX);
        Self {
            rate_limit_per_minute: api.rate_limit_per_minute,
            rate_limit_burst: api.rate_limit_burst,
            auth_failures_per_minute: api.auth_failures_per_minute,
            trusted_proxies: api.trusted_proxies.clone(),
            unix_is_proxy: true,
            body_bytes_max: size(api.body_bytes_max),
            header_timeout: api.header_timeout.to_duration(),
            body_timeout: api.body_timeout.to_duration(),
            idle_timeout: api.idle_timeout.to_duration(),
            write_timeout: Duration::from_secs(10),
            answer_timeout: Duration::from_secs(5),
            connections_max: size(api.connections_max),
            newcomers_max: 1_024,
            streams_max: STREAMS_MAX,
            stream_beat: Duration::from_secs(15),
            housekeeping: Duration::from_secs(1),
            linger: Duration::from_millis(500),
            drain: Duration::from_secs(2),
            state,
            admin: None,
            access: Access::default(),
            bot_flag: String::new(),
        }
    }
}
