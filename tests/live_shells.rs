//! Live shells: what `as --live` does to a shell, and when it ends.

use crate::person::snapshot::Snapshot;
use crate::person::{CREDENTIAL_VARIABLES, Doing, Person, assign, export, in_each_shell, init, unset};
use crate::scene::live::{Answer, Door};
use crate::scene::seat::eventually;
use crate::support::sts::Fault;
use crate::support::terminal::{Shell, Terminal};

const ENDPOINT: &str = "AWS_CONTAINER_CREDENTIALS_FULL_URI";
const TOKEN: &str = "AWS_CONTAINER_AUTHORIZATION_TOKEN";
const FILES: [&str; 2] = ["AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"];

in_each_shell![
    no_secret_is_in_the_shell_and_every_child_has_the_credential,
    nobody_ends_the_session_and_gives_everything_back,
    another_switch_ends_the_session_too,
    deactivate_ends_the_session_and_gives_the_shell_back,
    the_end_of_the_shell_ends_the_session,
    an_inner_shell_does_not_end_the_outer_ones_session,
    renew_keeps_endpoint_and_token,
    lock_shows_in_the_prompt_and_renew_opens_a_new_session,
    what_would_win_over_the_session_shows_as_a_question_mark,
    a_default_profile_does_not_win,
    a_failed_switch_leaves_the_session,
    the_persons_own_files_come_back_as_they_were,
    the_prompt_of_a_live_shell_forks_nothing,
    the_history_names_the_shell_itself,
    the_session_ends_though_the_agents_address_has_changed,
    an_expired_credential_that_cannot_be_renewed_shows_in_the_prompt,
    there_is_nothing_to_keep_in_a_live_shell,
    what_serve_prints_makes_a_live_shell_the_one_that_is_served,
];

/// Switches, and the prompt says so; no question is asked.
#[track_caller]
fn lives(term: &mut Terminal, name: &str) {
    term.does(&format!("multicred as {name} --live"));
    assert_eq!(term.shown(), format!("({name})"));
}

/// Where a shell's session is asked.
fn door(term: &mut Terminal) -> Door {
    Door::of(&term.env_of_shell())
}

fn no_secret_is_in_the_shell_and_every_child_has_the_credential(shell: Shell) {
    let person = Person::new();
    let mut term = person.opens(shell);
    lives(&mut term, "west");
    let variables = term.env_of_shell();
    person.tells_no_secret(&format!("{variables:?}"));
    person.tells_no_secret(&term.all_variables());
    for name in CREDENTIAL_VARIABLES.into_iter().chain(["MULTICRED_EXPIRES_AT", "MULTICRED_RENEWABLE"]) {
        assert!(!variables.contains_key(name), "{name}");
    }
    assert_eq!((variables["AWS_REGION"].as_str(), variables["MULTICRED_IDENTITY"].as_str()), ("us-west-2", "west"));
    let Answer { status, body, .. } = Door::of(&variables).ask();
    assert_eq!(status, 200, "{body}");
    let body: serde_json::Value = serde_json::from_str(&body).unwrap();
    let session = person.sts.world(|world| world.session(body["AccessKeyId"].as_str().unwrap()).cloned()).unwrap();
    assert_eq!(body["SecretAccessKey"], session.credentials.secret);
    assert_eq!(body["Token"], session.credentials.session_token);
    assert_eq!(body["Expiration"], session.credentials.expiration());
    let python = crate::moto::server::venv("python");
    let script = "import boto3;print(boto3.client('sts').get_caller_identity()['Arn'])";
    let shown = term.does(&format!("{python} -c \"{script}\""));
    assert!(shown.contains("assumed-role/Reader/"), "{shown}");
    let status = person.env.run(&["agent", "status"]);
    status.ok();
    assert!(status.stdout.contains("west") && status.stdout.contains(&term.pid().to_string()), "{}", status.stdout);
}

fn nobody_ends_the_session_and_gives_everything_back(shell: Shell) {
    let person = Person::new();
    let mut term = person.opens_with(shell, &export(shell, "AWS_PROFILE", "bob"));
    lives(&mut term, "west");
    let door = door(&mut term);
    assert!(door.is_open());
    term.becomes("-");
    assert_eq!(door.ask().status, 401, "nobody else can take the port");
    let variables = term.env_of_shell();
    for name in [ENDPOINT, TOKEN, "MULTICRED_LIVE", "AWS_PROFILE"].into_iter().chain(FILES) {
        assert!(!variables.contains_key(name), "{name}");
    }
    term.does("multicred deactivate");
    assert_eq!(term.exported("AWS_PROFILE").as_deref(), Some("bob"));
}

fn another_switch_ends_the_session_too(shell: Shell) {
    let person = Person::new();
    let mut term = person.opens(shell);
    lives(&mut term, "west");
    let first = door(&mut term);
    lives(&mut term, "bob");
    let second = door(&mut term);
    assert!(first.token != second.token && !first.is_open() && second.is_open());
    term.becomes("bob");
    assert!(!second.is_open());
    let variables = term.env_of_shell();
    assert!(variables.contains_key("AWS_SECRET_ACCESS_KEY") && !variables.contains_key("AWS_CONFIG_FILE"));
    term.does("multicred as --back");
    assert_eq!(term.shown(), "(bob)");
    let third = door(&mut term);
    assert!(third.is_open(), "the session before was live, and so is this one");
}

fn deactivate_ends_the_session_and_gives_the_shell_back(shell: Shell) {
    let person = Person::new();
    let mut term = person.opens_with(shell, &export(shell, "AWS_CONFIG_FILE", "/own/config"));
    let own = term.env_of_shell();
    lives(&mut term, "bob");
    let door = door(&mut term);
    term.does("multicred deactivate");
    assert!(!door.is_open());
    assert_eq!(term.env_of_shell(), own);
    assert!(!term.all_variables().contains("__multicred_"), "{}", term.all_variables());
}

fn the_end_of_the_shell_ends_the_session(shell: Shell) {
    let person = Person::new();
    let mut term = person.opens(shell);
    lives(&mut term, "bob");
    term.does("multicred renew");
    let door = door(&mut term);
    let command = if shell == Shell::Fish { "kill -KILL $fish_pid" } else { "kill -KILL $$" };
    term.send_line(command);
    assert!(eventually(|| !door.is_open()));
    let status = person.env.run(&["agent", "status", "--json"]).ok().json();
    assert_eq!(status["live"], serde_json::json!([]));
}

fn an_inner_shell_does_not_end_the_outer_ones_session(shell: Shell) {
    let person = Person::new();
    let mut term = person.opens(shell);
    lives(&mut term, "west");
    let outer = door(&mut term);
    let command = match shell {
        Shell::Bash => "bash --noprofile -i",
        Shell::Zsh => "zsh --no-globalrcs -i",
        Shell::Fish => "fish -i",
    };
    term.enter_shell(shell, command);
    assert_eq!(term.shown(), "(west)");
    assert_eq!(door(&mut term), outer);
    lives(&mut term, "bob");
    let inner = door(&mut term);
    assert!(inner.is_open() && outer.is_open());
    term.becomes("west");
    assert!(!inner.is_open() && outer.is_open());
    term.becomes("-");
    term.leave_shell();
    assert_eq!(term.shown(), "(west)");
    assert!(outer.is_open());
}

fn renew_keeps_endpoint_and_token(shell: Shell) {
    let person = Person::new();
    let mut term = person.opens(shell);
    term.does("multicred as west --live --region eu-west-3");
    let before = door(&mut term);
    let body = before.ask().body;
    term.does("multicred renew");
    assert_eq!(door(&mut term), before, "what runs in this shell goes on");
    assert_ne!(before.ask().body, body);
    assert_eq!(term.exported("AWS_REGION").as_deref(), Some("eu-west-3"));
}

fn lock_shows_in_the_prompt_and_renew_opens_a_new_session(shell: Shell) {
    let person = Person::new();
    let mut term = person.opens(shell);
    lives(&mut term, "west");
    let before = door(&mut term);
    let locked = person.env.run(&["lock", "--json"]).ok().json();
    assert_eq!(locked["ended"], 1);
    assert!(!before.is_open());
    term.does("true");
    assert_eq!(term.shown(), "(west ended)");
    let status = term.run("multicred status --json").output;
    assert!(status.contains("\"identity\":null") && status.contains("\"live\":false"), "{status}");
    term.does("multicred renew");
    assert_eq!(term.shown(), "(west)");
    let after = door(&mut term);
    assert!(after.is_open());
    person.env.run(&["agent", "stop"]).ok();
    term.does("true");
    assert_eq!(term.shown(), "(west ended)");
}

fn what_would_win_over_the_session_shows_as_a_question_mark(shell: Shell) {
    let person = Person::new();
    let mut term = person.opens(shell);
    lives(&mut term, "bob");
    for (name, value) in [
        ("AWS_ACCESS_KEY_ID", "AKIA"),
        ("AWS_PROFILE", "west"),
        (ENDPOINT, "http://127.0.0.1:1"),
        ("AWS_SHARED_CREDENTIALS_FILE", "/own"),
        ("AWS_CONFIG_FILE", "/own"),
        ("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "/x"),
        ("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", "/x"),
        (TOKEN, "another"),
        ("AWS_ACCESS_KEY", "x"),
        ("AWS_SECRET_KEY", "x"),
    ] {
        let former = term.exported(name);
        term.enter(&export(shell, name, value));
        assert_eq!(term.shown(), "(?)", "{name}");
        let status = term.run("multicred status --json").output;
        assert!(status.contains("\"identity\":null"), "{name}: {status}");
        let nobody = term.run("multicred env >/dev/null");
        assert_eq!(nobody.status, 2, "{name}: {}", nobody.output);
        match former {
            Some(former) => term.enter(&export(shell, name, &former)),
            None => term.enter(&unset(shell, name)),
        };
        assert_eq!(term.shown(), "(bob)", "{name}");
    }
}

fn a_default_profile_does_not_win(shell: Shell) {
    let mut person = Person::new().with_profile("default");
    person.env.set("AWS_DEFAULT_OUTPUT", "json");
    let mut term = person.opens(shell);
    lives(&mut term, "west");
    let python = crate::moto::server::venv("python");
    let script = "import boto3,sys;print(boto3.Session(profile_name=(sys.argv[1:] or [None])[0])\
                  .client('sts').get_caller_identity()['Arn'])";
    let shown = term.does(&format!("{python} -c \"{script}\""));
    assert!(shown.contains("assumed-role/Reader/"), "{shown}");
    let other = term.does(&format!("{python} -c \"{script}\" carol"));
    assert!(other.contains("user/carol"), "another profile is asked by its name: {other}");
}

fn a_failed_switch_leaves_the_session(shell: Shell) {
    let person = Person::new();
    let mut term = person.opens(shell);
    lives(&mut term, "west");
    let before = (door(&mut term), Snapshot::of(&mut term));
    for fails in ["multicred as nobody-knows --live", "multicred as bob --live --also nobody-knows"] {
        assert_eq!(term.run(fails).status, 3);
    }
    assert!(before.0.is_open());
    Snapshot::of(&mut term).is_the_same_as(&before.1);
    assert_eq!(term.shown(), "(west)");
}

fn the_persons_own_files_come_back_as_they_were(shell: Shell) {
    let person = Person::new();
    std::fs::copy(person.env.path(".aws/config"), person.env.path("my-config")).unwrap();
    let path = person.env.path("my-config").display().to_string();
    let mut term = person.opens_with(shell, &assign(shell, "AWS_CONFIG_FILE", &path));
    lives(&mut term, "bob");
    term.becomes("carol");
    assert_eq!(term.unexported("AWS_CONFIG_FILE").as_ref(), Some(&path), "as it was: not exported");
    lives(&mut term, "bob");
    lives(&mut term, "west");
    term.becomes("-");
    assert_eq!(term.unexported("AWS_CONFIG_FILE"), Some(path));
}

fn the_prompt_of_a_live_shell_forks_nothing(shell: Shell) {
    let person = Person::new();
    let mut term = Terminal::start_traced(shell, &person.env, init(shell));
    lives(&mut term, "west");
    assert_eq!(term.count_forks(3), 0);
    person.env.run(&["lock"]).ok();
    assert_eq!(term.count_forks(3), 0);
    assert_eq!(term.shown(), "(west ended)");
}

/// In bash the process that calls is not the shell: it is the one that runs what stands in `$(…)`.
fn the_history_names_the_shell_itself(shell: Shell) {
    let person = Person::new();
    let mut term = person.opens(shell);
    term.becomes("west");
    lives(&mut term, "bob");
    let history = std::fs::read_to_string(person.env.path("data/multicred/history.jsonl")).unwrap();
    let switches = history.lines().filter(|line| line.contains("\"switch\""));
    let pids: Vec<u64> = switches
        .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap()["shell_pid"].as_u64().unwrap())
        .collect();
    assert_eq!(pids, [u64::from(term.pid()); 2], "{history}");
    person.tells_no_secret(&history);
    assert!(!history.contains(&door(&mut term).token));
}

fn the_session_ends_though_the_agents_address_has_changed(shell: Shell) {
    let person = Person::new();
    let mut term = person.opens(shell);
    lives(&mut term, "west");
    let door = door(&mut term);
    let elsewhere = person.env.path("elsewhere.sock").display().to_string();
    term.enter(&export(shell, "MULTICRED_AGENT_SOCK", &elsewhere));
    term.becomes("-");
    assert!(!door.is_open());
}

fn an_expired_credential_that_cannot_be_renewed_shows_in_the_prompt(shell: Shell) {
    let person = Person::new();
    let mut term = person.opens(shell);
    let end = jiff::Timestamp::now() + jiff::SignedDuration::from_secs(6);
    let short = Fault::set_field("Expiration", &end.strftime("%Y-%m-%dT%H:%M:%SZ").to_string());
    person.sts.fault_always("AssumeRole", short);
    lives(&mut term, "west");
    let door = door(&mut term);
    person.sts.clear_faults();
    person.sts.fault_always("AssumeRole", Fault::refuse(403, "AccessDenied", "no more"));
    assert!(eventually(|| door.ask().status == 503));
    assert!(eventually(|| {
        term.enter("true");
        term.shown() == "(west expired)"
    }));
    person.sts.clear_faults();
    term.does("multicred renew");
    assert_eq!(term.shown(), "(west)");
    assert!(door.is_open());
}

fn there_is_nothing_to_keep_in_a_live_shell(shell: Shell) {
    let person = Person::new();
    let mut term = person.opens(shell);
    lives(&mut term, "west");
    let refused = term.run("multicred deactivate --keep-creds");
    assert_eq!(refused.status, 2, "{}", refused.output);
    assert!(refused.output.contains("holds no credentials"), "{}", refused.output);
    assert_eq!(term.shown(), "(west)");
    term.becomes("bob");
    term.does("multicred deactivate --keep-creds");
    assert!(term.exported("AWS_SECRET_ACCESS_KEY").is_some());
}

fn what_serve_prints_makes_a_live_shell_the_one_that_is_served(shell: Shell) {
    let person = Person::new();
    let mut term = person.opens(shell);
    lives(&mut term, "west");
    let language = if shell == Shell::Fish { "fish" } else { "sh" };
    let mut serving = person.env.spawn(&["serve", "bob", "--format", language]);
    let statements = serving.wait_for_stdout("MULTICRED_LIVE");
    serving.wait_for_stderr("is served at");
    let served = person.env.path("served");
    std::fs::write(&served, statements).unwrap();
    term.enter(&format!(". {}", served.display()));
    assert_eq!(term.shown(), "(bob)");
    let status = term.run("multicred status --json").output;
    assert!(status.contains("\"identity\":\"bob\"") && status.contains("\"live\":true"), "{status}");
    serving.kill();
}
