//! Which browser is started, with which words, and what it has of the caller.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use super::with_console;
use crate::scene::refusal::Refusal;
use crate::scene::{PATIENCE, Scene};
use crate::support::env::Output;
use crate::support::sign_in::SignIn;

/// A browser that writes down its words, its session and its environment, and goes on for a while.
const RECORDER: &str = r#"#!/bin/sh
{ for word in "$0" "$@"; do printf '%s\n' "$word"; done; } > "$HOME/words.draft"
ps -o sid= -o pgid= -p $$ > "$HOME/session"
streams=$(readlink /proc/$$/fd/0 /proc/$$/fd/1 /proc/$$/fd/2)
printf '%s\n' "$streams" > "$HOME/streams"
descriptors=$(ls -l /proc/$$/fd)
printf '%s\n' "$descriptors" > "$HOME/descriptors"
env > "$HOME/environment"
ulimit -c > "$HOME/core"
mv "$HOME/words.draft" "$HOME/words"
"#;

/// A scene with a console, and a folder of the home that is first on PATH.
struct Desk {
    scene: Scene,
    sign_in: SignIn,
    programs: PathBuf,
}

impl Desk {
    fn new() -> Self {
        let mut scene = Scene::with_bobs_roles();
        let sign_in = with_console(&mut scene);
        let programs = scene.env.path("programs");
        fs::create_dir(&programs).unwrap();
        let path = format!("{}:{}", programs.display(), scene.env.variables()["PATH"]);
        scene.env.set("PATH", path);
        Self { scene, sign_in, programs }
    }

    /// A recorder that is found by this name.
    fn has(&self, name: &str) -> PathBuf {
        script(&self.programs.join(name), RECORDER)
    }

    fn console(&self, words: &[&str]) -> Output {
        self.scene.env.run(&[&["console", "dev/Reader"], words].concat())
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.scene.env.path(name)).unwrap()
    }

    /// The words that a recorder was started with, itself first.
    #[track_caller]
    fn words(&self) -> Vec<String> {
        let path = self.scene.env.path("words");
        let patience = Instant::now() + PATIENCE;
        while !path.exists() {
            assert!(Instant::now() < patience, "no browser was started");
            thread::sleep(Duration::from_millis(10));
        }
        let words = fs::read_to_string(&path).unwrap().lines().map(str::to_owned).collect();
        fs::remove_file(&path).unwrap();
        words
    }

    /// Fails unless this link is the one that signs in.
    #[track_caller]
    fn opens(&self, link: &str) {
        assert!(self.sign_in.follow(link).is_some(), "{link}");
    }
}

fn script(path: &Path, text: &str) -> PathBuf {
    fs::write(path, text).unwrap();
    fs::set_permissions(path, Permissions::from_mode(0o755)).unwrap();
    path.to_owned()
}

#[test]
fn a_browser_is_a_stranger_to_whoever_called_and_has_no_credential() {
    let mut desk = Desk::new();
    let recorder = desk.has("firefox");
    for (name, value) in [
        ("AWS_ACCESS_KEY_ID", "ASIAOFASWITCHOFASWIT"),
        ("MULTICRED_ACCESS_KEY_ID", "ASIAOFASWITCHOFASWIT"),
        ("AWS_SECRET_ACCESS_KEY", "hush"),
        ("AWS_SESSION_TOKEN", "hush"),
        ("MULTICRED_IDENTITY", "dev/Reader"),
        ("OWN", "kept"),
    ] {
        desk.scene.env.set(name, value);
    }
    let output = desk.console(&["--browser", "firefox"]);
    output.ok().stdout_is("").stderr_has("firefox opens the console as dev/Reader for ");
    let words = desk.words();
    assert_eq!((words.len(), Path::new(&words[0])), (2, &*recorder));
    desk.opens(&words[1]);
    let session = desk.read("session");
    let [sid, pgid] = session.split_whitespace().collect::<Vec<_>>()[..] else { panic!("{session}") };
    // Asked of ps like the other one: where a session began outside of a container, its id is 0 in there.
    let own = Command::new("ps").args(["-o", "sid=", "-p", &std::process::id().to_string()]).output().unwrap();
    let own = String::from_utf8(own.stdout).unwrap();
    assert!(sid == pgid && sid != own.trim(), "it leads a session of its own");
    assert_eq!(desk.read("streams"), "/dev/null\n/dev/null\n/dev/null\n");
    let descriptors = desk.read("descriptors");
    for held in ["multicred.db", "locks", "socket:", "strace"] {
        assert!(!descriptors.contains(held), "{descriptors}");
    }
    let environment = desk.read("environment");
    assert!(environment.contains("OWN=kept\n") && environment.contains("\nHOME="), "{environment}");
    for name in ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "MULTICRED_IDENTITY"] {
        assert!(!environment.contains(&format!("{name}=")), "{environment}");
    }
    let limit = String::from_utf8(Command::new("sh").args(["-c", "ulimit -c"]).output().unwrap().stdout);
    assert_eq!(desk.read("core"), limit.unwrap(), "it may leave the cores that it could leave before");
}

#[test]
fn a_browser_has_no_way_into_a_live_session() {
    let mut desk = Desk::new();
    desk.has("firefox");
    let of_session = ["AWS_CONTAINER_AUTHORIZATION_TOKEN", "AWS_CONTAINER_CREDENTIALS_FULL_URI", "MULTICRED_LIVE"];
    for name in of_session {
        desk.scene.env.set(name, "of-a-live-session");
    }
    desk.console(&["--browser", "firefox"]).ok();
    desk.words();
    let environment = desk.read("environment");
    assert!(!environment.contains("of-a-live-session"), "{environment}");
}

#[test]
fn the_call_does_not_wait_for_the_browser_to_end() {
    let desk = Desk::new();
    script(&desk.programs.join("slow"), "#!/bin/sh\nexec sleep 20\n");
    let start = Instant::now();
    desk.console(&["--browser", "slow"]).ok();
    assert!(start.elapsed() < Duration::from_secs(15));
}

#[test]
fn the_link_takes_the_place_that_the_command_line_has_for_it_and_no_shell_reads_it() {
    let desk = Desk::new();
    desk.has("my browser");
    for (line, before, after) in [
        ("'my browser' --new-window", vec!["--new-window"], vec![]),
        ("'my browser' %s --last", vec![], vec!["--last"]),
        ("\"my browser\" '$HOME' {} ';id' '*'", vec!["$HOME"], vec![";id", "*"]),
    ] {
        let line = line.replace("my browser", &desk.programs.join("my browser").to_string_lossy());
        desk.console(&["--browser", &line]).ok();
        let words = desk.words();
        let (first, last) = (1 + before.len(), words.len() - after.len());
        assert_eq!((&words[1..first], &words[last..]), (&before.map_words()[..], &after.map_words()[..]), "{line}");
        assert_eq!(last, first + 1, "{words:?}");
        desk.opens(&words[first]);
    }
}

trait Words {
    fn map_words(self) -> Vec<String>;
}

impl Words for Vec<&str> {
    fn map_words(self) -> Vec<String> {
        self.into_iter().map(str::to_owned).collect()
    }
}

#[test]
fn a_container_of_firefox_and_a_profile_of_chrome_are_named_to_them() {
    let desk = Desk::new();
    desk.has("firefox");
    desk.has("google-chrome");
    desk.has("epiphany");
    desk.console(&["--browser", "firefox", "--container", "a&url=//evil {identity}"]).ok();
    let words = desk.words();
    let rest = words[1].strip_prefix("ext+container:name=a%26url%3D%2F%2Fevil%20dev%2FReader&url=").expect(&words[1]);
    desk.opens(&decoded(rest));
    desk.console(&["--browser", "google-chrome", "--container", "{identity}"]).ok();
    let words = desk.words();
    assert_eq!(words[1], "--profile-directory=dev-Reader");
    desk.opens(&words[2]);
    for bad in ["..", "../x", "a\nb", "", "$(id)"] {
        let output = desk.console(&["--browser", "google-chrome", "--container", bad]);
        output.refused(2, &["can be no name of a container or profile"]);
    }
    let output = desk.console(&["--browser", "epiphany", "--container", "x"]);
    output.refused(2, &["epiphany is neither Firefox nor of Chrome's kin"]);
}

fn decoded(text: &str) -> String {
    crate::support::sts::query::decode(text).expect("an encoded text")
}

#[test]
fn the_settings_the_variable_and_the_desktop_are_asked_in_turn() {
    let mut desk = Desk::new();
    for name in ["xdg-open", "wslview", "of-variable", "of-setting", "firefox"] {
        desk.has(name);
    }
    let started = |desk: &Desk, words: &[&str]| {
        desk.console(words).ok().stdout_is("");
        let words = desk.words();
        (Path::new(&words[0]).file_name().unwrap().to_string_lossy().into_owned(), words[1].clone())
    };
    desk.scene.env.set("DISPLAY", ":99");
    let (program, link) = started(&desk, &[]);
    assert_eq!(program, "xdg-open");
    desk.opens(&link);
    assert_eq!(started(&desk, &["--container", "c"]).0, "firefox", "what opens links for the desktop has none");
    desk.scene.env.set("WSL_DISTRO_NAME", "Debian");
    assert_eq!(started(&desk, &[]).0, "wslview");
    desk.scene.env.unset("DISPLAY");
    assert_eq!(started(&desk, &[]).0, "wslview");
    desk.scene.env.set("BROWSER", "/nowhere/browser %s:of-variable --x=%s:firefox");
    let (program, word) = started(&desk, &[]);
    assert_eq!(program, "of-variable");
    desk.opens(word.strip_prefix("--x=").expect(&word));
    desk.scene.env.write("config/multicred/config.toml", "[console]\nbrowser = \"of-setting\"\n");
    assert_eq!(started(&desk, &[]).0, "of-setting");
    desk.scene
        .env
        .write("config/multicred/config.toml", "[console]\nbrowser = \"firefox\"\ncontainer = \"{identity}\"\n");
    assert!(started(&desk, &[]).1.starts_with("ext+container:name=dev%2FReader&url="));
    for bad in ["browser = \"a; b\"", "container = \"a\\nb\"", "browsr = \"x\""] {
        desk.scene.env.write("config/multicred/config.toml", format!("[console]\n{bad}\n"));
        desk.console(&[]).refused(2, &["config.toml:2"]);
    }
}

#[test]
fn where_nobody_would_see_a_browser_the_link_is_printed() {
    let mut desk = Desk::new();
    desk.has("xdg-open");
    desk.has("firefox");
    let printed = |desk: &Desk, reason: &str| {
        let output = desk.console(&[]);
        output.ok().stderr_has(reason).stderr_has("for 15 minutes, whoever has this link can be dev/Reader");
        assert_eq!(output.stdout.lines().count(), 1, "{output}");
        desk.opens(output.stdout.trim_end());
        assert!(!desk.scene.env.path("words").exists(), "no browser was started");
    };
    printed(&desk, "there is no display for a browser");
    desk.scene.env.set("DISPLAY", ":99").set("BROWSER", "firefox");
    for name in ["SSH_CONNECTION", "SSH_TTY"] {
        desk.scene.env.set(name, "10.0.0.1 50000 10.0.0.2 22");
        printed(&desk, "this is an ssh session");
        desk.console(&["--browser", "firefox"]).ok().stdout_is("");
        desk.opens(&desk.words()[1]);
        desk.scene.env.unset(name);
    }
    // A display, and nobody who could use it.
    let empty = desk.scene.env.path("empty");
    fs::create_dir(&empty).unwrap();
    desk.scene.env.set("PATH", empty.to_string_lossy()).unset("BROWSER");
    printed(&desk, "no browser was found");
    let quiet = desk.console(&["-q"]);
    quiet.ok().stderr_is("");
}

#[test]
fn a_browser_that_is_named_and_cannot_be_run_is_told() {
    let desk = Desk::new();
    let before = desk.scene.sts.count("*");
    desk.console(&["--browser", "no-such-browser --x"])
        .refused(2, &["there is no program 'no-such-browser'", "--print"]);
    desk.console(&["--browser", "firefox; id"]).refused(2, &["is no plain command line"]);
    desk.console(&["--browser", ""]).refused(2, &["is no plain command line"]);
    assert_eq!((desk.scene.sts.count("*"), desk.sign_in.asked().len()), (before, 0), "nobody was asked");
    let broken = script(&desk.programs.join("broken"), "#!/nowhere/interpreter\n");
    let output = desk.console(&["--browser", &broken.to_string_lossy()]);
    output.code(1).stdout_is("").stderr_has("'broken' cannot be run: No such file or directory").stderr_has("--print");
}

#[test]
fn the_answer_in_json_names_the_browser_and_keeps_the_link() {
    let desk = Desk::new();
    desk.has("firefox");
    let output = desk.console(&["--browser", "firefox", "--json"]);
    let answer = output.ok().json();
    assert_eq!(answer["browser"], "firefox");
    assert!(answer["url"].is_null() && answer["url_expires_at"].is_null());
    let link = desk.words().remove(1);
    output.nowhere(link.split("SigninToken=").nth(1).expect("a token"));
}
