//! `audiopool reference`: the tables of the documentation, made from the definitions that the
//! program itself uses. `scripts/docs/generate --write` puts them into `docs/src`.

use std::collections::BTreeMap;
use std::io::{self, Write};

use audiopool::decode;
use audiopool::record::{FAILURES, WARNINGS};
use audiopool::settings::{GROUPS, METRICS, catalogue};
use clap::builder::StyledStr;
use clap::{Arg, Command, ValueEnum};

use crate::cli::exit::Exit;

/// The arguments of `audiopool reference`.
#[derive(Debug, clap::Args)]
pub(crate) struct Reference {
    /// The table
    table: Table,
}

/// The tables that can be printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Table {
    /// Every command with its options
    Commands,
    /// Environment variables
    Variables,
    /// Exit codes
    ExitCodes,
    /// Groups of metrics
    Groups,
    /// Metrics
    Metrics,
    /// Formats that can be decoded
    Formats,
    /// Kinds of warning
    Warnings,
    /// Kinds of error
    Errors,
}

/// Variables that belong to no option.
const FURTHER_VARIABLES: [(&str, &str); 6] = [
    ("AUDIOPOOL_FFMPEG", "the ffmpeg program to run; no ffmpeg is used if it is empty"),
    (
        "AUDIOPOOL_LOG",
        "filter of the log, for example `procpool=debug,warn`; `-v` and `-q` override it",
    ),
    (
        "AUDIOPOOL_TRANSPORT",
        "how samples travel between processes: `memfd` (Linux) or `portable`; changes no figure",
    ),
    ("NO_COLOR", "if it is set and not empty, `--color auto` uses no colour"),
    ("PATH", "where `ffmpeg` and `ffprobe` are looked for"),
    (
        "TMPDIR",
        "folder for the sockets of child processes and for the uploads of `audiopool serve`",
    ),
];

/// Writes a table as Markdown.
pub(crate) fn write(asked: &Reference, program: Command, out: &mut dyn Write) -> io::Result<()> {
    match asked.table {
        Table::Commands => commands(program, out),
        Table::Variables => variables(program, out),
        Table::ExitCodes => {
            let row = |exit: Exit| vec![exit.code().to_string(), exit.meaning().to_owned()];
            rows(out, &["code", "meaning"], Exit::ALL.map(row))
        }
        Table::Groups => {
            let keys = |name| {
                let members = METRICS.iter().filter(|metric| metric.answers_to(name));
                members.map(|metric| code(metric.key)).collect::<Vec<_>>().join(", ")
            };
            let row = |group: &&audiopool_worker::analyze::Group| {
                vec![code(group.name), group.about.to_owned(), keys(group.name)]
            };
            rows(out, &["group", "what it is about", "metrics"], GROUPS.iter().map(row))
        }
        Table::Metrics => {
            let row = |metric: &audiopool_worker::analyze::Metric| {
                let texts = [metric.unit, metric.definition, metric.source];
                std::iter::once(code(metric.key)).chain(texts.map(str::to_owned)).collect()
            };
            rows(out, &["key", "unit", "definition", "source"], catalogue().map(row))
        }
        Table::Formats => {
            let row = |row: &decode::FormatRow| {
                let extensions = row.extensions.join(" ");
                vec![row.name.into(), extensions, row.decoding.name().into(), row.codecs.into()]
            };
            let headers = ["format", "extensions", "decoded", "codecs"];
            rows(out, &headers, decode::formats().iter().map(row))
        }
        Table::Warnings => {
            let row = |kind: audiopool::record::WarningKind| {
                let words = kind.words();
                let damage = if kind.is_damage() { "yes" } else { "" };
                let texts = [words.title, damage, words.help];
                let texts = texts.map(str::to_owned);
                std::iter::once(code(&kind.to_string())).chain(texts).collect()
            };
            rows(out, &["kind", "meaning", "damage", "what to know"], WARNINGS.map(row))
        }
        Table::Errors => {
            let row = |kind: audiopool::record::FailureKind| {
                let words = kind.words();
                vec![code(&kind.to_string()), words.title.to_owned(), words.help.to_owned()]
            };
            rows(out, &["kind", "meaning", "what helps"], FAILURES.map(row))
        }
    }
}

/// A section for each command, with a table for each group of options; options that every command
/// has come last.
fn commands(mut program: Command, out: &mut dyn Write) -> io::Result<()> {
    program.build();
    let shared = ["help", "version", "verbose", "quiet", "color"];
    let is_shared = |arg: &&Arg| shared.contains(&arg.get_id().as_str());
    for command in visible_commands(&program) {
        let name = command.get_name();
        writeln!(out, "## `audiopool {name}`\n\n{}.\n", about(command))?;
        let positional: Vec<_> =
            command.get_positionals().filter(|arg| !arg.is_hide_set()).collect();
        let usage: Vec<_> = positional.iter().map(ToString::to_string).collect();
        let options = own_options(command, &is_shared);
        let marker = if options.is_empty() { "" } else { " [OPTIONS]" };
        let usage = if usage.is_empty() { String::new() } else { format!(" {}", usage.join(" ")) };
        writeln!(out, "```text\naudiopool {name}{marker}{usage}\n```\n")?;
        let arguments: Vec<_> =
            positional.iter().map(|arg| vec![code(&arg.to_string()), meaning(arg)]).collect();
        if !arguments.is_empty() {
            rows(out, &["argument", "meaning"], arguments)?;
            writeln!(out)?;
        }
        for (heading, options) in options {
            if let Some(heading) = heading {
                writeln!(out, "**{heading}**\n")?;
            }
            rows(out, &["option", "default", "meaning"], options)?;
            writeln!(out)?;
        }
    }
    writeln!(out, "## Options of every command\n")?;
    let every = program.get_arguments().filter(is_shared).map(option);
    rows(out, &["option", "default", "meaning"], every)
}

/// The options of a command by heading, in the order of its help.
fn own_options<'a>(
    command: &'a Command,
    is_shared: &impl Fn(&&'a Arg) -> bool,
) -> Vec<(Option<&'a str>, Vec<Vec<String>>)> {
    let mut headings: Vec<(Option<&str>, Vec<Vec<String>>)> = Vec::new();
    let is_own = |arg: &&Arg| !arg.is_positional() && !arg.is_hide_set();
    for arg in command.get_arguments().filter(is_own).filter(|arg| !is_shared(arg)) {
        let heading = arg.get_help_heading();
        match headings.iter_mut().find(|(known, _)| *known == heading) {
            Some((_, options)) => options.push(option(arg)),
            None => headings.push((heading, vec![option(arg)])),
        }
    }
    headings
}

fn visible_commands(program: &Command) -> impl Iterator<Item = &Command> {
    let hidden = |command: &&Command| command.is_hide_set() || command.get_name() == "help";
    program.get_subcommands().filter(move |command| !hidden(command))
}

/// `-j`, `--workers <N>`, its default, and what it means.
fn option(arg: &Arg) -> Vec<String> {
    let short = arg.get_short().map(|short| code(&format!("-{short}")));
    let long = arg.get_long().map(|long| {
        let values = arg.get_value_names().unwrap_or_default();
        let takes_value = arg.get_action().takes_values();
        let value = values.iter().map(clap::builder::Str::as_str).collect::<Vec<_>>().join(" ");
        match (takes_value, arg.is_require_equals_set()) {
            (false, _) => code(&format!("--{long}")),
            (true, false) => code(&format!("--{long} {value}")),
            (true, true) => code(&format!("--{long}[={value}]")),
        }
    });
    let names: Vec<_> = short.into_iter().chain(long).collect();
    let defaults = arg.get_default_values().iter().map(|value| code(&value.to_string_lossy()));
    let default = if arg.get_action().takes_values() { defaults.collect() } else { Vec::new() };
    let stated = split_default(&text(arg.get_help())).1;
    vec![names.join(", "), stated.unwrap_or_else(|| default.join(" ")), meaning(arg)]
}

/// The help of an argument and its possible values, as one paragraph.
fn meaning(arg: &Arg) -> String {
    let help = split_default(&text(arg.get_long_help().or(arg.get_help()))).0;
    let help = match help.split_once(", from all, ") {
        Some((before, _)) => format!("{before}; see [Metrics](metrics.md)"),
        None => help,
    };
    let values: Vec<_> = arg
        .get_possible_values()
        .iter()
        .filter_map(|value| Some((value.get_name(), value.get_help()?)))
        .map(|(name, help)| format!("{}: {}", code(name), lower_first(&help.to_string())))
        .collect();
    if values.is_empty() { help } else { format!("{help}. {}", values.join("; ")) }
}

/// A help text and the default that stands at its end, if one does: `… [default: none]`.
fn split_default(help: &str) -> (String, Option<String>) {
    match help.split_once(" [default: ") {
        Some((help, default)) => (help.to_owned(), Some(default.trim_end_matches(']').to_owned())),
        None => (help.to_owned(), None),
    }
}

fn variables(mut program: Command, out: &mut dyn Write) -> io::Result<()> {
    program.build();
    let mut found: BTreeMap<String, String> =
        FURTHER_VARIABLES.map(|(name, meaning)| (name.to_owned(), meaning.to_owned())).into();
    for arg in visible_commands(&program).flat_map(Command::get_arguments) {
        if let (Some(variable), Some(long)) = (arg.get_env(), arg.get_long()) {
            let meaning = format!("as {}", code(&format!("--{long}")));
            found.insert(variable.to_string_lossy().into_owned(), meaning);
        }
    }
    let row = |(name, meaning): (String, String)| vec![code(&name), meaning];
    rows(out, &["variable", "meaning"], found.into_iter().map(row))
}

fn about(command: &Command) -> String {
    text(command.get_about())
}

/// Help as one line without colours.
fn text(help: Option<&StyledStr>) -> String {
    let text = help.map(ToString::to_string).unwrap_or_default();
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn lower_first(text: &str) -> String {
    let mut letters = text.chars();
    // `JSON` stays as it is.
    match (letters.next(), letters.clone().next()) {
        (Some(first), second) if !second.is_some_and(char::is_uppercase) => {
            first.to_lowercase().chain(letters).collect()
        }
        _ => text.to_owned(),
    }
}

fn code(text: &str) -> String {
    format!("`{text}`")
}

/// Writes a Markdown table.
fn rows(
    out: &mut dyn Write,
    headers: &[&str],
    body: impl IntoIterator<Item = Vec<String>>,
) -> io::Result<()> {
    writeln!(out, "| {} |", headers.join(" | "))?;
    writeln!(out, "|{}", "---|".repeat(headers.len()))?;
    for row in body {
        let cells: Vec<_> = row.iter().map(|cell| cell.replace('|', "\\|")).collect();
        writeln!(out, "| {} |", cells.join(" | "))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;
    use crate::cli::args::Args;

    fn printed(table: Table) -> String {
        let mut out = Vec::new();
        write(&Reference { table }, Args::command(), &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn every_table_has_rows_of_equal_width() {
        for &table in Table::value_variants() {
            let text = printed(table);
            let cells = |line: &str| line.replace("\\|", "").matches('|').count();
            let lines: Vec<_> = text.lines().filter(|line| line.starts_with('|')).collect();
            assert!(lines.len() > 5, "{table:?}: {text}");
            for block in text.split("\n\n").filter(|block| block.starts_with('|')) {
                let widths: Vec<_> = block.lines().map(cells).collect();
                assert!(widths.iter().all(|width| *width == widths[0]), "{block}");
            }
        }
    }

    #[test]
    fn default_in_the_help_moves_to_its_column() {
        let (help, default) = split_default("Workers [1 to 256] [default: half the cores]");
        assert_eq!(
            (help.as_str(), default.as_deref()),
            ("Workers [1 to 256]", Some("half the cores"))
        );
        assert_eq!(lower_first("For a person"), "for a person");
        assert_eq!(lower_first("JSON"), "JSON");
    }
}
