//! Where a bot listens, as an operator writes it.

use std::fmt;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::str::FromStr;

use reqwest::{ClientBuilder, Url};
use thiserror::Error;

/// A place that tokens may be sent to: encrypted, or this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// Over the network, or the loopback address.
    Url(Url),
    /// A unix socket.
    Unix(PathBuf),
}

impl Target {
    /// The unix socket at `path`.
    pub fn unix(path: &Path) -> Self {
        Self::Unix(path.to_owned())
    }

    /// Where the bot listens unless it is told otherwise.
    pub fn loopback() -> Self {
        Self::Url(Url::parse("http://127.0.0.1:8080").expect("it is an address"))
    }

    /// Whether it is a socket.
    pub const fn is_unix(&self) -> bool {
        matches!(self, Self::Unix(_))
    }

    /// A client that goes there and nowhere else.
    pub fn client(&self) -> ClientBuilder {
        let builder = reqwest::Client::builder();
        match self {
            Self::Unix(path) => builder.unix_socket(path.as_path()),
            // The name means this machine, whatever the resolver thinks.
            Self::Url(url) if url.scheme() == "http" => {
                builder.resolve("localhost", SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))
            }
            Self::Url(_) => builder.https_only(true),
        }
    }

    /// What helps whoever cannot get there, `kind` being what the system says.
    pub fn remedy(&self, kind: io::ErrorKind) -> String {
        let Self::Unix(path) = self else {
            return "is the bot running? --address, --socket or --bot says where it listens".to_owned();
        };
        match (socket_unit(path), kind) {
            (Some(_), io::ErrorKind::PermissionDenied) => {
                "it is for root and the group tradingbot: `usermod --append --groups tradingbot NAME`, and log in anew"
                    .to_owned()
            }
            (Some(unit), _) => format!("this control socket is closed; `systemctl start {unit}` opens it"),
            (None, _) => "is the bot running? --address, --socket or --bot says where it listens".to_owned(),
        }
    }

    /// The address of a path of the API, which begins with a slash and has nothing to be escaped.
    pub fn url(&self, path: &str) -> Url {
        let base = match self {
            Self::Url(url) => url.as_str().trim_end_matches('/'),
            Self::Unix(_) => "http://localhost",
        };
        Url::parse(&format!("{base}{path}")).expect("an address with a path behind it is an address")
    }
}

/// What opens the control socket at `path`, when it is one of the package's.
fn socket_unit(path: &Path) -> Option<String> {
    let rest = path.strip_prefix("/run/tradingbot").ok()?.to_str()?.strip_suffix("control.sock")?;
    match rest.strip_suffix('/') {
        None => rest.is_empty().then(|| "tradingbot-control.socket".to_owned()),
        Some(bot) => (!bot.contains('/')).then(|| format!("tradingbot-control@{bot}.socket")),
    }
}

/// What to say to whoever named no bot and has no token, while the control socket at `path` is closed.
pub fn closed(path: &Path, token: &dyn fmt::Display) -> String {
    let unit = socket_unit(path).unwrap_or_default();
    let path = path.display();
    format!(
        "the control socket {path} is closed, and over http://127.0.0.1:8080 a token is asked for: {token}; `systemctl start \
         {unit}` opens it, --token-file names a file with a token, --socket or --address says where another bot listens"
    )
}

impl FromStr for Target {
    type Err = TargetError;

    fn from_str(text: &str) -> Result<Self, TargetError> {
        if let Some(path) = text.strip_prefix("unix:") {
            return if path.starts_with('/') { Ok(Self::Unix(path.into())) } else { Err(TargetError::UnixPath) };
        }
        let url = Url::parse(text).map_err(|_| TargetError::NotAddress)?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(TargetError::NotAddress);
        }
        let bare = url.path() == "/" && url.query().is_none() && url.fragment().is_none();
        if !url.username().is_empty() || url.password().is_some() || !bare {
            return Err(TargetError::NotBare);
        }
        let host = url.host_str().ok_or(TargetError::NotAddress)?;
        let address: Option<IpAddr> = host.trim_matches(['[', ']']).parse().ok();
        let here = host == "localhost" || address.is_some_and(|address| address.to_canonical().is_loopback());
        match url.scheme() {
            "https" => Ok(Self::Url(url)),
            "http" if here => Ok(Self::Url(url)),
            "http" => Err(TargetError::Plain { host: host.to_owned() }),
            _ => Err(TargetError::NotAddress),
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Url(url) => f.write_str(url.as_str().trim_end_matches('/')),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

/// Text that names no place to send a token to.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum TargetError {
    /// Not an address.
    #[error("write http://127.0.0.1:8080, https://HOST or unix:/PATH")]
    NotAddress,
    /// More than an address.
    #[error("write the address alone, without user, path or query")]
    NotBare,
    /// Not an absolute path.
    #[error("write the whole path, such as unix:/run/tradingbot/control.sock")]
    UnixPath,
    /// A token would travel in the clear.
    #[error("a token sent to {host} over http could be read on the way; write https://{host}")]
    Plain {
        /// The host.
        host: String,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_goes_to_this_machine_or_is_encrypted() {
        for text in
            ["http://127.0.0.1:8080", "http://[::1]:80", "http://localhost:9", "https://bot.example.org", "unix:/a"]
        {
            let target: Target = text.parse().unwrap();
            assert_eq!(target.to_string().parse::<Target>().unwrap(), target);
        }
        for text in ["http://10.0.0.1:8080", "http://bot.example.org", "http://localhost.example.org", "http://[::2]"] {
            assert!(matches!(text.parse::<Target>(), Err(TargetError::Plain { .. })), "{text}");
        }
        for text in ["", "127.0.0.1:8080", "localhost:8080", "ftp://127.0.0.1", "http://"] {
            assert_eq!(text.parse::<Target>(), Err(TargetError::NotAddress), "{text}");
        }
        for text in ["http://u@127.0.0.1", "http://127.0.0.1/v1", "https://a?b", "https://a#b"] {
            assert_eq!(text.parse::<Target>(), Err(TargetError::NotBare), "{text}");
        }
        assert_eq!("unix:run/a".parse::<Target>(), Err(TargetError::UnixPath));
    }

    #[test]
    fn a_control_socket_of_the_package_that_is_closed_is_named_with_what_opens_it() {
        for (path, unit) in [
            ("/run/tradingbot/control.sock", Some("tradingbot-control.socket")),
            ("/run/tradingbot/two/control.sock", Some("tradingbot-control@two.socket")),
            ("/run/tradingbot/two/api.sock", None),
            ("/run/tradingbot/a/b/control.sock", None),
            ("/run/tradingbotcontrol.sock", None),
            ("/home/me/state/control.sock", None),
        ] {
            assert_eq!(socket_unit(Path::new(path)).as_deref(), unit, "{path}");
            let remedy = |kind| Target::unix(Path::new(path)).remedy(kind);
            let opens = unit.map_or_else(|| "is the bot running?".to_owned(), |unit| format!("systemctl start {unit}"));
            for kind in [io::ErrorKind::NotFound, io::ErrorKind::ConnectionRefused] {
                assert!(remedy(kind).contains(&opens), "{}", remedy(kind));
            }
            let joins = if unit.is_some() { "usermod" } else { "is the bot running?" };
            assert!(remedy(io::ErrorKind::PermissionDenied).contains(joins), "{path}");
        }
        let words = closed(Path::new("/run/tradingbot/control.sock"), &"API_TOKEN is missing");
        assert!(words.contains("control.sock is closed") && words.contains("API_TOKEN is missing"), "{words}");
        assert!(words.contains("`systemctl start tradingbot-control.socket`"), "{words}");
    }

    #[test]
    fn paths_are_put_behind_the_address() {
        assert_eq!(Target::loopback().url("/v1/fills?limit=1").as_str(), "http://127.0.0.1:8080/v1/fills?limit=1");
        assert_eq!(Target::unix(Path::new("/a")).url("/v1/halt").as_str(), "http://localhost/v1/halt");
    }
}
