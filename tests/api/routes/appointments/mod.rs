//! Appointments.

mod cancel;
mod create;
mod delete;
mod get;
mod list;
mod status;
mod update;
