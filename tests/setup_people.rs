//! A person who arrives: a plan on the screen, a question, and then a new shell that has multicred in it.

use std::fs;

use crate::person::in_each_shell;
use crate::scene::{Scene, ini};
use crate::setup::credentials;
use crate::support::terminal::{Shell, Terminal};

in_each_shell! {
    the_plan_is_agreed_to_and_a_new_shell_has_multicred,
    who_says_no_or_interrupts_has_changed_nothing,
}

fn start_file(shell: Shell) -> &'static str {
    match shell {
        Shell::Bash => ".bashrc",
        Shell::Zsh => ".zshrc",
        Shell::Fish => "config/fish/config.fish",
    }
}

fn another(shell: Shell) -> &'static str {
    match shell {
        Shell::Bash => "bash --noprofile -i",
        Shell::Zsh => "zsh --no-globalrcs -i",
        Shell::Fish => "fish -i",
    }
}

fn arrive(shell: Shell) -> (Scene, String, Terminal) {
    let mut scene = Scene::new();
    let own = ini("work", &scene.bob);
    scene.env.aws_credentials(&own);
    let terminal = Terminal::start(shell, &scene.env, "");
    (scene, own, terminal)
}

fn the_plan_is_agreed_to_and_a_new_shell_has_multicred(shell: Shell) {
    let (scene, own, mut terminal) = arrive(shell);
    let file = scene.env.path(start_file(shell));
    let before = fs::read_to_string(&file).unwrap();
    terminal.send_line("multicred setup");
    terminal.wait_for_text("Do this? [y/N]");
    let screen = terminal.transcript();
    for step in ["1. make the store", "2. ask AWS", "3. write a credential_process", "4. add to "] {
        assert!(screen.contains(step), "{screen}");
    }
    assert!(!screen.contains(&scene.bob.secret), "{screen}");
    terminal.send_line("y");
    terminal.wait_for_prompt();
    assert!(!credentials(&scene).contains(&scene.bob.secret));
    terminal.enter_shell(shell, another(shell));
    let ran = terminal.run("multicred as work");
    assert_eq!(ran.status, 0, "{ran:?}");
    assert!(terminal.prompt().starts_with("(work) "), "{}", terminal.prompt());
    assert!(terminal.value("AWS_ACCESS_KEY_ID").is_some_and(|key| key.starts_with("ASIA")));
    terminal.leave_shell();
    terminal.send_line("multicred unsetup");
    terminal.wait_for_text("Undo this? [y/N]");
    terminal.send_line("y");
    terminal.wait_for_prompt();
    assert_eq!((credentials(&scene), fs::read_to_string(&file).unwrap()), (own, before));
}

fn who_says_no_or_interrupts_has_changed_nothing(shell: Shell) {
    let (scene, own, mut terminal) = arrive(shell);
    let file = scene.env.path(start_file(shell));
    let before = fs::read_to_string(&file).unwrap();
    for answer in ["n", "", "\u{3}"] {
        terminal.send_line("multicred setup");
        terminal.wait_for_text("Do this? [y/N]");
        if answer == "\u{3}" {
            terminal.ctrl_c();
        } else {
            terminal.send_line(answer);
        }
        terminal.wait_for_prompt();
        let now = (credentials(&scene), fs::read_to_string(&file).unwrap());
        assert_eq!(now, (own.clone(), before.clone()), "{answer:?}");
        assert!(!scene.env.store().exists() && scene.sts.calls().is_empty(), "{answer:?}");
    }
}

#[test]
fn whose_shell_has_no_init_is_told_what_does_the_job() {
    for (shell, format) in
        [("tcsh", "tcsh"), ("nu", "nu"), ("elvish", "elvish"), ("dash", "sh"), ("pwsh", "powershell")]
    {
        let mut scene = Scene::new();
        scene.env.aws_credentials(&ini("work", &scene.bob));
        scene.env.set("SHELL", format!("/bin/{shell}"));
        let output = scene.env.run(&["setup", "--yes"]);
        let does_it = format!("multicred env NAME --format {format}");
        output
            .ok()
            .stderr_has(&format!("{shell}, your login shell, is none that multicred init knows"))
            .stderr_has(&does_it);
        scene.env.run(&["env", "work", "--format", format]).ok();
        // Nothing is said to who wants no shell touched.
        assert!(!scene.env.run(&["setup", "--yes", "--no-shells"]).ok().stderr.contains("login shell"));
    }
    let mut scene = Scene::new();
    scene.env.set("SHELL", "/opt/$(touch pwned)\u{1b}[31m");
    let output = scene.env.run(&["setup", "--dry-run"]);
    output.ok().stderr_has("multicred exec NAME").nowhere("\u{1b}");
}
