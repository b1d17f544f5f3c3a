//! Retired words: phrases that readers had to read twice, and names that have a better word.
//!
//! The [glossary](../../../docs/src/glossary.md) has the words to use.

use std::fs;

use super::{documents, printed, read, root, walk};

/// Phrases that the documents, the help and the messages of the program do not use.
const RETIRED: [&str; 11] = [
    "whoever",
    "nobody",
    "somebody",
    "someone else",
    " he ",
    " his ",
    " him ",
    "to grief",
    "none of its business",
    "the books",
    "the street",
];

/// Names of types that have a better one now.
const RETIRED_NAMES: [&str; 6] = ["Street", "Guest", "Recipe", "Grounds", "Unsaved", "Undrawn"];

/// Commands whose help is read.
const COMMANDS: [&str; 11] = [
    "analyze",
    "merge",
    "replay",
    "serve",
    "formats",
    "metrics",
    "explain",
    "doctor",
    "selftest",
    "version",
    "completions",
];

#[test]
fn documents_use_no_retired_word() {
    let found: Vec<_> =
        documents().iter().flat_map(|document| retired(&read(document), document)).collect();
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn help_and_catalogue_use_no_retired_word() {
    let mut found = retired(&printed(&["--help"]), "--help");
    for command in COMMANDS {
        found.extend(retired(&printed(&[command, "--help"]), command));
    }
    found.extend(retired(&printed(&["explain", "all"]), "explain"));
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn sources_use_no_retired_word() {
    let mut found = Vec::new();
    for folder in ["src", "worker", "pool", "examples", "tests/it", "scripts"] {
        let folder = root().join(folder);
        if folder.is_dir() {
            walk(&folder, &mut |path| {
                let name = path.strip_prefix(root()).unwrap().to_string_lossy().into_owned();
                if !name.contains("documents") {
                    let text = fs::read_to_string(path).unwrap_or_default();
                    found.extend(retired(&text, &name));
                    let mut words = text.split(|c: char| !c.is_alphanumeric() && c != '_');
                    let is_source = path.extension().is_some_and(|extension| extension == "rs");
                    if is_source && let Some(word) = words.find(|w| RETIRED_NAMES.contains(w)) {
                        found.push(format!("{name}: `{word}`"));
                    }
                }
            });
        }
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
}

/// The lines with retired words, each with its place.
fn retired(text: &str, place: &str) -> Vec<String> {
    let lines = text.lines().enumerate();
    let hits = lines.filter_map(|(number, line)| {
        let padded = format!(" {} ", line.to_lowercase());
        let word = RETIRED.iter().find(|word| padded.contains(**word))?;
        Some(format!("{place}:{}: `{}`: {}", number + 1, word.trim(), line.trim()))
    });
    hits.collect()
}
