//! What the tests share: a service on a fresh table, requests and answers, faults, and a checker of day sheets.

pub mod answer;
pub mod app;
pub mod attempts;
pub mod aws_errors;
pub mod aws_time;
pub mod builders;
pub mod busy_month;
pub mod callers;
pub mod checker;
pub mod collector;
pub mod document;
pub mod engine;
pub mod frames;
pub mod front_desk;
pub mod hooked;
pub mod process;
pub mod proxy;
pub mod race;
pub mod receiver;
pub mod receptionist;
pub mod schedule;
pub mod stream;
pub mod surgery;
pub mod wait;
pub mod watched;
pub mod wire;

pub use answer::{Answer, Call};
pub use app::{NOW, TestApp};
pub use builders::{ClinicMade, Held, booking, booking_with, id, weekly_span, write_context};
pub use race::{count, race};
pub use wait::eventually;
pub use wire::Fault;
