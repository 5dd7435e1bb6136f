//! The files of this repository agree with the program and with each other: documents, settings, Terraform, and the layers of the
//! code.
#![expect(clippy::unwrap_used, reason = "a test that can't go on should say where")]

#[path = "../support/mod.rs"]
mod support;

mod authorisation;
mod deployment;
mod document;
mod error_examples;
mod examples;
mod fuzzing;
mod guide;
mod layers;
mod links;
mod log_fields;
mod markdown;
mod prose;
mod settings;
mod terraform;
mod threat_model;
mod tour;
