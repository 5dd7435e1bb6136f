//! clinic-api: clinics, staff, patients and appointments over REST, in one DynamoDB table.

pub mod app;
pub mod appointments;
pub mod audit;
pub mod cli;
pub mod clinics;
pub mod config;
pub mod error;
pub mod http;
pub mod id;
pub mod kinds;
pub mod openapi;
pub mod patients;
pub mod router;
pub mod schedule;
pub mod sensitive;
pub mod server;
pub mod staff;
pub mod store;
pub mod time;
pub mod validation;
