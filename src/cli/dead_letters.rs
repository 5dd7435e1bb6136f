//! `clinic-api worker dead-letters`: lists, retries or drops changes that could not be processed.

use anyhow::Context as _;

use super::OpenStore;
use crate::{
    config::{DeadLetterAction, DeadLetterArgs, RetryArgs, StoreArgs},
    records::dead_letters::{model::DeadLetter, repo},
    store::{Entity, Store, errors::chain, read::PageRequest},
    time::Retention,
    worker::{dead_letter::record_of, processor::Processor},
};

const PAGE: u16 = 100;

/// Runs the action. Returns `false` if some dead letters were not found or could not be processed.
pub async fn run(action: DeadLetterAction) -> anyhow::Result<bool> {
    match action {
        DeadLetterAction::List(settings) => list(&settings).await,
        DeadLetterAction::Retry(RetryArgs { which, retention }) => {
            remove(&which, Some(retention.audit_retention_days)).await
        }
        DeadLetterAction::Drop(which) => remove(&which, None).await,
    }
}

async fn list(settings: &StoreArgs) -> anyhow::Result<bool> {
    let open = OpenStore::open_existing(settings).await?;
    let letters = all(&open.store).await?;
    for Entity { value: DeadLetter { event_id, at, error, tries, .. }, .. } in &letters {
        println!("{event_id}  {at}  after {tries} attempts: {error}");
    }
    println!("{} dead letters", letters.len());
    open.close().await;
    Ok(true)
}

/// Removes dead letters. If `retry` holds the retention of the audit log, processes them first.
async fn remove(which: &DeadLetterArgs, retry: Option<Retention>) -> anyhow::Result<bool> {
    let open = OpenStore::open_existing(&which.store).await?;
    open.check_format().await?;
    let processor = retry.map(|retention| Processor::new(open.store.clone(), retention));
    let chosen = chosen(&open.store, which).await?;
    let mut complete = chosen.len() >= which.event_ids.len();
    for letter in &chosen {
        let id = &letter.value.event_id;
        let processed =
            async |processor: &Processor| processor.retry(&record_of(&letter.value)?).await;
        if let Some(processor) = &processor
            && let Err(error) = processed(processor).await
        {
            complete = false;
            println!("{id}  {}", chain(&error));
            continue;
        }
        repo::remove(&open.store, letter).await.context("the dead letter can't be removed")?;
        println!("{id}  {}", if processor.is_some() { "processed" } else { "dropped" });
    }
    open.close().await;
    Ok(complete)
}

async fn chosen(store: &Store, which: &DeadLetterArgs) -> anyhow::Result<Vec<Entity<DeadLetter>>> {
    let mut letters = all(store).await?;
    letters.retain(|letter| which.all || which.event_ids.contains(&letter.value.event_id));
    for id in &which.event_ids {
        if !letters.iter().any(|letter| letter.value.event_id == *id) {
            println!("{id}  no such dead letter");
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
