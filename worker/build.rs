//! Computes the build id: a checksum over the sources of both packages' contract and the lock file.
//!
//! A supervisor refuses a child with another id, so that a stale program beside a fresh one is
//! named at the start instead of corrupting figures later.

use std::path::{Path, PathBuf};
use std::{env, fs};

fn main() {
    let here = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").expect("cargo sets it"));
    let mut sources = Vec::new();
    collect(&here.join("src"), &mut sources);
    collect(&here.join("../src/decode"), &mut sources);
    sources.push(here.join("../Cargo.lock"));
    sources.sort();

    let mut hasher = crc32fast::Hasher::new();
    for source in &sources {
        if let Ok(bytes) = fs::read(source) {
            hasher.update(
                source.strip_prefix(&here).unwrap_or(source).as_os_str().as_encoded_bytes(),
            );
            hasher.update(&bytes);
            println!("cargo::rerun-if-changed={}", source.display());
        }
    }
    println!("cargo::rerun-if-changed=src");
    println!("cargo::rustc-env=AUDIOPOOL_BUILD_ID={:08x}", hasher.finalize());
}

fn collect(folder: &Path, sources: &mut Vec<PathBuf>) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for path in entries.flatten().map(|entry| entry.path()) {
        if path.is_dir() {
            collect(&path, sources);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            sources.push(path);
        }
    }
}
