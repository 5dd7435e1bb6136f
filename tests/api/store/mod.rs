//! What the service asks of DynamoDB, and the commands that work on the table.

mod access_patterns;
mod backfill;
mod booking_costs;
mod cancellations;
mod dependents;
mod outage;
mod pool;
mod repair;
mod seed;
mod stream_costs;
mod table;
mod verify;
