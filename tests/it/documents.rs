//! The documents say what the program does: their commands are run, their tables compared with
//! what it prints, their names looked up in the sources, their links followed.
//!
//! Prose can still be wrong; what can be checked is.

use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};

use audiopool::AudioProcessor;
use audiopool::record::{FAILURES, FailureKind, WARNINGS};
use serde_json::Value;

use crate::program;

const DOCUMENTS: [&str; 3] = ["README.md", "ARCHITECTURE.md", "CHANGELOG.md"];

/// Variables that the program reads and that belong to no flag.
const VARIABLES_WITHOUT_FLAG: [&str; 3] =
    ["AUDIOPOOL_FFMPEG", "AUDIOPOOL_LOG", "AUDIOPOOL_TRANSPORT"];

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

#[track_caller]
fn read(name: &str) -> String {
    fs::read_to_string(root().join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// What the program prints.
fn printed(arguments: &[&str]) -> String {
    let output = program::audiopool().current_dir(root()).args(arguments).output().unwrap();
    String::from_utf8(output.stdout).unwrap()
}

/// A catalogue of the program, as JSON.
fn catalogue(name: &str) -> Vec<Value> {
    serde_json::from_str(&printed(&[name, "--format", "json"])).unwrap()
}

/// The part of a document below a heading of the second level.
#[track_caller]
fn section<'a>(document: &'a str, heading: &str) -> &'a str {
    let (_, rest) = document
        .split_once(&format!("\n## {heading}\n"))
        .unwrap_or_else(|| panic!("no section `{heading}`"));
    rest.split("\n## ").next().unwrap()
}

/// The rows of the tables in a text that follow a header with this first cell.
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

/// Words made of these characters and beginning like that.
fn words<'a>(text: &'a str, beginning: &str, letter: fn(char) -> bool) -> BTreeSet<&'a str> {
    let words = text.split(|c| !letter(c));
    words.filter(|word| word.starts_with(beginning) && *word != beginning).collect()
}

#[test]
fn the_readme_names_the_test_command_that_is_checked() {
    let check = read("scripts/ci/check");
    let step = check.lines().find_map(|line| line.strip_prefix("step_test() { limited ")).unwrap();
    let command = step.strip_suffix("; }").unwrap();
    let shell = blocks(&read("README.md"), "sh");
    assert!(shell.contains(&format!("{command}\n")), "{command}: {shell:?}");
    assert!(read(".ci/run").contains("scripts/ci/check"));
}

#[test]
fn the_readme_names_the_toolchain_and_the_pin() {
    let (manifest, readme) = (read("Cargo.toml"), read("README.md"));
    for key in ["rust-version = \"", "bincode = { version = \""] {
        let (_, value) = manifest.split_once(key).unwrap();
        let value = value.split('"').next().unwrap();
        assert!(readme.contains(value), "{key}{value}");
    }
}

#[test]
fn examples_print_what_the_readme_shows() {
    let consoles = blocks(&read("README.md"), "console");
    assert!(consoles.len() >= 2);
    for console in consoles {
        let (command, shown) = console.split_once('\n').unwrap();
        let words: Vec<_> = command.split(' ').collect();
        let ["$", "audiopool", arguments @ ..] = words.as_slice() else {
            panic!("`{command}` is not of audiopool");
        };
        // The closing line says how long it took.
        let timeless = |text: &str| {
            let line = |line: &str| line.split(" of audio in ").next().unwrap().to_owned();
            text.lines().map(line).collect::<Vec<_>>()
        };
        assert_eq!(timeless(&printed(arguments)), timeless(shown), "{command}");
    }
}

#[test]
fn the_command_for_a_fresh_machine_succeeds_without_ffmpeg() {
    let readme = read("README.md");
    let first = blocks(&readme, "sh").remove(0);
    let patterns = first.trim().strip_prefix("cargo run --release -- analyze ").unwrap();
    let mut files = BTreeSet::new();
    for pattern in patterns.split(' ') {
        let (folder, extension) = pattern.split_once("/*.").unwrap();
        for entry in fs::read_dir(root().join(folder)).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_some_and(|found| found == extension) {
                files.insert(path);
            }
        }
    }
    assert!(files.len() > 20, "{files:?}");
    let mut command = assert_cmd::cargo::cargo_bin_cmd!("audiopool");
    command.env("AUDIOPOOL_FFMPEG", "").arg("analyze").args(files).assert().success();
}

#[test]
fn the_readme_lists_every_flag_and_no_other() {
    let readme = read("README.md");
    let help = printed(&["analyze", "--help"]);
    let is_flag = |c: char| c.is_ascii_alphanumeric() || c == '-';
    let mut flags = BTreeMap::new();
    let mut current = Vec::new();
    for line in help.lines() {
        if line.trim_start().starts_with('-') && !line.trim_start().starts_with("- ") {
            current = words(line.split('<').next().unwrap(), "-", is_flag).into_iter().collect();
        }
        for &flag in &current {
            flags.entry(flag).or_insert_with(String::new).push_str(line);
        }
    }
    let mut listed = BTreeSet::new();
    for row in rows(section(&readme, "The command"), "option") {
        let names = words(&row[0], "-", is_flag);
        for name in &names {
            let help = flags.get(name).unwrap_or_else(|| panic!("{name} is no flag"));
            // A default in prose is derived; one in backticks is a value.
            if let Some(value) = quoted(&row[1]).first() {
                assert!(help.contains(&format!("[default: {value}]")), "{name}: {value}");
            }
        }
        listed.extend(names.into_iter().map(str::to_owned));
    }
    let known: BTreeSet<_> = flags.keys().map(|&flag| flag.to_owned()).collect();
    assert_eq!(listed, known);

    let is_variable = |c: char| c.is_ascii_uppercase() || c == '_';
    let told = words(&readme, "AUDIOPOOL_", is_variable);
    let mut read = words(&help, "AUDIOPOOL_", is_variable);
    read.extend(VARIABLES_WITHOUT_FLAG);
    assert_eq!(told, read);
}

#[test]
fn the_readme_lists_every_flag_of_the_page_and_no_other() {
    let is_flag = |c: char| c.is_ascii_lowercase() || c == '-';
    let help = printed(&["serve", "--help"]);
    let (_, own) = help.split_once("\nOptions:\n").unwrap();
    let own = own.split("\nMessages:").next().unwrap();
    let lines = own.lines().filter(|line| line.trim_start().starts_with('-'));
    let mut known: BTreeSet<_> = lines.flat_map(|line| words(line, "--", is_flag)).collect();
    assert!(known.remove("--help") && known.remove("--version"), "{known:?}");
    let readme = read("README.md");
    let table = rows(section(&readme, "The page"), "option");
    let listed: BTreeSet<_> = table.iter().flat_map(|row| words(&row[0], "--", is_flag)).collect();
    assert_eq!(listed, known);
}

#[test]
fn the_readme_lists_every_exit_code_as_help_does() {
    let help = printed(&["analyze", "--help"]);
    let (_, codes) = help.split_once("Exit codes:\n").unwrap();
    let of_help: Vec<_> = codes.lines().filter_map(|line| line.trim().split_once("  ")).collect();
    assert!(of_help.len() > 8, "{codes}");
    let readme = read("README.md");
    let table = rows(section(&readme, "Exit codes"), "code");
    let listed: Vec<_> = table.iter().map(|row| (row[0].as_str(), row[1].as_str())).collect();
    assert_eq!(listed, of_help);
}

#[test]
fn the_readme_lists_every_metric_in_order() {
    let of_program: Vec<_> = catalogue("metrics")
        .iter()
        .map(|metric| ["key", "unit"].map(|name| metric[name].as_str().unwrap().to_owned()))
        .collect();
    let readme = read("README.md");
    let table = rows(section(&readme, "Metrics"), "key");
    let listed: Vec<_> =
        table.iter().map(|row| [row[0].trim_matches('`').to_owned(), row[1].clone()]).collect();
    assert_eq!(listed, of_program);
}

#[test]
fn the_readme_lists_every_format_in_order() {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let of_program: Vec<_> = catalogue("formats")
        .iter()
        .map(|row| {
            let extensions = row["extensions"].as_array().unwrap();
            let extensions: Vec<_> = extensions.iter().map(text).collect();
            vec![
                text(&row["name"]),
                extensions.join(" "),
                text(&row["decoding"]),
                text(&row["codecs"]),
            ]
        })
        .collect();
    assert_eq!(rows(section(&read("README.md"), "Formats"), "format"), of_program);
}

#[test]
fn the_readme_lists_every_kind_of_warning_and_error() {
    let readme = read("README.md");
    let listed = |first: &str| -> BTreeSet<String> {
        let table = rows(section(&readme, "Records"), first);
        table.iter().flat_map(|row| quoted(&row[0])).map(str::to_owned).collect()
    };
    let kinds = |file: &str, name: &str| variants(&read(file), name);
    assert_eq!(listed("kind of warning"), kinds("src/record.rs", "WarningKind"));
    let mut errors = kinds("src/record/failure.rs", "FailureKind");
    errors.extend(kinds("src/record/source.rs", "DecodeErrorKind"));
    assert_eq!(listed("kind of error"), errors);
    // And each has its plain words.
    let strings = |kinds: &[FailureKind]| kinds.iter().map(ToString::to_string).collect();
    assert_eq!(errors, strings(&FAILURES));
    let worded: BTreeSet<_> = WARNINGS.iter().map(ToString::to_string).collect();
    assert_eq!(listed("kind of warning"), worded);
}

/// The variants of an enum that hold nothing, in snake case as reports write them.
#[track_caller]
fn variants(source: &str, name: &str) -> BTreeSet<String> {
    let (_, body) = source.split_once(&format!("pub enum {name} {{\n")).unwrap();
    let body = body.split("\n}").next().unwrap();
    let names = body.lines().filter_map(|line| line.trim().strip_suffix(','));
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

#[test]
fn the_csv_header_is_the_one_in_the_readme() {
    let report =
        printed(&["analyze", "--format", "csv", "--metrics", "max_dbfs", "tests/data/empty.wav"]);
    let header = report.lines().next().unwrap();
    let (before, after) = header.split_once(",max_dbfs,").unwrap();
    let readme = read("README.md");
    assert!(quoted(&readme).contains(&before), "{before}");
    assert!(quoted(&readme).contains(&after), "{after}");
}

#[test]
fn code_in_the_readme_is_code_that_is_compiled() {
    let flush = |text: &str| text.lines().map(str::trim).collect::<Vec<_>>().join("\n");
    let sources = ["examples/my_metric.rs", "examples/own_worker.rs", "tests/it/documents.rs"];
    let compiled = sources.map(|name| flush(&read(name)));
    let readme = blocks(&read("README.md"), "rust");
    assert_eq!(readme.len(), 5);
    // The README may leave out what lies between two paragraphs.
    for paragraph in readme.iter().flat_map(|block| block.split("\n\n")) {
        let found = compiled.iter().any(|source| source.contains(flush(paragraph).trim_end()));
        assert!(found, "in no source:\n{paragraph}");
    }
}

#[test]
fn the_processor_in_the_readme_does_what_it_says() -> Result<(), Box<dyn Error>> {
    // The recording is shorter than two chunks, so it is measured in this process.
    let recording = AudioProcessor::open("tests/data/speech-12000.flac")?;
    let peak = recording.max_dbfs()?; // about -1.32; None if every sample is zero
    let speech = recording.non_silence_seconds(-50.0)?; // 9.3

    assert!(peak.is_some_and(|peak| (peak + 1.32).abs() < 0.01), "{peak:?}");
    assert!((speech - 9.3).abs() < 1e-9, "{speech}");
    Ok(())
}

#[test]
fn every_name_in_the_architecture_is_in_the_sources() {
    let architecture = read("ARCHITECTURE.md");
    let folders = ["src", "worker/src", "worker/examples", "tests/it", "examples", "scripts"];
    let mut sources = read("Cargo.toml");
    for folder in folders {
        gather(&root().join(folder), &mut sources);
    }
    let names = quoted(&architecture);
    assert!(names.len() > 80, "{}", names.len());
    for name in names {
        let is_path = name.contains('/')
            || name
                .rsplit_once('.')
                .is_some_and(|(_, end)| ["rs", "toml", "md", "json", "tsv"].contains(&end));
        if is_path {
            assert!(root().join(name).exists(), "there is no `{name}`");
        } else if !name.starts_with("cargo ") {
            assert!(sources.contains(name), "`{name}` is nowhere in the sources");
        }
    }
}

/// All text files of a folder but this one, whose own words prove nothing.
fn gather(folder: &Path, text: &mut String) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            gather(&path, text);
        } else if !path.ends_with("tests/it/documents.rs") {
            // What is not text holds no names.
            text.push_str(&fs::read_to_string(&path).unwrap_or_default());
        }
    }
}

#[test]
fn the_architecture_is_short_and_every_module_has_its_invariant() {
    let architecture = read("ARCHITECTURE.md");
    assert!(architecture.lines().count() <= 200);
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
fn links_between_documents_lead_somewhere() {
    for document in DOCUMENTS {
        let text = read(document);
        let prose: String = text.split("```").step_by(2).collect();
        let targets = prose.split("](").skip(1).map(|rest| rest.split(')').next().unwrap());
        for target in targets.filter(|target| !target.starts_with("http")) {
            let (path, anchor) = target.split_once('#').unwrap_or((target, ""));
            let name = if path.is_empty() { document } else { path };
            assert!(root().join(name).exists(), "{document}: {target}");
            if !anchor.is_empty() {
                assert!(anchors(&read(name)).contains(anchor), "{document}: {target}");
            }
        }
    }
}

/// The headings as links name them.
fn anchors(text: &str) -> BTreeSet<String> {
    let headings = text.lines().filter(|line| line.starts_with('#'));
    let anchor = |line: &str| {
        let title = line.trim_start_matches('#').trim().to_lowercase().replace(' ', "-");
        title.chars().filter(|&c| c.is_alphanumeric() || c == '-').collect()
    };
    headings.map(anchor).collect()
}
