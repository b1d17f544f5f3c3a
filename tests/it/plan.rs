//! The plan: which jobs come of what the user named, and in which order.

use std::fs;
use std::path::{Path, PathBuf};

use audiopool::decode::DecodeErrorKind;
use audiopool::plan::{Job, List, ListSource, Plan, Separator};
use audiopool::record::FailureKind;

/// A directory with empty files of these names; directories are made on the way.
fn tree(files: &[&str]) -> tempfile::TempDir {
    let root = tempfile::tempdir().unwrap();
    for file in files {
        let path = root.path().join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, "").unwrap();
    }
    root
}

fn jobs(plan: &Plan) -> Vec<Job> {
    plan.jobs().unwrap().collect()
}

fn of(paths: impl IntoIterator<Item = impl Into<PathBuf>>) -> Plan {
    Plan { paths: paths.into_iter().map(Into::into).collect(), ..Plan::default() }
}

/// Paths relative to `root`, with the kind of refusal where there is one.
fn shown(root: &Path, plan: &Plan) -> Vec<String> {
    let name = |job: Job| {
        let path = job.path.strip_prefix(root).unwrap_or(&job.path).display().to_string();
        let path = path.replace(std::path::MAIN_SEPARATOR, "/");
        match job.refusal {
            None => path,
            Some(refusal) => format!("{path}: {}", refusal.kind),
        }
    };
    jobs(plan).into_iter().map(name).collect()
}

#[test]
fn files_come_as_given_and_directories_sorted_with_audio_only() {
    let root = tree(&["z.wav", "d/b.FLAC", "d/a.txt", "d/a.wav", "d/c/x.mp3", "d/C.ogg", "d/b"]);
    let at = |name: &str| root.path().join(name);
    let plan = of([at("z.wav"), at("d"), at("z.wav"), at("d/a.txt")]);
    assert_eq!(
        shown(root.path(), &plan),
        ["z.wav", "d/C.ogg", "d/a.wav", "d/b.FLAC", "d/c/x.mp3", "z.wav", "d/a.txt"],
        "a file that was named is never judged by its extension"
    );
    let indices: Vec<_> = jobs(&plan).iter().map(|job| job.index).collect();
    assert_eq!(indices, [0, 1, 2, 3, 4, 5, 6]);
}

#[test]
fn a_directorys_files_are_reported_below_the_directory_as_given() {
    let root = tree(&["d/e/a.wav"]);
    for given in ["d", "d/", "./d", "d/../d"] {
        let given = root.path().join(given);
        let found = jobs(&of([&given]));
        assert_eq!(found[0].path.as_os_str(), given.join("e").join("a.wav").as_os_str());
    }
}

#[test]
fn files_of_the_system_are_passed_over_in_directories_and_counted() {
    let names = ["d/._a.wav", "d/.DS_Store", "d/Thumbs.db", "d/a.wav", "d/e/._b.mp3", "d/b.txt"];
    let root = tree(&names);
    let mut found = of([root.path().join("d")]).jobs().unwrap();
    let passed_over = found.passed_over();
    assert_eq!(found.next().unwrap().path, root.path().join("d/a.wav"));
    assert_eq!(found.next(), None);
    assert_eq!(passed_over.files(), 4);
    // One that is named is for the decoder to judge.
    let named = jobs(&of([root.path().join("d/._a.wav")]));
    assert_eq!((named.len(), &named[0].refusal), (1, &None));
}

#[test]
fn what_cannot_be_planned_is_one_refusal_in_its_place() {
    let root = tree(&["a.wav", "empty/readme.txt", "b.wav"]);
    let at = |name: &str| root.path().join(name);
    let plan = of([at("a.wav"), at("gone.wav"), at("empty"), at("b.wav")]);
    let found = jobs(&plan);
    assert_eq!(found.len(), 4);
    assert_eq!(found[0].refusal, None);
    let kind = |index: usize| found[index].refusal.as_ref().unwrap().kind;
    assert_eq!(kind(1), FailureKind::Decode(DecodeErrorKind::NotFound));
    assert_eq!(kind(2), FailureKind::Decode(DecodeErrorKind::NoAudio));
    assert_eq!(found[3].refusal, None);

    let record = found[2].refused().unwrap();
    assert_eq!(record.path, at("empty"));
    assert!(record.error().unwrap().message.contains("audiopool formats"));
    assert_eq!(found[0].refused(), None);
}

#[test]
fn a_list_follows_the_paths_and_may_name_directories() {
    let root = tree(&["a.wav", "d/b.wav", "c.wav", "list"]);
    let at = |name: &str| root.path().join(name).display().to_string();
    let listed = format!("{}\n\n{}\r\n{}\n", at("d"), at("gone"), at("c.wav"));
    fs::write(at("list"), &listed).unwrap();
    let list = |separator| List { source: ListSource::File(at("list").into()), separator };
    let paths = vec![at("a.wav").into()];
    let plan =
        Plan { paths: paths.clone(), list: Some(list(Separator::Newline)), ..Plan::default() };
    let expected = ["a.wav", "d/b.wav", "gone: not_found", "c.wav"];
    assert_eq!(shown(root.path(), &plan), expected);
    assert!(plan.is_repeatable());
    assert_eq!(shown(root.path(), &plan), expected, "the second time as the first");

    fs::write(at("list"), listed.replace("\r\n", "\0").replace('\n', "\0")).unwrap();
    let plan = Plan { paths, list: Some(list(Separator::Nul)), ..Plan::default() };
    assert_eq!(shown(root.path(), &plan), expected);

    fs::remove_file(at("list")).unwrap();
    assert!(plan.jobs().is_err(), "a list that cannot be opened is no refusal of one file");
}

#[test]
fn a_long_list_is_planned_whole_and_in_order() {
    use std::fmt::Write as _;

    let root = tree(&["list"]);
    let mut listed = String::new();
    for number in 0..50_000 {
        writeln!(listed, "no/such/{number}.wav").unwrap();
    }
    let source = ListSource::File(root.path().join("list"));
    fs::write(root.path().join("list"), listed).unwrap();
    let plan =
        Plan { list: Some(List { source, separator: Separator::Newline }), ..Plan::default() };

    let mut count = 0;
    for job in plan.jobs().unwrap() {
        assert_eq!(job.index, count);
        assert_eq!(job.path, Path::new(&format!("no/such/{count}.wav")));
        count += 1;
    }
    assert_eq!(count, 50_000);
}

#[cfg(unix)]
mod unix {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    #[test]
    fn links_are_followed_and_loops_left_out() {
        let root = tree(&["d/a.wav", "elsewhere/b.wav", "elsewhere/c.txt"]);
        let at = |name: &str| root.path().join(name);
        symlink("../d", at("d/other-way-round")).unwrap();
        symlink(".", at("d/here")).unwrap();
        symlink("itself.wav", at("d/itself.wav")).unwrap();
        symlink("../elsewhere", at("d/other")).unwrap();
        symlink("../elsewhere/b.wav", at("d/link.wav")).unwrap();
        symlink("nowhere.wav", at("d/dead.wav")).unwrap();
        symlink("nowhere.txt", at("d/dead.txt")).unwrap();
        assert_eq!(
            shown(root.path(), &of([at("d")])),
            ["d/a.wav", "d/dead.wav: not_found", "d/itself.wav: io", "d/link.wav", "d/other/b.wav",]
        );
        assert_eq!(shown(root.path(), &of([at("d/here/other")])), ["d/here/other/b.wav"]);
    }

    #[test]
    fn a_link_above_the_root_is_gone_round_once() {
        let root = tree(&["d/a.wav", "b.wav"]);
        symlink("..", root.path().join("d/up")).unwrap();
        assert_eq!(
            shown(root.path(), &of([root.path().join("d")])),
            ["d/a.wav", "d/up/b.wav", "d/up/d/a.wav"]
        );
    }

    #[test]
    fn names_that_are_not_utf_8_are_kept_as_they_are() {
        let root = tree(&[]);
        let name = root.path().join(OsStr::from_bytes(b"caf\xE9.wav"));
        fs::write(&name, "").unwrap();
        let found = jobs(&of([root.path()]));
        assert_eq!(found[0].path, name);
        assert!(found[0].shown().ends_with("caf\u{fffd}.wav"));

        let list = root.path().join("list");
        fs::write(&list, [name.as_os_str().as_bytes(), b"\n"].concat()).unwrap();
        let list = List { source: ListSource::File(list), separator: Separator::Newline };
        let found = jobs(&Plan { list: Some(list), ..Plan::default() });
        assert_eq!(found[0].path, name);
        assert_eq!(found[0].refusal, None, "it is found under its exact bytes");
    }

    #[test]
    fn a_directory_that_may_not_be_read_is_a_refusal_of_its_own() {
        let root = tree(&["a.wav", "m/locked/b.wav", "z.wav"]);
        let locked = root.path().join("m/locked");
        fs::set_permissions(&locked, fs::Permissions::from_mode(0o000)).unwrap();
        let expected = match fs::read_dir(&locked) {
            Err(_) => ["a.wav", "m/locked: permission_denied", "z.wav"],
            Ok(_) => ["a.wav", "m/locked/b.wav", "z.wav"], // the superuser reads everything
        };
        assert_eq!(shown(root.path(), &of([root.path()])), expected);
        fs::set_permissions(&locked, fs::Permissions::from_mode(0o700)).unwrap();
    }
}

#[test]
fn what_is_not_searched_to_its_end_is_one_job_that_says_so() {
    let root = tree(&["d/1.wav", "d/2.wav", "d/3.wav", "list", "x.wav"]);
    let at = |name: &str| root.path().join(name);
    fs::write(at("list"), "y.wav\nz.wav\n").unwrap();
    let list = List { source: ListSource::File(at("list")), separator: Separator::Newline };
    let plan =
        Plan { paths: vec![at("d"), at("x.wav"), at("d")], list: Some(list), ..Plan::default() };
    let told = |looks: usize| {
        let left = std::sync::atomic::AtomicUsize::new(looks);
        let decrease = move |left: usize| left.checked_sub(1);
        let order = std::sync::atomic::Ordering::Relaxed;
        let is_over = move || left.fetch_update(order, order, decrease).is_err();
        let jobs: Vec<_> = plan.jobs().unwrap().until(is_over).collect();
        let indices: Vec<_> = jobs.iter().map(|job| job.index).collect();
        assert_eq!(indices, (0..jobs.len() as u64).collect::<Vec<_>>());
        let told = jobs.into_iter().map(|job| {
            let name = job.path.strip_prefix(root.path()).unwrap_or(&job.path);
            let name = name.to_str().unwrap().to_owned();
            match job.refusal {
                None => name,
                Some(refusal) => {
                    let why = refusal.message.strip_prefix("the run was stopped before ");
                    assert_eq!(why.is_some(), refusal.kind == FailureKind::NotRun);
                    format!("{name}: {}", why.unwrap_or_default())
                }
            }
        });
        told.collect::<Vec<_>>()
    };
    let list = "list: this list was read to its end";
    assert_eq!(told(0), ["d: its turn", "x.wav: its turn", "d: its turn", list]);
    assert_eq!(
        told(3),
        [
            "d/1.wav",
            "d/2.wav",
            "d: this directory was searched to its end",
            "x.wav: its turn",
            "d: its turn",
            list
        ]
        .map(|name| name.replace('/', std::path::MAIN_SEPARATOR_STR))
    );
    assert_eq!(told(100).len(), 3 + 1 + 3 + 2);
}
