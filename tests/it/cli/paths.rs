//! Paths as people have them: with spaces, in their own letters, far too long, relative to
//! whatever; and lists of them from either system.

use std::fs;
use std::path::{Path, PathBuf};

use super::{audiopool, expect_code, records, write_wav};

/// A folder below `root` whose path is longer than the 260 characters that Windows once had.
fn deep(root: &Path) -> PathBuf {
    let part = "with a space, Übung und 音 ".repeat(3);
    let mut folder = root.to_owned();
    while folder.as_os_str().len() < 400 {
        folder.push(part.trim());
    }
    fs::create_dir_all(&folder).unwrap();
    folder
}

/// The paths of what was measured.
#[track_caller]
fn measured(root: &Path, args: &[&str], list: &str) -> Vec<PathBuf> {
    let mut command = audiopool();
    command.current_dir(root).args(["analyze", "--format=ndjson"]).args(args).write_stdin(list);
    let output = command.output().unwrap();
    expect_code(&output, 0, &format!("{args:?}"));
    let records = records(&output);
    records.iter().map(|record| record["path"].as_str().unwrap().into()).collect()
}

#[test]
fn a_file_is_found_under_whatever_name_it_has() {
    let root = tempfile::tempdir().unwrap();
    let file = deep(root.path()).join("Prélude № 1.wav");
    write_wav(&file, &[100; 800]);
    let relative = file.strip_prefix(root.path()).unwrap();
    let [whole, part] = [&file, relative].map(|path| path.to_str().unwrap());

    assert_eq!(measured(root.path(), &["."], ""), [Path::new(".").join(relative)]);
    assert_eq!(measured(root.path(), &[whole, part], ""), [&file, relative]);
    for end in ["\n", "\r\n"] {
        let list = [whole, part].map(|path| format!("{path}{end}")).concat();
        assert_eq!(measured(root.path(), &["--files-from=-"], &list), [&file, relative], "{end:?}");
    }
}

#[cfg(windows)]
#[test]
fn a_file_is_found_by_drive_and_by_its_whole_name_in_the_system() {
    let root = tempfile::tempdir().unwrap();
    let root = root.path().canonicalize().unwrap();
    write_wav(&root.join("tone.wav"), &[100; 800]);
    let whole = root.join("tone.wav");
    let whole = whole.to_str().unwrap();
    let plain = whole.strip_prefix(r"\\?\").expect("a whole name begins so");
    let drive_relative = format!("{}tone.wav", &plain[..2]);
    let slashes = plain.replace('\\', "/");
    let names = [whole, plain, &drive_relative, &slashes];
    let folder = Path::new(plain).parent().unwrap();
    assert_eq!(measured(folder, &names, ""), names.map(PathBuf::from));
}
