//! Rate limits per address, principal and organisation (draft-ietf-httpapi-ratelimit-headers).

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

/// The rate limits, in requests per minute.
#[derive(Debug, Clone, Copy)]
pub struct RateSettings {
    /// The limit per client address, for all callers behind it.
    pub per_address: NonZeroU32,
    /// The limit per principal.
    pub per_principal: NonZeroU32,
    /// The limit per organisation, for all its principals together.
    pub per_organisation: NonZeroU32,
    /// The limit of searches for patients per principal.
    pub searches: NonZeroU32,
    /// The number of proxies in front of the service that append to `X-Forwarded-For`.
    pub trusted_proxies: usize,
}

impl Default for RateSettings {
    fn default() -> Self {
        let of = |number| NonZeroU32::new(number).unwrap_or(NonZeroU32::MAX);
        Self {
            per_address: of(12_000),
            per_principal: of(3_000),
            per_organisation: of(30_000),
            searches: of(300),
            trusted_proxies: 0,
        }
    }
}

/// The token buckets of recent callers.
pub struct Rates {
    addresses: Buckets<IpAddr>,
    principals: Buckets<(OrgId, String)>,
    organisations: Buckets<OrgId>,
    searches: Buckets<(OrgId, String)>,
    trusted_proxies: usize,
}

impl Rates {
    /// Creates the limits with full buckets.
    pub fn new(settings: &RateSettings) -> Self {
        Self {
            addresses: Buckets::new("address", settings.per_address),
            principals: Buckets::new("principal", settings.per_principal),
            organisations: Buckets::new("organisation", settings.per_organisation),
            searches: Buckets::new("patient search", settings.searches),
            trusted_proxies: settings.trusted_proxies,
        }
    }

    /// Counts a request against its client address, before authentication.
    pub fn charge_address(&self, parts: &Parts, standing: &mut Standing) -> Result<(), ApiError> {
        match address::client_address(parts, self.trusted_proxies) {
            Some(address) => standing.note(self.addresses.charge(&address::network(address))),
            None => Ok(()),
        }
    }

    /// Counts a request against its principal and the organisation.
    pub fn charge(&self, principal: &Principal, standing: &mut Standing) -> Result<(), ApiError> {
        let who = (principal.org.clone(), principal.subject.clone());
        standing.note(self.principals.charge(&who))?;
        standing.note(self.organisations.charge(&principal.org))
    }

    /// Counts a search for patients against its principal. The limit makes it slow to copy all
    /// patients of an organisation.
    pub fn charge_search(
        &self,
        principal: &Principal,
        standing: &mut Standing,
    ) -> Result<(), ApiError> {
        standing.note(self.searches.charge(&(principal.org.clone(), principal.subject.clone())))
    }
}

/// The state of the limits that a request was counted against.
#[derive(Debug, Default)]
pub struct Standing(Vec<Left>);

impl Standing {
    fn note(&mut self, left: Left) -> Result<(), ApiError> {
        let refusal = left.wait.map(|wait| {
            let detail = format!(
                "This {} exceeded its rate limit. Retry after the time in Retry-After.",
                left.of
            );
            let seconds = HeaderValue::from(wait.max(1));
            ApiError::new(ErrorCode::RateLimited, detail)
                .with_header(header::RETRY_AFTER, Some(seconds))
        });
        // Show an address limit only when it is exceeded: several callers may share the address.
        if left.of != "address" || left.wait.is_some() {
            self.0.push(left);
        }
        refusal.map_or(Ok(()), Err)
    }

    /// Writes the `RateLimit` headers of a response.
    pub fn tell(&self, headers: &mut HeaderMap) {
        if self.0.is_empty() {
            return;
        }
        let (mut policy, mut now) = (String::new(), String::new());
        for (number, left) in self.0.iter().enumerate() {
            let comma = if number > 0 { ", " } else { "" };
            let Left { of, quota, remaining, full_in, .. } = left;
            // Writing to a `String` never fails.
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
