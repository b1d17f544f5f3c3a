//! What the program writes replaces none of the user's files but an earlier report.

use std::fs;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::{audiopool, expect_code, stderr, write_wav};

/// A folder with two recordings.
struct Folder(TempDir);

impl Folder {
    fn new() -> Self {
        let folder = Self(tempfile::tempdir().unwrap());
        write_wav(&folder.at("a.wav"), &[100; 800]);
        write_wav(&folder.at("b.wav"), &[200; 800]);
        folder
    }

    fn at(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Runs the program here; returns what it says.
    #[track_caller]
    fn run(&self, args: &[&str], list: &str, code: i32) -> String {
        let mut command = audiopool();
        let output = command.current_dir(self.0.path()).args(args).write_stdin(list);
        let output = output.output().unwrap();
        expect_code(&output, code, &format!("{args:?}"));
        stderr(&output)
    }

    /// The same, which must be refused, and change nothing.
    #[track_caller]
    fn refused(&self, args: &[&str], list: &str) -> String {
        let before = content(self.0.path());
        let told = self.run(args, list, 2);
        assert_eq!(content(self.0.path()), before, "{args:?}: {told}");
        told
    }
}

/// Names and bytes of all files of a folder.
fn content(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut content: Vec<_> = entries
        .map(|path| {
            let bytes = if path.is_dir() { Vec::new() } else { fs::read(&path).unwrap() };
            (path, bytes)
        })
        .collect();
    content.sort();
    content
}

#[test]
fn a_pattern_behind_the_output_option_destroys_no_recording() {
    let folder = Folder::new();
    // What the shell makes of `-o *.wav`.
    let told = folder.refused(&["analyze", "-o", "a.wav", "b.wav"], "");
    assert!(told.contains("cannot write `--output a.wav`: this file holds audio (WAV"), "{told}");
    assert!(told.contains("help: name a new file") && told.contains("`-o *.wav`"), "{told}");
    let told = folder.refused(&["merge", "-o", "a.wav", "b.wav"], "");
    assert!(told.contains("error: "), "{told}");
    fs::copy(folder.at("a.wav"), folder.at("x.dat")).unwrap();
    let told = folder.refused(&["analyze", "--peaks", "x.dat", "b.wav"], "");
    assert!(
        told.contains("cannot write peaks to `--peaks x.dat`: this file holds audio"),
        "{told}"
    );
}

#[test]
fn other_media_and_stored_partials_are_not_replaced_and_reports_are() {
    let folder = Folder::new();
    fs::write(folder.at("cover"), b"\x89PNG\r\n\x1a\n").unwrap();
    let told = folder.refused(&["analyze", "-o", "cover", "b.wav"], "");
    assert!(told.contains("this file holds a PNG image and is not replaced"), "{told}");
    folder.run(&["analyze", "--save-partials", "kept", "a.wav", "b.wav"], "", 0);
    let stored = "kept/00000000-a.wav.partials";
    let told = folder.run(&["analyze", "-o", stored, "b.wav"], "", 2);
    assert!(told.contains("this file holds stored partials of audiopool"), "{told}");
    let told = folder.run(&["merge", "-o", stored, "kept"], "", 2);
    assert!(told.contains("is an input of this run, named as `kept"), "{told}");
    assert!(fs::read(folder.at(stored)).unwrap().starts_with(b"AUDPOOLP"));
    folder.run(&["merge", "-o", "r", "kept"], "", 0);
    for format in ["text", "json", "ndjson", "csv", "text"] {
        folder.run(&["analyze", "-o", "r", "--format", format, "a.wav"], "", 0);
    }
}

#[test]
fn an_input_is_no_target_under_any_of_its_names() {
    let folder = Folder::new();
    // Nothing about them says that they are of worth, but that they are inputs.
    fs::write(folder.at("text"), "a list").unwrap();
    fs::write(folder.at("list"), "b.wav\ntext\n").unwrap();
    let named = "is an input of this run, named as `text`";
    let told = folder.refused(&["analyze", "-o", "text", "b.wav", "text"], "");
    assert!(told.contains(&format!("`--output text` {named}")), "{told}");
    let told = folder.refused(&["analyze", "-o", "list", "--files-from", "list"], "");
    assert!(told.contains("`--output list` is an input of this run, named as `list`"), "{told}");
    // These come up when the run has begun.
    let told = folder.refused(&["analyze", "-o", "text", "--files-from", "list"], "");
    assert!(told.contains(named), "{told}");
    let told =
        folder.refused(&["analyze", "-o", "text", "--files-from", "-"], "b.wav\ntext\nb.wav\n");
    assert!(told.contains(named), "{told}");
    fs::hard_link(folder.at("text"), folder.at("hard")).unwrap();
    #[cfg(unix)]
    {
        let told = folder.refused(&["analyze", "-o", "hard", "b.wav", "text"], "");
        assert!(told.contains(&format!("`--output hard` {named}")), "{told}");
        std::os::unix::fs::symlink("text", folder.at("soft")).unwrap();
        let told = folder.refused(&["analyze", "-o", "soft", "b.wav", "text"], "");
        assert!(told.contains(&format!("`--output soft` {named}")), "{told}");
    }
}

#[test]
fn a_file_of_a_searched_folder_is_no_target() {
    let folder = Folder::new();
    fs::create_dir(folder.at("takes")).unwrap();
    fs::write(folder.at("takes/empty.wav"), "").unwrap();
    let target = ["analyze", "-o", "takes/empty.wav", "takes"];
    let told = folder.refused(&target, "");
    assert!(told.contains("is an input of this run, found in `"), "{told}");
    // A new report may lie there, and so may one that no search looks for.
    fs::remove_file(folder.at("takes/empty.wav")).unwrap();
    fs::copy(folder.at("a.wav"), folder.at("takes/a.wav")).unwrap();
    for _ in 0..2 {
        folder.run(&["analyze", "-o", "takes/report.json", "takes"], "", 0);
    }
}

#[cfg(unix)]
#[test]
fn a_target_behind_a_link_in_a_searched_folder_ends_the_run_before_it_is_replaced() {
    let folder = Folder::new();
    fs::create_dir(folder.at("takes")).unwrap();
    fs::write(folder.at("text"), "a list").unwrap();
    std::os::unix::fs::symlink("../text", folder.at("takes/b.wav")).unwrap();
    let told = folder.refused(&["analyze", "-o", "text", "takes"], "");
    assert!(
        told.contains("`--output text` is an input of this run, named as `takes/b.wav`"),
        "{told}"
    );
}

#[cfg(unix)]
#[test]
fn standard_output_is_no_input_either() {
    let folder = Folder::new();
    let audio = fs::read(folder.at("a.wav")).unwrap();
    let script = "exec \"$0\" analyze a.wav b.wav >> a.wav";
    let output = std::process::Command::new("sh")
        .args(["-c", script, env!("CARGO_BIN_EXE_audiopool")])
        .current_dir(folder.0.path())
        .output()
        .unwrap();
    expect_code(&output, 2, script);
    let told = stderr(&output);
    assert!(told.contains("standard output is an input of this run, named as `a.wav`"), "{told}");
    assert_eq!(fs::read(folder.at("a.wav")).unwrap(), audio);
}
