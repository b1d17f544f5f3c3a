//! Names in ARCHITECTURE.md and CONTRIBUTING.md, and the length of what must stay short.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use super::{quoted, read, root, section, walk};

#[test]
fn every_name_in_the_architecture_is_in_the_sources() {
    let documents = [read("ARCHITECTURE.md"), read("CONTRIBUTING.md")];
    let folders = [
        "src",
        "pool",
        "worker",
        "pool/src",
        "pool/examples",
        "pool/tests",
        "tests/it",
        "examples",
        "scripts",
    ];
    let mut sources = read("Cargo.toml");
    for folder in folders.map(|folder| root().join(folder)) {
        if folder.is_dir() {
            // What is not text holds no names, and the names here prove nothing.
            walk(&folder, &mut |path| {
                if !path.to_string_lossy().contains("documents") {
                    sources.push_str(&fs::read_to_string(path).unwrap_or_default());
                }
            });
        }
    }
    let names: Vec<_> = documents.iter().flat_map(|document| quoted(document)).collect();
    assert!(names.len() > 80, "{}", names.len());
    for name in names {
        let name =
            if name.starts_with("scripts/") { name.split(' ').next().unwrap() } else { name };
        // What a command makes is not there before it has run.
        if name.starts_with("target/") {
            continue;
        }
        let is_path = name.contains('/')
            || Path::new(name)
                .extension()
                .is_some_and(|end| ["rs", "toml", "md", "json", "tsv"].iter().any(|&is| end == is));
        if is_path {
            assert!(root().join(name).exists(), "there is no `{name}`");
        } else if !name.starts_with("cargo ") {
            assert!(sources.contains(name), "`{name}` is nowhere in the sources");
        }
    }
}

#[test]
fn the_architecture_is_short_and_every_module_has_its_invariant() {
    let architecture = read("ARCHITECTURE.md");
    assert!(architecture.lines().count() <= 160);
    let map = section(&architecture, "Code map");
    let rooms: Vec<_> = map.split("\n\n").filter(|room| room.starts_with("**")).collect();
    assert!(rooms.len() > 15);
    for room in rooms {
        assert_eq!(room.matches("*Invariant:*").count(), 1, "{room}");
    }
    let told: BTreeSet<_> = quoted(map).into_iter().collect();
    for entry in fs::read_dir(root().join("src")).unwrap() {
        let path = entry.unwrap().path();
        let module = path.file_stem().unwrap().to_str().unwrap();
        let [file, folder] = [format!("src/{module}.rs"), format!("src/{module}/")];
        let is_told = told.contains(file.as_str()) || told.contains(folder.as_str());
        assert!(is_told || module == "lib", "the code map leaves out {file}");
    }
}

#[test]
fn the_readme_is_short_and_so_is_the_glossary() {
    assert!(read("README.md").lines().count() <= 200);
    let glossary = read("docs/src/glossary.md");
    let terms =
        glossary.lines().filter(|line| line.starts_with("| ") && !line.starts_with("| term"));
    assert!((40..=60).contains(&terms.count()));
}
