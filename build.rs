//! Computes this package's part of the build id: a checksum over what decodes, and over the versions
//! of all dependencies.
//!
//! Supervisor and decoder compare the build id in the handshake, and partials that were stored carry
//! it: figures of another build may differ.

use std::path::{Path, PathBuf};
use std::{env, fs};

fn main() {
    let package = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").expect("cargo sets it"));
    let mut sources = Vec::new();
    collect(&package.join("src/decode"), &mut sources);
    sources.push(package.join("Cargo.lock"));
    sources.sort();

    let mut hasher = crc32fast::Hasher::new();
    for source in &sources {
        if let Ok(bytes) = fs::read(source) {
            let name = source.strip_prefix(&package).unwrap_or(source);
            hasher.update(name.as_os_str().as_encoded_bytes());
            hasher.update(&bytes);
        }
    }
    println!("cargo::rerun-if-changed=src/decode");
    println!("cargo::rerun-if-changed=Cargo.lock");
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
