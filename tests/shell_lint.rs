//! The scripts as they lie in the repository and as `init` prints them, read by the shells' own checkers.

use std::path::PathBuf;

use multicred::shell::{Dialect, Prompt, Settings, completions, init};

use crate::support::env::{Hermetic, program};

fn script(shell: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(format!("shell/{shell}/init.{shell}"))
}

/// What `multicred init` prints, in a file, for a program whose path is hostile.
fn printed(env: &mut Hermetic, dialect: Dialect, prompt: Prompt) -> String {
    let settings = Settings { program: "/tmp/it's $(touch pwned)\\/multicred".to_owned(), prompt };
    let name = format!("printed.{}", dialect.name());
    env.write(&name, init(dialect, &settings).expect("no template is broken"));
    env.path(name).to_string_lossy().into_owned()
}

/// Runs a checker, which must say nothing.
#[track_caller]
fn finds_nothing(env: &Hermetic, checker: &str, arguments: &[&str]) {
    let output = env.program(&program(checker).to_string_lossy(), arguments).run();
    output.ok().stdout_is("").stderr_is("");
}

#[test]
fn shellcheck_finds_nothing_in_the_script_of_bash() {
    finds_nothing(
        &Hermetic::new(),
        "shellcheck",
        &[
            "--shell=bash",
            "--enable=quote-safe-variables,check-unassigned-uppercase",
            &script("bash").to_string_lossy(),
        ],
    );
}

#[test]
fn shellcheck_finds_nothing_in_what_init_bash_prints() {
    let mut env = Hermetic::new();
    for prompt in [Prompt::Prefix, Prompt::None] {
        let file = printed(&mut env, Dialect::Bash, prompt);
        // What the script itself takes exception to, by comments that are not printed: variables and commands that
        // stand in text, and names of variables in variables.
        finds_nothing(&env, "shellcheck", &["--shell=bash", "--exclude=SC2016,SC2163,SC2178,SC2179", &file]);
        finds_nothing(&env, "bash", &["-n", &file]);
    }
}

#[test]
fn zsh_reads_its_script_and_what_init_zsh_prints() {
    let mut env = Hermetic::new();
    finds_nothing(&env, "zsh", &["-f", "-n", &script("zsh").to_string_lossy()]);
    for prompt in [Prompt::Prefix, Prompt::None] {
        let file = printed(&mut env, Dialect::Zsh, prompt);
        finds_nothing(&env, "zsh", &["-f", "-n", &file]);
    }
}

#[test]
fn fish_reads_its_script_and_what_init_fish_prints() {
    let mut env = Hermetic::new();
    finds_nothing(&env, "fish", &["--no-config", "--no-execute", &script("fish").to_string_lossy()]);
    for prompt in [Prompt::Prefix, Prompt::None] {
        let file = printed(&mut env, Dialect::Fish, prompt);
        finds_nothing(&env, "fish", &["--no-config", "--no-execute", &file]);
    }
}

/// A checker of the tests' own: fish indents what it prints as its authors would.
#[test]
fn the_script_of_fish_is_indented_as_fish_does_it() {
    finds_nothing(&Hermetic::new(), "fish_indent", &["--check", &script("fish").to_string_lossy()]);
}

#[test]
fn the_checkers_find_nothing_in_what_completions_prints() {
    let mut env = Hermetic::new();
    for dialect in Dialect::ALL {
        let (name, hostile) = (dialect.name(), "/tmp/it's $(touch pwned)\\/multicred");
        let file = format!("completions.{name}");
        env.write(&file, completions(dialect, hostile).expect("no template is broken"));
        let file = env.path(file).to_string_lossy().into_owned();
        let script = script(name).with_file_name(format!("completions.{name}")).to_string_lossy().into_owned();
        match dialect {
            Dialect::Bash => {
                finds_nothing(&env, "shellcheck", &["--shell=bash", "--exclude=SC2016,SC2206", &file]);
                finds_nothing(&env, "shellcheck", &["--shell=bash", "--enable=quote-safe-variables", &script]);
                finds_nothing(&env, "bash", &["-n", &file]);
            }
            Dialect::Zsh => finds_nothing(&env, "zsh", &["-f", "-n", &file]),
            Dialect::Fish => {
                finds_nothing(&env, "fish", &["--no-config", "--no-execute", &file]);
                finds_nothing(&env, "fish_indent", &["--check", &script]);
            }
        }
    }
    assert!(!env.path("pwned").exists());
}

/// Every function and variable that is not a person's has our prefix.
#[test]
fn scripts_define_nothing_without_our_prefix() {
    for shell in ["bash", "zsh", "fish"] {
        let text = std::fs::read_to_string(script(shell)).expect("the script");
        let functions = text.lines().filter_map(|line| line.trim_start().strip_prefix("function "));
        for function in functions {
            let name = function.split_whitespace().next().unwrap_or_default();
            let is_ours = name == "multicred" || name.starts_with("__multicred_");
            assert!(is_ours || name == "fish_mode_prompt", "{shell}: {name}");
        }
    }
}

/// `init` without aliases, options, templates: whatever else it prints must evaluate without a word.
#[test]
fn what_init_prints_evaluates_in_silence_without_a_terminal() {
    let env = Hermetic::new();
    for shell in crate::support::env::Shell::ALL {
        let code = env.run(&["init", shell.name()]).ok().stdout.clone();
        let evaluated = env.exported(shell, &code, &["HOME"]);
        assert_eq!(evaluated.status, 0);
        evaluated.output.stdout_is("").stderr_is("");
        assert!(evaluated.exported.contains_key("HOME"));
    }
}
