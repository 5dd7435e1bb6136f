//! The worker as a process: killed, doubled, and under load.

use std::time::Duration;

use rand::random_range;
use tokio::time::sleep;

use crate::{
    kills::kills,
    support::{eventually, worker::Site},
};

/// How many changes the check of all changes is to see: `CLINIC_TEST_CHANGES`, or few enough for a run in between.
fn wanted_changes() -> usize {
    let set = std::env::var("CLINIC_TEST_CHANGES").ok();
    set.map_or(400, |number| number.parse().unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_is_killed_again_and_again_loses_nothing_and_repeats_under_the_same_id() {
    let site = Site::open().await;
    let mut patients = Vec::new();
    for round in 0..kills() {
        let seen = site.receiver.received().len();
        let worker = site.worker();
        patients.extend(site.register(4).await);
        if round % 2 == 0 {
            // Every other one comes to its work, however slow the machine is.
            let more = async || (site.receiver.received().len() > seen).then_some(());
            eventually("it gets to work in between", more).await;
        }
        // Wherever it is then.
        sleep(Duration::from_millis(random_range(0..800))).await;
        drop(worker);
    }
    let _worker = site.worker();
    site.told(&patients).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_worker_takes_over_from_one_that_dies() {
    let site = Site::open().await;
    let (first, _second) = (site.worker(), site.worker());
    let mut patients = site.register(20).await;
    site.told(&patients).await;
    drop(first);
    patients.extend(site.register(20).await);
    site.told(&patients).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn all_changes_under_load_arrive() {
    let site = Site::open().await;
    let _workers = [site.worker(), site.worker()];
    let patients = site.register(wanted_changes()).await;
    site.told(&patients).await;
}
