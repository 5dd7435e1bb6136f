//! The layers of the code, compared with the diagram in `docs/architecture.md`.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};

use syn::{UseTree, Visibility, visit::Visit};

/// A module path below `src/`, for example `["records", "staff", "model"]`.
type Module = Vec<String>;

/// A source file: its imports, and its re-exports by name.
struct Source {
    imports: BTreeSet<Module>,
    exports: BTreeMap<String, Module>,
}

/// Collects the absolute paths in a file.
struct Paths {
    module: Module,
    /// The paths of imported names.
    names: BTreeMap<String, Module>,
    source: Source,
}

impl Paths {
    fn absolute(&self, path: &[String]) -> Option<Module> {
        let mut names = path.iter().peekable();
        let mut base = match names.peek()?.as_str() {
            "crate" | "clinic_api" => {
                names.next();
                Vec::new()
            }
            "self" => {
                names.next();
                self.module.clone()
            }
            name => match self.names.get(name) {
                Some(imported) => {
                    names.next();
                    imported.clone()
                }
                // A child module, or another crate.
                None => self.module.clone(),
            },
        };
        while names.peek().is_some_and(|name| *name == "super") {
            names.next();
            base.pop();
        }
        base.extend(names.cloned());
        Some(base)
    }

    fn tree(&mut self, tree: &UseTree, prefix: &[String], public: bool) {
        let join = |name: String| [prefix, &[name]].concat();
        let (path, name) = match tree {
            UseTree::Path(path) => {
                return self.tree(&path.tree, &join(path.ident.to_string()), public);
            }
            UseTree::Group(group) => {
                return group.items.iter().for_each(|tree| self.tree(tree, prefix, public));
            }
            UseTree::Name(name) if name.ident == "self" => {
                (prefix.to_vec(), prefix.last().cloned())
            }
            UseTree::Name(name) => (join(name.ident.to_string()), Some(name.ident.to_string())),
            UseTree::Rename(name) => (join(name.ident.to_string()), Some(name.rename.to_string())),
            UseTree::Glob(_) => (prefix.to_vec(), None),
        };
        let Some(path) = self.absolute(&path) else { return };
        if !public {
            self.source.imports.insert(path.clone());
        }
        if let Some(name) = name {
            if public {
                self.source.exports.insert(name.clone(), path.clone());
            }
            self.names.insert(name, path);
        }
    }
}

impl<'ast> Visit<'ast> for Paths {
    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        // Imports come before their use in a file.
        let public = !matches!(item.vis, Visibility::Inherited);
        self.tree(&item.tree, &[], public);
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        let names: Vec<_> = path.segments.iter().map(|part| part.ident.to_string()).collect();
        if names.len() > 1
            && let Some(path) = self.absolute(&names)
        {
            self.source.imports.insert(path);
        }
        syn::visit::visit_path(self, path);
    }

    fn visit_item_mod(&mut self, module: &'ast syn::ItemMod) {
        // Unit tests may import anything.
        let is_test = module.attrs.iter().any(|attribute| {
            attribute.path().is_ident("cfg")
                && attribute.parse_args::<syn::Ident>().is_ok_and(|name| name == "test")
        });
        if !is_test {
            syn::visit::visit_item_mod(self, module);
        }
    }
}

/// The imports between files: for each module, the modules of the imported files.
struct Imports(BTreeMap<Module, BTreeSet<Module>>);

impl Imports {
    fn of(files: &[(&str, &str)]) -> Self {
        let module = |file: &str| -> Module {
            let parts = Path::new(file).with_extension("");
            let parts =
                parts.components().map(|part| part.as_os_str().to_str().unwrap().to_owned());
            parts.filter(|part| part != "mod").collect()
        };
        let mut sources = BTreeMap::new();
        for (file, text) in files {
            let module = module(file);
            let source = Source { imports: BTreeSet::new(), exports: BTreeMap::new() };
            let mut paths = Paths { module: module.clone(), names: BTreeMap::new(), source };
            paths.visit_file(&syn::parse_file(text).unwrap());
            sources.insert(module, paths.source);
        }
        let imports = sources.iter().map(|(module, source)| {
            // A path through an imported module is listed separately.
            let is_module = |path: &&Module| sources.contains_key(*path);
            let paths = source.imports.iter().filter(|path| !is_module(path));
            let found = paths.filter_map(|path| definition(&sources, path));
            (module.clone(), found.filter(|found| found != module).collect())
        });
        Self(imports.collect())
    }

    /// Groups of files that import each other in a cycle.
    fn cycles(&self) -> Vec<BTreeSet<&Module>> {
        let reach = |from: &Module| {
            let mut seen = BTreeSet::new();
            let mut open: Vec<_> = self.0[from].iter().collect();
            while let Some(next) = open.pop() {
                if seen.insert(next) {
                    open.extend(&self.0[next]);
                }
            }
            seen
        };
        let reached: BTreeMap<_, _> = self.0.keys().map(|module| (module, reach(module))).collect();
        let cycles =
            self.0.keys().filter(|module| reached[module].contains(module)).map(|module| {
                let back = reached[module].iter().filter(|other| reached[*other].contains(module));
                back.copied().collect::<BTreeSet<_>>()
            });
        cycles.collect::<BTreeSet<_>>().into_iter().collect()
    }
}

/// The file that defines a path: the longest module that is a file, with re-exports resolved.
fn definition(sources: &BTreeMap<Module, Source>, path: &Module) -> Option<Module> {
    let mut path = path.clone();
    for _ in 0..8 {
        let file = (1..=path.len()).rev().map(|length| path[..length].to_vec());
        let file = file.into_iter().find(|module| sources.contains_key(module))?;
        let Some(target) = path.get(file.len()).and_then(|name| sources[&file].exports.get(name))
        else {
            return Some(file);
        };
        let rest = path[file.len() + 1..].to_vec();
        let target = [target.clone(), rest].concat();
        // A name of another crate.
        if target == path
            || !(1..=target.len()).any(|n| sources.contains_key(&target[..n].to_vec()))
        {
            return Some(file);
        }
        path = target;
    }
    None
}

fn sources(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { sources(&path) } else { vec![path] }).collect()
}

fn imports() -> Imports {
    let root = Path::new("src");
    let rust = |path: &PathBuf| path.extension().is_some_and(|extension| extension == "rs");
    let files: Vec<_> = sources(root).into_iter().filter(rust).collect();
    assert!(files.len() > 50, "{}", files.len());
    let texts: Vec<_> = files
        .iter()
        .map(|path| {
            let file = path.strip_prefix(root).unwrap().to_str().unwrap().to_owned();
            (file, std::fs::read_to_string(path).unwrap())
        })
        .collect();
    Imports::of(
        &texts.iter().map(|(file, text)| (file.as_str(), text.as_str())).collect::<Vec<_>>(),
    )
}

/// The layers of the diagram, lowest first: the patterns of their modules.
fn layers(architecture: &str) -> Vec<Vec<Vec<String>>> {
    let diagram = architecture.split("```mermaid").nth(1).unwrap().split("```").next().unwrap();
    let mut layers = Vec::new();
    for line in diagram.lines().map(str::trim) {
        if line.starts_with("subgraph") {
            layers.push(Vec::new());
        } else if let Some(label) = line.split("[\"").nth(1) {
            let label = label.split("\"]").next().unwrap();
            let patterns =
                label.split(", ").map(|text| text.split('/').map(str::to_owned).collect());
            layers.last_mut().unwrap().extend(patterns);
        }
    }
    layers.reverse();
    layers
}

/// The layer whose pattern matches a module best. `*` matches any one name.
fn layer(layers: &[Vec<Vec<String>>], module: &Module) -> Option<usize> {
    let fits = |pattern: &&Vec<String>| {
        pattern.len() <= module.len()
            && pattern.iter().zip(module).all(|(pattern, name)| pattern == "*" || pattern == name)
    };
    let best = layers.iter().enumerate().filter_map(|(at, patterns)| {
        let of_layer = patterns.iter().filter(fits);
        of_layer.map(|p| (p.len(), p.iter().filter(|part| *part != "*").count(), at)).max()
    });
    best.max().map(|(_, _, at)| at)
}

fn upward(imports: &Imports, layers: &[Vec<Vec<String>>]) -> Vec<String> {
    let arrows = imports.0.iter().flat_map(|(from, to)| to.iter().map(move |to| (from, to)));
    let upward = arrows.filter(|(from, to)| layer(layers, from) < layer(layers, to));
    upward.map(|(from, to)| format!("{} -> {}", from.join("/"), to.join("/"))).collect()
}

#[test]
fn no_files_import_one_another() {
    let imports = imports();
    let cycles: Vec<_> = imports
        .cycles()
        .iter()
        .map(|cycle| cycle.iter().map(|module| module.join("/")).collect::<Vec<_>>().join(", "))
        .collect();
    assert!(cycles.is_empty(), "{cycles:#?}");
}

#[test]
fn every_import_goes_down_in_the_diagram_or_is_explained_there() {
    let architecture = std::fs::read_to_string("docs/architecture.md").unwrap();
    let (imports, layers) = (imports(), layers(&architecture));
    let lost: Vec<_> = imports.0.keys().filter(|module| layer(&layers, module).is_none()).collect();
    assert!(lost.is_empty(), "not in the diagram: {lost:?}");
    let explained = |arrow: &String| architecture.contains(&format!("`{arrow}`"));
    let (explained, forbidden): (Vec<_>, Vec<_>) =
        upward(&imports, &layers).into_iter().partition(explained);
    assert!(forbidden.is_empty(), "{forbidden:#?}");
    assert!(explained.len() <= 5, "{explained:#?}");
}

#[test]
fn a_cycle_is_found_behind_re_exports() {
    let files = |b: &'static str| {
        [
            ("lib.rs", "pub mod a; pub mod b;"),
            ("a/mod.rs", "pub mod c; pub use c::Thing; use serde::Serialize;"),
            ("a/c.rs", "use crate::b::Other; pub struct Thing;"),
            ("b.rs", b),
        ]
    };
    let cycle = files("pub struct Other(crate::a::Thing);");
    let names: Vec<_> = ["a/c", "b"].into();
    let found = Imports::of(&cycle);
    let found = found.cycles();
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].iter().map(|module| module.join("/")).collect::<Vec<_>>(), names);
    let parent =
        files("use super::a; pub struct Other(u8); #[cfg(test)] mod tests { use crate::a::c; }");
    assert!(Imports::of(&parent).cycles().is_empty());
}

#[test]
fn an_import_upwards_is_found() {
    let diagram = "```mermaid\nsubgraph h [H]\n  x[\"*/handlers, app\"]\nend\nsubgraph m [M]\n  y[\"*/model, store\"]\nend\n```";
    let layers = layers(diagram);
    let files = [
        ("app.rs", "use crate::store::Item;"),
        ("staff/model.rs", "use super::handlers::get; use crate::app::AppState;"),
        ("staff/handlers.rs", "use super::model::Staff;"),
        ("store/mod.rs", "pub struct Item;"),
        ("store/write.rs", "use super::Item;"),
    ];
    let found = upward(&Imports::of(&files), &layers);
    assert_eq!(found, ["staff/model -> app", "staff/model -> staff/handlers"]);
}

/// Models import nothing of HTTP and AWS.
#[test]
fn models_use_no_framework() {
    let is_model = |path: &&PathBuf| path.iter().any(|part| part == "model" || part == "model.rs");
    for path in sources(Path::new("src")).iter().filter(is_model) {
        let source = std::fs::read_to_string(path).unwrap();
        for framework in ["axum", "aws_sdk_dynamodb", "serde_dynamo"] {
            assert!(!source.contains(framework), "{}: {framework}", path.display());
        }
    }
}

/// Keys are built in one module.
#[test]
fn only_the_keys_module_writes_keys() {
    for path in sources(Path::new("src")).iter().filter(|path| !path.starts_with("src/store/keys"))
    {
        let source = std::fs::read_to_string(path).unwrap();
        for prefix in
            ["CLINIC#", "PATIENT#", "APPT#", "STAFF#", "DAYS#", "MRN#", "ORG#", "IDEMPOTENCY#"]
        {
            assert!(!source.contains(&format!("\"{prefix}")), "{}: {prefix}", path.display());
        }
    }
}
