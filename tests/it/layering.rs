//! The layers and the tidiness of the sources, as tests.
//!
//! ```text
//!   surfaces     cli  web
//!   processes    pipeline  decoder  role  segment  pattern  processor  selftest  doctor
//!   stations     plan  decode  chunk  merge  report           none names another
//!   vocabulary   record  settings  event  threads  interrupt  whole  build_id
//! ```
//!
//! Below these lie two packages of their own, `audiopool-worker` and `procpool`; that they know
//! nothing of what is above them is for Cargo to see to.
//!
//! Imports run downwards, so a station can be read, tested and replaced alone. Every external crate
//! has one home, so that it can be too. `lib.rs` and `main.rs` stand outside: they join it all.
//! Where a rule must yield, the tables below say so with a reason; nothing is switched off in the
//! sources themselves. Unit tests may use any crate, but keep to the layers: what needs two
//! stations is an integration test.

mod circles;
mod manifest;
mod planted;
mod rows;
mod source;
mod words;

use std::path::{Path, PathBuf};
use std::{env, fs};

use manifest::dependencies;
use source::{SourceFile, module_of};

/// Modules at the top of `src/`; a module names those of the layers before its own, and itself.
const LAYERS: [(&str, &[&str]); 4] = [
    (
        "vocabulary",
        &["record", "settings", "event", "threads", "interrupt", "atomic_file", "build_id"],
    ),
    ("station", &["plan", "decode", "chunk", "merge", "report"]),
    (
        "processes",
        &["pipeline", "decoder", "role", "segment", "pattern", "processor", "selftest", "doctor"],
    ),
    ("surface", &["cli", "web"]),
];

/// The one layer whose modules do not name each other.
const STATION: &str = "station";

/// What a module may name against the layers: module, path, reason.
const EXCEPTIONS: &[(&str, &str, &str)] = &[
    ("atomic_file", "decode::medium_in", "what no report may replace is known by its first bytes"),
    ("plan", "decode::EXTENSIONS", "which names are audio is known where it is decoded"),
];

/// Where an external crate may be named.
enum Home {
    /// Files, or folders with all that is in them.
    In(&'static [&'static str]),
    /// In all packages.
    Everywhere,
    /// In tests, examples and benches alone.
    Tests,
}

/// Every dependency of the three packages.
const HOMES: &[(&str, Home)] = &[
    ("assert_cmd", Home::Tests),
    ("audiopool_worker", Home::In(&["src", "worker/src/main.rs"])),
    ("axum", Home::In(&["src/web"])),
    ("bincode", Home::In(&["pool/src/contract/codec.rs"])),
    ("bytemuck", Home::In(&["worker/src/pcm", "worker/src/analyze", "src/decode"])),
    ("clap", Home::In(&["src/cli"])),
    ("clap_complete", Home::In(&["src/cli"])),
    ("clap_mangen", Home::In(&["src/cli"])),
    ("command_fds", Home::In(&["pool/src/parent"])),
    ("crc32fast", Home::In(&["pool/src", "pool/build.rs", "worker/build.rs", "build.rs"])),
    ("criterion", Home::Tests),
    ("csv", Home::In(&["src/report"])),
    ("futures_util", Home::In(&["src/web"])),
    ("getrandom", Home::In(&["src/web"])),
    ("hyper", Home::In(&["src/web"])),
    ("hyper_util", Home::In(&["src/web"])),
    ("indexmap", Home::In(&["src/record"])),
    ("indicatif", Home::In(&["src/report"])),
    ("ipc_channel", Home::In(&["pool/src/contract/channel", "pool/src/contract/slots/portable"])),
    ("landlock", Home::In(&["pool/src/child/confine"])),
    ("lewton", Home::In(&["src/decode/codec/vorbis"])),
    ("libm", Home::In(&["worker/src/decibels", "worker/src/mathematics"])), // the same bits on every system
    ("memchr", Home::In(&["src/decode"])),
    ("memmap2", Home::In(&["pool/src/contract/slots"])),
    ("miniz_oxide", Home::In(&["src/decode"])),
    ("multiversion", Home::In(&["worker/src/analyze", "worker/src/pcm"])),
    ("nanomp3_core", Home::In(&["src/decode/codec"])),
    ("nix", Home::In(&["pool/src"])),
    ("num_cpus", Home::In(&["src/threads"])),
    ("open_in_browser", Home::In(&["src/cli"])),
    ("opus_pure", Home::In(&["src/decode/codec/opus"])),
    ("percent_encoding", Home::In(&["src/record"])),
    ("ebur128", Home::Tests),
    ("procpool", Home::In(&["src", "worker/src"])),
    ("proptest", Home::Tests),
    ("proptest_state_machine", Home::Tests),
    ("rustix", Home::In(&["pool/src/contract/channel", "pool/src/child/chaos"])),
    ("rusty_aac", Home::In(&["src/decode/codec"])),
    ("schemars", Home::In(&["src/record"])),
    ("seccompiler", Home::In(&["pool/src/child/confine"])),
    ("serde", Home::Everywhere), // derives of what crosses a process or is reported
    (
        "serde_json",
        Home::In(&["src/record", "src/report", "src/cli", "src/web", "src/decode/fallback"]),
    ),
    ("shuttle", Home::Tests),
    ("signal_hook", Home::In(&["src/interrupt"])),
    ("strsim", Home::In(&["src/settings"])),
    ("symphonia", Home::In(&["src/decode"])),
    ("tempfile", Home::In(&["src/atomic_file", "src/web", "src/cli"])),
    ("thiserror", Home::Everywhere), // derives of each station's own error
    ("tokio", Home::In(&["src/web"])), // the pool and the pipeline know no async runtime
    ("tower", Home::Tests),
    ("tower_http", Home::In(&["src/web"])),
    ("tracing", Home::Everywhere), // spans and events belong where things happen
    ("tracing_subscriber", Home::In(&["src/cli", "pool/src/child/log"])),
    ("utoipa", Home::In(&["src/web"])),
    ("utoipa_axum", Home::In(&["src/web"])),
    ("walkdir", Home::In(&["src/plan"])),
    ("windows_sys", Home::In(&["pool/src/contract/windows"])),
];

/// A file beyond this is two ideas.
const MOST_LINES: usize = 450;

/// Names that say nothing, and so collect everything.
const DRAWERS: &[&str] = &["util", "utils", "helper", "helpers", "common", "misc", "types"];

#[test]
fn imports_run_down_the_layers() {
    hold(&against_the_layers(&sources()));
}

#[test]
fn every_external_crate_has_one_home() {
    let manifests =
        ["Cargo.toml", "pool/Cargo.toml", "worker/Cargo.toml"].map(|name| read(&root().join(name)));
    hold(&homeless(&manifests));
    hold(&away_from_home(&sources()));
}

#[test]
fn the_sources_are_tidy() {
    hold(&untidy(&sources()));
}

#[test]
fn f39_only_monotonic_clocks_are_used() {
    hold(&dated(&sources()));
}

/// Product code that asks for the time of day, which may jump.
fn dated(files: &[SourceFile]) -> Vec<String> {
    let clocks = ["SystemTime", "UNIX_EPOCH", "CLOCK_REALTIME", "Utc", "Local"];
    let product = files.iter().filter(|file| is_product(file, files));
    let named = product.flat_map(|file| {
        let names = file.names().into_iter().filter(|named| !named.in_tests);
        let dated = names.filter(|named| named.segments.iter().any(|one| clocks.contains(&&**one)));
        dated.map(|named| {
            format!("{}:{}: names {}", file.path, named.line, named.segments.join("::"))
        })
    });
    named.collect()
}

/// Modules and paths that break the order of [`LAYERS`].
fn against_the_layers(files: &[SourceFile]) -> Vec<String> {
    let mut found = Vec::new();
    for file in files.iter().filter(|file| file.path.starts_with("src/")) {
        let Some(module) = module_of(&file.path).into_iter().next() else { continue };
        let Some((rank, layer)) = layer_of(&module) else {
            found.push(format!("{}: module `{module}` has no place in LAYERS", file.path));
            continue;
        };
        for named in file.names() {
            let Some(path) = of_this_package(&named.segments) else { continue };
            let Some(other) = path.first().filter(|other| **other != module) else { continue };
            let allowed = match layer_of(other) {
                Some((other, _)) => other < rank || other == rank && layer != STATION,
                // An item of lib.rs, which joins all layers.
                None => rank > 1,
            };
            let path = path.join("::");
            let excepted = EXCEPTIONS.iter().any(|(from, to, _)| {
                *from == module && (path == *to || path.starts_with(&format!("{to}::")))
            });
            if !allowed && !excepted {
                found
                    .push(format!("{}:{}: {layer} `{module}` names {path}", file.path, named.line));
            }
        }
    }
    found
}

/// Dependencies that [`HOMES`] does not know, and rows that no manifest asks for.
fn homeless(manifests: &[String]) -> Vec<String> {
    let wanted: Vec<_> = manifests.iter().flat_map(|manifest| dependencies(manifest)).collect();
    let unknown = wanted
        .iter()
        .filter(|one| HOMES.iter().all(|(name, _)| *name != one.name))
        .map(|one| format!("dependency `{}` has no home in HOMES", one.name));
    let stale = HOMES
        .iter()
        .filter(|(name, _)| wanted.iter().all(|one| one.name != *name))
        .map(|(name, _)| format!("HOMES lists `{name}`, on which nothing depends"));
    let tests_only = HOMES
        .iter()
        .filter(|(_, home)| matches!(home, Home::Tests))
        .filter(|(name, _)| wanted.iter().any(|one| one.name == *name && !one.dev))
        .map(|(name, _)| format!("`{name}` is for tests, but no development dependency"));
    unknown.chain(stale).chain(tests_only).collect()
}

/// Product code that names an external crate outside its home.
fn away_from_home(files: &[SourceFile]) -> Vec<String> {
    let mut found = Vec::new();
    for file in files.iter().filter(|file| is_product(file, files)) {
        for named in file.names().iter().filter(|named| !named.in_tests) {
            let Some((name, home)) = HOMES.iter().find(|(name, _)| named.segments[0] == *name)
            else {
                continue;
            };
            let at_home = match home {
                Home::In(places) => places.iter().any(|place| lies_in(&file.path, place)),
                Home::Everywhere => true,
                Home::Tests => false,
            };
            if !at_home {
                found.push(format!("{}:{}: names {name} outside its home", file.path, named.line));
            }
        }
    }
    found
}

/// Files too long, modules without a meaning, and what was left for later.
fn untidy(files: &[SourceFile]) -> Vec<String> {
    let mut found = Vec::new();
    for file in files {
        let path = &file.path;
        if is_product(file, files) && file.lines > MOST_LINES {
            found.push(format!("{path}: {} lines; at most {MOST_LINES}", file.lines));
        }
        for module in file.modules().iter().filter(|module| DRAWERS.contains(&module.as_str())) {
            found.push(format!("{path}: a module named `{module}` says nothing"));
        }
        for (name, line) in file.macro_calls(&["todo", "unimplemented", "dbg"]) {
            found.push(format!("{path}:{line}: {name}"));
        }
        let ignored = file.attributes_with("ignore").into_iter();
        for line in ignored.chain(file.ignored_doc_tests.iter().copied()) {
            found.push(format!("{path}:{line}: an ignored test"));
        }
    }
    found
}

fn layer_of(module: &str) -> Option<(usize, &'static str)> {
    let rank = LAYERS.iter().position(|(_, modules)| modules.contains(&module))?;
    Some((rank, LAYERS[rank].0))
}

/// The path from this package's root, for `crate::…` and `audiopool::…`.
fn of_this_package(segments: &[String]) -> Option<&[String]> {
    let (root, path) = segments.split_first()?;
    ["crate", "audiopool"].contains(&root.as_str()).then_some(path)
}

/// Whether a file is `place`, lies in that folder, or is the module of that name.
fn lies_in(path: &str, place: &str) -> bool {
    path.strip_prefix(place)
        .is_some_and(|rest| ["", ".rs"].contains(&rest) || rest.starts_with('/'))
}

/// Whether a file is part of the programs and libraries, not a test or example of them.
fn is_product(file: &SourceFile, files: &[SourceFile]) -> bool {
    ["src/", "build.rs", "pool/src/", "pool/build.rs", "worker/src/", "worker/build.rs"]
        .iter()
        .any(|place| file.path.starts_with(place))
        && !files.iter().any(|other| other.declares_for_tests(&file.path))
}

/// Every Rust file of the three packages.
fn sources() -> Vec<SourceFile> {
    let mut paths = Vec::new();
    for place in ["src", "tests", "examples", "pool", "worker"] {
        collect(&root().join(place), &mut paths);
    }
    let files: Vec<SourceFile> = paths
        .iter()
        .map(|path| {
            let inside = path.strip_prefix(root()).expect("it was found below the root");
            let parts: Vec<_> = inside.iter().map(|part| part.to_string_lossy()).collect();
            SourceFile::new(&parts.join("/"), &read(path))
        })
        .collect();
    for known in ["src/lib.rs", "src/main.rs", "pool/src/lib.rs", "worker/src/lib.rs"] {
        assert!(files.iter().any(|file| file.path == known), "{known} was not found");
    }
    files
}

fn collect(folder: &Path, found: &mut Vec<PathBuf>) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries {
        let path = entry.expect("a listed folder can be read").path();
        let name = path.file_name().expect("an entry has a name");
        if path.is_dir() && name != "target" && name != "data" {
            collect(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

#[track_caller]
fn hold(violations: &[String]) {
    assert!(violations.is_empty(), "\n{}", violations.join("\n"));
}
