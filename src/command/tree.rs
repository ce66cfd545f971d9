//! `tree`: everybody, each below whom it is assumed from. Asks nobody.

use std::io::{self, Write};

use serde_json::Value;

use crate::cli::{Global, Tree};
use crate::context::{Context, printable};
use crate::error::Failure;
use crate::prompt::Never;
use crate::resolve::{Branch, By, LookupError, ResolveError, Resolver, Somebody, Target, store_path};
use crate::table::{self, Column, cell, state_cell};

/// Who stands deeper is drawn no further to the right: no chain of AWS roles is that long.
const DEEPEST_DRAWN: usize = 24;

pub(super) fn run(context: &Context, global: &Global, arguments: &Tree) -> Result<(), Failure> {
    if arguments.dot && global.json {
        return Err(Failure::usage("--dot and --json are two forms of one answer", "leave out one of them"));
    }
    let path = store_path(context, global.store.as_deref())?;
    let resolver = Resolver::new(context, path, Box::new(Never), None)?;
    let catalogue = resolver.catalogue();
    let target = arguments.identity.as_deref().map(|name| catalogue.lookup(name)).transpose()?;
    if matches!(target, Some(Target::Nobody)) {
        return Err(ResolveError::from(LookupError::Nobody).into());
    }
    let forest = catalogue.forest()?;
    let whole = 0..forest.branches.len();
    let range = target.map_or(whole, |target| forest.below(&target).unwrap_or_default());
    let part = Part { branches: &forest.branches, range };
    if global.json {
        return Ok(context.answer_list(part.json())?);
    }
    if arguments.dot {
        return Ok(context.answer_by(|out| part.dot(out))?);
    }
    if part.range.is_empty() {
        context.note("nobody is assumed from anybody yet: multicred import --all");
        return Ok(());
    }
    Ok(part.print(context)?)
}

/// A part of the forest: one and all below it, or all.
struct Part<'f> {
    branches: &'f [Branch],
    range: std::ops::Range<usize>,
}

impl Part<'_> {
    fn iter(&self) -> impl Iterator<Item = (usize, &Branch)> {
        self.range.clone().map(|place| (place, &self.branches[place]))
    }

    /// How deep the part's own root stands.
    fn top(&self) -> usize {
        self.branches.get(self.range.start).map_or(0, |branch| branch.depth)
    }

    /// Each branch, with the lines that lead to it.
    fn drawn(&self) -> impl Iterator<Item = (String, &Branch)> + Clone {
        let (top, mut ends) = (self.top(), Vec::new());
        self.branches[self.range.clone()].iter().map(move |branch| {
            let depth = branch.depth - top;
            ends.truncate(depth);
            ends.resize(depth + 1, branch.is_last);
            (lines_before(&ends), branch)
        })
    }

    fn print(&self, context: &Context) -> io::Result<()> {
        let now = context.now();
        let cells = |(lines, branch): (String, &'_ Branch)| {
            let Somebody { shown, standing, identity, kind, protected, .. } = &branch.somebody;
            let account = identity.as_ref().map(|identity| identity.account.clone());
            [
                cell(lines + shown),
                state_cell(standing, *protected, now),
                cell(account.unwrap_or_default()),
                cell(*kind),
                cell(standing.state.reason().unwrap_or_default().to_owned()),
            ]
        };
        table::print(context, COLUMNS, self.drawn().map(cells))
    }

    fn json(&self) -> impl Iterator<Item = Value> {
        self.iter().map(|(_, branch)| {
            let mut json = table::somebody_json(&branch.somebody);
            let (parent, by) = branch.parent.as_ref().map(|(parent, by)| (*parent, by)).unzip();
            let by = by.map(|by| match by {
                By::Link => "link",
                By::Profile(_) => "profile",
            });
            json.insert("depth".to_owned(), (branch.depth - self.top()).into());
            json.insert("parent".to_owned(), parent.map(|it| self.branches[it].somebody.shown.as_str()).into());
            json.insert("by".to_owned(), by.into());
            json.into()
        })
    }

    /// In the language of graphviz. Nodes are called by number: no name can be mistaken for a word of that language.
    fn dot(&self, out: &mut dyn Write) -> io::Result<()> {
        out.write_all(b"digraph multicred {\n  rankdir=LR;\n  node [shape=box];\n")?;
        for (place, Branch { somebody, .. }) in self.iter() {
            let (shown, arn) = (quoted(&somebody.shown), quoted(somebody.arn.as_deref().unwrap_or_default()));
            let state = somebody.standing.state.word();
            writeln!(out, "  n{place} [label=\"{shown}\\n{state}\", tooltip=\"{arn}\"];")?;
        }
        for (place, branch) in self.iter() {
            if let Some((parent, _)) = branch.parent.as_ref().filter(|(parent, _)| self.range.contains(parent)) {
                writeln!(out, "  n{parent} -> n{place};")?;
            }
        }
        out.write_all(b"}\n")
    }
}

const COLUMNS: [Column; 5] = [
    Column::kept("IDENTITY"),
    Column::kept("STATE"),
    Column::spare(1, "ACCOUNT"),
    Column::spare(2, "KIND"),
    Column::remark("REASON"),
];

/// The lines that lead to a branch, given for each level whether it is the last there. The first level has none.
fn lines_before(ends: &[bool]) -> String {
    let Some((own, above)) = ends.get(1..).and_then(<[bool]>::split_last) else { return String::new() };
    let drawn = above.iter().take(DEEPEST_DRAWN);
    let mut lines: String = drawn.map(|is_last| if *is_last { "   " } else { "│  " }).collect();
    lines.push_str(if above.len() > DEEPEST_DRAWN { "… " } else { "" });
    lines + if *own { "└─ " } else { "├─ " }
}

/// A text between the quotes of a graphviz label, where `\N` would be the node's name, and `&lt;` a `<`.
fn quoted(text: &str) -> String {
    printable(text).replace('\\', "\\\\").replace('"', "\\\"").replace('&', "&amp;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lines_tell_who_is_last_and_do_not_grow_without_end() {
        assert_eq!(lines_before(&[true]), "");
        assert_eq!(lines_before(&[true, false]), "├─ ");
        assert_eq!(lines_before(&[true, false, true, true]), "│     └─ ");
        assert!(lines_before(&[true; 10_000]).len() < 100);
    }

    #[test]
    fn nothing_ends_a_label_but_its_quote() {
        assert_eq!(quoted("a\"b\\"), "a\\\"b\\\\");
        assert_eq!(quoted("\\N &lt;\n"), "\\\\N &amp;lt;?");
    }
}
