//! What the service bears: connections, requests at once, requests a minute.

use std::num::NonZeroU32;

use clap::Args;

/// What the service bears. The limits are each replica's own.
#[derive(Debug, Clone, Args)]
pub struct LimitArgs {
    /// How many connections may be open at once.
    #[arg(long, env = "CLINIC_API_MAX_CONNECTIONS", default_value_t = 10_000, value_parser = at_least_one)]
    pub max_connections: usize,
    /// The limit of concurrent requests. A request above it gets 503 with Retry-After at once.
    #[arg(long, env = "CLINIC_API_MAX_CONCURRENT_REQUESTS", default_value_t = 1024, value_parser = at_least_one)]
    pub max_concurrent_requests: usize,
    /// How many requests a minute one client address may make, whoever asks from there.
    #[arg(long, env = "CLINIC_API_RATE_PER_ADDRESS", default_value = "12000")]
    pub rate_per_address: NonZeroU32,
    /// How many requests a minute one principal may make.
    #[arg(long, env = "CLINIC_API_RATE_PER_PRINCIPAL", default_value = "3000")]
    pub rate_per_principal: NonZeroU32,
    /// How many requests a minute all principals of an organisation may make together.
    #[arg(long, env = "CLINIC_API_RATE_PER_ORGANISATION", default_value = "30000")]
    pub rate_per_organisation: NonZeroU32,
    /// How many proxies stand before the service and append the address that they see to X-Forwarded-For. The client's
    /// address is the entry so far from the right; what stands further left anybody may have written.
    #[arg(long, env = "CLINIC_API_TRUSTED_PROXIES", default_value_t = 0)]
    pub trusted_proxies: usize,
    /// For how many seconds browsers keep to HTTPS once they have seen an answer (Strict-Transport-Security); they are
    /// told nothing if left out. For where TLS ends before the service.
    #[arg(long, env = "CLINIC_API_HSTS_MAX_AGE")]
    pub hsts_max_age: Option<u32>,
    /// Tell callers in `Server-Timing` what each answer took: time, and calls, time and capacity of DynamoDB. How long
    /// something takes may tell callers what they must not know: for development, and where all callers are trusted.
    #[arg(long, env = "CLINIC_API_SERVER_TIMING")]
    pub server_timing: bool,
}

fn at_least_one(text: &str) -> Result<usize, String> {
    let number = text.parse().ok().filter(|number| *number > 0);
    number.ok_or_else(|| "is no whole number above 0".to_owned())
}
