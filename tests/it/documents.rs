//! The documents say what the program does: their tables are generated, their commands run, their
//! names looked up in the sources, and their links followed.
//!
//! ```text
//!   generated     tables between markers equal what `audiopool reference` prints
//!   examples      commands and code are those that run and compile
//!   coverage      every fault, variable, warning and error is documented
//!   links         links and anchors lead somewhere; every page is in the summary
//!   architecture  names in ARCHITECTURE.md and CONTRIBUTING.md exist
//!   retired       words that readers had to read twice do not come back
//! ```

mod architecture;
mod coverage;
mod examples;
mod generated;
mod links;
mod retired;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use crate::program;

/// The documents that are not pages of the book.
const OUTSIDE_THE_BOOK: [&str; 5] =
    ["README.md", "ARCHITECTURE.md", "CHANGELOG.md", "CONTRIBUTING.md", "pool/README.md"];

/// The folder of the book.
const BOOK: &str = "docs/src";

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

#[track_caller]
fn read(name: &str) -> String {
    let text = fs::read_to_string(root().join(name));
    text.unwrap_or_else(|error| panic!("{name}: {error}")).replace("\r\n", "\n")
}

/// Every document, by its path from the root.
fn documents() -> Vec<String> {
    let mut found = OUTSIDE_THE_BOOK.map(str::to_owned).to_vec();
    found.extend(pages());
    found
}

/// The pages of the book, by their path from the root.
fn pages() -> Vec<String> {
    let mut found = Vec::new();
    walk(&root().join(BOOK), &mut |path| {
        if path.extension().is_some_and(|extension| extension == "md") {
            let name = path.strip_prefix(root()).unwrap().to_str().unwrap();
            found.push(name.replace('\\', "/"));
        }
    });
    found.sort();
    assert!(found.len() > 20, "{found:?}");
    found
}

/// Calls a function with every file below a folder.
fn walk(folder: &Path, each: &mut dyn FnMut(&Path)) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { walk(&path, each) } else { each(&path) }
    }
}

/// What the program prints.
fn printed(arguments: &[&str]) -> String {
    let output = program::audiopool().current_dir(root()).args(arguments).output().unwrap();
    String::from_utf8(output.stdout).unwrap().replace("\r\n", "\n")
}

/// The part of a document below a heading of the second level.
#[track_caller]
fn section<'a>(document: &'a str, heading: &str) -> &'a str {
    let (_, rest) = document
        .split_once(&format!("\n## {heading}\n"))
        .unwrap_or_else(|| panic!("no section `{heading}`"));
    rest.split("\n## ").next().unwrap()
}

/// The rows of the first table in a text whose header begins with this cell.
#[track_caller]
fn rows(text: &str, first: &str) -> Vec<Vec<String>> {
    let mut lines = text.lines().skip_while(|line| !line.starts_with(&format!("| {first} |")));
    let cells = |line: &str| {
        let line = line.replace("\\|", "\u{0}");
        let cells = line.trim_matches('|').split('|');
        cells.map(|cell| cell.trim().replace('\u{0}', "|")).collect::<Vec<_>>()
    };
    assert!(lines.next().is_some(), "no table of `{first}`");
    let body = lines.skip(1).take_while(|line| line.starts_with('|'));
    let rows: Vec<_> = body.map(cells).collect();
    assert!(!rows.is_empty(), "an empty table of `{first}`");
    rows
}

/// The fenced blocks of a language.
fn blocks(document: &str, language: &str) -> Vec<String> {
    let opening = format!("```{language}\n");
    let parts = document.split(&opening).skip(1);
    parts.map(|part| part.split("```").next().unwrap().to_owned()).collect()
}

/// What stands between backticks, outside of fenced blocks.
fn quoted(text: &str) -> Vec<&str> {
    let prose = text.split("```").step_by(2);
    prose.flat_map(|prose| prose.split('`').skip(1).step_by(2)).collect()
}

/// Words made of these characters that begin with a prefix and are longer than it.
fn words<'a>(text: &'a str, beginning: &str, letter: fn(char) -> bool) -> BTreeSet<&'a str> {
    let words = text.split(|c| !letter(c));
    words.filter(|word| word.starts_with(beginning) && *word != beginning).collect()
}
