//! appointments
