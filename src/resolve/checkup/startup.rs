//! The startup files of the person's shell: whether multicred is in them, and before something that takes the prompt.

use super::Finding;
use crate::shell::Dialect;

/// A startup file, as it was found.
pub(super) struct StartupFile {
    /// Its path, for messages.
    pub(super) path: String,
    /// Its text; empty where there is none.
    pub(super) text: String,
}

/// What is to be said of a shell's startup files, of which the first is the one to add a line to.
pub(super) fn findings(dialect: Dialect, files: &[StartupFile]) -> Vec<Finding> {
    let calls = |file: &StartupFile| line_of(&file.text, calls_init);
    let Some((file, line)) = files.iter().find_map(|file| Some((file, calls(file)?))) else {
        let Some(first) = files.first() else { return Vec::new() };
        let fact = format!("no line of it calls multicred init {0}: a {0} has no multicred as", dialect.name());
        let remedy = format!("add to {}: {}", first.path, dialect.rc_line());
        return vec![Finding::note(&first.path, fact, remedy)];
    };
    let call = file.text.lines().nth(line - 1).unwrap_or_default();
    if call.contains("--prompt none") || call.contains("--prompt=none") {
        return Vec::new();
    }
    let later = file.text.lines().enumerate().skip(line);
    let taking = later.filter_map(|(index, code)| Some((index + 1, takes_prompt(dialect, code.trim())?)));
    let found = taking.map(|(at, what)| {
        let fact = format!("line {at} ({what}) sets the prompt after line {line}, which calls multicred init: it may not show the identity");
        Finding::note(&file.path, fact, format!("move line {line} of {} below line {at}", file.path))
    });
    found.collect()
}

/// The first line, from 1, that is code of this kind.
fn line_of(text: &str, is_it: impl Fn(&str) -> bool) -> Option<usize> {
    text.lines().position(|line| is_it(line.trim())).map(|index| index + 1)
}

fn calls_init(code: &str) -> bool {
    !code.starts_with('#') && code.contains("multicred init")
}

/// What takes the prompt in this line, in words. What keeps the value that was there (`$PS1`) adds to it.
fn takes_prompt(dialect: Dialect, code: &str) -> Option<&'static str> {
    if code.starts_with('#') {
        return None;
    }
    let everywhere = [
        ("starship init", "starship"),
        ("oh-my-posh init", "oh-my-posh"),
        ("oh-my-posh prompt init", "oh-my-posh"),
        ("oh-my-zsh.sh", "oh-my-zsh"),
        ("powerlevel10k", "powerlevel10k"),
        ("powerline.", "powerline"),
        ("bash_it.sh", "bash-it"),
    ];
    if let Some((_, what)) = everywhere.into_iter().find(|(part, _)| code.contains(part)) {
        return Some(what);
    }
    let assigns = |name: &str| {
        let code = code.strip_prefix("export ").unwrap_or(code);
        let value = code.strip_prefix(name).and_then(|rest| rest.strip_prefix('='));
        value.is_some_and(|value| !value.contains(&format!("${name}")) && !value.contains(&format!("${{{name}")))
    };
    let any = |names: &[&'static str]| names.iter().copied().find(|name| assigns(name));
    let defines = |names: &[&'static str]| {
        let defined = code.strip_prefix("function ").and_then(|rest| rest.split([' ', ';']).next());
        names.iter().copied().find(|name| defined == Some(*name))
    };
    match dialect {
        Dialect::Bash => any(&["PROMPT_COMMAND", "PS1"]),
        Dialect::Zsh => any(&["PROMPT", "PS1", "precmd_functions"]),
        Dialect::Fish => defines(&["fish_prompt", "fish_mode_prompt"]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(dialect: Dialect, text: &str) -> Vec<String> {
        let file = StartupFile { path: "rc".to_owned(), text: text.to_owned() };
        let all = findings(dialect, &[file]);
        assert!(all.iter().all(|finding| !finding.is_fault()), "{all:?}");
        all.into_iter().map(|finding| finding.remedy).collect()
    }

    #[test]
    fn a_line_that_is_missing_is_told_with_the_file_and_the_line() {
        for dialect in Dialect::ALL {
            let line = dialect.rc_line();
            assert_eq!(found(dialect, ""), [format!("add to rc: {line}")]);
            assert_eq!(found(dialect, &format!("# {line}\n")), [format!("add to rc: {line}")]);
            assert!(found(dialect, &format!("x\n  {line}\n")).is_empty());
        }
    }

    #[test]
    fn what_takes_the_prompt_after_it_is_told_with_its_line() {
        let after = |dialect: Dialect, later: &str| found(dialect, &format!("a\n{}\n\n{later}\n", dialect.rc_line()));
        let told = ["move line 2 of rc below line 4"];
        for later in ["eval \"$(starship init bash)\"", "PS1='$ '", "export PS1=x", "PROMPT_COMMAND=x"] {
            assert_eq!(after(Dialect::Bash, later), told, "{later}");
        }
        for later in ["source $ZSH/oh-my-zsh.sh", "PROMPT='%% '", "eval \"$(oh-my-posh init zsh)\""] {
            assert_eq!(after(Dialect::Zsh, later), told, "{later}");
        }
        for later in ["starship init fish | source", "function fish_prompt", "function fish_prompt; echo; end"] {
            assert_eq!(after(Dialect::Fish, later), told, "{later}");
        }
        for later in ["# PS1=x", "PS1=\"$PS1 \"", "PS1=\"x${PS1}\"", "PS1X=1", "alias a=b"] {
            assert!(after(Dialect::Bash, later).is_empty(), "{later}");
        }
    }

    #[test]
    fn what_stands_before_it_or_leaves_the_prompt_alone_is_nothing() {
        let before = format!("PS1=x\neval \"$(starship init bash)\"\n{}\n", Dialect::Bash.rc_line());
        assert!(found(Dialect::Bash, &before).is_empty());
        let none = "eval \"$(multicred init bash --prompt none)\"\neval \"$(starship init bash)\"\n";
        assert!(found(Dialect::Bash, none).is_empty());
    }

    #[test]
    fn a_line_in_another_startup_file_counts() {
        let file = |path: &str, text: &str| StartupFile { path: path.to_owned(), text: text.to_owned() };
        let files = [file(".bashrc", "x"), file(".bash_profile", Dialect::Bash.rc_line())];
        assert!(findings(Dialect::Bash, &files).is_empty());
    }
}
