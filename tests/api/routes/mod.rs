//! The routes, by resource.

mod appointments;
mod audit;
mod audit_events;
mod clinics;
mod deliveries;
mod erasure;
mod exceptions;
mod operations;
mod patient_duplicates;
mod patient_merge;
pub mod patient_model;
mod patient_search;
mod patient_spellings;
mod patients;
mod plain_records;
mod staff;
mod webhooks;
