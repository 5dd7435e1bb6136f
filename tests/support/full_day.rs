//! Days with as many appointments as they may have.

use aws_sdk_dynamodb::types::AttributeValue::{Bool, M, N};
use clinic_api::id::AppointmentId;
use jiff::civil::date;

use super::TestApp;

impl TestApp {
    /// Fills the day sheets of a staff member with overbooked entries of others on 16 January 2035, up to this number.
    pub async fn fill_sheets(&self, staff: &str, number: usize) {
        for mut item in self.all_items().await {
            if item["type"].as_s().unwrap() != "day_sheet"
                || item.get("staff_id").is_none_or(|id| id.as_s().unwrap() != staff)
            {
                continue;
            }
            let Some(M(entries)) = item.get_mut("entries") else { panic!("{item:?}") };
            let entry = || {
                let entry =
                    [("start", N("2052550800".to_owned())), ("end", N("2052552600".to_owned()))];
                let entry = entry.into_iter().chain([("overbooked", Bool(true))]);
                M(entry.map(|(name, value)| (name.to_owned(), value)).collect())
            };
            while entries.len() < number {
                let at = "2035-01-16T09:00:00Z".parse().unwrap();
                entries
                    .insert(AppointmentId::random_at(at, date(2035, 1, 16)).to_string(), entry());
            }
            self.put_item(item).await;
        }
    }
}
