//! Starting a shell: its startup file, its terminal, its first prompt.

use super::super::env::{Hermetic, Shell, create_private_folder, program, write_private_file};
use super::super::process::one_at_a_time;
use super::display::{Display, Position};
use super::{Sent, Terminal, size};
use portable_pty::{Child, CommandBuilder, MasterPty, native_pty_system};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Instant;

/// How a shell is to be started.
#[derive(Debug, Clone)]
pub struct Setup {
    shell: Shell,
    rows: u16,
    columns: u16,
    traced: bool,
}

impl Setup {
    pub fn new(shell: Shell) -> Self {
        Self { shell, rows: 24, columns: 80, traced: false }
    }

    #[must_use]
    pub fn size(mut self, rows: u16, columns: u16) -> Self {
        (self.rows, self.columns) = (rows, columns);
        self
    }

    /// Under strace, so that forks can be counted.
    #[must_use]
    pub fn traced(mut self) -> Self {
        self.traced = true;
        self
    }

    /// Starts the shell and waits for its first prompt.
    #[track_caller]
    pub fn start(self, env: &Hermetic, rc: &str) -> Terminal {
        let folder = tempfile::TempDir::new().expect("a temporary folder");
        write_rc(self.shell, env.home(), env.probes(), rc);
        let (child, pty) = self.spawn(env, folder.path());
        let display = Arc::new(Display::new(self.rows, self.columns));
        let keyboard = Arc::new(Mutex::new(pty.take_writer().expect("the writing side of a pty")));
        display.show_all_of(pty.try_clone_reader().expect("the reading side of a pty"), Arc::clone(&keyboard));
        let mut terminal = Terminal {
            shells: vec![self.shell],
            child,
            pty,
            keyboard,
            display,
            folder,
            home: env.home().to_owned(),
            probes: env.probes().to_owned(),
            asked: 0,
            change: env.change(),
            rc: rc.to_owned(),
            traced: self.traced,
            sent: Sent { cursor: Position::default(), bytes: 0, time: Instant::now() },
        };
        terminal.wait_for_prompt();
        terminal
    }

    fn spawn(&self, env: &Hermetic, folder: &Path) -> (Box<dyn Child + Send + Sync>, Box<dyn MasterPty + Send>) {
        let mut command = CommandBuilder::from_argv(self.words(folder).into_iter().map(Into::into).collect());
        command.env_clear();
        command.cwd(env.home());
        // portable-pty sets SHELL in any case.
        command.env("SHELL", self.shell.program());
        env.variables().iter().for_each(|(name, value)| command.env(name, value));
        let _one_at_a_time = one_at_a_time();
        let pair = native_pty_system().openpty(size(self.rows, self.columns)).expect("a pseudo-terminal");
        let child = pair.slave.spawn_command(command);
        (child.unwrap_or_else(|error| panic!("cannot start {}: {error}", self.shell)), pair.master)
    }

    fn words(&self, folder: &Path) -> Vec<PathBuf> {
        let shell = self.shell.program();
        let interactive = match self.shell {
            Shell::Bash => ["--noprofile", "-i"].as_slice(),
            Shell::Zsh => &["--no-globalrcs", "-i"],
            Shell::Fish => &["-i"],
        };
        let mut words = if self.traced { tracer(folder) } else { Vec::new() };
        words.push(shell);
        words.extend(interactive.iter().map(PathBuf::from));
        words
    }
}

/// `-DDD` makes strace the grandchild, in a session of its own: the shell's parent and pid are as without it.
fn tracer(folder: &Path) -> Vec<PathBuf> {
    let mut words = vec![program("strace")];
    words.extend(["-DDD", "-f", "-q", "-e", "trace=clone,clone3,fork,vfork", "-o"].map(PathBuf::from));
    words.push(log_file(folder));
    words
}

pub(super) fn log_file(folder: &Path) -> PathBuf {
    folder.join("strace.log")
}

/// Writes the shell's startup file where an inner shell finds it too.
pub(super) fn write_rc(shell: Shell, home: &Path, probes: &Path, rc: &str) {
    let file = match shell {
        Shell::Bash => ".bashrc",
        Shell::Zsh => ".zshrc",
        Shell::Fish => "config/fish/config.fish",
    };
    // Without this folder fish starts a Python program that reads every manual page.
    create_private_folder(&home.join("data/fish/generated_completions"));
    let text = format!("{}\n{rc}\n", preamble(shell, home, probes));
    // Another terminal may be starting in the same home: no shell may read half a file.
    let whole = probes.join(format!("{file}.{:?}", std::thread::current().id()).replace('/', "-"));
    write_private_file(&whole, text.as_bytes());
    create_private_folder(home.join(file).parent().expect("a file has a folder"));
    fs::rename(whole, home.join(file)).expect("a startup file in place");
}

/// Plain prompts, histories inside the home, and Ctrl-] as the key that makes a shell run the file named by its pid.
fn preamble(shell: Shell, home: &Path, probes: &Path) -> String {
    let (home, probes) = (home.display(), probes.display());
    match shell {
        Shell::Bash => format!(
            r#"unset PROMPT_COMMAND
PS1='$ '
HISTFILE='{home}/.bash_history'
for multicred_test_map in emacs vi-insert; do
  bind -m $multicred_test_map -x '"\C-]": {{ . "{probes}/$$"; }} </dev/null >/dev/null 2>&1'
done
unset multicred_test_map"#
        ),
        Shell::Zsh => format!(
            r#"PROMPT='%% ' PROMPT_EOL_MARK=
HISTFILE='{home}/.zsh_history' HISTSIZE=1000 SAVEHIST=1000
_multicred_test_probe() {{ {{ . "{probes}/$$" }} </dev/null >/dev/null 2>&1 }}
zle -N _multicred_test_probe
bindkey -M emacs '^]' _multicred_test_probe
bindkey -M viins '^]' _multicred_test_probe"#
        ),
        Shell::Fish => format!(
            r#"set -g fish_greeting
set -g fish_autosuggestion_enabled 0
function fish_prompt; echo -n '$ '; end
if status is-interactive
  bind \c] 'source "{probes}/$fish_pid" </dev/null >/dev/null 2>&1'
  bind -M insert \c] 'source "{probes}/$fish_pid" </dev/null >/dev/null 2>&1'
end"#
        ),
    }
}
