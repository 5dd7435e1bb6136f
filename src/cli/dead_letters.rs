//! `clinic-api worker dead-letters`: changes that could not be processed, listed, processed again or dropped.

use anyhow::Context as _;

use super::OpenStore;
use crate::{
    config::{DeadLetterAction, DeadLetterArgs, StoreArgs},
    dead_letters::{model::DeadLetter, repo},
    store::{Entity, Store, errors::chain, read::PageRequest},
    worker::{processor::Processor, put_aside::record_of},
};

/// How many are read at once.
const PAGE: u16 = 100;

/// Does what is asked; `false` if some could not be processed, or were not found.
///
/// # Errors
/// What the engine or the database said.
pub async fn run(action: DeadLetterAction) -> anyhow::Result<bool> {
    match action {
        DeadLetterAction::List(settings) => list(&settings).await,
        DeadLetterAction::Retry(which) => retry(&which).await,
        DeadLetterAction::Drop(which) => drop_them(&which).await,
    }
}

async fn list(settings: &StoreArgs) -> anyhow::Result<bool> {
    let open = OpenStore::open(settings).await?;
    let letters = all(&open.store).await?;
    for Entity { value: DeadLetter { event_id, at, error, tries, .. }, .. } in &letters {
        println!("{event_id}  {at}  after {tries} tries: {error}");
    }
    println!("{} dead letters", letters.len());
    open.close().await;
    Ok(true)
}

async fn retry(which: &DeadLetterArgs) -> anyhow::Result<bool> {
    let open = OpenStore::open(&which.store).await?;
    let processor = Processor::new(open.store.clone());
    let chosen = chosen(&open.store, which).await?;
    let mut fine = chosen.len() >= which.event_ids.len();
    for letter in &chosen {
        let id = &letter.value.event_id;
        let retried = match record_of(&letter.value) {
            Ok(record) => processor.retry(&record).await,
            Err(error) => Err(error),
        };
        match retried {
            Ok(()) => {
                repo::remove(&open.store, letter).await.context("it can't be forgotten")?;
                println!("{id}  processed");
            }
            Err(error) => {
                fine = false;
                println!("{id}  {}", chain(&error));
            }
        }
    }
    open.close().await;
    Ok(fine)
}

async fn drop_them(which: &DeadLetterArgs) -> anyhow::Result<bool> {
    let open = OpenStore::open(&which.store).await?;
    let chosen = chosen(&open.store, which).await?;
    for letter in &chosen {
        repo::remove(&open.store, letter).await.context("it can't be forgotten")?;
        println!("{}  dropped", letter.value.event_id);
    }
    open.close().await;
    Ok(chosen.len() >= which.event_ids.len())
}

async fn chosen(store: &Store, which: &DeadLetterArgs) -> anyhow::Result<Vec<Entity<DeadLetter>>> {
    let mut letters = all(store).await?;
    letters.retain(|letter| which.all || which.event_ids.contains(&letter.value.event_id));
    for id in &which.event_ids {
        if !letters.iter().any(|letter| letter.value.event_id == *id) {
            println!("{id}  is no dead letter");
        }
    }
    Ok(letters)
}

async fn all(store: &Store) -> anyhow::Result<Vec<Entity<DeadLetter>>> {
    let mut letters = Vec::new();
    let mut after = None;
    loop {
        let page = PageRequest { after, limit: PAGE, consistent: true };
        let listed = repo::list(store, page).await.context("dead letters can't be read")?;
        letters.extend(listed.items);
        after = listed.next;
        if after.is_none() {
            return Ok(letters);
        }
    }
}
