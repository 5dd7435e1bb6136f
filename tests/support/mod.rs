//! The library that all tests share: a service on a new table, requests and responses, faults, and a checker of day sheets.
#![allow(dead_code, unused_imports, reason = "each of the programs of tests uses a part")]

pub mod answer;
pub mod app;
pub mod attempts;
pub mod aws_errors;
pub mod aws_time;
pub mod builder;
pub mod busy_month;
pub mod callers;
pub mod checker;
pub mod clock;
pub mod collector;
pub mod costs;
pub mod document;
pub mod engine;
pub mod exceptions;
pub mod frames;
pub mod front_desk;
pub mod full_day;
pub mod hooked;
pub mod metrics;
pub mod process;
pub mod proxy;
pub mod race;
pub mod receiver;
pub mod receptionist;
pub mod records;
pub mod requests;
pub mod schedule;
pub mod search;
pub mod stream;
pub mod surgery;
pub mod wait;
pub mod watched;
pub mod wire;
pub mod worker;

pub use answer::{Answer, Call};
pub use app::TestApp;
pub use clock::{NOW, TestClock};
pub use race::{count, race};
pub use records::{ClinicMade, Held, booking, booking_with, id, weekly_span, write_context};
pub use wait::eventually;
pub use wire::Fault;
