//! Rows: every row of the fault matrix has its tests, and each of them ends in the one assertion
//! that nothing is lost.

use std::collections::BTreeSet;

use super::source::{Function, SourceFile};

/// How many rows there are: F01 to F41.
const ROWS: usize = 41;

/// What looks at all that a run leaves, of a report and of a rehearsal.
const ASSERTIONS: [&str; 2] = ["assert_nothing_lost", "assert_rehearsed"];

/// Rows whose tests run nothing, and why.
const WITHOUT_RUN: [(usize, &str); 1] = [(
    39,
    "a test cannot set the clock of a machine; a rule over the sources checks that none is read",
)];

/// Where the tests of faults are.
const FAULTS: &str = "tests/it/faults";

#[test]
fn every_fault_has_a_test_that_looks_at_all_that_is_left() {
    let sources = super::sources();
    super::hold(&[missing(&sources), unasserted(&sources)].concat());
}

/// Rows that no test is named after.
fn missing(files: &[SourceFile]) -> Vec<String> {
    let tested: BTreeSet<usize> = tests(files).flat_map(|(_, test)| rows_of(&test.name)).collect();
    let rows = (1..=ROWS).filter(|row| !tested.contains(row));
    rows.map(|row| format!("no test begins with `f{row:02}_`")).collect()
}

/// Tests of faults that do not come to the assertion, by themselves or through what they call.
fn unasserted(files: &[SourceFile]) -> Vec<String> {
    let runs = |row: &usize| WITHOUT_RUN.iter().all(|(without, _)| without != row);
    let faults = tests(files).filter(|(_, test)| rows_of(&test.name).iter().any(runs));
    let lost = faults.filter(|(file, test)| !asserts(files, file, test, &mut BTreeSet::new()));
    lost.map(|(file, test)| format!("{}: {} asserts nothing of loss", file.path, test.name))
        .collect()
}

fn tests(files: &[SourceFile]) -> impl Iterator<Item = (&SourceFile, Function)> {
    let ours = files.iter().filter(|file| file.path.starts_with("tests/it/"));
    ours.flat_map(|file| file.functions().into_iter().map(move |function| (file, function)))
        .filter(|(_, function)| function.is_test && !rows_of(&function.name).is_empty())
}

/// The rows that a name begins with: `f24_f25_when_every_…`.
fn rows_of(name: &str) -> Vec<usize> {
    let row = |part: &str| match part.strip_prefix('f') {
        Some(digits) if digits.len() == 2 => digits.parse().ok(),
        _ => None,
    };
    name.split('_').map_while(row).collect()
}

/// Whether a function comes to an assertion; what it calls is looked for where it is, and in the
/// module above the faults.
fn asserts(
    files: &[SourceFile],
    file: &SourceFile,
    function: &Function,
    seen: &mut BTreeSet<(String, String)>,
) -> bool {
    if function.calls.iter().any(|call| ASSERTIONS.contains(&call.as_str())) {
        return true;
    }
    let above = files.iter().filter(|other| other.path == format!("{FAULTS}.rs"));
    std::iter::once(file).chain(above).any(|place| {
        place.functions().iter().any(|called| {
            function.calls.contains(&called.name)
                && seen.insert((place.path.clone(), called.name.clone()))
                && asserts(files, place, called, seen)
        })
    })
}

#[test]
fn a_row_without_a_test_and_a_test_without_the_assertion_are_found() {
    let all =
        (1..=ROWS).filter(|row| *row != 7).map(|row| format!("#[test] fn f{row:02}_a() {{}}"));
    let all = SourceFile::new("tests/it/faults/a.rs", &all.collect::<String>());
    assert_eq!(missing(&[all]), ["no test begins with `f07_`"]);

    let above = "pub fn shared() { deeper(1) } fn deeper(n: u8) { ended.assert_nothing_lost(&n) }";
    let text = "
        #[test] fn f01_itself() { run(|| 1).assert_nothing_lost(&Expected::all_well()); }
        #[test] fn f02_f03_through_two() { if a { own([1; 2]) } }
        fn own(a: [u8; 2]) { shared() }
        #[test] fn f04_through_itself() { round() }
        fn round() { f04_through_itself() }
        #[test] fn f05_talks() { println!(\"assert_nothing_lost()\"); } // assert_nothing_lost()
        #[test] fn f39_is_a_rule() {}
        fn f06_is_no_test() {}
        #[test] fn another() {}
        #[test] fn f41_rehearsed() { ended.assert_rehearsed(0, \"the laws hold\") }
    ";
    let files = [("tests/it/faults.rs", above), ("tests/it/faults/a.rs", text)]
        .map(|(path, text)| SourceFile::new(path, text));
    let found = unasserted(&files);
    assert_eq!(found.len(), 2, "{found:?}");
    assert!(found[0].contains("f04_") && found[1].contains("f05_"), "{found:?}");
}
