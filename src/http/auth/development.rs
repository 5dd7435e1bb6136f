//! The development issuer signs tokens with its own key, for local use and tests. Its folder
//! contains `key.pem` (private) and `jwks.json`, from which servers read the public key.

use std::{
    fs,
    io::{ErrorKind, Write as _},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use aws_lc_rs::signature::Ed25519KeyPair;
use data_encoding::BASE64;
use jiff::{SignedDuration, Timestamp};
use jsonwebtoken::{
    Algorithm, EncodingKey, Header, encode,
    jwk::{Jwk, JwkSet, PublicKeyUse, ThumbprintHash},
};
use serde_json::json;

use super::{
    claims::ClaimNames,
    keys::IssuerKeys,
    principal::{Clinics, Principal},
    token::{Authenticator, TokenRules},
};

/// The `iss` claim of its tokens.
pub const ISSUER: &str = super::token::DEVELOPMENT_ISSUER;
/// The `aud` claim of its tokens.
pub const AUDIENCE: &str = "clinic-api";

const ALGORITHM: Algorithm = Algorithm::EdDSA;
const KEY_FILE: &str = "key.pem";
const JWKS_FILE: &str = "jwks.json";
const PEM_BEGIN: &str = "-----BEGIN PRIVATE KEY-----";
const PEM_END: &str = "-----END PRIVATE KEY-----";

/// An issuer of tokens for development.
pub struct DevelopmentIssuer {
    key: EncodingKey,
    /// Its public keys.
    pub jwks: JwkSet,
    /// The file of its key, if the key is new.
    pub made: Option<PathBuf>,
}

impl DevelopmentIssuer {
    /// Creates an issuer with a new random key.
    pub fn random() -> anyhow::Result<Self> {
        Self::of(&new_key()?)
    }

    /// Returns the issuer whose key is in a folder. Creates the folder and the key if they do not
    /// exist.
    pub fn in_folder(folder: &Path) -> anyhow::Result<Self> {
        let path = folder.join(KEY_FILE);
        let shown = path.display().to_string();
        let made = !path.exists();
        if made {
            let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(folder);
            made.with_context(|| format!("could not create {}", folder.display()))?;
            let pem = format!("{PEM_BEGIN}\n{}\n{PEM_END}\n", BASE64.encode(&new_key()?));
            write_new(&path, &pem).with_context(|| format!("could not write {shown}"))?;
        }
        let text = fs::read_to_string(&path).with_context(|| format!("could not read {shown}"))?;
        let mut issuer = from_pem(&text).and_then(|der| Self::of(&der)).with_context(|| {
            format!("{shown} has no Ed25519 key: delete it to create a new one")
        })?;
        let jwks = serde_json::to_string_pretty(&issuer.jwks)?;
        let public = folder.join(JWKS_FILE);
        if fs::read_to_string(&public).ok().as_deref() != Some(&jwks) {
            // Rename a complete file, so that readers never see a partial one.
            write_aside(&public, &jwks, 0o644)
                .and_then(|aside| fs::rename(aside, &public))
                .with_context(|| format!("could not write {}", public.display()))?;
        }
        // The absolute path shows in which folder the program ran.
        issuer.made = made.then(|| fs::canonicalize(&path).unwrap_or(path));
        Ok(issuer)
    }

    fn of(der: &[u8]) -> anyhow::Result<Self> {
        Ed25519KeyPair::from_pkcs8(der)
            .map_err(|_| anyhow::anyhow!("it is not an Ed25519 key in PKCS #8"))?;
        let key = EncodingKey::from_ed_der(der);
        let mut public = Jwk::from_encoding_key(&key, ALGORITHM)?;
        public.common.key_id = Some(public.thumbprint(ThumbprintHash::SHA256)?);
        public.common.public_key_use = Some(PublicKeyUse::Signature);
        Ok(Self { key, jwks: JwkSet { keys: vec![public] }, made: None })
    }

    /// Returns an authenticator that accepts its tokens.
    pub fn authenticator(&self) -> anyhow::Result<Authenticator> {
        let rules = TokenRules {
            issuer: ISSUER.to_owned(),
            audience: AUDIENCE.to_owned(),
            algorithms: vec![ALGORITHM],
            nbf_optional: false,
            claims: ClaimNames::default(),
        };
        Ok(Authenticator::new(rules, IssuerKeys::fixed(&self.jwks)?))
    }

    /// Returns a token for a principal.
    pub fn token(
        &self,
        principal: &Principal,
        now: Timestamp,
        valid: SignedDuration,
    ) -> anyhow::Result<String> {
        let clinics = match &principal.clinics {
            Clinics::All => vec!["*"],
            Clinics::Some(clinics) => clinics.iter().map(crate::id::ClinicId::as_str).collect(),
        };
        let roles: Vec<_> = principal.roles.iter().map(|role| role.as_str()).collect();
        let mut claims = json!({
            "iss": ISSUER,
            "aud": AUDIENCE,
            "sub": principal.subject,
            "nbf": now.as_second(),
            "exp": now.saturating_add(valid)?.as_second(),
            "org": principal.org.as_str(),
            "roles": roles,
            "clinics": clinics,
        });
        if let Some(patient) = &principal.patient {
            claims["patient"] = json!(patient.as_str());
        }
        self.sign(&claims)
    }

    /// Returns a token with any claims.
    pub fn sign(&self, claims: &serde_json::Value) -> anyhow::Result<String> {
        let mut header = Header::new(ALGORITHM);
        header.kid = self.jwks.keys.first().and_then(|key| key.common.key_id.clone());
        Ok(encode(&header, claims, &self.key)?)
    }
}

fn new_key() -> anyhow::Result<Vec<u8>> {
    let pair = Ed25519KeyPair::generate().context("could not generate the key")?;
    let der = pair.to_pkcs8v1().context("could not encode the key")?;
    Ok(der.as_ref().to_vec())
}

fn from_pem(text: &str) -> anyhow::Result<Vec<u8>> {
    let body = text.trim().strip_prefix(PEM_BEGIN).and_then(|rest| rest.strip_suffix(PEM_END));
    Ok(BASE64.decode(body.context("it has no PRIVATE KEY in PEM")?.trim().as_bytes())?)
}

/// Writes a file that only its owner can read. If another process writes first, keeps that file.
fn write_new(path: &Path, text: &str) -> std::io::Result<()> {
    let aside = write_aside(path, text, 0o600)?;
    let linked = match fs::hard_link(&aside, path) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
        linked => linked,
    };
    fs::remove_file(&aside)?;
    linked
}

fn write_aside(path: &Path, text: &str, mode: u32) -> std::io::Result<PathBuf> {
    let aside = path.with_extension(format!("{:x}", rand::random::<u64>()));
    let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(mode).open(&aside)?;
    file.write_all(text.as_bytes())?;
    Ok(aside)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn a_folder_keeps_its_key_to_itself() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path().join("a/issuer");
        let first = DevelopmentIssuer::in_folder(&folder).unwrap();
        let again = DevelopmentIssuer::in_folder(&folder).unwrap();
        assert_eq!(first.jwks, again.jwks);
        let key = fs::canonicalize(folder.join(KEY_FILE)).unwrap();
        assert_eq!((&first.made, &again.made), (&Some(key), &None));
        let mode =
            |name: &str| fs::metadata(folder.join(name)).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(KEY_FILE), 0o600);
        let jwks = fs::read_to_string(folder.join(JWKS_FILE)).unwrap();
        assert!(!jwks.contains("\"d\""), "{jwks}");
        assert_eq!(serde_json::from_str::<JwkSet>(&jwks).unwrap(), first.jwks);
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 2);
        fs::write(folder.join(KEY_FILE), "nonsense").unwrap();
        assert!(DevelopmentIssuer::in_folder(&folder).is_err());
    }
}
