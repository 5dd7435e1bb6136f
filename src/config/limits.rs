//! Limits on connections, concurrent requests and request rates.

use std::num::NonZeroU32;

use clap::Args;

/// The limits of one replica.
#[derive(Debug, Clone, Args)]
pub struct LimitArgs {
    /// The maximum number of open connections. Further connections get 503.
    #[arg(long, env = "CLINIC_API_MAX_CONNECTIONS", default_value_t = 10_000, value_parser = at_least_one)]
    pub max_connections: usize,
    /// The maximum number of concurrent requests. Further requests get 503 `overloaded`. One
    /// organisation may use half of this number; its further requests get 429
    /// `concurrency_limited`. `/livez`, `/readyz` and `/version` do not count.
    #[arg(long, env = "CLINIC_API_MAX_CONCURRENT_REQUESTS", default_value_t = 1024, value_parser = at_least_one)]
    pub max_concurrent_requests: usize,
    /// The maximum number of requests per minute from one client address, over all its callers.
    #[arg(long, env = "CLINIC_API_RATE_PER_ADDRESS", default_value = "12000")]
    pub rate_per_address: NonZeroU32,
    /// The maximum number of requests per minute from one principal (one `sub` of one
    /// organisation).
    #[arg(long, env = "CLINIC_API_RATE_PER_PRINCIPAL", default_value = "3000")]
    pub rate_per_principal: NonZeroU32,
    /// The maximum number of requests per minute from all principals of one organisation together.
    #[arg(long, env = "CLINIC_API_RATE_PER_ORGANISATION", default_value = "30000")]
    pub rate_per_organisation: NonZeroU32,
    /// The maximum number of searches for patients per minute from one principal, besides
    /// `--rate-per-principal`. It makes it slow to copy all patients of an organisation.
    #[arg(long, env = "CLINIC_API_RATE_PATIENT_SEARCHES", default_value = "300")]
    pub rate_patient_searches: NonZeroU32,
    /// The number of trusted proxies in front of the service that append to `X-Forwarded-For`. With
    /// `N` proxies, the client address is the `N`th entry from the right. With 0, it is the address
    /// of the connection.
    #[arg(long, env = "CLINIC_API_TRUSTED_PROXIES", default_value_t = 0)]
    pub trusted_proxies: usize,
    /// The `max-age` of the `Strict-Transport-Security` header, in seconds. Default: the header is
    /// not sent. For deployments where a proxy terminates TLS.
    #[arg(long, env = "CLINIC_API_HSTS_MAX_AGE")]
    pub hsts_max_age: Option<u32>,
    /// Send a `Server-Timing` header with the total duration and the DynamoDB calls, time and
    /// capacity of each request. Durations can leak information to callers. For development, and
    /// where all callers are trusted.
    #[arg(long, env = "CLINIC_API_SERVER_TIMING")]
    pub server_timing: bool,
}

fn at_least_one(text: &str) -> Result<usize, String> {
    let number = text.parse().ok().filter(|number| *number > 0);
    number.ok_or_else(|| "must be a whole number above 0".to_owned())
}
