//! Rust source cut into words, without comments and with every literal as `""`.
//!
//! Below the rules and what they look for; knows no more of the language than where a comment, a
//! string and a character end.

/// A name, a number, `::`, a single sign, or `""` for any literal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Word {
    pub(crate) text: String,
    pub(crate) line: usize,
}

/// Cuts a source into words.
pub(crate) fn words(source: &str) -> Vec<Word> {
    let chars: Vec<char> = source.chars().collect();
    let mut found = Vec::new();
    let mut line = 1;
    let mut at = 0;
    while at < chars.len() {
        let (end, text) = word(&chars, at);
        if let Some(text) = text {
            found.push(Word { text, line });
        }
        line += chars[at..end].iter().filter(|&&one| one == '\n').count();
        at = end;
    }
    found
}

/// One word, or something to leave out, and where it ends.
fn word(chars: &[char], at: usize) -> (usize, Option<String>) {
    let is = |at: usize, wanted: char| chars.get(at) == Some(&wanted);
    let name_end = |from: usize| {
        (from..chars.len())
            .find(|&at| !(chars[at].is_alphanumeric() || chars[at] == '_'))
            .unwrap_or(chars.len())
    };
    let literal = |end: usize| (end, Some("\"\"".to_owned()));
    match chars[at] {
        blank if blank.is_whitespace() => (at + 1, None),
        '/' if is(at + 1, '/') => {
            (chars[at..].iter().position(|&one| one == '\n').map_or(chars.len(), |n| at + n), None)
        }
        '/' if is(at + 1, '*') => (after_block_comment(chars, at), None),
        ':' if is(at + 1, ':') => (at + 2, Some("::".to_owned())),
        '"' => literal(after_quoted(chars, at, '"')),
        // 'a' and '\n' are characters, 'a without an end is a lifetime.
        '\'' if is(at + 1, '\\') || is(at + 2, '\'') => literal(after_quoted(chars, at, '\'')),
        '\'' => (name_end(at + 1), None),
        first if first.is_alphanumeric() || first == '_' => {
            let end = name_end(at);
            let name: String = chars[at..end].iter().collect();
            let hashes = chars[end..].iter().take_while(|&&one| one == '#').count();
            let quoted = is(end + hashes, '"');
            match name.as_str() {
                "r" | "br" | "cr" if quoted => literal(after_raw(chars, end + hashes, hashes)),
                "b" | "c" if is(end, '"') => literal(after_quoted(chars, end, '"')),
                "b" if is(end, '\'') => literal(after_quoted(chars, end, '\'')),
                "r" if hashes == 1 => (end + 1, None), // a raw name follows
                _ => (end, Some(name)),
            }
        }
        sign => (at + 1, Some(sign.to_string())),
    }
}

/// The end of a literal whose quotation mark is at `open`.
fn after_quoted(chars: &[char], open: usize, mark: char) -> usize {
    let mut at = open + 1;
    while at < chars.len() && chars[at] != mark {
        at += if chars[at] == '\\' { 2 } else { 1 };
    }
    (at + 1).min(chars.len())
}

/// The end of a raw string whose quotation mark is at `open`, behind so many `#`.
fn after_raw(chars: &[char], open: usize, hashes: usize) -> usize {
    let closes = |at: usize| {
        chars[at] == '"'
            && chars[at + 1..].iter().take(hashes).filter(|&&one| one == '#').count() == hashes
    };
    (open + 1..chars.len()).find(|&at| closes(at)).map_or(chars.len(), |at| at + 1 + hashes)
}

/// The end of a block comment, which may hold others.
fn after_block_comment(chars: &[char], open: usize) -> usize {
    let mut depth = 0_usize;
    let mut at = open;
    while at + 1 < chars.len() {
        match (chars[at], chars[at + 1]) {
            ('/', '*') => depth += 1,
            ('*', '/') => depth -= 1,
            _ => {
                at += 1;
                continue;
            }
        }
        at += 2;
        if depth == 0 {
            return at;
        }
    }
    chars.len()
}

/// The word that closes the bracket at `open`, or the end.
pub(crate) fn closing(words: &[Word], open: usize) -> usize {
    let mut depth = 0_usize;
    for (at, word) in words.iter().enumerate().skip(open) {
        match word.text.as_str() {
            "(" | "[" | "{" => depth += 1,
            ")" | "]" | "}" => {
                depth = depth.saturating_sub(1);
                if depth == 0 {
                    return at;
                }
            }
            _ => {}
        }
    }
    words.len()
}

#[test]
fn comments_and_literals_are_no_words() {
    let text = r##"
        // symphonia::a
        /* symphonia::b /* nested */ symphonia::c */
        /// symphonia::d
        const TEXT: &str = "symphonia::e \" symphonia::f";
        const RAW: &str = r#"symphonia::g " symphonia::h"#;
        const BYTES: &[u8] = b"symphonia::i"; const Q: char = '"'; const E: char = '\'';
        fn life<'a>(x: &'a str) -> (u8, char) { (b'"', 'x') }
        r#use::all /* open
    "##;
    let found = words(text);
    assert!(found.iter().all(|word| word.text != "symphonia" && word.text != "a"), "{found:?}");
    let last: Vec<_> = found.iter().rev().take(4).map(|word| (&*word.text, word.line)).collect();
    assert_eq!(last, [("all", 9), ("::", 9), ("use", 9), ("}", 8)]);
    assert_eq!(found.iter().filter(|word| word.text == "\"\"").count(), 7);
}

#[test]
fn a_bracket_is_closed_by_its_own() {
    assert_eq!(closing(&words("( [ { } ] ) ( )"), 0), 5);
    assert_eq!(closing(&words("( [ { } ] ) ( )"), 1), 4);
    assert_eq!(closing(&words("{ ( )"), 0), 3, "what is not closed reaches to the end");
}
