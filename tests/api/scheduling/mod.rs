//! Who gets which time: the rules of booking, and what happens to many who want the same.

mod busy_clinic;
mod concurrency;
mod conflicts;
mod day;
mod free_times;
mod holds;
mod moving;
mod order;
mod overbooking;
mod plans_at_once;
mod torn;
mod visits;
mod working_time;
