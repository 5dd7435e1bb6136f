//! What the worker makes of the table's stream.

mod dead_letters;
mod events;
mod webhook_secrets;
