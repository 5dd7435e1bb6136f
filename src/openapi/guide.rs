//! Links from the document to the guide that the service serves.

use utoipa::openapi::ExternalDocs;

/// A link with a description. Without one, the crate writes null, which the specification does not allow.
pub fn link(url: &str, description: &str) -> ExternalDocs {
    let mut docs = ExternalDocs::new(url);
    docs.description = Some(description.to_owned());
    docs
}

/// A link to a page of the guide.
pub fn page(name: &str) -> ExternalDocs {
    link(&format!("/guide/{name}"), "Guide")
}
