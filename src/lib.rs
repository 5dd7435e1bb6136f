//! clinic-api: clinics, staff, patients and appointments over REST, in one DynamoDB table.

pub mod app;
pub mod appointments;
pub mod audit;
pub mod availability;
pub mod cli;
pub mod clinics;
pub mod config;
pub mod day;
pub mod error;
pub mod exceptions;
pub mod http;
pub mod id;
pub mod kinds;
pub mod openapi;
pub mod patients;
pub mod resources;
pub mod router;
pub mod schedule;
pub mod sensitive;
pub mod server;
pub mod staff;
pub mod store;
pub mod time;
pub mod validation;
pub mod visit_types;
