//! `tree`: everybody, each below whom it is assumed from. Asks nobody.

use std::fmt::Write as _;

use serde_json::{Value, json};

use crate::cli::{Global, Tree};
use crate::context::{Context, printable};
use crate::error::Failure;
use crate::prompt::Never;
use crate::resolve::{Branch, By, LookupError, ResolveError, Resolver, Target, store_path};
use crate::table;

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
        return Ok(context.answer_json(&part.json())?);
    }
    if arguments.dot {
        return Ok(context.answer(&part.dot())?);
    }
    if part.range.is_empty() {
        context.note("nobody is assumed from anybody yet: multicred import --all");
        return Ok(());
    }
    Ok(context.answer(&format!("{}\n", part.table(context)))?)
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

    fn table(&self, context: &Context) -> String {
        let mut table = table::with_heads(context, ["IDENTITY", "STATE", "ACCOUNT", "KIND"]);
        let (top, mut ends) = (self.top(), Vec::new());
        for (_, branch) in self.iter() {
            let depth = branch.depth - top;
            ends.truncate(depth);
            ends.resize(depth + 1, branch.is_last);
            table.add_row([
                table::cell(&format!("{}{}", lines_before(&ends), branch.shown)),
                table::state_cell(context, &branch.standing),
                table::cell(branch.account.as_deref().unwrap_or("")),
                table::cell(branch.kind),
            ]);
        }
        table.trim_fmt()
    }

    fn json(&self) -> Value {
        let shown = |(place, by): &(usize, By)| {
            let by = match by {
                By::Link => "link",
                By::Profile(_) => "profile",
            };
            (&self.branches[*place].shown, by)
        };
        let values = self.iter().map(|(_, branch)| {
            let parent = branch.parent.as_ref().map(shown);
            json!({
                "identity": branch.shown,
                "arn": branch.arn,
                "account": branch.account,
                "kind": branch.kind,
                "source": branch.source,
                "state": branch.standing.state.word(),
                "expires_at": branch.standing.expires_at,
                "reason": branch.standing.state.reason(),
                "depth": branch.depth - self.top(),
                "parent": parent.map(|(shown, _)| shown),
                "by": parent.map(|(_, by)| by),
            })
        });
        values.collect::<Vec<_>>().into()
    }

    /// In the language of graphviz. Nodes are called by number: no name can be mistaken for a word of that language.
    fn dot(&self) -> String {
        let mut text = "digraph multicred {\n  rankdir=LR;\n  node [shape=box];\n".to_owned();
        for (place, branch) in self.iter() {
            let (shown, arn) = (quoted(&branch.shown), quoted(branch.arn.as_deref().unwrap_or_default()));
            let state = branch.standing.state.word();
            // Writing to a String cannot fail.
            let _ = writeln!(text, "  n{place} [label=\"{shown}\\n{state}\", tooltip=\"{arn}\"];");
        }
        for (place, branch) in self.iter() {
            if let Some((parent, _)) = branch.parent.as_ref().filter(|(parent, _)| self.range.contains(parent)) {
                let _ = writeln!(text, "  n{parent} -> n{place};");
            }
        }
        text + "}\n"
    }
}

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
