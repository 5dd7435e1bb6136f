//! The allowed targets of events: public addresses, over TLS. This prevents server-side request
//! forgery (SSRF).

use std::{
    cell::Cell,
    collections::BTreeSet,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    str::FromStr,
    sync::Arc,
};

use url::{Host, SyntaxViolation, Url};

/// The maximum length of a target URL.
pub const MAX_URL: usize = 2_048;

/// Hosts with ports that are allowed at any address and without TLS, for development.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AllowList(Arc<BTreeSet<(Host, u16)>>);

/// The error of a setting that is not a list of hosts with ports.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be a list of hosts with ports, separated by commas, for example localhost:9000")]
pub struct InvalidAllowList;

impl FromStr for AllowList {
    type Err = InvalidAllowList;

    fn from_str(setting: &str) -> Result<Self, InvalidAllowList> {
        let host = |text: &str| {
            let (host, port) = text.trim().rsplit_once(':')?;
            let port = port.parse().ok().filter(|port| *port != 0)?;
            Some((Host::parse(host).ok()?, port))
        };
        let hosts: Option<BTreeSet<_>> = setting.split(',').map(host).collect();
        hosts.map(|hosts| Self(Arc::new(hosts))).ok_or(InvalidAllowList)
    }
}

/// The reason why a URL is refused as a target.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ForbiddenTarget {
    /// It is not a valid target URL.
    #[error(
        "must be an absolute URL of at most 2048 characters, without white space, backslashes, credentials or a fragment"
    )]
    NoUrl,
    /// It is not encrypted.
    #[error("must begin with https://")]
    NoTls,
    /// Its host is this machine, or it is in a private or reserved network.
    #[error("must have a host with a public IP address")]
    NotPublic,
}

impl AllowList {
    /// Returns whether a host name is allowed at any address.
    pub fn has_host(&self, name: &str) -> bool {
        self.0.iter().any(|(host, _)| matches!(host, Host::Domain(allowed) if allowed == name))
    }

    /// Parses a URL and checks that it is an allowed target. The addresses of a host name are
    /// checked when it is resolved.
    pub fn check(&self, url: &str) -> Result<Url, ForbiddenTarget> {
        let url = parse(url).ok_or(ForbiddenTarget::NoUrl)?;
        let (Some(host), Some(port)) = (url.host(), url.port_or_known_default()) else {
            return Err(ForbiddenTarget::NoUrl);
        };
        let is_web = matches!(url.scheme(), "http" | "https");
        if is_web && self.0.contains(&(host.to_owned(), port)) {
            return Ok(url);
        }
        if url.scheme() != "https" {
            return Err(ForbiddenTarget::NoTls);
        }
        let is_public = match host {
            Host::Ipv4(address) => is_public_v4(address),
            Host::Ipv6(address) => is_public_v6(address),
            // A name on the list may resolve to any address, so it is allowed only with the listed
            // ports.
            Host::Domain(name) => !is_local(name) && !self.has_host(name),
        };
        if is_public { Ok(url) } else { Err(ForbiddenTarget::NotPublic) }
    }
}

/// Parses a URL. Refuses fragments, credentials, and errors that the parser would correct, such as
/// white space and backslashes. Characters that the parser only encodes, as in `?tag=[a|b]`, are
/// accepted.
fn parse(url: &str) -> Option<Url> {
    let reported = Cell::new(false);
    let report = |violation| {
        let harmless =
            matches!(violation, SyntaxViolation::NonUrlCodePoint | SyntaxViolation::PercentDecode);
        reported.set(reported.get() || !harmless);
    };
    let parsed = Url::options().syntax_violation_callback(Some(&report)).parse(url).ok()?;
    (url.len() <= MAX_URL && !reported.get() && parsed.fragment().is_none()).then_some(parsed)
}

/// Returns whether a name is `localhost` or below it (RFC 6761).
fn is_local(name: &str) -> bool {
    name.trim_end_matches('.').rsplit('.').next() == Some("localhost")
}

/// Returns whether an address is public, according to IANA's special-purpose address registries.
pub fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    let special = matches!(
        (a, b, c),
        // This network, private networks, loopback, multicast and reserved addresses.
        (0 | 10 | 127 | 224.., _, _) | (172, 16..=31, _) | (192, 168, _)
        // Carrier-grade NAT, link-local (cloud metadata services), benchmarks.
        | (100, 64..=127, _) | (169, 254, _) | (198, 18 | 19, _)
        // Protocol assignments, documentation, 6to4 relays.
        | (192, 0, 0 | 2) | (192, 88, 99) | (198, 51, 100) | (203, 0, 113)
    );
    !special
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    let segments = address.segments();
    let embedded = |high: u16, low: u16| {
        let [a, b] = high.to_be_bytes();
        let [c, d] = low.to_be_bytes();
        Ipv4Addr::new(a, b, c, d)
    };
    match segments {
        // IPv4 addresses embedded in IPv6: NAT64 and 6to4.
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] | [0x2002, high, low, ..] => {
            is_public_v4(embedded(high, low))
        }
        // Teredo and other protocol assignments, documentation.
        [0x2001, 0..=0x1ff | 0xdb8, ..] | [0x3fff, 0..=0xfff, ..] => false,
        // All public addresses are in 2000::/3.
        [first, ..] => first & 0xe000 == 0x2000,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_public_addresses_are_public() {
        let public = "8.8.8.8 1.1.1.1 172.32.0.1 100.128.0.1 192.0.1.1 223.255.255.255 2606:4700::1111 \
            2a00:1450:4001::1 64:ff9b::808:808 2002:808:808::1";
        let other = "0.0.0.0 0.1.2.3 10.0.0.1 100.64.0.1 127.0.0.1 127.255.255.254 169.254.169.254 \
            172.16.0.1 172.31.255.255 192.0.0.1 192.0.2.1 192.88.99.1 192.168.1.1 198.18.0.1 \
            198.51.100.1 203.0.113.1 224.0.0.1 240.0.0.1 255.255.255.255 :: ::1 ::ffff:127.0.0.1 \
            ::ffff:8.8.8.8 ::127.0.0.1 64:ff9b::7f00:1 64:ff9b:1::1 100::1 2001::1 2001:db8::1 \
            2002:7f00:1:: 2002:a9fe:a9fe::1 3fff::1 fc00::1 fd00:ec2::254 fe80::1 fec0::1 \
            ff02::1";
        for public in public.split_whitespace() {
            assert!(is_public(public.parse().unwrap()), "{public}");
        }
        for other in other.split_whitespace() {
            assert!(!is_public(other.parse().unwrap()), "{other}");
        }
    }

    #[test]
    fn urls_are_checked_as_far_as_they_tell() {
        let allowed: AllowList =
            "localhost:9000,127.0.0.1:9001,[::1]:9002,inside.test:9003".parse().unwrap();
        for fine in [
            "https://example.org/hook?x=1",
            "https://example.org/{hook}?tag=[a|b]&share=%zz",
            "https://example.org:8443/",
            "https://8.8.8.8/",
            "http://localhost:9000/",
            "https://localhost:9000/",
            "http://127.0.0.1:9001/a",
            "http://127.1:9001/a",
            "http://[::1]:9002/",
            "https://[2606:4700::1111]/",
            "https://example.org./",
            "https://büro.example.org/",
            "https://134744072/",
        ] {
            assert!(allowed.check(fine).is_ok(), "{fine}");
        }
        for (url, why) in [
            ("", ForbiddenTarget::NoUrl),
            ("/hook", ForbiddenTarget::NoUrl),
            ("example.org", ForbiddenTarget::NoUrl),
            ("https:///hook", ForbiddenTarget::NoUrl),
            ("https:example.org", ForbiddenTarget::NoUrl),
            ("https:\\\\example.org", ForbiddenTarget::NoUrl),
            (" https://example.org/", ForbiddenTarget::NoUrl),
            ("https://exam\nple.org/", ForbiddenTarget::NoUrl),
            ("https://exam ple.org/", ForbiddenTarget::NoUrl),
            ("https://example.org:99999/", ForbiddenTarget::NoUrl),
            ("https://[::1/", ForbiddenTarget::NoUrl),
            ("https://[fe80::1%25eth0]/", ForbiddenTarget::NoUrl),
            ("https://256.0.0.1/", ForbiddenTarget::NoUrl),
            ("https://user:password@example.org/", ForbiddenTarget::NoUrl),
            ("https://user@example.org/", ForbiddenTarget::NoUrl),
            ("https://@example.org/", ForbiddenTarget::NoUrl),
            ("https://example.org/#part", ForbiddenTarget::NoUrl),
            ("https://example.org/#", ForbiddenTarget::NoUrl),
            ("ftp://example.org/", ForbiddenTarget::NoTls),
            ("http://example.org/", ForbiddenTarget::NoTls),
            ("http://localhost:9001/", ForbiddenTarget::NoTls),
            ("https://inside.test/", ForbiddenTarget::NotPublic),
            ("https://localhost/", ForbiddenTarget::NotPublic),
            ("https://LOCALHOST/", ForbiddenTarget::NotPublic),
            ("https://a.localhost/", ForbiddenTarget::NotPublic),
            ("https://localhost./", ForbiddenTarget::NotPublic),
            ("https://127.1/", ForbiddenTarget::NotPublic),
            ("https://0x7f.0x1/", ForbiddenTarget::NotPublic),
            ("https://2130706433/", ForbiddenTarget::NotPublic),
            ("https://0x7f000001/", ForbiddenTarget::NotPublic),
            ("https://0x7F.1/", ForbiddenTarget::NotPublic),
            ("https://0177.0.0.1/", ForbiddenTarget::NotPublic),
            ("https://0/", ForbiddenTarget::NotPublic),
            ("https://%31%32%37.0.0.1/", ForbiddenTarget::NotPublic),
            ("https://１２７.０.０.１/", ForbiddenTarget::NotPublic),
            ("https://ⓛocalhost/", ForbiddenTarget::NotPublic),
            ("https://127.0.0.1:9001./", ForbiddenTarget::NoUrl),
            ("https://127.0.0.1./", ForbiddenTarget::NotPublic),
            ("https://127.0.0.1/", ForbiddenTarget::NotPublic),
            ("https://[::1]/", ForbiddenTarget::NotPublic),
            ("https://[::ffff:169.254.169.254]/", ForbiddenTarget::NotPublic),
            ("https://[0:0:0:0:0:0:0:1]:443/", ForbiddenTarget::NotPublic),
            ("https://[64:ff9b::a9fe:a9fe]/", ForbiddenTarget::NotPublic),
            ("https://169.254.169.254/latest/meta-data", ForbiddenTarget::NotPublic),
        ] {
            assert_eq!(allowed.check(url), Err(why), "{url}");
        }
        let long = format!("https://example.org/{}", "a".repeat(MAX_URL));
        assert_eq!(allowed.check(&long), Err(ForbiddenTarget::NoUrl));
    }

    #[test]
    fn lists_of_hosts_have_ports() {
        for bad in
            ["", "localhost", "localhost:", "localhost:0", ":80", "a:1,,b:2", "a:99999", "::1:80"]
        {
            assert!(bad.parse::<AllowList>().is_err(), "{bad}");
        }
    }
}
