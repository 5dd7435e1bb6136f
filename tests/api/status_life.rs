//! status_life
