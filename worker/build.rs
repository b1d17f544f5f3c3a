//! Computes the build id of this package: a checksum over its sources.
//!
//! Supervisor and worker compare it in the handshake, so that a worker program that was built from
//! other sources is refused at the start instead of corrupting figures later.

use std::path::{Path, PathBuf};
use std::{env, fs};

fn main() {
    let package = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").expect("cargo sets it"));
    let mut sources = Vec::new();
    collect(&package.join("src"), &mut sources);
    sources.sort();

    let mut hasher = crc32fast::Hasher::new();
    for source in &sources {
        if let Ok(bytes) = fs::read(source) {
            let name = source.strip_prefix(&package).unwrap_or(source);
            hasher.update(name.as_os_str().as_encoded_bytes());
            hasher.update(&bytes);
        }
    }
    println!("cargo::rerun-if-changed=src");
    println!("cargo::rustc-env=AUDIOPOOL_WORKER_BUILD_ID={:08x}", hasher.finalize());
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
