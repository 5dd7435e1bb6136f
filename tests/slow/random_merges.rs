//! Random merges, bookings and cancellations, up to three at once, with disturbed transactions. The invariants hold after each
//! turn, and every merge can be completed.

use clinic_api::records::patients::model::Patient;
use futures_util::future::join_all;
use proptest::{
    collection::vec,
    prelude::*,
    sample::{Index, select},
    test_runner::TestRunner,
};
use serde_json::json;

use crate::support::{Call, Fault, TestApp, booking, eventually};

const PATIENTS: usize = 4;

#[derive(Debug, Clone)]
enum Ask {
    Book { patient: usize, staff: usize, slot: usize },
    Merge { from: usize, into: usize },
    Cancel { earlier: Index },
}

fn ask() -> impl Strategy<Value = Ask> {
    let book = (0..PATIENTS, 0..2_usize, 0..6_usize);
    let book = book.prop_map(|(patient, staff, slot)| Ask::Book { patient, staff, slot });
    let merge = (0..PATIENTS, 1..PATIENTS)
        .prop_map(|(from, distance)| Ask::Merge { from, into: (from + distance) % PATIENTS });
    let cancel = any::<Index>().prop_map(|earlier| Ask::Cancel { earlier });
    prop_oneof![4 => book, 2 => merge, 1 => cancel]
}

fn merge(app: &TestApp, from: &str, into: &str) -> Call {
    app.post(&format!("/v1/patients/{from}/merge")).json(&json!({ "into": into }))
}

async fn check(app: &TestApp) {
    app.check_day_sheets().await;
    app.check_search().await;
    app.check_merges().await;
}

async fn live(turns: Vec<(Vec<Ask>, Option<Fault>)>) {
    let app = TestApp::builder().for_many().without_rates().spawn().await;
    let clinic = app.clinic().await;
    let staff = [app.staff_member(&clinic).await, app.staff_member(&clinic).await];
    let mut patients = Vec::new();
    for _ in 0..PATIENTS {
        patients.push(app.patient().await);
    }
    let mut visits: Vec<String> = Vec::new();
    for (asks, fault) in turns {
        if let Some(fault) = fault {
            app.wire.disturb("TransactWriteItems", fault);
        }
        let call = |ask: &Ask| match ask {
            Ask::Book { patient, staff: by, slot } => {
                let start = format!("2035-01-16T09:{slot}0:00");
                let body = booking(&staff[*by], &patients[*patient], &start, 20);
                Some(app.post(&format!("{clinic}/appointments")).json(&body))
            }
            Ask::Merge { from, into } => Some(merge(&app, &patients[*from], &patients[*into])),
            Ask::Cancel { .. } if visits.is_empty() => None,
            Ask::Cancel { earlier } => {
                Some(app.post(&format!("{}/cancel", visits[earlier.index(visits.len())])))
            }
        };
        let answers = join_all(asks.iter().filter_map(call).map(Call::send)).await;
        app.wire.calm();
        for answer in answers {
            assert_ne!(answer.status, 500, "{answer:?} after {asks:?}");
            if answer.status == 201 {
                visits.push(answer.location());
            }
        }
        check(&app).await;
    }
    for patient in app.records_of::<Patient>().await {
        let Patient { record, merged_into: Some(into), .. } = patient.value else { continue };
        let done = eventually("the merge is complete", async || {
            let answer = merge(&app, record.id.as_str(), into.as_str()).send().await;
            (answer.status == 200).then_some(answer)
        });
        let kept = done.await.json()["kept"].as_array().unwrap().len();
        let left = app.all_appointments().await.into_iter();
        let left = left.filter(|left| left.value.patient_id.as_ref() == Some(&record.id));
        assert_eq!(left.count(), kept, "{}", record.id);
    }
    check(&app).await;
}

#[test]
fn whatever_is_merged_the_invariants_hold() {
    let cases = std::env::var("CLINIC_TEST_CASES").ok();
    let cases = cases.map_or(12, |number| number.parse().unwrap());
    let config = ProptestConfig {
        cases,
        max_shrink_iters: 200,
        failure_persistence: None,
        ..Default::default()
    };
    let faults = vec![
        Fault::LostReply,
        Fault::LostReplyAndToken,
        Fault::Conflict,
        Fault::ThrottledInside,
        Fault::NoItems,
    ];
    let fault = prop::option::weighted(0.3, select(faults));
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let turns = vec((vec(ask(), 1..=3), fault), 1..12);
    let result = TestRunner::new(config).run(&turns, |turns| {
        runtime.block_on(live(turns));
        Ok(())
    });
    result.unwrap();
}
