//! Links between documents, and the summary of the book.

use std::collections::BTreeSet;
use std::path::{Component, Path, PathBuf};

use super::{BOOK, documents, pages, read, root};

#[test]
fn every_page_is_in_the_summary_and_every_entry_is_a_page() {
    let summary = read(&format!("{BOOK}/SUMMARY.md"));
    let listed: BTreeSet<_> =
        links(&summary).into_iter().map(|target| format!("{BOOK}/{target}")).collect();
    let mut written: BTreeSet<_> = pages().into_iter().collect();
    written.remove(&format!("{BOOK}/SUMMARY.md"));
    assert_eq!(listed, written);
}

#[test]
fn links_between_documents_lead_somewhere() {
    for document in documents() {
        let text = read(&document);
        let folder = Path::new(&document).parent().unwrap();
        for target in links(&text).iter().filter(|target| !target.starts_with("http")) {
            let (path, anchor) = target.split_once('#').unwrap_or((target, ""));
            let name = if path.is_empty() { document.clone() } else { resolved(folder, path) };
            assert!(root().join(&name).exists(), "{document}: {target}");
            if !anchor.is_empty() {
                assert!(anchors(&read(&name)).contains(anchor), "{document}: {target}");
            }
        }
    }
}

/// The targets of the links and pictures of a document, outside of fenced blocks.
fn links(text: &str) -> Vec<String> {
    let prose: String = text.split("```").step_by(2).collect();
    let targets = prose.split("](").skip(1).map(|rest| rest.split(')').next().unwrap().to_owned());
    targets.collect()
}

/// A path from the root, without `..`.
fn resolved(folder: &Path, path: &str) -> String {
    let mut found = PathBuf::new();
    for part in folder.join(path).components() {
        match part {
            Component::ParentDir => assert!(found.pop(), "{path} leaves the repository"),
            part => found.push(part),
        }
    }
    found.to_str().unwrap().replace('\\', "/")
}

/// The headings as links name them.
fn anchors(text: &str) -> BTreeSet<String> {
    let headings = text.lines().filter(|line| line.starts_with('#'));
    let anchor = |line: &str| {
        let title = line.trim_start_matches('#').trim().to_lowercase().replace(' ', "-");
        title.chars().filter(|&c| c.is_alphanumeric() || c == '-').collect()
    };
    headings.map(anchor).collect()
}
