//! Who may import whom: read from the code, and compared with the design's arrows.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

use syn::{UseTree, visit::Visit};

/// Each layer, and the layers that it may import.
///
/// `aggregate` is the module of a whole aggregate, through which all of its layers can be reached.
const ARROWS: [(&str, &[&str]); 27] = [
    ("aggregate", &[]),
    ("id", &[]),
    ("time", &[]),
    ("sensitive", &[]),
    ("telemetry", &[]),
    ("validation", &["sensitive", "time"]),
    ("model", &["id", "sensitive", "time"]),
    ("dto", &["model", "id", "sensitive", "stream", "time", "validation"]),
    ("store", &["id", "sensitive", "telemetry", "time"]),
    ("repo", &["aggregate", "model", "repo", "store", "id", "sensitive", "time"]),
    ("stream", &["dto", "id", "model", "store"]),
    (
        "worker",
        &[
            "aggregate",
            "http",
            "id",
            "kinds",
            "model",
            "repo",
            "sensitive",
            "store",
            "stream",
            "telemetry",
            "time",
        ],
    ),
    ("recorder", &["http", "model", "repo", "store", "telemetry"]),
    ("error", &["store"]),
    ("openapi", &["error", "stream"]),
    ("http", &["app", "error", "id", "openapi", "sensitive", "store", "telemetry", "validation"]),
    (
        "handlers",
        &[
            "dto",
            "model",
            "repo",
            "http",
            "error",
            "id",
            "sensitive",
            "time",
            "validation",
            "app",
            "openapi",
            "aggregate",
        ],
    ),
    ("app", &["http", "id", "model", "recorder", "repo", "router", "store", "time"]),
    ("router", &["app", "error", "handlers", "http", "openapi"]),
    ("server", &["http"]),
    ("kinds", &["aggregate", "repo", "store", "worker"]),
    ("config", &["http", "id", "model"]),
    (
        "cli",
        &[
            "aggregate",
            "app",
            "config",
            "http",
            "id",
            "kinds",
            "model",
            "repo",
            "seed",
            "sensitive",
            "server",
            "store",
            "telemetry",
            "time",
            "worker",
        ],
    ),
    ("seed", &["aggregate", "id", "model", "repo", "sensitive", "store", "time"]),
    ("bin", &["cli", "config", "worker"]),
    ("lib", &[]),
    ("main", &["cli", "config", "http", "router", "time"]),
];

const AGGREGATES: [&str; 15] = [
    "appointments",
    "audit",
    "audit_events",
    "availability",
    "clinics",
    "day",
    "dead_letters",
    "deliveries",
    "exceptions",
    "patients",
    "resources",
    "schedule",
    "staff",
    "visit_types",
    "webhooks",
];

/// The layer that a path below the crate's root belongs to; a folder of an aggregate has no layer of its own.
fn layer(path: &[String]) -> Option<String> {
    let (first, rest) = path.split_first()?;
    if AGGREGATES.contains(&first.as_str()) {
        return Some(rest.first().cloned().unwrap_or_else(|| "aggregate".to_owned()));
    }
    Some(first.clone())
}

/// The paths that a file names, from the crate's root on.
struct Paths {
    module: Vec<String>,
    found: BTreeSet<Vec<String>>,
}

impl Paths {
    fn resolve(&mut self, path: Vec<String>) {
        let mut names = path.into_iter().peekable();
        let mut base = match names.peek().map(String::as_str) {
            Some("crate" | "clinic_api") => {
                names.next();
                Vec::new()
            }
            Some("self") => {
                names.next();
                self.module.clone()
            }
            Some("super") => self.module.clone(),
            _ => return,
        };
        while names.peek().is_some_and(|name| name == "super") {
            names.next();
            base.pop();
        }
        base.extend(names);
        self.found.insert(base);
    }

    fn tree(&mut self, tree: &UseTree, prefix: &[String]) {
        let join = |name: String| [prefix, &[name]].concat();
        match tree {
            UseTree::Path(path) => self.tree(&path.tree, &join(path.ident.to_string())),
            UseTree::Name(name) => self.resolve(join(name.ident.to_string())),
            UseTree::Rename(rename) => self.resolve(join(rename.ident.to_string())),
            UseTree::Glob(_) => self.resolve(prefix.to_vec()),
            UseTree::Group(group) => group.items.iter().for_each(|tree| self.tree(tree, prefix)),
        }
    }
}

impl<'ast> Visit<'ast> for Paths {
    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        self.tree(&item.tree, &[]);
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        self.resolve(path.segments.iter().map(|segment| segment.ident.to_string()).collect());
        syn::visit::visit_path(self, path);
    }

    fn visit_item_mod(&mut self, module: &'ast syn::ItemMod) {
        // What a test inside a file may see is its own affair.
        let is_test = module.attrs.iter().any(|attribute| {
            attribute.path().is_ident("cfg")
                && attribute.parse_args::<syn::Ident>().is_ok_and(|name| name == "test")
        });
        if !is_test {
            syn::visit::visit_item_mod(self, module);
        }
    }
}

/// The arrows that `source`, at `file` below `src/`, has and must not have.
fn forbidden(file: &Path, source: &str) -> Vec<String> {
    let module: Vec<String> = file
        .with_extension("")
        .components()
        .map(|part| part.as_os_str().to_str().unwrap().to_owned())
        .filter(|part| part != "mod")
        .collect();
    let Some(from) = layer(&module) else { return Vec::new() };
    let Some((_, allowed)) = ARROWS.iter().find(|(name, _)| *name == from) else {
        return vec![format!("{} belongs to no layer", file.display())];
    };
    let mut paths = Paths { module: module.clone(), found: BTreeSet::new() };
    paths.visit_file(&syn::parse_file(source).unwrap());
    let arrows = paths.found.into_iter().filter_map(|path| {
        let to = layer(&path)?;
        let known = ARROWS.iter().any(|(name, _)| *name == to);
        let own = to == from && (path.first() == module.first() || from == "repo");
        (known && !own && !allowed.contains(&to.as_str())).then(|| {
            format!("{}: {from} must not import {to} ({})", file.display(), path.join("::"))
        })
    });
    arrows.collect()
}

fn sources(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { sources(&path) } else { vec![path] }).collect()
}

#[test]
fn the_code_has_no_arrow_that_the_design_forbids() {
    let root = Path::new("src");
    let files: Vec<_> = sources(root)
        .into_iter()
        .filter(|path| path.extension().is_some_and(|e| e == "rs"))
        .collect();
    assert!(files.len() > 50, "{}", files.len());
    let found: Vec<_> = files
        .iter()
        .flat_map(|path| {
            forbidden(path.strip_prefix(root).unwrap(), &std::fs::read_to_string(path).unwrap())
        })
        .collect();
    assert!(found.is_empty(), "{found:#?}");
}

#[test]
fn a_forbidden_arrow_is_found() {
    let cases = [
        ("clinics/model.rs", "use crate::store::Item;"),
        ("clinics/model.rs", "use super::dto::ClinicIn;"),
        ("clinics/model.rs", "use crate::staff::model::StaffMember;"),
        ("clinics/dto.rs", "use crate::{id::ClinicId, error::ApiError};"),
        ("clinics/repo/mod.rs", "fn f() -> crate::http::Page<u8> { loop {} }"),
        ("clinics/handlers/mod.rs", "use crate::store::{Store, keys};"),
        ("store/keys.rs", "use crate::clinics::model::Clinic;"),
        ("store/write/send.rs", "use crate::schedule::repo::occupy as o;"),
        ("http/body.rs", "use crate::patients::repo::*;"),
        ("schedule/model.rs", "use super::repo::free;"),
        ("clinics/model.rs", "use crate::staff; fn f(_: staff::dto::StaffIn) {}"),
        ("somewhere.rs", ""),
    ];
    for (file, source) in cases {
        assert!(!forbidden(Path::new(file), source).is_empty(), "{file}: {source}");
    }
}

#[test]
fn an_allowed_arrow_is_none() {
    let cases = [
        ("clinics/dto.rs", "use super::model::Clinic; use crate::{id::ClinicId, validation};"),
        ("staff/repo.rs", "use crate::clinics::repo::require; use crate::store::Store;"),
        (
            "appointments/handlers/book.rs",
            "use crate::{http::Page, schedule::model::Busy, app::AppState};",
        ),
        ("clinics/model.rs", "#[cfg(test)] mod tests { use crate::store::Item; }"),
        ("appointments/repo/book.rs", "use super::get; use std::io;"),
    ];
    for (file, source) in cases {
        assert_eq!(forbidden(Path::new(file), source), [] as [String; 0], "{file}: {source}");
    }
}

/// The models know nothing of HTTP, of AWS and of OpenAPI.
#[test]
fn models_use_no_framework() {
    for path in sources(Path::new("src")).iter().filter(|path| path.ends_with("model.rs")) {
        let source = std::fs::read_to_string(path).unwrap();
        for framework in ["axum", "aws_sdk_dynamodb", "utoipa", "serde_dynamo"] {
            assert!(!source.contains(framework), "{}: {framework}", path.display());
        }
    }
}

/// A key is made in one place.
#[test]
fn only_the_keys_module_writes_keys() {
    for path in sources(Path::new("src")).iter().filter(|path| !path.starts_with("src/store/keys"))
    {
        let source = std::fs::read_to_string(path).unwrap();
        for prefix in [
            "\"CLINIC#",
            "\"PATIENT#",
            "\"APPT#",
            "\"STAFF#",
            "\"DAYS#",
            "\"MRN#",
            "\"ORG#",
            "\"IDEMPOTENCY#",
        ] {
            assert!(!source.contains(prefix), "{}: {prefix}", path.display());
        }
    }
}
