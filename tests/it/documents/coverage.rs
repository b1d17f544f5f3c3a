//! What must be documented: every fault, every variable, every kind of warning and error.

use std::collections::BTreeSet;
use std::fs;

use audiopool::record::{FAILURES, FailureKind, WARNINGS};

use super::{printed, quoted, read, root, rows, walk, words};

/// Variables of the build, of child processes, and of the faults of tests.
const NOT_FOR_USERS: [&str; 4] = [
    "AUDIOPOOL_BUILD_ID",
    "AUDIOPOOL_CHILD",
    "AUDIOPOOL_ROGUE_TARGET",
    "AUDIOPOOL_WORKER_BUILD_ID",
];

#[test]
fn every_row_of_the_fault_matrix_names_the_files_of_its_tests() {
    let table = rows(&read("docs/src/faults.md"), "row");
    let numbers: Vec<_> = table.iter().map(|row| row[0].clone()).collect();
    let expected: Vec<_> = (1..=41).map(|row| format!("F{row:02}")).collect();
    assert_eq!(numbers, expected);
    let mut tests = Vec::new();
    walk(&root().join("tests/it"), &mut |path| {
        let name = path.strip_prefix(root()).unwrap().to_str().unwrap().replace('\\', "/");
        let source = fs::read_to_string(path).unwrap_or_default();
        for function in source.split("#[test]\n").skip(1) {
            let function = function.split("fn ").nth(1).unwrap_or_default();
            let function = function.split('(').next().unwrap_or_default().to_owned();
            tests.push((name.clone(), function));
        }
    });
    for row in table {
        let of_row =
            |function: &str| function.split('_').take(2).any(|part| part == row[0].to_lowercase());
        let files: BTreeSet<_> = quoted(&row[3]).into_iter().map(str::to_owned).collect();
        let found: BTreeSet<_> = tests
            .iter()
            .filter(|(_, function)| of_row(function))
            .map(|(file, _)| file.clone())
            .collect();
        assert_eq!(files, found, "{}", row[0]);
    }
}

#[test]
fn every_variable_in_the_sources_is_documented() {
    let mut sources = String::new();
    for folder in ["src", "worker/src", "pool/src"] {
        let folder = root().join(folder);
        if folder.is_dir() {
            walk(&folder, &mut |path| {
                let source = fs::read_to_string(path).unwrap_or_default();
                sources.push_str(source.split("mod tests {").next().unwrap());
            });
        }
    }
    let is_variable = |c: char| c.is_ascii_uppercase() || c == '_';
    let quoted = sources.split('"').filter(|part| part.starts_with("AUDIOPOOL_"));
    let mut read: BTreeSet<_> =
        quoted.flat_map(|part| words(part, "AUDIOPOOL_", is_variable)).collect();
    read.retain(|name| !NOT_FOR_USERS.contains(name));
    let table = printed(&["reference", "variables"]);
    assert_eq!(words(&table, "AUDIOPOOL_", is_variable), read);
}

#[test]
fn every_kind_of_warning_and_error_is_in_the_list_of_its_kinds() {
    let warnings: BTreeSet<_> = WARNINGS.iter().map(ToString::to_string).collect();
    assert_eq!(variants("WarningKind"), warnings);
    let errors: BTreeSet<_> = FAILURES.iter().map(FailureKind::to_string).collect();
    let mut kinds = variants("FailureKind");
    kinds.extend(variants("DecodeErrorKind"));
    assert_eq!(kinds, errors);
}

#[test]
fn the_csv_header_is_documented() {
    let report =
        printed(&["analyze", "--format", "csv", "--metrics", "max_dbfs", "tests/data/empty.wav"]);
    let header = report.lines().next().unwrap();
    let (before, after) = header.split_once(",max_dbfs,").unwrap();
    let page = read("docs/src/records.md");
    assert!(quoted(&page).contains(&before), "{before}");
    assert!(quoted(&page).contains(&after), "{after}");
}

/// The variants of an enum that hold nothing, in snake case as reports write them.
#[track_caller]
fn variants(name: &str) -> BTreeSet<String> {
    let mut bodies = Vec::new();
    walk(&root().join("src"), &mut |path| {
        let source = fs::read_to_string(path).unwrap_or_default().replace("\r\n", "\n");
        if let Some((_, body)) = source.split_once(&format!("pub enum {name} {{\n")) {
            bodies.push(body.split("\n}").next().unwrap().to_owned());
        }
    });
    assert_eq!(bodies.len(), 1, "{name} is defined once");
    let names = bodies[0].lines().filter_map(|line| line.trim().strip_suffix(','));
    let plain = names.filter(|name| name.chars().all(char::is_alphanumeric));
    let snake = |name: &str| {
        let mut snake = String::new();
        for letter in name.chars() {
            if letter.is_uppercase() && !snake.is_empty() {
                snake.push('_');
            }
            snake.extend(letter.to_lowercase());
        }
        snake
    };
    let found: BTreeSet<_> = plain.map(snake).collect();
    assert!(found.len() > 3, "{name}: {found:?}");
    found
}
