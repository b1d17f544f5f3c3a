//! Modules of one folder of `src` do not import each other in a circle.
//!
//! A module that imports its parent or its own parts is in no circle: what counts is which children
//! of one module name which others of its children, directly or from the files below them.

use std::collections::{BTreeMap, BTreeSet};

use super::source::{SourceFile, module_of};
use super::{hold, is_product, of_this_package, sources};

/// Children of one module, and which others each of them names.
type Graph = BTreeMap<String, BTreeSet<String>>;

#[test]
fn modules_of_one_folder_import_each_other_in_no_circle() {
    hold(&circles(&sources()));
}

#[test]
fn a_circle_of_two_modules_is_found_and_a_chain_is_not() {
    let source = |path: &str, text: &str| SourceFile::new(path, text);
    let chain = [
        source("src/web/a.rs", "use super::b::B; use super::shared;"),
        source("src/web/b/c.rs", "use crate::web::shared::S;"),
        source("src/web/b.rs", "mod c;"),
        source("src/web/shared.rs", "use super::ApiError;"),
    ];
    assert_eq!(circles(&chain), Vec::<String>::new());
    let mut circle = Vec::from(chain);
    circle.push(source("src/web/shared/d.rs", "fn f() { crate::web::a::f() }"));
    assert_eq!(circles(&circle), ["src/web: a -> b -> shared -> a"]);
}

/// Each circle, once.
fn circles(files: &[SourceFile]) -> Vec<String> {
    let mut graphs: BTreeMap<Vec<String>, Graph> = BTreeMap::new();
    let in_package = |file: &&SourceFile| file.path.starts_with("src/");
    let product = files.iter().filter(in_package).filter(|file| is_product(file, files));
    let modules: BTreeSet<(String, Vec<String>)> = product
        .clone()
        .map(|file| (package_of(&file.path), module_of(&file.path)))
        .filter(|(_, module)| !module.is_empty())
        .collect();
    for file in product {
        let (package, module) = (package_of(&file.path), module_of(&file.path));
        for named in file.names().iter().filter(|named| !named.in_tests) {
            let Some(path) = of_this_package(&named.segments) else { continue };
            // The longest beginning of the path that is a module.
            let other = (1..=path.len()).rev().map(|length| &path[..length]);
            let is_module = |path: &&[String]| modules.contains(&(package.clone(), path.to_vec()));
            let Some(other) = other.into_iter().find(is_module) else { continue };
            let shared = module.iter().zip(other).take_while(|(one, two)| one == two).count();
            if let (Some(from), Some(to)) = (module.get(shared), other.get(shared)) {
                let parent = [vec![package.clone()], module[..shared].to_vec()].concat();
                let graph = graphs.entry(parent).or_default();
                graph.entry(from.clone()).or_default().insert(to.clone());
            }
        }
    }
    let found = graphs.iter().flat_map(|(parent, graph)| {
        let place = parent.join("/");
        circles_of(graph).into_iter().map(move |circle| format!("{place}: {circle}"))
    });
    found.collect()
}

/// `a -> b -> a` for each circle, from the least of its modules on.
fn circles_of(graph: &Graph) -> Vec<String> {
    let mut found = Vec::new();
    for start in graph.keys() {
        let mut way = vec![start.clone()];
        follow(graph, start, &mut way, &mut BTreeSet::new(), &mut found);
    }
    found
}

/// Looks for a way back to `start`, over modules behind it in the order of names.
fn follow(
    graph: &Graph,
    start: &str,
    way: &mut Vec<String>,
    seen: &mut BTreeSet<String>,
    found: &mut Vec<String>,
) {
    let Some(next) = way.last().and_then(|last| graph.get(last)) else { return };
    for module in next {
        if module == start && way.len() > 1 {
            found.push(format!("{} -> {start}", way.join(" -> ")));
        } else if module.as_str() > start && seen.insert(module.clone()) {
            way.push(module.clone());
            follow(graph, start, way, seen, found);
            way.pop();
        }
    }
}

/// `src` and `worker/src`.
fn package_of(path: &str) -> String {
    path.split_once("src/").map_or_else(String::new, |(before, _)| format!("{before}src"))
}
