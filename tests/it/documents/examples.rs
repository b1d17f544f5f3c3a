//! Commands and code in the documents.

use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;
use std::fs;

use audiopool::AudioProcessor;

use super::{blocks, documents, printed, read, root, walk, words};

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
fn the_documents_name_the_toolchain_and_the_pin() {
    let manifest = read("Cargo.toml");
    for (key, document) in [
        ("rust-version = \"", "README.md"),
        ("rust-version = \"", "docs/src/getting-started.md"),
        ("bincode = { version = \"", "docs/src/decisions.md"),
    ] {
        let (_, value) = manifest.split_once(key).unwrap();
        let value = value.split('"').next().unwrap();
        assert!(read(document).contains(value), "{document}: {key}{value}");
    }
}

#[test]
fn examples_print_what_the_documents_show() {
    let consoles: Vec<_> =
        documents().iter().flat_map(|document| blocks(&read(document), "console")).collect();
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
    let prefix = "cargo run --release -- analyze ";
    let shell = blocks(&readme, "sh");
    let patterns = shell.iter().find_map(|block| block.trim().strip_prefix(prefix)).unwrap();
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
fn commands_in_the_documents_have_options_that_exist() {
    let is_option = |c: char| c.is_ascii_alphanumeric() || c == '-';
    let mut known: BTreeMap<String, String> = BTreeMap::new();
    let mut commands = 0;
    for document in documents() {
        for block in blocks(&read(&document), "sh") {
            for line in block.lines() {
                let Some((_, command)) = line.split_once("audiopool ") else { continue };
                let name = command.split(' ').next().unwrap().to_owned();
                if !name.chars().all(|c| c.is_ascii_lowercase()) {
                    continue;
                }
                let help = known.entry(name.clone()).or_insert_with(|| printed(&[&name, "--help"]));
                for option in words(command, "--", is_option) {
                    assert!(words(help, "--", is_option).contains(option), "{document}: {line}");
                }
                commands += 1;
            }
        }
    }
    assert!(commands > 15, "{commands}");
}

#[test]
fn code_in_the_documents_is_code_that_is_compiled() {
    let flush = |text: &str| text.lines().map(str::trim).collect::<Vec<_>>().join("\n");
    let mut compiled = vec![flush(&read("tests/it/documents/examples.rs"))];
    for folder in ["examples", "pool/examples"] {
        let folder = root().join(folder);
        if folder.is_dir() {
            walk(&folder, &mut |path| compiled.push(flush(&fs::read_to_string(path).unwrap())));
        }
    }
    let code: Vec<_> =
        documents().iter().flat_map(|document| blocks(&read(document), "rust")).collect();
    assert!(code.len() >= 5);
    // A document may leave out what lies between two paragraphs.
    for paragraph in code.iter().flat_map(|block| block.split("\n\n")) {
        let found = compiled.iter().any(|source| source.contains(flush(paragraph).trim_end()));
        assert!(found, "in no source:\n{paragraph}");
    }
}

#[test]
fn the_processor_in_the_documents_does_what_they_say() -> Result<(), Box<dyn Error>> {
    // The recording is shorter than two chunks, so it is measured in this process.
    let recording = AudioProcessor::open("tests/data/speech-12000.flac")?;
    let peak = recording.max_dbfs()?; // about -1.32; None if every sample is zero
    let speech = recording.non_silence_seconds(-50.0)?; // 9.3

    assert!(peak.is_some_and(|peak| (peak + 1.32).abs() < 0.01), "{peak:?}");
    assert!((speech - 9.3).abs() < 1e-9, "{speech}");
    Ok(())
}
