//! Settings of the token issuer and of the development issuer.

use std::{path::PathBuf, str::FromStr};

use clap::Args;
use jiff::SignedDuration;
use jsonwebtoken::{Algorithm, AlgorithmFamily};

use crate::{
    http::auth::{Role, keys::JwksLocation},
    id::{ClinicId, OrgId, PatientId},
};

/// The token issuer. Without one, the service trusts its development issuer and listens on loopback
/// addresses only.
#[derive(Debug, Clone, Args)]
pub struct IdentityArgs {
    /// The issuer whose tokens are accepted, as in the `iss` claim. Required unless the service
    /// listens on a loopback address.
    #[arg(long, env = "CLINIC_API_ISSUER", requires_all = ["audience", "jwks_url"])]
    pub issuer: Option<String>,
    /// The audience that the `aud` claim of a token must contain.
    #[arg(long, env = "CLINIC_API_AUDIENCE", requires = "issuer")]
    pub audience: Option<String>,
    /// The location of the issuer's JWK set: `https://…` or `file:/PATH`.
    #[arg(long, env = "CLINIC_API_JWKS_URL", requires = "issuer")]
    pub jwks_url: Option<JwksLocation>,
    /// The accepted signature algorithms, separated by commas. Algorithms with a shared secret
    /// (HMAC) are refused.
    #[arg(long, env = "CLINIC_API_TOKEN_ALGORITHMS", value_delimiter = ',', default_value = "RS256,ES256,EdDSA",
        value_parser = asymmetric)]
    pub token_algorithms: Vec<Algorithm>,
    /// Accept tokens without an `nbf` claim. Some issuers do not send one.
    #[arg(long, env = "CLINIC_API_NBF_OPTIONAL")]
    pub nbf_optional: bool,
    /// The claim that holds the organisation (`ORG-…`): a claim name, or a JSON pointer such as
    /// `/realm_access/organisation`.
    #[arg(long, env = "CLINIC_API_CLAIM_ORGANISATION", default_value = "org")]
    pub claim_organisation: String,
    /// The claim that holds the roles: `admin`, `manager`, `clinician`, `front_desk`, `patient`,
    /// `service`. Other values are ignored. A claim name or a JSON pointer, such as
    /// `/realm_access/roles`.
    #[arg(long, env = "CLINIC_API_CLAIM_ROLES", default_value = "roles")]
    pub claim_roles: String,
    /// The claim that holds the clinics: `CLN-…`, or `*` for all clinics of the organisation. A
    /// claim name or a JSON pointer.
    #[arg(long, env = "CLINIC_API_CLAIM_CLINICS", default_value = "clinics")]
    pub claim_clinics: String,
    /// The claim that identifies the caller as a patient (`PAT-…`). A claim name or a JSON pointer.
    #[arg(long, env = "CLINIC_API_CLAIM_PATIENT", default_value = "patient")]
    pub claim_patient: String,
    /// The development issuer.
    #[command(flatten)]
    pub development: DevelopmentArgs,
}

/// The development issuer, for local use.
#[derive(Debug, Clone, Args)]
pub struct DevelopmentArgs {
    /// The folder of the development issuer, with its private key and JWK set. Created if missing.
    #[arg(long, env = "CLINIC_API_DEVELOPMENT_ISSUER", default_value = "data/development-issuer")]
    pub development_issuer: PathBuf,
    /// The organisation (`ORG-…`) of development tokens.
    #[arg(
        long,
        visible_alias = "org",
        env = "CLINIC_API_DEVELOPMENT_ORG",
        default_value = "ORG-DEMO"
    )]
    pub development_org: OrgId,
}

/// The claims of a development token.
#[derive(Debug, Args)]
pub struct TokenArgs {
    /// A role of the token. Repeat the flag for several roles.
    #[arg(long = "role", value_enum, required = true)]
    pub roles: Vec<Role>,
    /// A clinic that the token gives access to. Repeat the flag for several clinics. Default: all
    /// clinics of the organisation.
    #[arg(long = "clinic")]
    pub clinics: Vec<ClinicId>,
    /// The patient that the token identifies (`PAT-…`). Required with the role `patient`.
    #[arg(long)]
    pub patient: Option<PatientId>,
    /// The `sub` claim. Default: `development-` and the first role.
    #[arg(long)]
    pub subject: Option<String>,
    /// The validity period, such as `30m` or `12h`, up to 30 days.
    #[arg(long, default_value = "12h", value_parser = validity)]
    pub valid_for: SignedDuration,
    /// The development issuer.
    #[command(flatten)]
    pub development: DevelopmentArgs,
}

fn asymmetric(text: &str) -> Result<Algorithm, String> {
    let algorithm = Algorithm::from_str(text.trim()).ok();
    let algorithm = algorithm.filter(|it| !AlgorithmFamily::Hmac.algorithms().contains(it));
    algorithm.ok_or_else(|| {
        "must be one of RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384, EdDSA".to_owned()
    })
}

fn validity(text: &str) -> Result<SignedDuration, String> {
    let parsed = text.parse::<SignedDuration>().ok();
    let parsed = parsed
        .filter(|length| length.is_positive() && *length <= SignedDuration::from_hours(30 * 24));
    parsed.ok_or_else(|| "must be a duration such as 30m or 12h, up to 30 days".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_algorithm_with_a_shared_secret_can_be_set() {
        assert_eq!(asymmetric("ES384"), Ok(Algorithm::ES384));
        for bad in ["HS256", "HS384", "HS512", "none", "", "rs256"] {
            assert!(asymmetric(bad).is_err(), "{bad}");
        }
    }
}
