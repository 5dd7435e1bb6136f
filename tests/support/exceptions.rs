//! Writes many exceptions at once, as the API would create them one by one.

use aws_sdk_dynamodb::types::AttributeValue;
use clinic_api::{
    id::{ClinicId, ExceptionId, StaffId},
    records::{exceptions::model::ExceptionDetails, of_clinic::OfClinic},
    store::{Entity, bulk::BATCH},
    time::Effect,
};
use jiff::{ToSpan as _, civil::date};

use super::{TestApp, records::write_context};

impl TestApp {
    /// Creates closed days of a staff member, from 1 February 2035 on, some on the same day.
    pub async fn closed_days_of(&self, clinic: &str, staff: &str, number: usize) {
        let clinic_id: ClinicId = clinic.rsplit('/').next().unwrap().parse().unwrap();
        let staff_id: StaffId = staff.parse().unwrap();
        let context = write_context("closed-days");
        let items = (0..number).map(|n| {
            let day = date(2035, 2, 1).saturating_add(i32::try_from(n % 300).unwrap().days());
            let details = ExceptionDetails {
                staff_id: Some(staff_id.clone()),
                resource_id: None,
                first_date: day,
                last_date: day,
                effect: Effect::Closed,
                from: None,
                to: None,
                reason: None,
            };
            let id = ExceptionId::random_of((&staff_id).into(), day);
            let exception = OfClinic { id, clinic_id: clinic_id.clone(), details };
            Entity::new(exception, &context).to_item().unwrap()
        });
        let items: Vec<_> = items.collect();
        for batch in items.chunks(BATCH) {
            self.store.put_batch(batch.to_vec()).await.unwrap();
        }
    }

    /// Creates another staff member of the clinic whose id has the same first 4 bytes, so that their exceptions share a key
    /// prefix. Returns the id.
    pub async fn twin_of(&self, staff: &str) -> String {
        let item = self.all_items().await.into_iter().find(|item| {
            item["type"].as_s().unwrap() == "staff" && item["id"].as_s().unwrap() == staff
        });
        let mut item = item.unwrap();
        // The prefix is 4 bytes, which are contained in 7 characters.
        let (tag, rest) = staff.split_at("STF-".len() + 7);
        let twin = format!("{tag}{}", rest.chars().rev().collect::<String>());
        let sk = item["SK"].as_s().unwrap().replace(staff, &twin);
        item.insert("SK".to_owned(), AttributeValue::S(sk));
        item.insert("id".to_owned(), AttributeValue::S(twin.clone()));
        self.put_item(item).await;
        twin
    }
}
