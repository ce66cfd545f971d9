//! The prompt: whatever a person's own prompt does, the identity stands before it, and nothing in a name is expanded.

use crate::person::{DEV, Doing, Person, export, in_each_shell, unset};
use crate::support::terminal::{BLUE, RED, Setup, Shell, Terminal};

in_each_shell![
    the_accounts_colour_shows_and_takes_no_room,
    no_color_and_dumb_terminals_show_no_colour,
    names_are_shown_and_never_run,
    control_characters_of_an_inherited_name_are_not_sent_to_the_terminal,
    without_a_prompt_the_variables_tell,
    a_prompt_chosen_later_replaces_the_first_choice,
    a_prompt_defined_after_init_shows_the_identity_too,
];

fn the_accounts_colour_shows_and_takes_no_room(shell: Shell) {
    let person = Person::new();
    person.env.run(&["account", DEV, "--alias", "dev", "--color", "red"]).ok();
    let rc = format!("\n{}", crate::person::init(shell));
    let mut term = Setup::new(shell).size(10, 40).start(&person.env, &rc);
    term.becomes("west");
    term.becomes("west");
    assert!(term.shows_in_colour("(west)", RED), "{}", term.transcript());
    assert!(!term.shows_in_colour(if shell == Shell::Zsh { "% " } else { "$ " }, RED));
    // A line editor that counts the colours as text wraps this line too early.
    let word = "x".repeat(30);
    assert_eq!(term.enter(&format!("echo {word} y")), format!("{word} y"));
    person.env.run(&["account", DEV, "--color", "blue"]).ok();
    term.becomes("west");
    assert!(term.shows_in_colour("(west)", BLUE));
    term.does(&export(shell, "AWS_ACCESS_KEY_ID", "x"));
    assert_eq!(term.shown(), "(?)");
    assert!(!term.shows_in_colour("(?)", BLUE), "it is not known whose account it is");
    term.becomes("-");
    assert!(!term.shows_in_colour("(-)", BLUE));
}

fn no_color_and_dumb_terminals_show_no_colour(shell: Shell) {
    let person = Person::new();
    person.env.run(&["account", DEV, "--alias", "dev", "--color", "red"]).ok();
    let mut term = person.opens(shell);
    term.becomes("west");
    term.becomes("west");
    assert!(term.shows_in_colour("(west)", RED));
    term.does(&export(shell, "NO_COLOR", "1"));
    assert!(!term.shows_in_colour("(west)", RED));
    term.does(&unset(shell, "NO_COLOR"));
    assert!(term.shows_in_colour("(west)", RED));
    // zsh itself and fish itself stop using escape sequences then; only the prompt is of interest.
    if shell == Shell::Bash {
        term.does(&export(shell, "TERM", "dumb"));
        assert!(!term.shows_in_colour("(west)", RED));
    }
}

/// Each would be run, expanded or coloured by one of the shells.
const HOSTILE_NAMES: [&str; 8] = [
    "$(touch pwned)",
    "`touch pwned`",
    "%F{red}%n%%%73v",
    r"\u\[\e[31m\]\$(touch pwned)",
    "a'b\"c",
    "!1 !! !-1",
    "${HOME} $HOME ~ *",
    "; touch pwned; (touch pwned)",
];

fn names_are_shown_and_never_run(shell: Shell) {
    let person = HOSTILE_NAMES.into_iter().fold(Person::new(), Person::with_profile);
    let rc = if shell == Shell::Zsh { "setopt prompt_subst prompt_bang no_bang_hist" } else { "set +H" };
    let mut term = person.opens_with(shell, if shell == Shell::Fish { "" } else { rc });
    for name in HOSTILE_NAMES {
        let quoted = match shell {
            Shell::Bash | Shell::Zsh => name.replace('\'', r"'\''"),
            Shell::Fish => name.replace('\\', r"\\").replace('\'', r"\'"),
        };
        term.enter(&format!("multicred as '{quoted}'"));
        assert_eq!(term.shown(), format!("({name})"));
        assert_eq!(term.exported("MULTICRED_IDENTITY").as_deref(), Some(name));
        term.does("multicred renew");
        assert_eq!(term.shown(), format!("({name})"));
    }
    assert!(!person.env.path("pwned").exists());
}

fn control_characters_of_an_inherited_name_are_not_sent_to_the_terminal(shell: Shell) {
    let mut person = Person::new();
    person.env.set("MULTICRED_IDENTITY", "a\u{1b}]0;owned\u{7}\n\u{1}b");
    let mut term = person.opens(shell);
    assert_eq!(term.shown(), "(a?]0;owned???b)");
    assert!(!term.transcript().contains("\u{1b}]0;owned"));
}

fn without_a_prompt_the_variables_tell(shell: Shell) {
    let person = Person::new();
    let rc = crate::person::init(shell).replace(shell.name(), &format!("{} --prompt none", shell.name()));
    let mut term = Terminal::start(shell, &person.env, &rc);
    let before = (term.prompt_source(), term.hooks());
    term.does("multicred as west");
    assert_eq!(term.shown(), "");
    assert_eq!(term.exported("MULTICRED_IDENTITY").as_deref(), Some("west"));
    assert_eq!((term.prompt_source(), term.hooks()), before);
    assert!(!before.1.contains("__multicred"), "{}", before.1);
    term.does("multicred deactivate");
    assert_eq!((term.prompt_source(), term.hooks()), before);
}

fn a_prompt_chosen_later_replaces_the_first_choice(shell: Shell) {
    let person = Person::new();
    let mut term = person.opens(shell);
    term.becomes("bob");
    let none = crate::person::init(shell).replace(shell.name(), &format!("{} --prompt none", shell.name()));
    term.does(&none);
    assert_eq!(term.shown(), "");
    term.does(crate::person::init(shell));
    assert_eq!(term.shown(), "(bob)");
}

fn a_prompt_defined_after_init_shows_the_identity_too(shell: Shell) {
    let person = Person::new();
    let mut term = person.opens(shell);
    term.does(match shell {
        Shell::Bash => "PS1='mine $ '",
        Shell::Zsh => "PROMPT='mine %% '",
        Shell::Fish => "function fish_prompt; echo -n 'mine $ '; end",
    });
    let tail = if shell == Shell::Zsh { "% " } else { "$ " };
    assert_eq!(term.prompt(), format!("(-) mine {tail}"));
    term.does("multicred as bob");
    assert_eq!(term.prompt(), format!("(bob) mine {tail}"));
}

#[test]
fn bash_prompts_with_expansions_of_their_own() {
    let mut person = Person::new();
    person.env.set("USER", "tester");
    let prompts = [
        (r#"PS1="\w \$(echo b) \`echo c\` \${USER} \[\e[32m\]!\[\e[0m\] $ ""#, "~ b c tester ! $ "),
        (r"PS1='one\n$? two $ '", "0 two $ "),
        (r"shopt -u promptvars; PS1='\w $(echo a) $ '", "~ $(echo a) $ "),
    ];
    for (rc, expected) in prompts {
        let mut term = person.opens_with(Shell::Bash, rc);
        term.does("multicred as bob");
        let shown = term.screen().trim_end().lines().rev().take(2).collect::<Vec<_>>().join("|");
        assert!(term.prompt().ends_with(expected), "{rc}: {shown}");
        assert!(shown.contains("(bob) "), "{rc}: {shown}");
        term.does("multicred deactivate");
        assert!(!term.screen().trim_end().lines().next_back().unwrap_or_default().contains("(bob)"));
    }
}

#[test]
fn bash_without_promptvars_shows_hostile_names_as_they_are() {
    let name = r"\u$(touch pwned)\n";
    let person = Person::new().with_profile(name);
    let mut term = person.opens_with(Shell::Bash, "shopt -u promptvars");
    term.does(&format!("multicred as '{name}'"));
    assert_eq!(term.shown(), format!("({name})"));
    term.does("shopt -s promptvars");
    assert_eq!(term.shown(), format!("({name})"));
    term.becomes("-");
    assert_eq!(term.shown(), "(-)");
    assert!(!person.env.path("pwned").exists());
}

#[test]
fn bash_prompt_commands_of_every_form() {
    let person = Person::new();
    let forms = [
        "PROMPT_COMMAND='ran=$((ran+1))'",
        "PROMPT_COMMAND='ran=$((ran+1));'",
        "PROMPT_COMMAND='ran=$((ran+1)); '",
        "PROMPT_COMMAND='ran=$((ran+1)) # a comment'",
        "PROMPT_COMMAND=('ran=$((ran+1))' 'other=1')",
        "declare -a PROMPT_COMMAND=(); ran=1",
        "PROMPT_COMMAND=''; ran=1",
        "PROMPT_COMMAND='ran=1; PS1=\"anew \\$ \"'",
    ];
    for form in forms {
        let mut term = person.opens_with(Shell::Bash, form);
        term.becomes("bob");
        assert!(term.value("ran").is_some(), "{form}");
        assert!(!term.screen().contains("error"), "{}", term.screen());
    }
}

#[test]
fn bash_puts_the_hook_back_where_prompt_command_was_replaced() {
    let person = Person::new();
    let mut term = person.opens(Shell::Bash);
    term.does("PROMPT_COMMAND='PS1=\"$ \"'");
    term.becomes("bob");
    term.does(&export(Shell::Bash, "AWS_ACCESS_KEY_ID", "x"));
    assert_eq!(term.shown(), "(?)");
}

#[test]
fn an_inner_bash_that_inherits_prompt_command_alone_misses_nothing() {
    let person = Person::new();
    let mut term = person.opens_with(Shell::Bash, "export PROMPT_COMMAND=:");
    term.enter_shell(Shell::Bash, "PS1='inner $ ' bash --norc --noprofile");
    assert!(!term.screen().contains("not found"), "{}", term.screen());
}

#[test]
fn zsh_prompts_with_prompt_subst_on_and_off() {
    let person = Person::new();
    for (rc, expected) in [
        ("setopt prompt_subst; PROMPT='%~ $(echo a) `echo b` %% '", "(bob) ~ a b % "),
        ("setopt no_prompt_subst; PROMPT='%~ $(echo a) %% '", "(bob) ~ $(echo a) % "),
        ("setopt prompt_subst prompt_bang; PROMPT='x %% '", "(bob) x % "),
        ("psvar=(own); PROMPT='%1v %% '", "(bob) own % "),
        ("setopt ksh_arrays sh_word_split no_unset; PROMPT='k %% '", "(bob) k % "),
        ("precmd() { PROMPT='anew %% ' }", "(bob) anew % "),
        ("PROMPT=$'one %F{red}r%f\\n%% '", "% "),
    ] {
        let mut term = person.opens_with(Shell::Zsh, rc);
        term.becomes("bob");
        assert_eq!(term.prompt(), expected, "{rc}");
    }
}

#[test]
fn fish_prompts_see_the_status_of_the_persons_command_and_may_have_several_lines() {
    let person = Person::new();
    let rc = "function fish_prompt; echo \"s=$status p=$pipestatus\"; echo -n 'x $ '; end";
    let mut term = person.opens_with(Shell::Fish, rc);
    term.enter("true | false");
    assert!(term.screen().contains("(-) s=1 p=0 1"), "{}", term.screen());
    term.enter("multicred as bob");
    assert!(term.screen().contains("(bob) s=0 p=0"), "{}", term.screen());
    assert_eq!(term.prompt(), "x $ ");
}

#[test]
fn fish_shows_the_identity_whatever_becomes_of_the_mode_prompt() {
    let person = Person::new();
    let mut term = person.opens(Shell::Fish);
    for change in
        ["functions -e fish_mode_prompt", "function fish_mode_prompt; echo -n '[m]'; end", "fish_vi_key_bindings"]
    {
        term.enter(change);
        term.enter("true");
        assert!(term.prompt().ends_with("(-) $ "), "{change}: {}", term.prompt());
    }
}

#[test]
fn fish_keeps_the_identity_out_of_the_prompt_of_read() {
    let person = Person::new();
    let mut term = person.opens(Shell::Fish);
    term.send_line("read --prompt-str 'name> ' name");
    term.wait_for_text("name> ");
    assert!(!term.since_sent().contains("(-) name>"), "{}", term.screen());
    term.send("somebody\r");
    assert_eq!((term.shown().as_str(), term.value("name").as_deref()), ("(-)", Some("somebody")));
}
