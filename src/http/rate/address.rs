//! The client address of a request: the peer's, or the one that trusted proxies report.

use std::net::{IpAddr, Ipv6Addr};

use axum::http::{HeaderName, request::Parts};

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// The peer address of a request's connection.
#[derive(Debug, Clone, Copy)]
pub struct PeerAddress(pub IpAddr);

/// Returns the network that counts as one client: an IPv4 address, or a /64 of IPv6.
pub fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() >> 64 << 64).into(),
        address @ IpAddr::V4(_) => address,
    }
}

/// Returns the client address of a request: entry number `trusted_proxies` of `X-Forwarded-For`,
/// counted from the right. Returns the peer address if there are fewer entries, and `None` without
/// a connection.
pub fn client_address(parts: &Parts, trusted_proxies: usize) -> Option<IpAddr> {
    let PeerAddress(peer) = *parts.extensions.get::<PeerAddress>()?;
    let Some(hops) = trusted_proxies.checked_sub(1) else { return Some(peer) };
    let values = parts.headers.get_all(X_FORWARDED_FOR).iter().rev();
    let named = values.filter_map(|value| value.to_str().ok()).flat_map(|value| value.rsplit(','));
    let client = named.map(str::trim).nth(hops);
    Some(client.and_then(parse).unwrap_or(peer))
}

/// Parses an address. Some proxies append a port.
fn parse(text: &str) -> Option<IpAddr> {
    let bare = text.trim_start_matches('[').trim_end_matches(']');
    let with_port = || text.parse::<std::net::SocketAddr>().ok().map(|address| address.ip());
    bare.parse().ok().or_else(with_port)
}

#[cfg(test)]
mod tests {
    use axum::http::Request;

    use super::*;

    fn address(forwarded: &[&str], proxies: usize) -> String {
        let mut request = Request::builder();
        for value in forwarded {
            request = request.header(X_FORWARDED_FOR, *value);
        }
        let (mut parts, ()) = request.body(()).unwrap().into_parts();
        assert_eq!(client_address(&parts, proxies), None);
        parts.extensions.insert(PeerAddress("10.0.0.9".parse().unwrap()));
        client_address(&parts, proxies).unwrap().to_string()
    }

    #[test]
    fn only_what_trusted_proxies_appended_is_believed() {
        let forged = ["6.6.6.6, 192.0.2.1", "10.0.0.1"];
        assert_eq!(address(&forged, 0), "10.0.0.9");
        assert_eq!(address(&forged, 1), "10.0.0.1");
        assert_eq!(address(&forged, 2), "192.0.2.1");
        assert_eq!(address(&[], 1), "10.0.0.9");
        assert_eq!(address(&["192.0.2.1"], 2), "10.0.0.9");
        assert_eq!(address(&["nonsense"], 1), "10.0.0.9");
        assert_eq!(address(&["192.0.2.1:4711"], 1), "192.0.2.1");
        assert_eq!(address(&["[2001:db8::1]:443"], 1), "2001:db8::1");
    }

    #[test]
    fn an_ipv6_network_is_one_client() {
        let network = |text: &str| network(text.parse().unwrap());
        assert_eq!(network("2001:db8::1"), network("2001:db8::ffff:1"));
        assert_ne!(network("2001:db8::1"), network("2001:db8:0:1::1"));
        assert_eq!(network("::ffff:192.0.2.1"), network("192.0.2.1"));
        assert_ne!(network("192.0.2.1"), network("192.0.2.2"));
    }
}
