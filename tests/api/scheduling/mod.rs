//! The rules of booking, and concurrent bookings of the same time.

mod a_clinics_day;
mod busy_clinic;
mod concurrency;
mod conflicts;
mod day;
mod free_times;
mod holds;
mod moving;
mod nearest_free;
mod order;
mod overbooking;
mod plans_at_once;
mod refusals;
mod torn;
mod visits;
mod working_time;
