//! access_patterns
