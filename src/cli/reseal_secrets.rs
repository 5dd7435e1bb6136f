//! `clinic-api worker reseal-secrets`: the secrets of webhooks under the newest cursor key.

use anyhow::Context as _;

use super::{OpenStore, cursor_keys};
use crate::{
    config::ResealArgs,
    http::cursor::CursorKeys,
    id::random_token,
    store::{
        Entity, Item, Precondition, Record as _, Store, StoreError, WriteContext,
        attributes::text,
        errors::chain,
        scan::{Scan, Segment},
    },
    time::{Clock as _, SystemClock},
    webhooks::{
        model::{SealedSecret, Webhook, signature::secret_purpose},
        repo,
    },
};

/// Items that are looked at in a second.
const RATE: f64 = 1_000.0;
const SUBJECT: &str = "system:reseal-secrets";

/// Seals all of them anew; `false` if some could not be opened.
///
/// # Errors
/// What the engine or the database said.
pub async fn run(settings: &ResealArgs) -> anyhow::Result<bool> {
    let open = OpenStore::open(&settings.store).await?;
    let keys = cursor_keys::find(settings.cursor_keys.as_ref(), &settings.store.store)?;
    let (mut sealed, mut failed) = (0, 0);
    let mut scan = Scan::new(Segment::WHOLE, RATE);
    while let Some(page) = scan.next_page(&open.store).await.context("the table can't be read")? {
        let webhooks = page.into_iter().filter(|item| text(item, "type") == Some(Webhook::TYPE));
        for item in webhooks {
            let key = text(&item, "SK").unwrap_or_default().to_owned();
            match reseal(&open.store, &keys, item).await {
                Ok(()) => sealed += 1,
                Err(error) => {
                    failed += 1;
                    println!("{key}  {}", chain(&error));
                }
            }
        }
    }
    println!("{sealed} webhooks sealed anew, {failed} failed ({})", open.place);
    open.close().await;
    Ok(failed == 0)
}

async fn reseal(store: &Store, keys: &CursorKeys, item: Item) -> Result<(), StoreError> {
    let found = Entity::<Webhook>::from_item(item)?;
    let context = WriteContext {
        org: found.value.org.clone(),
        subject: SUBJECT.to_owned(),
        request_id: random_token(),
        now: SystemClock.now(),
        precondition: Precondition::None,
        idempotency: None,
    };
    let purpose = secret_purpose(&found.value.id);
    let seal = |sealed: &SealedSecret| {
        let secret = keys.open_bytes(&sealed.0, &purpose)?;
        keys.seal_bytes(&secret, &purpose).map(SealedSecret)
    };
    let modify = |current: &Webhook| {
        let unopened = || StoreError::corrupt("webhook", "none of the keys opens its secret");
        current.resealed(context.now, seal).ok_or_else(unopened)
    };
    match repo::update(store, &context, &found.value.id, modify).await {
        Ok(_) | Err(StoreError::NotFound) => Ok(()),
        Err(other) => Err(other),
    }
}
