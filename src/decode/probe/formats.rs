//! Formats: the one table of what can be decoded, and how.
//!
//! `audiopool formats` prints it, directories are filtered by it, a wrong extension is noticed by
//! it, and a message names a format as it does. Each container that is read here describes itself
//! ([`Container`](crate::decode::container::Container)); the others are in [`foreign`](super::foreign).

use super::foreign::FOREIGN;
use crate::decode::container::READERS;
use crate::decode::container::format::{FormatRow, Kind};

const COUNT: usize = READERS.len() + FOREIGN.len();

const ROWS: [FormatRow; COUNT] = {
    let mut rows = [FOREIGN[0]; COUNT];
    let mut row = 0;
    while row < COUNT {
        rows[row] =
            if row < READERS.len() { READERS[row].format } else { FOREIGN[row - READERS.len()] };
        row += 1;
    }
    rows
};

/// The table of formats, those decoded by this program first.
pub fn formats() -> &'static [FormatRow] {
    &ROWS
}

const EXTENSION_COUNT: usize = {
    let (mut row, mut count) = (0, 0);
    while row < ROWS.len() {
        count += ROWS[row].extensions.len();
        row += 1;
    }
    count
};

/// File name extensions of audio, lower case, without a dot: what is picked up from a directory.
pub const EXTENSIONS: &[&str] = &{
    let mut all = [""; EXTENSION_COUNT];
    let (mut row, mut count) = (0, 0);
    while row < ROWS.len() {
        let mut column = 0;
        while column < ROWS[row].extensions.len() {
            all[count] = ROWS[row].extensions[column];
            count += 1;
            column += 1;
        }
        row += 1;
    }
    all
};

/// The row of a container that was recognised.
pub(in crate::decode) fn row_of(kind: Kind) -> &'static FormatRow {
    // Every kind is that of a row.
    formats().iter().find(|row| row.kind == kind).unwrap_or(&formats()[0])
}

/// The row to which a file name extension belongs, in any case.
pub(in crate::decode) fn row_of_extension(extension: &str) -> Option<&'static FormatRow> {
    formats()
        .iter()
        .find(|row| row.extensions.iter().any(|known| known.eq_ignore_ascii_case(extension)))
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn extensions_are_lower_case_and_belong_to_one_row() {
        let mut seen = HashSet::new();
        for extension in EXTENSIONS {
            assert_eq!(*extension, extension.to_ascii_lowercase());
            assert!(seen.insert(extension), "{extension} is listed twice");
            let row = row_of_extension(&extension.to_ascii_uppercase()).expect("its own row");
            assert!(row.extensions.contains(extension));
        }
        assert_eq!(seen.len(), ROWS.iter().map(|row| row.extensions.len()).sum::<usize>());
    }

    #[test]
    fn every_kind_has_its_own_row() {
        let mut kinds = Vec::new();
        for row in ROWS {
            assert!(!kinds.contains(&row.kind), "{:?} has two rows", row.kind);
            assert_eq!(row_of(row.kind).name, row.name);
            kinds.push(row.kind);
        }
    }
}
