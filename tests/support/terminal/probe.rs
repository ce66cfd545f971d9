//! Asking the shell itself. The test writes a file of shell code and presses Ctrl-], which the startup file bound to
//! running that file inside the line editor; answers come back in files, so any value is exact and none is on screen.

use super::super::env::{Shell, zero_separated};
use super::{Terminal, process, startup};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::PathBuf;

const PROBE_KEY: &str = "\x1d";

/// The shell's variables: what a child sees, and what stays inside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Variables {
    pub exported: BTreeMap<String, String>,
    pub unexported: BTreeMap<String, String>,
}

impl Terminal {
    /// `$?` of the last command typed.
    #[track_caller]
    pub fn status(&mut self) -> i32 {
        let status = match self.shell() {
            Shell::Bash | Shell::Zsh => self.eval_print("$?"),
            Shell::Fish => self.eval_print("$status"),
        };
        status.parse().expect("a number")
    }

    /// What `"EXPRESSION"` expands to, exactly: `eval_print("${PIPESTATUS[*]}")`, `eval_print("$pipestatus")`.
    #[track_caller]
    pub fn eval_print(&mut self, expression: &str) -> String {
        self.ask(&format!("builtin printf %s \"{expression}\""))
    }

    /// The value of a variable, exported or not; `None` where it is not set. A list is joined with blanks.
    #[track_caller]
    pub fn value(&mut self, name: &str) -> Option<String> {
        let answer = match self.shell() {
            Shell::Bash => self.ask(&format!("[ -z \"${{{name}[*]+x}}\" ] || builtin printf '=%s' \"${{{name}[*]}}\"")),
            Shell::Zsh => self.ask(&format!("[ -z \"${{{name}+x}}\" ] || builtin printf '=%s' \"${{{name}}}\"")),
            Shell::Fish => self.ask(&format!("set -q {name}; and builtin printf '=%s' \"${name}\"")),
        };
        answer.strip_prefix('=').map(str::to_owned)
    }

    /// The environment a child of this shell gets.
    #[track_caller]
    pub fn env_of_shell(&mut self) -> BTreeMap<String, String> {
        self.variables().exported
    }

    /// Every variable with its exact value.
    #[track_caller]
    pub fn variables(&mut self) -> Variables {
        let [exported, unexported] = ["exported", "unexported"].map(|name| self.file(name));
        self.ask(&self.shell().dump_variables(&exported, &unexported));
        let read = |file| zero_separated(&fs::read(file).unwrap_or_default());
        Variables { exported: read(exported), unexported: read(unexported) }
    }

    /// Everything the shell would tell about its variables, functions, aliases and traps: to search for what must not
    /// be there.
    #[track_caller]
    pub fn all_variables(&mut self) -> String {
        self.ask(match self.shell() {
            Shell::Bash => "declare -p; declare -f; alias; trap -p",
            Shell::Zsh => "typeset -p; set; functions; alias; trap",
            // Not the functions that come from files: asking would load all of them.
            Shell::Fish => {
                "set --show; functions fish_prompt; alias; abbr
                 for f in (functions --all --names); path filter -qf $fish_function_path/$f.fish; or functions $f; end"
            }
        })
    }

    /// The names of the shell's functions.
    #[track_caller]
    pub fn functions(&mut self) -> BTreeSet<String> {
        let names = self.ask(match self.shell() {
            Shell::Bash => "compgen -A function",
            Shell::Zsh => "builtin print -rl -- ${(k)functions}",
            Shell::Fish => "functions --all --names",
        });
        names.lines().filter(|name| !name.starts_with("_multicred_test_")).map(str::to_owned).collect()
    }

    /// What runs before prompts and commands: `PROMPT_COMMAND` and traps, zsh's hook lists, fish's event handlers.
    #[track_caller]
    pub fn hooks(&mut self) -> String {
        self.ask(match self.shell() {
            Shell::Bash => "declare -p PROMPT_COMMAND; declare -p PS0; trap -p",
            Shell::Zsh => {
                "typeset -p precmd_functions preexec_functions chpwd_functions zshexit_functions periodic_functions
                 functions precmd preexec chpwd zshexit periodic TRAPDEBUG TRAPEXIT; trap; zle -lL"
            }
            Shell::Fish => "functions --handlers",
        })
    }

    /// PS1, PROMPT, or the body of `fish_prompt`.
    #[track_caller]
    pub fn prompt_source(&mut self) -> String {
        match self.shell() {
            Shell::Bash => self.eval_print("$PS1"),
            Shell::Zsh => self.eval_print("$PROMPT"),
            Shell::Fish => self.ask("functions --no-details fish_prompt"),
        }
    }

    /// The commands the shell remembers, oldest first, one line each.
    #[track_caller]
    pub fn history(&mut self) -> Vec<String> {
        let commands = self.ask(match self.shell() {
            Shell::Bash => "HISTTIMEFORMAT= history",
            // `fc` refuses to list inside the line editor.
            Shell::Zsh => {
                r#"( emulate zsh; for n in ${(nok)history}; do builtin print -r -- "$n  $history[$n]"; done )"#
            }
            Shell::Fish => "history search --reverse | string replace --regex '^' '0 '",
        });
        let numbered = |line: &str| {
            line.trim_start().trim_start_matches(|c: char| c.is_ascii_digit() || c == '*').trim_start().to_owned()
        };
        commands.lines().map(numbered).collect()
    }

    /// Presses Enter at an idle prompt `prompts` times and counts the processes created (by anybody below the shell).
    #[track_caller]
    pub fn count_forks(&mut self, prompts: u32) -> usize {
        self.forks_during(|term| (0..prompts).for_each(|_| drop(term.enter("")))).len()
    }

    /// strace's lines for each process created while `what` happens. Needs a traced terminal.
    #[track_caller]
    pub fn forks_during(&mut self, what: impl FnOnce(&mut Self)) -> Vec<String> {
        assert!(self.traced, "Terminal::start_traced counts forks");
        self.wait_for_prompt();
        let log = startup::log_file(self.folder.path());
        let read = || fs::read_to_string(&log).expect("a log by strace; is ptrace forbidden here?");
        let before = read().len();
        what(self);
        self.wait_for_prompt();
        process::forks(&read()[before..])
    }

    /// Writes the startup file of another shell into the same home, for [`Terminal::enter_shell`].
    pub fn write_rc(&self, shell: Shell, rc: &str) {
        startup::write_rc(shell, &self.home, &self.probes, rc);
    }

    /// Runs code inside the shell's line editor and gives what it printed.
    #[track_caller]
    pub fn ask(&mut self, code: &str) -> String {
        self.wait_for_prompt();
        self.asked += 1;
        let [answer, done] = ["answer", "done"].map(|name| self.file(name));
        let (shell, number, to, end) = (self.shell(), self.asked.to_string(), answer.display(), done.display());
        let text = match shell {
            Shell::Bash | Shell::Zsh => {
                format!("{{ {code}\n}} >| '{to}' || :\nbuiltin printf %s {number} >| '{end}'\n")
            }
            Shell::Fish => format!("begin; {code}\nend >'{to}'\nbuiltin printf %s {number} >'{end}'\n"),
        };
        let question = self.probes.join(self.foreground_id().to_string());
        fs::write(&question, text).expect("a file of shell code");
        let shown = self.display.lock().bytes.len();
        self.press(PROBE_KEY);
        self.wait_until("an answer to Ctrl-] (has the startup text bound that key to something else?)", |_| {
            let answered = fs::read_to_string(&done).is_ok_and(|text| text == number);
            (!answered).then(|| format!("no answer to {code}"))
        });
        self.wait_until("the prompt to be as it was", |term| {
            // bash clears the line for the time of a key's command.
            let redrawn = shell != Shell::Bash || term.display.lock().bytes.len() > shown;
            if redrawn { term.why_not_at_prompt() } else { Some("the prompt has not been redrawn".to_owned()) }
        });
        fs::remove_file(question).expect("a file that was read");
        String::from_utf8_lossy(&fs::read(answer).expect("an answer")).into_owned()
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
}
