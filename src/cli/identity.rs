//! The issuer of tokens: the configured one, or the development issuer and its tokens.

use anyhow::{Context as _, bail};
use jiff::{SignedDuration, Timestamp};

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
    id::PatientId,
};

/// The validity of the tokens that the service prints at its start.
const PRINTED_FOR: SignedDuration = SignedDuration::from_hours(12);

/// Returns the authenticator, and the development issuer where it is trusted.
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
                "callers may come from elsewhere, and there is no issuer whose tokens tell who they are: set --issuer, \
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
    // A failure is logged now, rather than with the first request.
    keys.refresh(now).await;
    Ok((Authenticator::new(rules, keys), None))
}

/// A token for each role, by the role's name.
pub fn tokens_of_roles(
    issuer: &DevelopmentIssuer,
    settings: &DevelopmentArgs,
    now: Timestamp,
) -> anyhow::Result<Vec<(Role, String)>> {
    let token = |role| {
        let principal = Principal {
            org: settings.development_org.clone(),
            subject: subject(role),
            roles: [role].into(),
            clinics: Clinics::All,
            // Nobody's yet: `clinic-api token --patient` makes one for a patient that there is.
            patient: (role == Role::Patient).then(PatientId::random),
        };
        Ok((role, issuer.token(&principal, now, PRINTED_FOR)?))
    };
    Role::ALL.into_iter().map(token).collect()
}

/// Prints a token.
pub fn print_token(settings: TokenArgs, now: Timestamp) -> anyhow::Result<bool> {
    let TokenArgs { roles, clinics, patient, subject: named, valid_for, development } = settings;
    if roles.contains(&Role::Patient) && patient.is_none() {
        bail!("--patient is needed with the role patient: whose appointments may they see?");
    }
    let issuer = DevelopmentIssuer::in_folder(&development.development_issuer)?;
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
