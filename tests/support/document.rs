//! The OpenAPI document, for tests that cover all operations of a kind.

use std::sync::LazyLock;

use clinic_api::router;
use serde_json::Value;

/// The path of a clinic.
pub const AT_CLINIC: &str = "/v1/clinics/{clinic_id}";

/// The OpenAPI document.
pub static DOCUMENT: LazyLock<Value> =
    LazyLock::new(|| serde_json::to_value(router::api().1).unwrap());

/// All operations, each with its path and method.
pub fn operations() -> impl Iterator<Item = (&'static str, &'static str, &'static Value)> {
    let paths = DOCUMENT["paths"].as_object().unwrap().iter();
    paths.flat_map(|(path, item)| {
        let operations = item.as_object().unwrap().iter();
        operations.map(move |(method, operation)| (path.as_str(), method.as_str(), operation))
    })
}

/// The value at a place of the document, with a `$ref` resolved.
pub fn resolved(place: &'static Value) -> &'static Value {
    let reference = place["$ref"].as_str();
    reference.map_or(place, |path| DOCUMENT.pointer(path.trim_start_matches('#')).unwrap())
}

/// The parameters of an operation.
pub fn parameters(operation: &'static Value) -> impl Iterator<Item = &'static Value> {
    operation["parameters"].as_array().into_iter().flatten().map(resolved)
}

/// The `operationId` of an operation.
pub fn id_of(operation: &Value) -> &str {
    operation["operationId"].as_str().unwrap()
}

/// The collections of plain records of a clinic: all collections whose records can be patched, except appointments.
pub fn plain_collections() -> impl Iterator<Item = String> {
    let paths = DOCUMENT["paths"].as_object().unwrap().iter();
    let patched = paths.filter(|(_, item)| item.get("patch").is_some());
    let collections = patched.filter_map(|(path, _)| {
        let (collection, one) = path.strip_prefix(AT_CLINIC)?.strip_prefix('/')?.split_once('/')?;
        (!one.contains('/')).then(|| collection.to_owned())
    });
    collections.filter(|name| name != "appointments")
}

/// A valid body of a POST to a clinic's collection.
pub fn good_body(collection: &str) -> Value {
    example(&DOCUMENT["paths"][format!("{AT_CLINIC}/{collection}")]["post"])
}

/// A valid PATCH of a record of a clinic's collection.
pub fn good_patch(collection: &str) -> Value {
    let paths = DOCUMENT["paths"].as_object().unwrap();
    let below = format!("{AT_CLINIC}/{collection}/");
    let one = paths.keys().find(|path| path.starts_with(&below) && path.ends_with('}')).unwrap();
    example(&paths[one]["patch"])
}

/// The document's path template for a request path.
pub fn path_of(request: &str) -> &'static str {
    let parts = |path: &str| path.split('/').map(str::to_owned).collect::<Vec<_>>();
    let request = parts(request.split('?').next().unwrap());
    let fits = |path: &str| {
        let path = parts(path);
        let same = |(named, part): (&String, &String)| named.starts_with('{') || named == part;
        path.len() == request.len() && path.iter().zip(&request).all(same)
    };
    let mut paths = DOCUMENT["paths"].as_object().unwrap().keys().filter(|path| fits(path));
    paths.next().unwrap_or_else(|| panic!("{request:?} is not in the document"))
}

/// The members of an operation's body.
pub fn members(operation: &Value) -> impl Iterator<Item = &str> {
    let schema = &operation["requestBody"]["content"]["application/json"]["schema"]["$ref"];
    let name = schema.as_str().unwrap_or_default().rsplit('/').next().unwrap();
    let members = DOCUMENT["components"]["schemas"][name]["properties"].as_object();
    members.into_iter().flat_map(|members| members.keys().map(String::as_str))
}

/// The names of an operation's parameters in `place`: path, query or header.
pub fn parameter_names(operation: &'static Value, place: &str) -> Vec<&'static str> {
    let of_place = parameters(operation).filter(|parameter| parameter["in"] == place);
    of_place.map(|parameter| parameter["name"].as_str().unwrap()).collect()
}

/// The example of an operation's body.
pub fn example(operation: &Value) -> Value {
    let content = &operation["requestBody"]["content"]["application/json"];
    if let Some(example) = content.get("example") {
        return example.clone();
    }
    let name = content["schema"]["$ref"].as_str().unwrap().rsplit('/').next().unwrap();
    DOCUMENT["components"]["schemas"][name]["example"].clone()
}
