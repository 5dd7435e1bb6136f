//! `clinic-api worker reseal-secrets`: re-encrypts webhook secrets with the newest secret key.

use anyhow::Context as _;

use super::{OpenStore, keyring};
use crate::{
    config::ResealArgs,
    id::random_token,
    keyring::SealingKeys,
    records::webhooks::{
        model::{SealedSecret, Webhook},
        repo,
    },
    store::{
        Entity, Item, Record as _, Store, StoreError, WriteContext,
        attributes::text,
        errors::chain,
        scan::{Scan, Segment},
    },
    time::{Clock as _, SystemClock},
};

/// The number of items read per second.
const RATE: f64 = 1_000.0;
const SUBJECT: &str = "system:reseal-secrets";

/// Re-encrypts all webhook secrets. Returns `false` if some could not be decrypted.
pub async fn run(settings: &ResealArgs) -> anyhow::Result<bool> {
    let open = OpenStore::open_existing(&settings.store).await?;
    open.check_format().await?;
    let keyring = keyring::find(&settings.keys, &settings.store.store)?;
    let (mut sealed, mut failed) = (0, 0);
    let mut scan = Scan::new(Segment::WHOLE, RATE);
    while let Some(page) = scan.next_page(&open.store).await.context("the table can't be read")? {
        let webhooks = page.into_iter().filter(|item| text(item, "type") == Some(Webhook::TYPE));
        for item in webhooks {
            let key = text(&item, "SK").unwrap_or_default().to_owned();
            match reseal(&open.store, &keyring.webhook_secrets, item).await {
                Ok(()) => sealed += 1,
                Err(error) => {
                    failed += 1;
                    println!("{key}  {}", chain(&error));
                }
            }
        }
    }
    println!("{sealed} webhooks resealed, {failed} failed ({})", open.place);
    open.close().await;
    Ok(failed == 0)
}

async fn reseal(store: &Store, keys: &SealingKeys, item: Item) -> Result<(), StoreError> {
    let found = Entity::<Webhook>::from_item(item)?;
    let org = found.value.org.clone();
    let context = WriteContext::internal(org, SUBJECT, random_token(), SystemClock.now());
    let id = found.value.id.as_str();
    let seal = |sealed: &SealedSecret| {
        let secret = keys.open(sealed.expose(), id)?;
        keys.seal(&secret, id).map(SealedSecret::from)
    };
    let modify = |current: &Webhook| {
        let unopened =
            || StoreError::corrupt("webhook", "none of the secret keys decrypts its secret");
        current.resealed(context.now, seal).ok_or_else(unopened)
    };
    match repo::update(store, &context, &found.value.id, modify).await {
        Ok(_) | Err(StoreError::NotFound) => Ok(()),
        Err(other) => Err(other),
    }
}
