//! The token issuer: the configured one, or the development issuer with its tokens.

use anyhow::{Context as _, bail};
use jiff::Timestamp;

use crate::{
    config::{DevelopmentArgs, IdentityArgs, TokenArgs},
    http::auth::{
        Principal, Role,
        claims::ClaimNames,
        development::DevelopmentIssuer,
        keys::IssuerKeys,
        principal::Clinics,
        token::{Authenticator, TokenRules},
    },
};

/// Returns the authenticator, and the development issuer if it is in use.
pub async fn find(
    settings: &IdentityArgs,
    listens_on_loopback: bool,
    now: Timestamp,
) -> anyhow::Result<(Authenticator, Option<DevelopmentIssuer>)> {
    let (Some(issuer), Some(audience), Some(location)) =
        (&settings.issuer, &settings.audience, &settings.jwks_url)
    else {
        if !listens_on_loopback {
            bail!(
                "a token issuer is required to listen on other addresses than loopback: set --issuer, \
                 --audience and --jwks-url (CLINIC_API_ISSUER, …), or listen on a loopback address"
            );
        }
        let issuer = DevelopmentIssuer::in_folder(&settings.development.development_issuer)
            .context("the development issuer (--development-issuer) can't be used")?;
        return Ok((issuer.authenticator()?, Some(issuer)));
    };
    let rules = TokenRules {
        issuer: issuer.clone(),
        audience: audience.clone(),
        algorithms: settings.token_algorithms.clone(),
        nbf_optional: settings.nbf_optional,
        claims: ClaimNames {
            organisation: settings.claim_organisation.clone(),
            roles: settings.claim_roles.clone(),
            clinics: settings.claim_clinics.clone(),
            patient: settings.claim_patient.clone(),
        },
    };
    let keys = IssuerKeys::at(location.clone());
    // Log a failure at the start, not with the first request.
    keys.refresh(now).await;
    Ok((Authenticator::new(rules, keys), None))
}

/// Returns the command that prints a token which the service accepts. It works in any folder.
pub fn token_command(settings: &DevelopmentArgs) -> String {
    let program = std::env::current_exe().unwrap_or_else(|_| "clinic-api".into());
    let folder = &settings.development_issuer;
    let folder = folder.canonicalize().unwrap_or_else(|_| folder.clone());
    format!(
        "'{}' token --role admin --org {} --development-issuer '{}'",
        program.display(),
        settings.development_org.as_str(),
        folder.display()
    )
}

/// Prints a token.
pub fn print_token(settings: TokenArgs, now: Timestamp) -> anyhow::Result<bool> {
    let TokenArgs { roles, clinics, patient, subject: named, valid_for, development } = settings;
    if roles.contains(&Role::Patient) && patient.is_none() {
        bail!("the role patient requires --patient with the id (PAT-…) of an existing patient");
    }
    let issuer = DevelopmentIssuer::in_folder(&development.development_issuer)?;
    if let Some(key) = &issuer.made {
        eprintln!(
            "clinic-api: created a new key, {}. Only a service that was started with this folder as its \
             --development-issuer accepts the token",
            key.display()
        );
    }
    let first = roles.first().copied().unwrap_or(Role::Admin);
    let principal = Principal {
        org: development.development_org,
        subject: named.unwrap_or_else(|| subject(first)),
        roles: roles.into_iter().collect(),
        clinics: if clinics.is_empty() {
            Clinics::All
        } else {
            Clinics::Some(clinics.into_iter().collect())
        },
        patient,
    };
    println!("{}", issuer.token(&principal, now, valid_for)?);
    Ok(true)
}

fn subject(role: Role) -> String {
    format!("development-{}", role.as_str())
}
