//! Terminals: colour, and what must not reach one.
//!
//! File names and tags are written by strangers. A name may hold an escape sequence that clears
//! the screen, or a newline that forges a line of ours; on the way to a person both are spelled out.

use std::borrow::Cow;
use std::fmt::Display;

/// Colours text, or leaves it alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Paint {
    /// Whether colour is allowed.
    pub on: bool,
}

impl Paint {
    /// No colour at all.
    pub const PLAIN: Self = Self { on: false };

    /// For names and headings.
    pub fn bold(self, text: impl Display) -> String {
        self.with("1", text)
    }

    /// For what is of less interest.
    pub fn dim(self, text: impl Display) -> String {
        self.with("2", text)
    }

    /// For failures.
    pub fn red(self, text: impl Display) -> String {
        self.with("31", text)
    }

    /// For warnings.
    pub fn yellow(self, text: impl Display) -> String {
        self.with("33", text)
    }

    fn with(self, code: &str, text: impl Display) -> String {
        if self.on { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_string() }
    }
}

/// The text with control characters, and those that turn the direction of writing, spelled out.
pub fn escaped(text: &str) -> Cow<'_, str> {
    if !text.contains(is_unsafe) {
        return Cow::Borrowed(text);
    }
    let mut safe = String::with_capacity(text.len() + 8);
    for character in text.chars() {
        if is_unsafe(character) {
            safe.extend(character.escape_default());
        } else {
            safe.push(character);
        }
    }
    Cow::Owned(safe)
}

fn is_unsafe(character: char) -> bool {
    let turns_direction = matches!(
        character,
        '\u{061C}' | '\u{200E}' | '\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}'
    );
    character.is_control() || turns_direction
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_cannot_command_the_terminal() {
        assert_eq!(escaped("a\x1b[2Jb\nc\td\u{9b}"), r"a\u{1b}[2Jb\nc\td\u{9b}");
        assert_eq!(escaped("fdp\u{202e}3pm"), r"fdp\u{202e}3pm");
        assert!(matches!(escaped("größe – 音 \\ \"q\".wav"), Cow::Borrowed(_)));
    }

    #[test]
    fn colour_only_when_allowed() {
        assert_eq!(Paint::PLAIN.red("no"), "no");
        assert_eq!(Paint { on: true }.red("no"), "\x1b[31mno\x1b[0m");
    }
}
