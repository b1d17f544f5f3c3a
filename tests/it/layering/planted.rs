//! Each rule finds what it is there to find, and nothing beside it.

use super::{HOMES, Home, SourceFile};

#[track_caller]
fn check(rule: fn(&[SourceFile]) -> Vec<String>, path: &str, text: &str, finds: &[&str]) {
    let found = rule(&[SourceFile::new(path, text)]);
    assert_eq!(found.len(), finds.len(), "{found:?}");
    for (one, wanted) in found.iter().zip(finds) {
        assert!(one.starts_with(path) && one.contains(wanted), "{one} lacks {wanted}");
    }
}

#[test]
fn a_station_that_names_another() {
    let layers = |path, text, finds| check(super::against_the_layers, path, text, finds);
    layers("src/report/text.rs", "\nuse crate::decode::Source;", &[":2: station `report`"]);
    layers("src/report.rs", "use crate::{record, merge::{self, Fold}};", &["merge", "merge::"]);
    layers("src/plan.rs", "fn f() { super::chunk::cut() }", &["names chunk::cut"]);
    layers("src/report/mod.rs", "use audiopool::merge;", &["names merge"]);
    layers("src/chunk.rs", "use crate::pipeline::run;", &["names pipeline::run"]);
    layers("src/chunk.rs", "use crate::Reexported;", &["names Reexported"]);
    layers("src/chunk.rs", "use super::*;", &["names *"]);
    layers("src/merge/a.rs", "#[cfg(test)] mod t { use crate::plan::Plan; }", &["names plan"]);
    layers("src/plan.rs", "use crate::decode::{EXTENSIONS, Source};", &["decode::Source"]);
    layers("src/report/a.rs", "use crate::record::Record; use super::b; // crate::plan", &[]);
    layers("src/plan.rs", "mod tests { use super::*; } use audiopool_worker::pcm;", &[]);
}

#[test]
fn a_lower_layer_that_names_a_higher_one() {
    let layers = |path, text, finds| check(super::against_the_layers, path, text, finds);
    layers("src/settings.rs", "use crate::plan::Job;", &["vocabulary `settings` names plan"]);
    layers("src/atomic_file/a.rs", "use crate::decode::{medium_in, Source};", &["::Source"]);
    layers("src/pipeline.rs", "use crate::{plan, merge, cli::Args};", &["names cli::Args"]);
    layers("src/atomic_file.rs", "fn f() { crate::decode::medium_in() }", &[]);
    layers("src/atomic_file.rs", "use crate::decode::medium_inside;", &["medium_inside"]);
    layers("src/event.rs", "use crate::record::Record;", &[]);
    layers("src/web/mod.rs", "use crate::{cli, pipeline, plan, run};", &[]);
    layers("src/lib.rs", "pub mod cli; pub use cli::run; use crate::plan::Plan;", &[]);
    layers("src/drawer.rs", "", &["`drawer` has no place"]);
}

#[test]
fn a_crate_with_two_homes() {
    let homes = |path, text, finds| check(super::away_from_home, path, text, finds);
    homes("src/report/a.rs", "use symphonia::core;", &[":1: names symphonia outside"]);
    homes("src/decoder.rs", "fn f() { symphonia::core::f() }", &["names symphonia"]);
    homes("pool/src/contract/codec/other.rs", "use bincode as b;", &["names bincode"]);
    homes("src/plan.rs", "use {walkdir::WalkDir, csv::Writer};", &["names csv"]);
    homes("worker/src/a.rs", "use proptest::prelude::*;", &["names proptest"]);
    homes("src/plan.rs", "use walkdir::WalkDir; use serde::Serialize; use std::fs;", &[]);
    homes("src/decode/a/b.rs", "use symphonia::core;", &[]);
    homes("src/chunk.rs", "#[cfg(test)] mod tests { use proptest::prelude::*; }", &[]);
    homes("tests/it/cli.rs", "use serde_json::Value;", &[]);
    homes("src/chunk.rs", "use crate::csv::a; let csv = symphonia.b(); // csv::c", &[]);
}

#[test]
fn a_dependency_without_a_home() {
    let all = HOMES.iter().map(|(name, home)| match home {
        Home::Tests => format!("[dev-dependencies]\n{name} = \"1\"\n"),
        _ => format!("[dependencies]\n{name}.workspace = true\n"),
    });
    let all: String = all.collect();
    assert!(super::homeless(std::slice::from_ref(&all)).is_empty());
    let more = "[target.'cfg(unix)'.dependencies]\nleft-pad = \"1\"".to_owned();
    assert_eq!(
        super::homeless(&[all.clone(), more]),
        ["dependency `left_pad` has no home in HOMES"]
    );
    let fewer = all.replace("walkdir", "serde");
    assert_eq!(super::homeless(&[fewer]), ["HOMES lists `walkdir`, on which nothing depends"]);
    let shipped = all.replace("dev-dependencies", "dependencies");
    let tests_only = HOMES.iter().filter(|(_, home)| matches!(home, Home::Tests)).count();
    assert_eq!(super::homeless(&[shipped]).len(), tests_only);
}

#[test]
fn a_clock_that_may_jump() {
    let dated = |path, text, finds| check(super::dated, path, text, finds);
    dated("pool/src/a.rs", "use std::time::{Duration, SystemTime};", &["names std::time::System"]);
    dated("worker/src/a.rs", "\nfn f() { std::time::UNIX_EPOCH.elapsed() }", &[":2: names std"]);
    dated("pool/src/a.rs", "use std::time::Instant; // SystemTime", &[]);
    dated("tests/it/a.rs", "use std::time::SystemTime;", &[]);
}

#[test]
fn what_is_untidy() {
    let tidy = |path, text: &str, finds| check(super::untidy, path, text, finds);
    tidy("src/a.rs", &"\n".repeat(451), &["451 lines"]);
    tidy("src/a.rs", &"\n".repeat(450), &[]);
    tidy("src/a.rs", &format!("#[cfg(test)] mod tests {{{}}}", "\n".repeat(451)), &[]);
    tidy("tests/it/a.rs", &"\n".repeat(451), &[]);
    tidy("pool/src/utils.rs", "", &["named `utils`"]);
    tidy("worker/src/common/mod.rs", "mod helpers;", &["`common`", "`helpers`"]);
    tidy("worker/src/a.rs", "\nfn f() { todo!() }", &[":2: todo!"]);
    tidy("tests/it/a.rs", "fn f() { dbg!(1); std::unimplemented![] }", &["dbg!", "unimpl"]);
    tidy("tests/it/a.rs", "\n#[test] #[ignore = \"slow\"] fn f() {}", &[":2: an ignored"]);
    tidy("src/a.rs", "#[cfg_attr(windows, ignore)] fn f() {}", &["an ignored test"]);
    tidy("src/a.rs", "/// ```rust,ignore\n/// ```\nfn f() {}", &[":1: an ignored test"]);
    tidy("src/a.rs", "// todo!()\nfn f() { if todo != \"dbg!(x)\" {} } // ignore", &[]);
}
