//! The start files of shells, and the block in them that brings multicred into a shell: text in, text out, but for
//! finding the files.

use std::path::PathBuf;

use zeroize::Zeroizing;

use crate::aws_config::write::Rewrite;
use crate::context::Context;
use crate::resolve::{ResolveError, Resolver};
use crate::shell::{Dialect, Language, quote};

const BEGIN: &str = "# >>> multicred setup >>>";
const END: &str = "# <<< multicred setup <<<";
const SENTENCE: &str = "multicred unsetup takes these lines out again";
const NO_END: &str = "(the line above had no end)";
const NEW: &str = "(the file is new)";

/// A shell that is used here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Startup {
    /// Which one.
    pub dialect: Dialect,
    /// Its start file, which need not be there yet.
    pub file: PathBuf,
    /// Whether the file brings multicred into the shell.
    pub has: Has,
}

/// What brings multicred into a shell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Has {
    /// Nothing.
    Nothing,
    /// A line of the person's own.
    OwnLine,
    /// The block.
    Block,
    /// The file is a link to one that is not there: what is written would come to be elsewhere.
    Nowhere,
}

/// The shells whose start files are there, and the login shell.
pub fn find(context: &Context) -> Vec<Startup> {
    let startup = |dialect: Dialect| {
        let file = context.start_file(dialect.name())?;
        let text = std::fs::read(&file).ok();
        let is_used = text.is_some() || context.login_shell() == Some(dialect.name());
        let has = match text.as_deref() {
            Some(text) => has(&String::from_utf8_lossy(text)),
            None if file.is_symlink() && !file.exists() => Has::Nowhere,
            None => Has::Nothing,
        };
        is_used.then_some(Startup { dialect, file, has })
    };
    Dialect::ALL.into_iter().filter_map(startup).collect()
}

/// What a person is told whose login shell has no `multicred init`; `None` for one that has, or where nobody says which
/// it is.
pub fn without_init(context: &Context) -> Option<String> {
    let shell = context.login_shell().filter(|shell| !shell.is_empty())?;
    if Dialect::ALL.into_iter().any(|dialect| dialect.name() == shell) {
        return None;
    }
    let format = match shell {
        "dash" | "ash" | "ksh" | "mksh" | "busybox" => "sh",
        "csh" => "tcsh",
        "pwsh" => "powershell",
        other => other,
    };
    let instead = match Language::named(format) {
        Some(_) => format!("multicred env NAME --format {format} prints what it can run"),
        None => "multicred exec NAME -- PROGRAM runs a program as somebody".to_owned(),
    };
    Some(format!("{}, your login shell, is none that multicred init knows: {instead}", shell.escape_debug()))
}

fn has(text: &str) -> Has {
    let is_code = |line: &&str| !line.trim_start().starts_with('#');
    if text.lines().any(|line| line.starts_with(BEGIN)) {
        Has::Block
    } else if text.lines().filter(is_code).any(brings_in) {
        Has::OwnLine
    } else {
        Has::Nothing
    }
}

/// Whether a line hands to the shell what `multicred init` prints; one that only speaks of it does not.
fn brings_in(line: &str) -> bool {
    let is_init = |(at, name): (usize, &str)| {
        // The program may stand in quotes.
        line[at + name.len()..].trim_start_matches(['\'', '"']).starts_with(" init")
    };
    let hands_on = ["eval", "source", "<(", "|"].iter().any(|word| line.contains(word));
    hands_on && line.match_indices("multicred").any(is_init)
}

/// What is said of a block that is not whole.
pub fn no_end() -> String {
    format!("its end marker is missing: put '{END}' below the last of multicred's lines")
}

impl Startup {
    /// The line that brings multicred into the shell; `program` is its path, where PATH does not lead to it.
    pub fn line(&self, program: Option<&str>) -> String {
        let line = self.dialect.rc_line();
        let Some(program) = program else { return line.to_owned() };
        let mut quoted = String::new();
        quote(self.dialect.language(), program, &mut quoted);
        line.replacen("multicred", &quoted, 1)
    }

    /// Adds the block, where nothing is there that does the same.
    ///
    /// # Errors
    /// The file cannot be written; it is then as it was.
    pub fn add(&self, resolver: &mut Resolver<'_>, line: &str) -> Result<bool, ResolveError> {
        let is_new = !self.file.exists();
        resolver.edit_plain(&self.file, &mut |text| match has(text) {
            Has::Nothing => Rewrite::Text(Zeroizing::new(with_block(text, is_new, line))),
            Has::OwnLine | Has::Block | Has::Nowhere => Rewrite::Nothing,
        })
    }

    /// Takes the block out, and says what the file has then: still the block, where it has no end.
    ///
    /// # Errors
    /// The file cannot be written; it is then as it was.
    pub fn remove(&self, resolver: &mut Resolver<'_>) -> Result<Has, ResolveError> {
        let mut left = Has::Nothing;
        resolver.edit_plain(&self.file, &mut |text| {
            let without = without_block(text, self.dialect.rc_line());
            left = has(without.as_ref().map_or(text, |(rest, _)| rest));
            match without {
                Some((rest, true)) if rest.is_empty() => Rewrite::Remove,
                Some((rest, _)) => Rewrite::Text(Zeroizing::new(rest)),
                None => Rewrite::Nothing,
            }
        })?;
        Ok(left)
    }

    /// Clears away what a killed run has left beside the file.
    ///
    /// # Errors
    /// It cannot be cleared away.
    pub fn tidy(&self, resolver: &mut Resolver<'_>) -> Result<(), ResolveError> {
        resolver.edit_plain(&self.file, &mut |_| Rewrite::Nothing).map(drop)
    }
}

fn with_block(text: &str, is_new: bool, line: &str) -> String {
    let has_no_end = !text.is_empty() && !text.ends_with('\n');
    let note = if is_new { NEW } else { NO_END };
    let note = if is_new || has_no_end { [" ", note].concat() } else { String::new() };
    let end = if has_no_end { "\n" } else { "" };
    format!("{text}{end}{BEGIN} {SENTENCE}{note}\n{line}\n{END}\n")
}

/// Whether a line is the one that [`Startup::line`] gives, whatever the program's path was then.
fn is_ours(line: &str, rc_line: &str) -> bool {
    let Some((before, after)) = rc_line.split_once("multicred") else { return false };
    let program = line.trim_end().strip_prefix(before).and_then(|rest| rest.strip_suffix(after));
    program.is_some_and(|program| !program.is_empty() && !program.contains(after))
}

/// The text without the block, and whether the block came with the file; `None` where there is no whole one. What a
/// person has added between the markers stays.
fn without_block(text: &str, rc_line: &str) -> Option<(String, bool)> {
    let begins = |marker: &str, from: usize| {
        let mut at = from;
        text[from..].split_inclusive('\n').find_map(|line| {
            let here = (at, at + line.len());
            at = here.1;
            line.starts_with(marker).then_some(here)
        })
    };
    let (begin, below) = begins(BEGIN, 0)?;
    let (last, end) = begins(END, below)?;
    if begins(BEGIN, below).is_some_and(|(other, _)| other < last) {
        // That end is another block's.
        return None;
    }
    let marker = &text[begin..below];
    let own = text[below..last].split_inclusive('\n').filter(|line| !is_ours(line, rc_line));
    let (above, rest) = (&text[..begin], own.collect::<String>() + &text[end..]);
    let is_joined = marker.contains(NO_END) && rest.is_empty();
    let above = if is_joined { above.strip_suffix('\n').unwrap_or(above) } else { above };
    Some((format!("{above}{rest}"), marker.contains(NEW)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINE: &str = "eval \"$(multicred init bash)\"";

    #[test]
    fn what_is_added_is_taken_out_to_the_byte() {
        for (text, is_new) in
            [("", true), ("", false), ("a", false), ("a\n", false), ("a\n\n", false), ("a\r\nb", false)]
        {
            let with = with_block(text, is_new, LINE);
            assert_eq!(has(&with), Has::Block, "{with}");
            assert_eq!(without_block(&with, LINE), Some((text.to_owned(), is_new)), "{with}");
            let more = format!("{with}more\n");
            let (rest, _) = without_block(&more, LINE).unwrap();
            assert!(rest.starts_with(text) && rest.ends_with("more\n"), "{rest}");
        }
    }

    #[test]
    fn a_line_of_the_persons_own_is_enough_and_one_in_a_comment_is_not() {
        assert_eq!(has(&format!("x\n  {LINE}\n")), Has::OwnLine);
        assert_eq!(has(&format!("# {LINE}\n")), Has::Nothing);
        assert_eq!(has("eval \"$('/a b/multicred' init bash)\"\n"), Has::OwnLine);
        for line in ["alias mi='multicred init bash'", "echo 'try multicred init'", "eval \"$(multicred completions)\""]
        {
            assert_eq!(has(line), Has::Nothing, "{line}");
        }
        let half = format!("{BEGIN}\n{LINE}\n");
        assert_eq!(without_block(&half, LINE), None, "half a block is not touched");
        assert_eq!(without_block(&format!("{half}own\n{}", with_block("", false, LINE)), LINE), None);
    }

    #[test]
    fn a_block_loses_only_the_line_that_is_ours() {
        for ours in [LINE, "eval \"$('/a b/multicred' init bash)\""] {
            let text = with_block("a", false, ours).replace(END, &format!("own\n{LINE}; more\n{END}"));
            assert_eq!(without_block(&text, LINE), Some((format!("a\nown\n{LINE}; more\n"), false)), "{text}");
        }
    }

    #[test]
    fn a_program_that_is_not_on_path_is_named_in_quotes() {
        let startup = Startup { dialect: Dialect::Bash, file: PathBuf::new(), has: Has::Nothing };
        assert_eq!(startup.line(None), LINE);
        assert_eq!(startup.line(Some("/a b/multicred")), "eval \"$('/a b/multicred' init bash)\"");
    }
}
