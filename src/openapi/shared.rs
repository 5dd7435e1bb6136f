//! What several operations share is a component: responses, their examples, and parameters. This keeps the document and
//! generated clients small.

use std::collections::BTreeMap;

use axum::http::StatusCode;
use utoipa::openapi::{
    Components, Ref, RefOr, Response,
    example::Example,
    path::{Operation, Parameter},
};

/// The statuses whose responses differ by operation.
const OWN: [&str; 4] = ["200", "201", "409", "422"];

/// Moves responses, their examples, and parameters of the operations to the components.
pub fn share<'a>(operations: impl Iterator<Item = &'a mut Operation>, components: &mut Components) {
    let mut operations: Vec<_> = operations.collect();
    let parameters = operations.iter_mut().flat_map(|operation| parameters(operation));
    components.parameters.extend(move_shared("parameters", parameters.collect()));
    let examples = operations.iter_mut().flat_map(|operation| examples(operation));
    components.examples.extend(move_shared("examples", examples.collect()));
    let responses = operations.iter_mut().flat_map(|operation| responses(operation));
    components.responses.extend(move_shared("responses", responses.collect()));
}

/// A definition in an operation, with its name as a component.
type Named<'a, T> = (String, &'a mut RefOr<T>);

fn parameters(operation: &mut Operation) -> impl Iterator<Item = Named<'_, Parameter>> {
    operation.parameters.iter_mut().flatten().filter_map(|parameter| match parameter {
        RefOr::T(definition) => Some((definition.name.clone(), parameter)),
        RefOr::Ref(_) => None,
    })
}

fn examples(operation: &mut Operation) -> impl Iterator<Item = Named<'_, Example>> {
    let responses = operation.responses.responses.values_mut().filter_map(definition);
    let contents = responses.flat_map(|response| response.content.values_mut());
    let examples = contents.filter_map(definition).flat_map(|content| &mut content.examples);
    examples.map(|(name, example)| (name.clone(), example))
}

fn definition<T>(place: &mut RefOr<T>) -> Option<&mut T> {
    match place {
        RefOr::T(definition) => Some(definition),
        RefOr::Ref(_) => None,
    }
}

fn responses(operation: &mut Operation) -> impl Iterator<Item = Named<'_, Response>> {
    let responses = operation.responses.responses.iter_mut();
    let shared = responses.filter(|(status, _)| !OWN.contains(&status.as_str()));
    shared.map(|(status, response)| {
        let name = match status.as_str() {
            "2XX" => "Received",
            "400" => bad_request(response),
            "431" => "HeadersTooLarge",
            "500" => "InternalError",
            "503" => "Unavailable",
            status => reason(status),
        };
        (name.replace(' ', ""), response)
    })
}

/// The name of a 400, which depends on what the request has.
fn bad_request(response: &RefOr<Response>) -> &'static str {
    let RefOr::T(response) = response else { return "BadRequest" };
    let contents = response.content.values();
    let mut examples = contents.flat_map(|content| match content {
        RefOr::T(content) => content.examples.keys().map(String::as_str).collect(),
        RefOr::Ref(_) => vec![],
    });
    match examples.find(|code| ["invalid_cursor", "invalid_json"].contains(code)) {
        Some("invalid_cursor") => "BadPageRequest",
        Some(_) => "BadBodyRequest",
        None => "BadRequest",
    }
}

fn reason(status: &str) -> &'static str {
    let status = StatusCode::from_bytes(status.as_bytes()).ok();
    status.and_then(|status| status.canonical_reason()).unwrap_or_default()
}

/// Returns the most frequent definition of each name, if it is used more than once, and replaces
/// its uses with references.
fn move_shared<T: Clone + PartialEq>(
    kind: &str,
    mut uses: Vec<Named<'_, T>>,
) -> BTreeMap<String, RefOr<T>> {
    let mut counted: BTreeMap<&str, Vec<(&RefOr<T>, usize)>> = BTreeMap::new();
    for (name, definition) in &uses {
        let counts = counted.entry(name).or_default();
        match counts.iter_mut().find(|(known, _)| *known == *definition) {
            Some((_, count)) => *count += 1,
            None => counts.push((definition, 1)),
        }
    }
    let shared = counted.into_iter().filter_map(|(name, counts)| {
        let (most_used, count) = counts.into_iter().max_by_key(|(_, count)| *count)?;
        (count > 1).then(|| (name.to_owned(), most_used.clone()))
    });
    let shared: BTreeMap<_, _> = shared.collect();
    for (name, place) in &mut uses {
        if shared.get(name) == Some(&**place) {
            **place = RefOr::Ref(Ref::new(format!("#/components/{kind}/{name}")));
        }
    }
    shared
}
