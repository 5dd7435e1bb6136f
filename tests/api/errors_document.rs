//! errors_document
