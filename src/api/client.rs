//! Whom a request is counted by: the client's address, taken from a proxy's word only where that proxy is listed.

use std::fmt;
use std::net::IpAddr;

use hyper::HeaderMap;
use hyper::header::HeaderName;

use crate::config::Network;

/// How a connection came in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Origin {
    /// Over the loopback address, from this peer.
    Tcp(IpAddr),
    /// Over the unix socket that proxies talk to.
    Unix,
    /// Over the control socket, whose file mode says who may.
    Control,
}

/// Whom requests are counted by: an IPv4 address, a /64 of IPv6, or everybody who comes over a unix socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Client(u128);

impl Client {
    /// All who come over a unix socket and are not known any better.
    pub(super) const LOCAL: Self = Self(0);
    /// All who come while no more clients can be told apart.
    pub(super) const STRANGERS: Self = Self(1);

    /// The one a request is counted by.
    ///
    /// `X-Forwarded-For` is believed only when a listed proxy (or, if `unix_is_proxy`, the unix socket) hands the request
    /// over, and only back to the first hop that is not itself a listed proxy: whoever is behind that can write what they
    /// like in front.
    pub(super) fn of(origin: Origin, headers: &HeaderMap, proxies: &[Network], unix_is_proxy: bool) -> Self {
        let listed = |address: IpAddr| proxies.iter().any(|proxy| proxy.contains(address));
        let (mut known, believed) = match origin {
            Origin::Tcp(peer) => (Some(peer), listed(peer)),
            Origin::Unix => (None, unix_is_proxy),
            Origin::Control => (None, false),
        };
        if believed {
            let lines: Vec<&str> =
                headers.get_all(FORWARDED_FOR).iter().map(|line| line.to_str().unwrap_or("")).collect();
            let hops = lines.iter().rev().flat_map(|line| line.rsplit(',')).take(HOPS_MAX);
            for hop in hops {
                let Some(address) = address(hop.trim()) else { break };
                known = Some(address);
                if !listed(address) {
                    break;
                }
            }
        }
        known.map_or(Self::LOCAL, Self::at)
    }

    fn at(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V4(address) => Self(address.to_ipv6_mapped().to_bits()),
            IpAddr::V6(address) => Self(address.to_bits() & NETWORK_64),
        }
    }
}

impl Origin {
    /// What the listener is called in logs.
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Tcp(_) => "tcp",
            Self::Unix => "unix",
            Self::Control => "control",
        }
    }
}

impl fmt::Display for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::LOCAL => f.write_str("local"),
            Self::STRANGERS => f.write_str("strangers"),
            Self(bits) => write!(f, "{}", IpAddr::from(bits.to_be_bytes()).to_canonical()),
        }
    }
}

/// An address as proxies write it: plain, or with a port.
fn address(text: &str) -> Option<IpAddr> {
    text.parse().ok().or_else(|| text.parse::<std::net::SocketAddr>().ok().map(|with_port| with_port.ip()))
}

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const NETWORK_64: u128 = !(u64::MAX as u128);
const HOPS_MAX: usize = 32;

#[cfg(test)]
mod tests {
    use super::*;

    fn client(origin: Origin, lines: &[&str]) -> Client {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(FORWARDED_FOR, line.parse().unwrap());
        }
        let proxies = ["127.0.0.1".parse().unwrap(), "10.0.0.0/8".parse().unwrap()];
        Client::of(origin, &headers, &proxies, true)
    }

    fn at(text: &str) -> Client {
        Client::at(text.parse().unwrap())
    }

    fn from(text: &str) -> Origin {
        Origin::Tcp(text.parse().unwrap())
    }

    #[test]
    fn a_peer_that_is_no_proxy_speaks_for_itself() {
        assert_eq!(client(from("192.0.2.1"), &["198.51.100.7"]), at("192.0.2.1"));
        assert_eq!(client(Origin::Control, &["198.51.100.7"]), Client::LOCAL);
    }

    #[test]
    fn a_proxy_is_believed_back_to_the_first_stranger() {
        let proxy = from("127.0.0.1");
        assert_eq!(client(proxy, &["198.51.100.7"]), at("198.51.100.7"));
        assert_eq!(client(proxy, &["1.1.1.1, 198.51.100.7"]), at("198.51.100.7"));
        assert_eq!(client(proxy, &["1.1.1.1, 198.51.100.7, 10.0.0.2"]), at("198.51.100.7"));
        assert_eq!(client(proxy, &["1.1.1.1", "198.51.100.7", "10.0.0.2"]), at("198.51.100.7"));
        assert_eq!(client(proxy, &["198.51.100.7:4711"]), at("198.51.100.7"));
        assert_eq!(client(proxy, &["[2001:db8::1]:4711"]), at("2001:db8::1"));
        assert_eq!(client(Origin::Unix, &["198.51.100.7"]), at("198.51.100.7"));
    }

    #[test]
    fn what_is_no_address_ends_the_belief() {
        let proxy = from("127.0.0.1");
        assert_eq!(client(proxy, &[]), at("127.0.0.1"));
        assert_eq!(client(proxy, &["unknown"]), at("127.0.0.1"));
        assert_eq!(client(proxy, &["198.51.100.7, x, 10.0.0.2"]), at("10.0.0.2"));
        assert_eq!(client(Origin::Unix, &["x"]), Client::LOCAL);
    }

    #[test]
    fn addresses_of_one_household_are_one_client() {
        assert_eq!(at("2001:db8::1"), at("2001:db8::ffff:1"));
        assert_ne!(at("2001:db8::1"), at("2001:db8:0:1::1"));
        assert_eq!(at("::ffff:192.0.2.1"), at("192.0.2.1"));
        assert_ne!(at("192.0.2.1"), at("192.0.2.2"));
        assert_ne!(at("0.0.0.0"), Client::LOCAL);
    }
}
