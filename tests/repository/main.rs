//! What the files of this repository say of the program and of one another: documents, settings, Terraform, and the layers of
//! the code.
#![expect(clippy::unwrap_used, reason = "a test that can't go on should say where")]

#[path = "../support/mod.rs"]
mod support;

mod authorisation;
mod deployment;
mod document;
mod fuzzing;
mod layers;
mod links;
mod log_fields;
mod terraform;
mod threat_model;
mod tour;
