//! DynamoDB calls and costs, and the commands that work on the table.

mod access_log;
mod access_patterns;
mod backfill;
mod booking_costs;
mod cancellations;
mod deletion_marks;
mod dependents;
mod outage;
mod patient_export;
mod patient_import;
mod pool;
mod repair;
mod search_rotation;
mod search_verify;
mod seed;
mod stream_costs;
mod table;
mod verify;
