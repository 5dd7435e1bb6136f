//! How often an address, a principal and an organisation may ask (draft-ietf-httpapi-ratelimit-headers).

mod address;
mod bucket;

use std::{fmt::Write as _, net::IpAddr, num::NonZeroU32};

pub use address::PeerAddress;
use axum::http::{HeaderMap, HeaderName, HeaderValue, header, request::Parts};
use bucket::{Buckets, Left};

use super::auth::principal::Principal;
use crate::{
    error::{ApiError, ErrorCode},
    id::OrgId,
};

const RATE_LIMIT: HeaderName = HeaderName::from_static("ratelimit");
const RATE_LIMIT_POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");

/// How many requests a minute each may make.
#[derive(Debug, Clone, Copy)]
pub struct RateSettings {
    /// Of one client address, whoever asks from there.
    pub per_address: NonZeroU32,
    /// Of one principal.
    pub per_principal: NonZeroU32,
    /// Of all principals of an organisation together.
    pub per_organisation: NonZeroU32,
    /// How many proxies before the service append to `X-Forwarded-For`.
    pub trusted_proxies: usize,
}

impl Default for RateSettings {
    fn default() -> Self {
        let of = |number| NonZeroU32::new(number).unwrap_or(NonZeroU32::MAX);
        Self {
            per_address: of(12_000),
            per_principal: of(3_000),
            per_organisation: of(30_000),
            trusted_proxies: 0,
        }
    }
}

/// The buckets of everybody who asked lately.
pub struct Rates {
    addresses: Buckets<IpAddr>,
    principals: Buckets<(OrgId, String)>,
    organisations: Buckets<OrgId>,
    trusted_proxies: usize,
}

impl Rates {
    /// Full buckets for all.
    pub fn new(settings: &RateSettings) -> Self {
        Self {
            addresses: Buckets::new("address", settings.per_address),
            principals: Buckets::new("principal", settings.per_principal),
            organisations: Buckets::new("organisation", settings.per_organisation),
            trusted_proxies: settings.trusted_proxies,
        }
    }

    /// Counts a request of an address, before it is known who asks.
    pub fn charge_address(&self, parts: &Parts, standing: &mut Standing) -> Result<(), ApiError> {
        match address::client_address(parts, self.trusted_proxies) {
            Some(address) => standing.note(self.addresses.charge(&address::network(address))),
            None => Ok(()),
        }
    }

    /// Counts a request of a principal and of their organisation.
    pub fn charge(&self, principal: &Principal, standing: &mut Standing) -> Result<(), ApiError> {
        let who = (principal.org.clone(), principal.subject.clone());
        standing.note(self.principals.charge(&who))?;
        standing.note(self.organisations.charge(&principal.org))
    }
}

/// How a request's caller stands with the limits that were asked.
#[derive(Debug, Default)]
pub struct Standing(Vec<Left>);

impl Standing {
    fn note(&mut self, left: Left) -> Result<(), ApiError> {
        let refusal = left.wait.map(|wait| {
            let detail = format!("Too many requests of this {}; see Retry-After.", left.of);
            let seconds = HeaderValue::from(wait.max(1));
            ApiError::new(ErrorCode::RateLimited, detail)
                .with_header(header::RETRY_AFTER, Some(seconds))
        });
        // What is known of an address is nobody's but the operator's: behind it there may be many.
        if left.of != "address" || left.wait.is_some() {
            self.0.push(left);
        }
        refusal.map_or(Ok(()), Err)
    }

    /// Tells it in the headers of an answer.
    pub fn tell(&self, headers: &mut HeaderMap) {
        if self.0.is_empty() {
            return;
        }
        let (mut policy, mut now) = (String::new(), String::new());
        for (number, left) in self.0.iter().enumerate() {
            let comma = if number > 0 { ", " } else { "" };
            let Left { of, quota, remaining, full_in, .. } = left;
            // To a text, that never fails.
            let _ = write!(policy, "{comma}\"{of}\";q={quota};w=60");
            let _ = write!(now, "{comma}\"{of}\";r={remaining};t={full_in}");
        }
        for (name, value) in [(RATE_LIMIT_POLICY, policy), (RATE_LIMIT, now)] {
            if let Ok(value) = HeaderValue::try_from(value) {
                headers.insert(name, value);
            }
        }
    }
}
