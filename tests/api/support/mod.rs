//! What the tests share: a service on a fresh table, requests and answers, faults, and a checker of day sheets.

pub mod answer;
pub mod app;
pub mod builders;
pub mod callers;
pub mod checker;
pub mod process;
pub mod wire;

pub use answer::{Answer, Call};
pub use app::{NOW, TestApp};
pub use builders::{ClinicMade, Held, booking, id, write_context};
pub use wire::Fault;
