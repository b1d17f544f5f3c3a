//! A Rust source file as far as the rules must understand it: which paths it names, and where.
//!
//! Comments and literals are dropped, the rest is cut into words; a path is a word followed by
//! `::`, or whatever a `use` declaration spells out. No syntax tree: a rule must see `use` in a
//! macro as well as in a module, and go on where a parser would stop.

use std::collections::BTreeSet;

use super::words::{Word, closing, words};

/// A file, cut into words.
pub(crate) struct SourceFile {
    /// Below the repository's root, with `/` between folders.
    pub(crate) path: String,
    /// All lines, blank ones and comments too, but for those of unit tests.
    pub(crate) lines: usize,
    /// Lines of doc comments that open an ignored doc test.
    pub(crate) ignored_doc_tests: Vec<usize>,
    words: Vec<Word>,
    /// Indices of words that are compiled for unit tests only.
    test_words: BTreeSet<usize>,
}

/// A function, and what it calls.
#[derive(Clone, Debug)]
pub(crate) struct Function {
    pub(crate) name: String,
    pub(crate) is_test: bool,
    /// Names of functions and methods, however they are reached.
    pub(crate) calls: BTreeSet<String>,
}

/// A path as a file names it, spelled out: `use a::{b, c::d}` names `a::b` and `a::c::d`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Named {
    /// `crate::…` for the file's own package, however it was written; else the name of a crate (or
    /// of something in scope) first.
    pub(crate) segments: Vec<String>,
    pub(crate) line: usize,
    /// Only compiled for unit tests.
    pub(crate) in_tests: bool,
}

impl SourceFile {
    pub(crate) fn new(path: &str, text: &str) -> Self {
        let words = words(text);
        let test_words = test_words(&words);
        let ignored_doc_tests = text
            .lines()
            .zip(1..)
            .filter(|(line, _)| line.trim_start().starts_with("//"))
            .filter(|(line, _)| line.contains("```") && line.contains("ignore"))
            .map(|(_, number)| number)
            .collect();
        let test_lines: BTreeSet<_> = test_words
            .iter()
            .flat_map(|&at| words[at].line..words.get(at + 1).map_or(usize::MAX, |next| next.line))
            .take_while(|line| *line <= text.lines().count())
            .collect();
        let lines = text.lines().count() - test_lines.len();
        Self { path: path.to_owned(), lines, ignored_doc_tests, words, test_words }
    }

    /// Every path that the file names.
    pub(crate) fn names(&self) -> Vec<Named> {
        let mut found = Vec::new();
        let mut module = module_of(&self.path);
        let mut open_modules = Vec::new(); // depth at which each inline module was opened
        let mut depth = 0_usize;
        let mut at = 0;
        while at < self.words.len() {
            let mut paths = Vec::new();
            let mut next = at + 1;
            match self.text(at) {
                "{" => depth += 1,
                "}" => {
                    depth = depth.saturating_sub(1);
                    if open_modules.last() == Some(&depth) {
                        open_modules.pop();
                        module.pop();
                    }
                }
                "mod" if self.is_name(at + 1) && self.text(at + 2) == "{" => {
                    module.push(self.text(at + 1).to_owned());
                    open_modules.push(depth);
                    depth += 1;
                    next = at + 3;
                }
                "use" if self.text(at + 1) != "<" => next = self.tree(at + 1, &[], &mut paths),
                "crate" if at > 0 && self.text(at - 1) == "extern" => {
                    next = self.tree(at + 1, &[], &mut paths);
                }
                _ if self.begins_path(at) => next = self.tree(at, &[], &mut paths),
                _ => {}
            }
            let in_tests = self.test_words.contains(&at);
            found.extend(paths.into_iter().map(|(segments, line)| Named {
                segments: resolve(segments, &module),
                line,
                in_tests,
            }));
            at = next;
        }
        found
    }

    /// Every function with a body; one inside another counts for both.
    pub(crate) fn functions(&self) -> Vec<Function> {
        let begins =
            (0..self.words.len()).filter(|&at| self.text(at) == "fn" && self.is_name(at + 1));
        let function = |at: usize| {
            let mut open = at + 2;
            while ![";", "{", ""].contains(&self.text(open)) {
                open = if self.text(open) == "(" { closing(&self.words, open) } else { open } + 1;
            }
            if self.text(open) != "{" {
                return None;
            }
            let body = open..closing(&self.words, open);
            let calls = body.filter(|&at| self.is_name(at) && self.text(at + 1) == "(");
            Some(Function {
                name: self.text(at + 1).to_owned(),
                is_test: at > 2 && ["[", "test", "]"] == [3, 2, 1].map(|back| self.text(at - back)),
                calls: calls.map(|at| self.text(at).to_owned()).collect(),
            })
        };
        begins.filter_map(function).collect()
    }

    /// Lines that call one of `macros`.
    pub(crate) fn macro_calls(&self, macros: &[&str]) -> Vec<(String, usize)> {
        (0..self.words.len())
            .filter(|&at| macros.contains(&self.text(at)) && self.text(at + 1) == "!")
            .filter(|&at| ["(", "[", "{"].contains(&self.text(at + 2)))
            .map(|at| (format!("{}!", self.text(at)), self.words[at].line))
            .collect()
    }

    /// Lines with an attribute that says `word`, also behind `cfg_attr`.
    pub(crate) fn attributes_with(&self, word: &str) -> Vec<usize> {
        (0..self.words.len())
            .filter_map(|at| attribute(&self.words, at))
            .filter(|inside| self.words[inside.clone()].iter().any(|found| found.text == word))
            .map(|inside| self.words[inside.start].line)
            .collect()
    }

    /// Names of the modules that this file is, lies in or declares.
    pub(crate) fn modules(&self) -> Vec<String> {
        let declared = self.declared_modules().map(|at| self.text(at).to_owned());
        module_of(&self.path).into_iter().chain(declared).collect()
    }

    /// Whether this file declares another one for unit tests only, or a module that it is part of.
    pub(crate) fn declares_for_tests(&self, other: &str) -> bool {
        let package = |path: &str| path.split_once("src/").map(|(package, _)| package.to_owned());
        let (parent, module) = (module_of(&self.path), module_of(other));
        module.strip_prefix(parent.as_slice()).and_then(<[String]>::first).is_some_and(|child| {
            package(&self.path) == package(other)
                && self
                    .declared_modules()
                    .any(|at| self.text(at) == child && self.test_words.contains(&at))
        })
    }

    /// Where the names of modules stand that are declared here.
    fn declared_modules(&self) -> impl Iterator<Item = usize> {
        (1..self.words.len())
            .filter(|&at| self.text(at - 1) == "mod" && self.is_name(at))
            .filter(|&at| ["{", ";"].contains(&self.text(at + 1)))
    }

    fn text(&self, at: usize) -> &str {
        self.words.get(at).map_or("", |word| &word.text)
    }

    fn is_name(&self, at: usize) -> bool {
        self.text(at).starts_with(|first: char| first.is_alphabetic() || first == '_')
    }

    /// Whether a path of at least two segments begins here, outside a `use`.
    fn begins_path(&self, at: usize) -> bool {
        let goes_on = self.is_name(at) && self.text(at + 1) == "::" && self.is_name(at + 2);
        let before = if at > 0 { self.text(at - 1) } else { "" };
        let inside_another = before == "."
            || before == "::" && at > 1 && (self.is_name(at - 2) || self.text(at - 2) == ">");
        goes_on && !inside_another
    }

    /// Spells out the tree of paths that begins at a word; returns the first word after it.
    fn tree(
        &self,
        mut at: usize,
        prefix: &[String],
        found: &mut Vec<(Vec<String>, usize)>,
    ) -> usize {
        let mut segments = prefix.to_vec();
        while at < self.words.len() {
            let line = self.words[at].line;
            match self.text(at) {
                "::" => at += 1,
                "{" => {
                    at += 1;
                    while at < self.words.len() && self.text(at) != "}" {
                        at = if self.text(at) == "," {
                            at + 1
                        } else {
                            self.tree(at, &segments, found)
                        };
                    }
                    return at + 1;
                }
                "*" => {
                    segments.push("*".to_owned());
                    found.push((segments, line));
                    return at + 1;
                }
                name => {
                    if name != "self" || segments.is_empty() {
                        segments.push(name.to_owned());
                    }
                    if self.text(at + 1) == "::"
                        && (self.is_name(at + 2) || ["{", "*"].contains(&self.text(at + 2)))
                    {
                        at += 2;
                    } else {
                        found.push((segments, line));
                        return if self.text(at + 1) == "as" { at + 3 } else { at + 1 };
                    }
                }
            }
        }
        at
    }
}

/// The module that a file is, from the root of its package: `src/plan/list.rs` is `plan`, `list`.
pub(crate) fn module_of(path: &str) -> Vec<String> {
    let inside = path.split_once("src/").map_or(path, |(_, inside)| inside);
    let mut module: Vec<String> =
        inside.trim_end_matches(".rs").split('/').map(str::to_owned).collect();
    if module.last().is_some_and(|last| ["mod", "lib", "main"].contains(&last.as_str())) {
        module.pop();
    }
    module
}

/// Writes `self::`, `super::` and `crate::` as `crate::` and the way from the root.
fn resolve(segments: Vec<String>, module: &[String]) -> Vec<String> {
    let mut base = module.to_vec();
    let mut rest = segments.as_slice();
    match rest.first().map(String::as_str) {
        Some("crate") => {
            base.clear();
            rest = &rest[1..];
        }
        Some("self") => rest = &rest[1..],
        Some("super") => {}
        _ => return segments,
    }
    while rest.first().is_some_and(|segment| segment == "super") {
        base.pop();
        rest = &rest[1..];
    }
    std::iter::once("crate".to_owned()).chain(base).chain(rest.iter().cloned()).collect()
}

/// The words inside the attribute that begins at a word, if one does.
fn attribute(words: &[Word], at: usize) -> Option<std::ops::Range<usize>> {
    let text = |at: usize| words.get(at).map_or("", |word| word.text.as_str());
    if text(at) != "#" {
        return None;
    }
    let open = if text(at + 1) == "!" { at + 2 } else { at + 1 };
    (text(open) == "[").then(|| open + 1..closing(words, open))
}

/// Everything below `#[cfg(test)]`, `#[test]` and the like.
fn test_words(words: &[Word]) -> BTreeSet<usize> {
    let mut found = BTreeSet::new();
    for at in 0..words.len() {
        let Some(inside) = attribute(words, at) else { continue };
        let says = |wanted: &str| words[inside.clone()].iter().any(|word| word.text == wanted);
        let is_cfg = words.get(inside.start).is_some_and(|word| word.text == "cfg");
        let is_test = says("test") && !says("not") && (is_cfg || inside.len() == 1);
        if !is_test {
            continue;
        }
        if words[at + 1].text == "!" {
            return (0..words.len()).collect(); // the whole file
        }
        let mut end = inside.end + 1;
        while end < words.len() && words[end].text != ";" && words[end].text != "{" {
            end = match words[end].text.as_str() {
                "(" | "[" => closing(words, end) + 1,
                _ => end + 1,
            };
        }
        if words.get(end).is_some_and(|word| word.text == "{") {
            end = closing(words, end);
        }
        found.extend(at..=end);
    }
    found
}

#[test]
fn names_are_spelled_out_and_resolved() {
    let text = r"
        use symphonia::core::{audio::{self, Audio as A}, codecs::*};
        use { crate::record, ::csv };
        extern crate opus_pure;
        use bincode as wire;
        fn one(a: super::plan::Plan) -> impl Sized + use<'_> {
            ::nix::unistd::getpid(); a.b::<u8>(); Vec::<u8>::new(); <u8 as serde::De<'a>>::of();
            r#dyn::b();
        }
        mod inner { use super::own; mod deep { fn f() { super::super::far::g() } } }
        use self::near;
    ";
    let names = SourceFile::new("src/report/text.rs", text).names();
    let spelled: Vec<String> = names.iter().map(|named| named.segments.join("::")).collect();
    assert_eq!(
        spelled,
        [
            "symphonia::core::audio",
            "symphonia::core::audio::Audio",
            "symphonia::core::codecs::*",
            "crate::record",
            "csv",
            "opus_pure",
            "bincode",
            "crate::report::plan::Plan",
            "nix::unistd::getpid",
            "serde::De",
            "dyn::b",
            "crate::report::text::own",
            "crate::report::text::far::g",
            "crate::report::text::near",
        ]
    );
    assert_eq!(names[0].line, 2);
    assert_eq!(names[11].line, 10);
}

#[test]
fn unit_tests_are_told_from_the_product() {
    let text = "
        use a::product;
        #[cfg(test)]
        #[expect(x)]
        mod tests { use a::tested; fn f(b: [u8; 3]) { a::too() } }
        #[cfg(all(test, unix))] fn g(b: [u8; 3]) { a::also() }
        #[test] fn h() { a::single() }
        #[cfg(test)] use a::imported;
        #[cfg(not(test))] use a::shipped;
        #[cfg(unix)] fn i() { a::too::shipped() }
    ";
    let names = SourceFile::new("src/lib.rs", text).names();
    let shipped: Vec<String> = names
        .iter()
        .filter(|named| !named.in_tests)
        .map(|named| named.segments.join("::"))
        .collect();
    assert_eq!(shipped, ["a::product", "a::shipped", "a::too::shipped"]);
    assert_eq!(names.len(), 8, "{names:?}");
    assert!(SourceFile::new("src/a.rs", "#![cfg(test)] use a::b;").names()[0].in_tests);
}

#[test]
fn lines_of_unit_tests_do_not_count() {
    let lines = |text: &str| SourceFile::new("src/a.rs", text).lines;
    assert_eq!(lines("// a\n\nfn b() {}\n"), 3);
    assert_eq!(lines("fn b() {}\n#[cfg(test)]\nmod tests {\n\n    fn c() {}\n}\n"), 1);
    assert_eq!(lines("fn b() {}\n#[cfg(test)]\nmod tests {\n}\nfn c() {}\n\n// d\n"), 4);
}

#[test]
fn a_module_for_tests_is_told_by_its_declaration() {
    let parent = SourceFile::new("worker/src/analyze/mod.rs", "mod a; #[cfg(test)] mod oracle;");
    assert!(parent.declares_for_tests("worker/src/analyze/oracle.rs"));
    assert!(parent.declares_for_tests("worker/src/analyze/oracle/mod.rs"));
    assert!(parent.declares_for_tests("worker/src/analyze/oracle/sibyl.rs"));
    assert!(!parent.declares_for_tests("worker/src/analyze/a.rs"));
    assert!(!parent.declares_for_tests("worker/src/oracle.rs"));
    assert!(!parent.declares_for_tests("src/analyze/oracle.rs"));
}

#[test]
fn a_file_is_the_module_that_its_path_says() {
    assert_eq!(module_of("src/plan/list.rs"), ["plan", "list"]);
    assert_eq!(module_of("src/merge/mod.rs"), ["merge"]);
    assert_eq!(module_of("worker/src/pcm.rs"), ["pcm"]);
    assert!(module_of("src/lib.rs").is_empty());
}
