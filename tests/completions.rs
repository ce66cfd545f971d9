//! `completions`: what a Tab makes of a half-typed line, in real shells.

use rusqlite::Connection;

use crate::person::in_each_shell;
use crate::scene::{DEV, PROD, Scene};
use crate::support::env::{Hermetic, Shell};
use crate::support::terminal::Terminal;

in_each_shell![
    a_tab_completes_the_name_of_an_identity,
    a_tab_completes_flags_values_and_arns,
    a_hostile_name_becomes_one_word_and_nothing_of_it_is_run,
    files_are_offered_where_a_file_is_wanted,
    behind_two_dashes_the_other_programs_own_completion_answers,
    one_of_ten_thousand_is_found_and_a_start_of_many_is_gone_on_with_as_far_as_all_agree,
];

/// What somebody has in their startup file.
fn rc(shell: Shell) -> &'static str {
    match shell {
        Shell::Bash => "eval \"$(multicred init bash --prompt none)\"\neval \"$(multicred completions bash)\"",
        Shell::Zsh => {
            "autoload -Uz compinit; compinit -u -d \"$HOME/.zcompdump\"\n\
             eval \"$(multicred init zsh --prompt none)\"\neval \"$(multicred completions zsh)\""
        }
        Shell::Fish => "multicred init fish --prompt none | source\nmulticred completions fish | source",
    }
}

/// A command that prints its words, and is completed as multicred is.
fn words(shell: Shell) -> &'static str {
    match shell {
        Shell::Bash => "function words { printf '[%s]' \"$@\"; echo; }; complete -F _multicred words",
        Shell::Zsh => "function words { printf '[%s]' \"$@\"; echo }; compdef _multicred words",
        Shell::Fish => {
            "function words; printf '[%s]' $argv; echo; end; complete -c words --no-files --arguments '(_multicred)'"
        }
    }
}

fn opens(env: &Hermetic, shell: Shell) -> Terminal {
    Terminal::start(shell, env, &format!("{}\n{}", rc(shell), words(shell)))
}

/// Types a half line and Tab, and Enter once the line shows what it became; gives what the command then printed.
#[track_caller]
fn tab(term: &mut Terminal, typed: &str, becomes: &str) -> String {
    term.wait_for_prompt();
    term.send(&format!("{typed}\t"));
    term.wait_for_text(becomes);
    settle(term);
    let printed = term.press_enter();
    printed.trim().to_owned()
}

fn scene() -> Scene {
    let mut scene = Scene::with_alices_roles();
    scene.env.aws_config("[profile auditor]\nrole_arn = arn:aws:iam::222233334444:role/Look\nsource_profile = x\n");
    scene
}

fn a_tab_completes_the_name_of_an_identity(shell: Shell) {
    let scene = scene();
    let mut term = opens(&scene.env, shell);
    assert_eq!(tab(&mut term, "words as prod/Ad", "prod/Admin"), "[as][prod/Admin]");
    assert_eq!(tab(&mut term, "words why audi", "auditor"), "[why][auditor]");
    assert_eq!(tab(&mut term, "words exec ali", "alice"), "[exec][alice]");
    assert_eq!(tab(&mut term, "words as dev/us", "dev/user/alice"), "[as][dev/user/alice]");
    // The function that init defines, too; what it cannot do, it says.
    term.send("multicred show prod/Bil\t");
    term.wait_for_text("prod/Billing");
    assert!(term.press_enter().contains("role/Billing"), "{}", term.screen());
}

fn a_tab_completes_flags_values_and_arns(shell: Shell) {
    let scene = scene();
    let mut term = opens(&scene.env, shell);
    assert_eq!(tab(&mut term, "words hist", "history"), "[history]");
    assert_eq!(tab(&mut term, "words exec --read", "--read-only"), "[exec][--read-only]");
    assert_eq!(tab(&mut term, "words as --region eu-n", "eu-north-1"), "[as][--region][eu-north-1]");
    assert_eq!(tab(&mut term, "words as --region=eu-n", "eu-north-1"), "[as][--region=eu-north-1]");
    assert_eq!(tab(&mut term, "words link x --parent=prod/Ad", "prod/Admin"), "[link][x][--parent=prod/Admin]");
    assert_eq!(tab(&mut term, "words account pr", "prod"), "[account][prod]");
    let arn = format!("arn:aws:iam::{PROD}:role/Admin");
    assert_eq!(tab(&mut term, &format!("words as arn:aws:iam::{PROD}:role/Ad"), &arn), format!("[as][{arn}]"));
    let typed = "words exec prod/Admin ";
    let key = &scene.alice.access_key_id;
    assert_eq!(tab(&mut term, &format!("words show {}", &key[..12]), key), format!("[show][{key}]"));
    assert_eq!(tab(&mut term, typed, "--"), "[exec][prod/Admin][--]");
}

/// Names of profiles may have all these; each is typed up to where only one goes on.
fn a_hostile_name_becomes_one_word_and_nothing_of_it_is_run(shell: Shell) {
    let names = [
        "q1 it's here",
        "q2 $(touch pwned)",
        "q3`touch pwned`",
        "q4\"double\" \\back\\",
        "q5!bang !! {a,b} *",
        "q6;touch pwned&",
        "q7=a,b+c@d:e%f^g~h",
        "q8(touch pwned)<>|",
        "q9é 日本",
    ];
    let mut scene = Scene::new();
    let sections = names.map(|name| crate::scene::ini(name, &scene.bob));
    scene.env.aws_credentials(&sections.concat());
    let mut term = opens(&scene.env, shell);
    for name in names {
        term.wait_for_prompt();
        term.send(&format!("words show {}\t", &name[..2]));
        // The last characters that no shell quotes.
        let end: String = name.chars().rev().take_while(|c| c.is_alphanumeric()).collect();
        let end: String = end.chars().rev().collect();
        term.wait_for_text(if end.is_empty() { &name[..2] } else { &end });
        settle(&mut term);
        assert_eq!(term.press_enter().trim(), format!("[show][{name}]"), "{}", term.screen());
    }
    if shell != Shell::Fish {
        for (open, name) in [("'", names[0]), ("\"", names[1]), ("'", names[5]), ("\"", names[3])] {
            term.wait_for_prompt();
            term.send(&format!("words show {open}{}\t", &name[..2]));
            settle(&mut term);
            assert_eq!(term.press_enter().trim(), format!("[show][{name}]"), "{}", term.screen());
        }
    }
    assert!(!scene.env.path("pwned").exists());
}

/// Waits until the shell has said all it has to say to a Tab.
fn settle(term: &mut Terminal) {
    term.wait_for_quiet();
}

fn files_are_offered_where_a_file_is_wanted(shell: Shell) {
    let mut scene = scene();
    scene.env.write("some-keys.ini", "").write("a folder/policy.json", "{}");
    let mut term = opens(&scene.env, shell);
    assert_eq!(tab(&mut term, "words import some-k", "some-keys.ini"), "[import][some-keys.ini]");
    assert_eq!(
        tab(&mut term, "words as prod/Admin --policy some-k", "some-keys.ini"),
        "[as][prod/Admin][--policy][some-keys.ini]"
    );
    assert_eq!(
        tab(&mut term, "words as prod/Admin --policy=some-k", "some-keys.ini"),
        "[as][prod/Admin][--policy=some-keys.ini]"
    );
}

fn behind_two_dashes_the_other_programs_own_completion_answers(shell: Shell) {
    let scene = scene();
    let own = match shell {
        Shell::Bash => {
            "_other() { COMPREPLY=(\"own-${#COMP_WORDS[@]}-$3\"); }; complete -F _other other\n\
             printf '#!/bin/sh\\necho \"by-program-$2\"\\n' > \"$HOME/completer\"; chmod +x \"$HOME/completer\"\n\
             complete -C \"$HOME/completer\" third"
        }
        Shell::Zsh => "_other() { compadd own-$CURRENT-$words[CURRENT-1] }; compdef _other other",
        Shell::Fish => "complete -c other -f -a '(echo own-(count (commandline -opc))-(commandline -opc)[-1])'",
    };
    let mut term = Terminal::start(shell, &scene.env, &format!("{}\n{}\n{own}", rc(shell), words(shell)));
    let expected = match shell {
        Shell::Bash | Shell::Zsh => "own-3-s3",
        Shell::Fish => "own-2-s3",
    };
    let printed = tab(&mut term, "words exec prod/Admin -- other s3 ow", expected);
    assert_eq!(printed, format!("[exec][prod/Admin][--][other][s3][{expected}]"));
    if shell == Shell::Bash {
        let arn = format!("arn:aws:iam::{PROD}:role/Admin");
        let printed = tab(&mut term, &format!("words exec {arn} -- other s3 ow"), expected);
        assert_eq!(printed, format!("[exec][{arn}][--][other][s3][{expected}]"));
        let printed = tab(&mut term, "words exec prod/Admin -- third by", "by-program-by");
        assert_eq!(printed, "[exec][prod/Admin][--][third][by-program-by]");
    }
    // The name of the program itself.
    let printed = tab(&mut term, "words exec prod/Admin -- unsh", "unshare");
    assert_eq!(printed, "[exec][prod/Admin][--][unshare]");
}

/// Adds so many roles in one account to a store, and one whose name no other begins like.
fn crowd(scene: &Scene) {
    let connection = Connection::open(scene.env.store()).unwrap();
    let many = "INSERT INTO identity (account, kind, name) WITH RECURSIVE n(i) AS
        (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 10000)
        SELECT a.id, 'role', 'Member' || i FROM n, account a WHERE a.alias = 'prod'";
    assert_eq!(connection.execute(many, []).unwrap(), 10_000);
}

fn one_of_ten_thousand_is_found_and_a_start_of_many_is_gone_on_with_as_far_as_all_agree(shell: Shell) {
    let scene = scene();
    crowd(&scene);
    let mut term = opens(&scene.env, shell);
    assert_eq!(tab(&mut term, "words as prod/Member7654", "prod/Member7654"), "[as][prod/Member7654]");
    assert_eq!(tab(&mut term, "words as prod/Au", "prod/Auditor"), "[as][prod/Auditor]");
    assert_eq!(tab(&mut term, "words as prod/Member10000", "prod/Member10000"), "[as][prod/Member10000]");
    if shell == Shell::Bash {
        assert_eq!(tab(&mut term, "words as prod/Me", "prod/Member"), "[as][prod/Member]");
    }
}

#[test]
fn bash_with_the_package_bash_completion_does_the_same() {
    let scene = scene();
    let package = "/usr/share/bash-completion/bash_completion";
    assert!(std::path::Path::new(package).exists(), "these tests need {package}; install the package bash-completion");
    let rc = format!(". {package}\n{}\n{}", rc(Shell::Bash), words(Shell::Bash));
    let own = "_other() { COMPREPLY=(\"own-${#COMP_WORDS[@]}-$3\"); }; complete -F _other other";
    let mut term = Terminal::start(Shell::Bash, &scene.env, &format!("{rc}\n{own}"));
    assert_eq!(tab(&mut term, "words as prod/Ad", "prod/Admin"), "[as][prod/Admin]");
    let arn = format!("arn:aws:iam::{PROD}:role/Admin");
    assert_eq!(tab(&mut term, &format!("words as arn:aws:iam::{PROD}:role/Ad"), &arn), format!("[as][{arn}]"));
    let printed = tab(&mut term, "words exec prod/Admin -- other s3 ow", "own-3-s3");
    assert_eq!(printed, "[exec][prod/Admin][--][other][s3][own-3-s3]");
}

/// A file in a folder of fpath, and one in fish's own folder: nothing in a startup file but compinit.
#[test]
fn installed_as_a_file_it_is_loaded_when_it_is_needed() {
    let mut scene = scene();
    let code = |shell: &str| scene.env.run(&["completions", shell]).ok().stdout.clone();
    let (zsh, fish) = (code("zsh"), code("fish"));
    scene.env.write("functions/_multicred", zsh).write("config/fish/completions/multicred.fish", fish);
    let rc = "fpath=(~/functions $fpath); autoload -Uz compinit; compinit -u -d \"$HOME/.zcompdump\"";
    let mut term = Terminal::start(Shell::Zsh, &scene.env, rc);
    for _ in 0..2 {
        term.send("multicred show prod/Bil\t");
        term.wait_for_text("prod/Billing");
        assert!(term.press_enter().contains("role/Billing"), "{}", term.screen());
    }
    let mut term = Terminal::start(Shell::Fish, &scene.env, "");
    term.send("multicred show prod/Bil\t");
    term.wait_for_text("prod/Billing");
    assert!(term.press_enter().contains("role/Billing"), "{}", term.screen());
}

#[test]
fn fish_and_zsh_say_what_a_name_is() {
    let scene = scene();
    let code = "multicred completions fish | source; complete --do-complete 'multicred as '";
    let output = scene.env.program("fish", &["--no-config", "-c", code]).run();
    output.ok().stderr_is("");
    let expected = [
        "-\tnobody".to_owned(),
        format!("alice\tarn:aws:iam::{DEV}:user/alice"),
        format!("dev/user/alice\tarn:aws:iam::{DEV}:user/alice"),
        "auditor\tprofile of arn:aws:iam::222233334444:role/Look".to_owned(),
        format!("prod/Admin\tarn:aws:iam::{PROD}:role/Admin"),
    ];
    for line in expected {
        assert!(output.stdout.lines().any(|printed| printed == line), "{line} in\n{}", output.stdout);
    }
    let mut term = opens(&scene.env, Shell::Zsh);
    term.send("words as prod/A\t");
    term.wait_for_text(&format!("arn:aws:iam::{PROD}:role/Auditor"));
}

#[test]
fn whatever_goes_wrong_it_says_nothing_and_changes_nothing() {
    let mut env = Hermetic::new();
    let ask = |env: &Hermetic, words: &[&str]| {
        let output = env.run(&[&["complete", "--shell", "fish", "--"], words].concat());
        output.ok().stderr_is("");
        output.stdout.clone()
    };
    assert_eq!(ask(&env, &["multicred", "as", "x"]), "words\n");
    assert!(!env.path("data/multicred").exists(), "it has made a store");
    assert_eq!(ask(&env, &[]), "");
    assert_eq!(ask(&env, &["multicred", "bogus", "x"]), "words\n");
    env.write("data/multicred/multicred.db", "no database").aws_config("[profile\n\0broken\n[profile xx]\n");
    assert_eq!(ask(&env, &["multicred", "as", "x"]), "words\nxx\tprofile\n");
    assert_eq!(ask(&env, &["multicred", "--store", "/proc/nowhere/x", "as", "x"]), "words\nxx\tprofile\n");
    env.run(&["complete", "--shell", "fish", "--", "a"]).ok();
    env.unset("HOME");
    assert_eq!(ask(&env, &["multicred", "as", "x"]), "words\n");
}

/// Neither its schema nor a loose mode is any of its business, and a locked one has names like any other.
#[test]
fn an_older_store_is_left_as_it_is_and_has_no_names() {
    let scene = Scene::with_bobs_roles();
    let path = scene.env.store();
    let ask = || scene.env.run(&["complete", "--shell", "fish", "--", "multicred", "as", "dev/R"]).ok().stdout.clone();
    std::fs::rename(scene.env.path("data/multicred/multicred.db.key"), scene.env.path("away")).unwrap();
    assert_eq!(ask(), format!("words\ndev/Reader\tarn:aws:iam::{DEV}:role/Reader\n"));
    crate::scene::store::make_version_1(&path);
    let before = std::fs::read(&path).unwrap();
    assert_eq!(ask(), "words\n");
    assert_eq!(std::fs::read(&path).unwrap(), before);
}

#[test]
fn every_name_that_can_be_typed_is_offered_for_its_start() {
    let scene = scene();
    let ask = |start: &str| -> Vec<String> {
        let output = scene.env.run(&["complete", "--shell", "fish", "--", "multicred", "why", start]);
        output.ok().stdout.lines().skip(1).map(|line| line.split('\t').next().unwrap().to_owned()).collect()
    };
    assert_eq!(ask("prod/"), ["prod/Admin", "prod/Auditor", "prod/Billing"]);
    assert_eq!(ask("2222"), ["222233334444/Admin", "222233334444/Auditor", "222233334444/Billing"]);
    assert_eq!(ask("a"), ["alice", "auditor"]);
    assert_eq!(ask("dev/user/a"), ["dev/user/alice"]);
    assert_eq!(ask("dev/u"), ["dev/user/alice"]);
    assert_eq!(ask(&format!("arn:aws:iam::{DEV}")), [format!("arn:aws:iam::{DEV}:user/alice")]);
    assert_eq!(ask("AKIA"), [scene.alice.access_key_id.as_str()]);
    assert!(ask("zzz").is_empty());
    // From the parsed form that the store keeps, too, once the files have settled.
    let all = ask("");
    for name in &all {
        assert!(ask(name).contains(name), "{name}");
        let found = scene.env.run(&["show", name]);
        found.holds(found.status == 0, &format!("{name} to be a name"));
    }
}
