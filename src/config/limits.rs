//! Limits of connections, concurrent requests and request rates.

use std::num::NonZeroU32;

use clap::Args;

/// The limits of one replica.
#[derive(Debug, Clone, Args)]
pub struct LimitArgs {
    /// The limit of open connections.
    #[arg(long, env = "CLINIC_API_MAX_CONNECTIONS", default_value_t = 10_000, value_parser = at_least_one)]
    pub max_connections: usize,
    /// The limit of concurrent requests. A request above it gets 503 with Retry-After at once.
    #[arg(long, env = "CLINIC_API_MAX_CONCURRENT_REQUESTS", default_value_t = 1024, value_parser = at_least_one)]
    pub max_concurrent_requests: usize,
    /// The requests a minute of one client address, over all its principals.
    #[arg(long, env = "CLINIC_API_RATE_PER_ADDRESS", default_value = "12000")]
    pub rate_per_address: NonZeroU32,
    /// The requests a minute of one principal.
    #[arg(long, env = "CLINIC_API_RATE_PER_PRINCIPAL", default_value = "3000")]
    pub rate_per_principal: NonZeroU32,
    /// The requests a minute of all principals of an organisation together.
    #[arg(long, env = "CLINIC_API_RATE_PER_ORGANISATION", default_value = "30000")]
    pub rate_per_organisation: NonZeroU32,
    /// The number of proxies before the service that append the address that they see to X-Forwarded-For. The client's
    /// address is that entry, counted from the right; anybody may have written those to its left.
    #[arg(long, env = "CLINIC_API_TRUSTED_PROXIES", default_value_t = 0)]
    pub trusted_proxies: usize,
    /// The seconds of `max-age` in Strict-Transport-Security; the header is not sent if left out. For deployments where
    /// TLS ends before the service.
    #[arg(long, env = "CLINIC_API_HSTS_MAX_AGE")]
    pub hsts_max_age: Option<u32>,
    /// Send `Server-Timing` with each response: its duration, and the calls, time and capacity of DynamoDB. Durations may
    /// reveal to callers what they must not know: for development, and where all callers are trusted.
    #[arg(long, env = "CLINIC_API_SERVER_TIMING")]
    pub server_timing: bool,
}

fn at_least_one(text: &str) -> Result<usize, String> {
    let number = text.parse().ok().filter(|number| *number > 0);
    number.ok_or_else(|| "is not a whole number above 0".to_owned())
}
