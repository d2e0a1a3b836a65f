//! Where the API listens, and how much it bears.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::str::FromStr;

use thiserror::Error;
use toml::Spanned;
use toml::de::DeValue;

use super::key::keys;
use super::reader::Reader;
use super::value::Value;
use crate::domain::Span;

keys! {
    /// Where the API listens, and how much it bears. Every request needs a token, see `tradingbot token`.
    pub struct Api {
        /// `"ADDRESS:PORT"` or `"unix:/PATH"`. What travels here is not encrypted, so the address must be this machine's
        /// own (`127.0.0.1`, `[::1]`); for anyone else put a proxy with TLS in front. Port 0 lets the system choose.
        /// Listeners that the service manager hands over take its place.
        listen: Listen, default("'127.0.0.1:8080'");
        /// Requests that may be made with one token in a minute, evenly spread; and those from one address that are refused
        /// before anybody looks at their token.
        rate_limit_per_minute: u32, default("100"), unit("requests"), within("1", "60000000"), reload(true);
        /// Requests that may be made at once before the spread counts.
        rate_limit_burst: u32, default("20"), unit("requests"), within("1", "10000"), reload(true);
        /// Requests without a valid token that one address may make in a minute.
        auth_failures_per_minute: u32, default("10"), unit("requests"), within("1", "1000"), reload(true);
        /// Proxies whose `X-Forwarded-For` is believed: addresses (`"10.0.0.7"`) or networks (`"10.0.0.0/24"`). What comes
        /// over a unix socket in `listen` counts as from a proxy.
        trusted_proxies: Vec<Network>, default("[]");
        /// Largest body of a request.
        body_bytes_max: u32, default("65536"), unit("bytes"), within("1024", "1048576");
        /// Longest a client may take to send the head of a request.
        header_timeout: Span, default("'5s'"), within("'100ms'", "'1m'");
        /// Longest a client may take to send the body of a request.
        body_timeout: Span, default("'10s'"), within("'100ms'", "'5m'");
        /// Longest a connection may stay open without a request.
        idle_timeout: Span, default("'1m'"), within("'1s'", "'1h'");
        /// Most connections at once, over each listener, that have shown a valid token; one token holds at most half of them.
        /// Beyond that, the connection that was idle for longest is closed.
        connections_max: u32, default("256"), unit("connections"), within("1", "10000");
    }
}

/// A place where plain text may be served: this machine and nobody else can reach it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Listen {
    /// An address of this machine alone.
    Loopback(SocketAddr),
    /// A unix socket; an absolute path.
    Unix(PathBuf),
}

/// An address, or a network of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Network {
    address: IpAddr,
    prefix: u8,
}

impl Network {
    /// Whether it holds `address`; an IPv4 address written as IPv6 counts as IPv4.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        address.is_ipv4() == self.address.is_ipv4() && masked(address, self.prefix) == self.address
    }
}

impl FromStr for Listen {
    type Err = ListenError;

    fn from_str(text: &str) -> Result<Self, ListenError> {
        if let Some(path) = text.strip_prefix("unix:") {
            let fits = path.starts_with('/') && path.len() <= UNIX_PATH_BYTES_MAX;
            return if fits && !path.chars().any(char::is_control) {
                Ok(Self::Unix(path.into()))
            } else {
                Err(ListenError::UnixPath)
            };
        }
        let address: SocketAddr = text.parse().map_err(|_| match text.rsplit_once(':') {
            Some(("localhost", port)) if port.parse::<u16>().is_ok() => ListenError::Name { port: port.to_owned() },
            Some(_) | None => ListenError::NotAddress,
        })?;
        if address.ip().to_canonical().is_loopback() {
            Ok(Self::Loopback(address))
        } else {
            Err(ListenError::Exposed { port: address.port() })
        }
    }
}

impl fmt::Display for Listen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Loopback(address) => write!(f, "{address}"),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

impl FromStr for Network {
    type Err = NetworkError;

    fn from_str(text: &str) -> Result<Self, NetworkError> {
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) if prefix.bytes().all(|byte| byte.is_ascii_digit()) => (address, Some(prefix)),
            Some(_) => return Err(NetworkError::NotNetwork),
            None => (text, None),
        };
        let address: IpAddr = address.parse().map_err(|_| NetworkError::NotNetwork)?;
        let bits = bits(address);
        let prefix = match prefix {
            Some(prefix) => prefix.parse().ok().filter(|prefix| *prefix <= bits).ok_or(NetworkError::NotNetwork)?,
            None => bits,
        };
        if prefix == 0 {
            return Err(NetworkError::Everyone);
        }
        let network = masked(address, prefix);
        if network != address {
            return Err(NetworkError::HostBits { meant: Self { address: network, prefix } });
        }
        Ok(Self { address, prefix })
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.address)?;
        if self.prefix == bits(self.address) { Ok(()) } else { write!(f, "/{}", self.prefix) }
    }
}

impl Value for Listen {
    fn kind() -> String {
        "address".to_owned()
    }

    fn read(value: &Spanned<DeValue<'_>>, path: &str, reader: &mut Reader<'_>) -> Option<Self> {
        match value.get_ref().as_str().map(str::parse) {
            Some(Ok(listen)) => Some(listen),
            Some(Err(error)) => {
                let error: ListenError = error;
                reader.refuse(path, value.span(), &error.to_string());
                None
            }
            None => {
                reader.refuse(path, value.span(), &ListenError::NotAddress.to_string());
                None
            }
        }
    }

    fn view(&self) -> serde_json::Value {
        self.to_string().into()
    }
}

impl Value for Network {
    fn kind() -> String {
        "network".to_owned()
    }

    fn read(value: &Spanned<DeValue<'_>>, path: &str, reader: &mut Reader<'_>) -> Option<Self> {
        let error = match value.get_ref().as_str().map(str::parse::<Self>) {
            Some(Ok(network)) => return Some(network),
            Some(Err(error)) => error,
            None => NetworkError::NotNetwork,
        };
        reader.refuse(path, value.span(), &error.to_string());
        None
    }

    fn view(&self) -> serde_json::Value {
        self.to_string().into()
    }
}

/// Text that is no place to listen at.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ListenError {
    /// Others could reach it.
    #[error(
        "can be reached from other machines, and what travels there is not encrypted; write \"127.0.0.1:{port}\" or \
         \"unix:/run/tradingbot/api.sock\" and put a proxy with TLS in front"
    )]
    Exposed {
        /// The port that was asked for.
        port: u16,
    },
    /// A name, which may mean any address.
    #[error("is a name, which may come to mean another machine; write \"127.0.0.1:{port}\"")]
    Name {
        /// The port that was asked for.
        port: String,
    },
    /// Not an address at all.
    #[error("is not an address with a port; write for example \"127.0.0.1:8080\" or \"unix:/run/tradingbot/api.sock\"")]
    NotAddress,
    /// Not a path a unix socket can have.
    #[error("is not an absolute path of at most {UNIX_PATH_BYTES_MAX} bytes; write \"unix:/run/tradingbot/api.sock\"")]
    UnixPath,
}

/// Text that is no network.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum NetworkError {
    /// Not an address, or one with a prefix that is too long.
    #[error("is not an address or network; write for example \"10.0.0.7\" or \"10.0.0.0/24\"")]
    NotNetwork,
    /// It would trust everyone.
    #[error("would let everyone choose the address they are counted by; write the proxy's own address")]
    Everyone,
    /// Bits set past the prefix.
    #[error("has bits set past its prefix; write \"{meant}\"")]
    HostBits {
        /// The network that was meant.
        meant: Network,
    },
}

const fn bits(address: IpAddr) -> u8 {
    match address {
        IpAddr::V4(_) => 32,
        IpAddr::V6(_) => 128,
    }
}

fn masked(address: IpAddr, prefix: u8) -> IpAddr {
    match address {
        IpAddr::V4(address) => {
            let mask = u32::MAX.checked_shl(u32::from(32_u8.saturating_sub(prefix))).unwrap_or(0);
            IpAddr::V4((address.to_bits() & mask).into())
        }
        IpAddr::V6(address) => {
            let mask = u128::MAX.checked_shl(u32::from(128_u8.saturating_sub(prefix))).unwrap_or(0);
            IpAddr::V6((address.to_bits() & mask).into())
        }
    }
}

/// The kernel keeps 108 bytes for it, the last one zero.
const UNIX_PATH_BYTES_MAX: usize = 107;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_this_machine_may_be_listened_on() {
        for text in ["127.0.0.1:8080", "127.9.9.9:0", "[::1]:8080", "[::ffff:127.0.0.1]:80", "unix:/run/a.sock"] {
            assert_eq!(text.parse::<Listen>().unwrap().to_string(), text);
        }
        for text in ["0.0.0.0:8080", "[::]:8080", "192.168.1.4:80", "[::ffff:10.0.0.1]:80"] {
            assert!(matches!(text.parse::<Listen>(), Err(ListenError::Exposed { .. })), "{text}");
        }
        for text in ["", "8080", "127.0.0.1", "127.0.0.1:70000", "::1:80", "http://127.0.0.1:80", "example.org:80"] {
            assert_eq!(text.parse::<Listen>(), Err(ListenError::NotAddress), "{text}");
        }
        assert!(matches!("localhost:8080".parse::<Listen>(), Err(ListenError::Name { .. })));
        for text in ["unix:", "unix:run/a.sock", "unix:@abstract", "unix:/a\u{0}b"] {
            assert_eq!(text.parse::<Listen>(), Err(ListenError::UnixPath), "{text}");
        }
        assert!(format!("unix:/{}", "a".repeat(106)).parse::<Listen>().is_ok());
        assert!(format!("unix:/{}", "a".repeat(107)).parse::<Listen>().is_err());
    }

    #[test]
    fn a_network_holds_its_addresses_and_no_others() {
        let holds =
            |network: &str, address: &str| network.parse::<Network>().unwrap().contains(address.parse().unwrap());
        assert!(holds("10.0.0.0/24", "10.0.0.255"));
        assert!(holds("10.0.0.7", "::ffff:10.0.0.7"));
        assert!(!holds("10.0.0.0/24", "10.0.1.0"));
        assert!(!holds("10.0.0.7", "10.0.0.8"));
        assert!(!holds("10.0.0.0/8", "::1"));
        assert!(holds("2001:db8::/32", "2001:db8:ffff::1"));
        assert!(!holds("2001:db8::/32", "2001:db9::1"));
        assert_eq!("0.0.0.0/0".parse::<Network>(), Err(NetworkError::Everyone));
        for text in ["", "10.0.0", "10.0.0.0/33", "::/129", "10.0.0.0/", "10.0.0.0/+8", "a/8", "10.0.0.0/8/8"] {
            assert_eq!(text.parse::<Network>(), Err(NetworkError::NotNetwork), "{text}");
        }
        let error = "10.0.0.7/24".parse::<Network>().unwrap_err();
        assert!(error.to_string().ends_with("write \"10.0.0.0/24\""), "{error}");
    }
}
