//! In every crate the files form layers: no file uses another that, directly or by way of others, uses it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use syn::visit::{self, Visit};

/// Crates that are not held to it yet. In `larder-run` a record holds a head, and heads speak of the record that they are in.
const UNSETTLED: &[&str] =
    &["larder", "larder-export", "larder-pipeline", "larder-predict", "larder-report", "larder-run"];

/// Uses that close a circle and are to be turned: crate, file, and the file that it should not use. May only shrink.
const TO_TURN: &[(&str, &str, &str)] = &[
    ("larder-graphs", "error", "training::head"),
    ("larder-graphs", "kernels", "reverse"),
    ("larder-graphs", "rule", "reverse"),
    ("larder-graphs", "rules::gather", "reverse"),
    ("larder-graphs", "training::dropout", "training"),
    ("larder-graphs", "training::head", "training"),
    ("larder-onnx", "families::layout", "families::config"),
    ("larder-onnx", "interface::inputs", "interface"),
    ("larder-onnx", "interface::last_layer", "interface"),
    ("larder-onnx", "interface::last_layer", "interface::outputs"),
    ("larder-onnx", "interface::outputs", "interface"),
    ("larder-onnx", "recognise::embeddings", "recognise"),
    ("larder-onnx", "recognise::layer", "recognise"),
    ("larder-onnx", "model", "external"),
];

/// The files of a crate by the paths of their modules (`a::b`), and what they use.
#[derive(Default)]
struct Crate {
    sources: BTreeMap<String, String>,
    /// What a re-exported path stands for.
    reexports: BTreeMap<String, String>,
    /// File, and a path that it mentions.
    mentions: Vec<(String, String)>,
    /// The module being read.
    module: String,
}

fn join(module: &str, name: &str) -> String {
    if module.is_empty() { name.to_owned() } else { format!("{module}::{name}") }
}

/// A path without its last segment, and that.
fn split(path: &str) -> (&str, &str) {
    path.rsplit_once("::").unwrap_or(("", path))
}

impl Crate {
    fn list(&mut self, folder: &Path, module: &str) {
        for entry in std::fs::read_dir(folder).expect("the crate has sources") {
            let path = entry.expect("can be listed").path();
            let name = path.file_stem().expect("has a name").to_string_lossy().into_owned();
            let is_root = ["lib", "main", "mod"].contains(&name.as_str());
            let module = if is_root { module.to_owned() } else { join(module, &name) };
            if path.is_dir() {
                self.list(&path, &module);
            } else if name != "tests" && path.extension().is_some_and(|extension| extension == "rs") {
                self.sources.insert(module, std::fs::read_to_string(&path).expect("is text"));
            }
        }
    }

    /// Which file uses which, the crate's root aside.
    fn arrows(folder: &Path) -> BTreeSet<(String, String)> {
        let mut this = Self::default();
        this.list(folder, "");
        for (module, source) in this.sources.clone() {
            this.module = module;
            this.visit_file(&syn::parse_file(&source).expect("the crate compiles"));
        }
        let arrows = this.mentions.iter().map(|(from, to)| (this.file_of(from), this.file_of(to)));
        arrows.filter(|(from, to)| from != to && !from.is_empty() && !to.is_empty()).collect()
    }

    /// A path as seen from the crate's root; `None` for what other crates, or this file, define.
    fn absolute(&self, path: &str) -> Option<String> {
        if let Some(path) = path.strip_prefix("crate::") {
            return Some(path.to_owned());
        }
        let (mut module, mut rest) = (self.module.as_str(), path);
        while let Some(above) = rest.strip_prefix("super::") {
            (module, rest) = (split(module).0, above);
        }
        let child = join(module, path.split("::").next().unwrap_or_default());
        (rest != path || self.sources.contains_key(&child)).then(|| join(module, rest))
    }

    /// The file that defines what a path from the crate's root names.
    fn file_of(&self, path: &str) -> String {
        if path.is_empty() || self.sources.contains_key(path) {
            return path.to_owned();
        }
        self.file_of(self.reexports.get(path).map_or(split(path).0, String::as_str))
    }

    fn import(&mut self, tree: &syn::UseTree, path: &str, is_public: bool) {
        let (name, alias) = match tree {
            syn::UseTree::Path(part) => {
                return self.import(&part.tree, &join(path, &part.ident.to_string()), is_public);
            }
            syn::UseTree::Group(group) => {
                return group.items.iter().for_each(|tree| self.import(tree, path, is_public));
            }
            syn::UseTree::Name(name) => (name.ident.to_string(), name.ident.to_string()),
            syn::UseTree::Rename(name) => (name.ident.to_string(), name.rename.to_string()),
            syn::UseTree::Glob(_) => return,
        };
        match (self.absolute(&join(path, &name)), is_public) {
            (Some(target), true) => drop(self.reexports.insert(join(&self.module, &alias), target)),
            (Some(target), false) => self.mentions.push((self.module.clone(), target)),
            (None, _) => {}
        }
    }
}

impl<'ast> Visit<'ast> for Crate {
    fn visit_item_mod(&mut self, item: &'ast syn::ItemMod) {
        if item.ident != "tests" {
            self.module = join(&self.module, &item.ident.to_string());
            visit::visit_item_mod(self, item);
            self.module = split(&self.module).0.to_owned();
        }
    }

    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        self.import(&item.tree, "", !matches!(item.vis, syn::Visibility::Inherited));
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        let segments: Vec<String> = path.segments.iter().map(|segment| segment.ident.to_string()).collect();
        if let Some(target) = self.absolute(&segments.join("::")).filter(|_| segments.len() > 1) {
            self.mentions.push((self.module.clone(), target));
        }
        visit::visit_path(self, path);
    }
}

/// Is there a way from one file to the other?
fn reaches(arrows: &BTreeSet<(String, String)>, from: &String, to: &String) -> bool {
    let (mut seen, mut open) = (BTreeSet::from([from]), vec![from]);
    while let Some(file) = open.pop() {
        open.extend(arrows.iter().filter(|(from, _)| from == file).map(|(_, to)| to).filter(|to| seen.insert(to)));
    }
    seen.contains(to)
}

#[test]
fn files_use_each_other_one_way() {
    let crates = Path::new(env!("CARGO_MANIFEST_DIR")).join("../crates");
    let mut circles = Vec::new();
    for entry in std::fs::read_dir(crates).expect("the crates lie there") {
        let folder = entry.expect("can be listed").path();
        let name = folder.file_name().expect("has a name").to_string_lossy().into_owned();
        if UNSETTLED.contains(&name.as_str()) {
            continue;
        }
        let mut arrows = Crate::arrows(&folder.join("src"));
        for (_, from, to) in TO_TURN.iter().filter(|(of, ..)| *of == name) {
            let is_there = arrows.remove(&((*from).to_owned(), (*to).to_owned()));
            assert!(is_there, "{name}: {from} does not use {to} any more: take it off the list");
        }
        let on_circle = arrows.iter().filter(|(from, to)| reaches(&arrows, to, from));
        circles.extend(on_circle.map(|(from, to)| format!("{name}: {from} uses {to}")));
    }
    assert!(circles.is_empty(), "these files use each other in circles:\n{}", circles.join("\n"));
}
