//! `man`: manual pages, made from the command line itself.

use std::fmt::Write as _;
use std::fs;
use std::io;
use std::path::Path;

use clap_mangen::Man as Page;

use crate::cli::{self, Man, examples};
use crate::context::Context;
use crate::error::{Exit, Failure};

pub(super) fn run(context: &Context, arguments: &Man) -> Result<(), Failure> {
    let mut pages = pages()?;
    let Some(folder) = &arguments.dir else {
        let name = arguments.command.join(" ");
        let found = pages.iter().position(|page| page.command == name);
        let page = pages.swap_remove(found.ok_or_else(|| unknown(&name))?);
        return Ok(context.answer(&page.text)?);
    };
    write(folder, &pages).map_err(|error| {
        let fact = format!("the pages cannot be written into {}: {error}", folder.display());
        Failure::new(Exit::Failure, fact, "name a folder that you can write in")
    })?;
    context.note(&format!("{} pages are in {}", pages.len(), folder.display()));
    Ok(())
}

fn unknown(name: &str) -> Failure {
    Failure::usage(format!("there is no command '{}'", name.escape_debug()), "multicred --help lists every command")
}

/// The page of one command.
struct Rendered {
    /// As it is typed behind `multicred`; empty for the program itself.
    command: String,
    /// `multicred-key-add.1`
    file: String,
    text: String,
}

/// Those of every command that is not hidden, the program itself first.
fn pages() -> Result<Vec<Rendered>, Failure> {
    let mut command = cli::command_line();
    command.build();
    let mut pages = Vec::new();
    render_all(&command, "", &mut pages).map_err(|error| {
        Failure::new(Exit::Failure, format!("the page could not be made: {error}"), "run the command again")
    })?;
    Ok(pages)
}

fn render_all(command: &clap::Command, name: &str, pages: &mut Vec<Rendered>) -> io::Result<()> {
    let page = Page::new(command.clone()).source(concat!("multicred ", env!("CARGO_PKG_VERSION"))).manual("multicred");
    pages.push(Rendered { command: name.to_owned(), file: page.get_filename(), text: render(command, &page, name)? });
    for inner in command.get_subcommands().filter(|inner| !inner.is_hide_set()) {
        let name = [name, inner.get_name()].join(" ");
        render_all(inner, name.trim_start(), pages)?;
    }
    Ok(())
}

fn render(command: &clap::Command, page: &Page, name: &str) -> io::Result<String> {
    let mut text = Vec::new();
    page.render_title(&mut text)?;
    page.render_name_section(&mut text)?;
    page.render_synopsis_section(&mut text)?;
    page.render_description_section(&mut text)?;
    page.render_options_section(&mut text)?;
    if command.get_subcommands().any(|inner| !inner.is_hide_set()) {
        page.render_subcommands_section(&mut text)?;
    }
    let text = String::from_utf8(text).map_err(io::Error::other)?;
    Ok(in_ascii(&(text + &of_examples(name))))
}

/// clap knows these as a text below the help, and would make paragraphs of it.
fn of_examples(name: &str) -> String {
    let one = |(what, line): &examples::Example| format!(".TP\n\\fB{}\\fR\n{}\n", escaped(line), escaped(what));
    let all: String = examples::of(name).iter().map(one).collect();
    if all.is_empty() { all } else { format!(".SH EXAMPLES\n{all}") }
}

/// groff(7): a backslash begins an escape, a bare dash, quote or tilde is typographic; at the start of a line a dot
/// or a quote begins a request.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len() + 8);
    if text.starts_with(['.', '\'']) {
        escaped.push_str("\\&");
    }
    for character in text.chars() {
        match character {
            '\\' => escaped.push_str("\\e"),
            '-' => escaped.push_str("\\-"),
            '\'' => escaped.push_str("\\(aq"),
            '`' => escaped.push_str("\\(ga"),
            '~' => escaped.push_str("\\(ti"),
            '^' => escaped.push_str("\\(ha"),
            '"' => escaped.push_str("\\(dq"),
            _ => escaped.push(character),
        }
    }
    escaped
}

/// groff reads ASCII, unless it is told otherwise; `groff_char(7)` has the names of all else.
fn in_ascii(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '…' => plain.push_str("..."),
            _ if character.is_ascii() => plain.push(character),
            _ => {
                // Writing to a String cannot fail.
                let _ = write!(plain, "\\[u{:04X}]", u32::from(character));
            }
        }
    }
    plain
}

fn write(folder: &Path, pages: &[Rendered]) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    pages.iter().try_for_each(|page| fs::write(folder.join(&page.file), &page.text))
}
