//! clinic-api: a REST service for clinics, staff, patients and appointments, with all state in one DynamoDB table.
//!
//! `docs/architecture.md` describes the layers and the flow of a request.

pub mod aggregate;
pub mod aggregates;
pub mod app;
pub mod appointments;
pub mod audit;
pub mod audit_events;
pub mod availability;
pub mod cli;
pub mod config;
pub mod day;
pub mod erasure;
pub mod error;
pub mod events;
pub mod guide;
pub mod http;
pub mod id;
pub mod keyring;
pub mod openapi;
pub mod operations;
pub mod overview;
pub mod records;
pub mod router;
pub mod scheduling;
pub mod seed;
pub mod sensitive;
pub mod server;
pub mod service;
pub mod store;
pub mod telemetry;
pub mod time;
pub mod validation;
pub mod version;
pub mod worker;
