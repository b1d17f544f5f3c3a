//! The manual page: one for the program, with every option of `analyze`, made from the arguments.

use std::io::{self, Write};

use clap::Command;
use clap_mangen::Man;

use crate::cli::exit::Exit;

/// Writes the page in roff.
pub(crate) fn write(mut program: Command, out: &mut dyn Write) -> io::Result<()> {
    program.build();
    let analyze = program
        .find_subcommand("analyze")
        .cloned()
        .ok_or_else(|| io::Error::other("there is no command `analyze`"))?;
    let commands = program.get_subcommands().filter(|command| !command.is_hide_set());
    let commands: Vec<_> = commands.cloned().collect();
    let version = env!("CARGO_PKG_VERSION");
    let page = Man::new(program).manual("User Commands").source(format!("audiopool {version}"));
    // Its display name is `audiopool-analyze`; here it is a section, not a page.
    let analyze = Man::new(analyze.display_name("audiopool analyze"));

    page.render_title(out)?;
    page.render_name_section(out)?;
    page.render_synopsis_section(out)?;
    page.render_description_section(out)?;
    writeln!(out, ".SH COMMANDS")?;
    for command in commands {
        writeln!(out, ".TP\n\\fBaudiopool {}\\fR\n{}", command.get_name(), about(&command))?;
    }
    writeln!(out, ".SH ANALYZE")?;
    analyze.render_synopsis_section(&mut as_subsection(out))?;
    analyze.render_options_section(&mut as_subsection(out))?;
    writeln!(out, ".SH \"EXIT STATUS\"")?;
    for exit in Exit::ALL {
        writeln!(out, ".TP\n\\fB{}\\fR\n{}", exit.code(), exit.meaning())?;
    }
    page.render_version_section(out)
}

fn about(command: &Command) -> String {
    command.get_about().map(ToString::to_string).unwrap_or_default()
}

/// Turns section headings into headings of subsections.
fn as_subsection(out: &mut dyn Write) -> impl Write {
    Subsection { out, line: Vec::new() }
}

struct Subsection<'a> {
    out: &'a mut dyn Write,
    line: Vec<u8>,
}

impl Write for Subsection<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        for &byte in bytes {
            self.line.push(byte);
            if byte == b'\n' {
                let line = std::mem::take(&mut self.line);
                match line.strip_prefix(b".SH ") {
                    Some(heading) => {
                        self.out.write_all(b".SS ")?;
                        self.out.write_all(heading)?;
                    }
                    None => self.out.write_all(&line)?,
                }
            }
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.write_all(&std::mem::take(&mut self.line))?;
        self.out.flush()
    }
}
