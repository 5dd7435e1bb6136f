//! Links of 201 responses (OpenAPI 3.1, Link Object): the operations on the new record, for
//! programs that explore the API.

use std::collections::BTreeSet;

use utoipa::openapi::{Paths, RefOr, link::Link};

/// Adds links to every operation that creates a record. They lead to the `operations` (path and id)
/// on that record.
pub fn add(paths: &mut Paths, operations: &[(String, String)]) {
    for (path, item) in &mut paths.paths {
        let Some(own) = own_parameter(path, operations) else { continue };
        let Some(RefOr::T(response)) =
            item.post.as_mut().and_then(|post| post.responses.responses.get_mut("201"))
        else {
            continue;
        };
        // The record names its parents with the same names as the path.
        let mut known = parameters(path);
        known.insert(&own);
        for (target, id) in operations {
            let needed = parameters(target);
            // Only a hold can be confirmed or released.
            let fits = path.ends_with("/holds") || !target.contains("/holds/{");
            if fits && needed.contains(own.as_str()) && needed.is_subset(&known) {
                let link = needed.iter().fold(Link::builder().operation_id(id), |link, name| {
                    let member = if *name == own { "id" } else { name };
                    link.parameter(*name, format!("$response.body#/{member}"))
                });
                response.links.insert(id.clone(), RefOr::T(link.build()));
            }
        }
    }
}

fn parameters(path: &str) -> BTreeSet<&str> {
    let parts = path.split('/');
    parts.filter_map(|part| part.strip_prefix('{')?.strip_suffix('}')).collect()
}

/// Returns the path parameter below a collection: `staff_id` below `…/staff`.
fn own_parameter(collection: &str, operations: &[(String, String)]) -> Option<String> {
    operations.iter().find_map(|(path, _)| {
        let below = path.strip_prefix(collection)?.strip_prefix("/{")?;
        below.split_once('}').map(|(name, _)| name.to_owned())
    })
}
