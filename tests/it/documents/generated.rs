//! Tables that are made from the code. `scripts/docs/generate --write` updates them.

use std::{env, fs};

use super::{pages, printed, read, root};

const BEGIN: &str = "<!-- begin generated: ";
const END: &str = "<!-- end generated -->";

#[test]
fn generated_tables_are_up_to_date() {
    let mut tables = 0;
    for page in pages() {
        let text = read(&page);
        let expected = with_tables(&text, &page, &mut tables);
        if env::var_os("UPDATE_DOCS").is_some() {
            fs::write(root().join(&page), expected).unwrap();
        } else {
            assert!(text == expected, "{page} is out of date; run `scripts/docs/generate --write`");
        }
    }
    assert_eq!(tables, 8, "a table of `audiopool reference` is in no page, or in two");
}

#[test]
fn committed_schema_of_a_record_is_up_to_date() {
    let page = root().join("docs/src/record.schema.json");
    let expected = printed(&["schema"]);
    if env::var_os("UPDATE_DOCS").is_some() {
        fs::write(page, expected).unwrap();
    } else {
        let text = read("docs/src/record.schema.json");
        assert!(text == expected, "it is out of date; run `scripts/docs/generate --write`");
    }
}

/// A page with the tables that the program prints now.
#[track_caller]
fn with_tables(page: &str, name: &str, tables: &mut usize) -> String {
    let mut parts = page.split(BEGIN);
    let mut text = parts.next().unwrap().to_owned();
    for part in parts {
        let (table, rest) = part.split_once(" -->\n").unwrap();
        let (_, after) =
            rest.split_once(END).unwrap_or_else(|| panic!("{name}: no end of {table}"));
        let body = printed(&["reference", table]);
        assert!(!body.is_empty(), "{name}: there is no table `{table}`");
        text.extend([BEGIN, table, " -->\n\n", body.trim_end(), "\n\n", END, after]);
        *tables += 1;
    }
    text
}
