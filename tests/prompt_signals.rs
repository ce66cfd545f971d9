//! The terminal of an MFA prompt that is ended from elsewhere, or stopped, or not answered.

use std::fs;

use rustix::process::{Pid, Signal, kill_process};

use crate::scene::seat::{Ended, Seat, eventually};
use crate::scene::{PATIENCE, Scene};

const QUESTION: &str = "MFA code for";

/// A terminal in which a bash runs one command of multicred's, and tells how the command ended and whether it left the
/// terminal as it was.
struct Screen {
    seat: Seat,
    pid_file: std::path::PathBuf,
}

impl Screen {
    fn running(scene: &Scene, first: &str, command: &str) -> Self {
        let pid_file = scene.env.path("pid");
        let code = format!(
            "exec >/dev/tty; {first}; before=$(stty -g); sh -c 'echo $$ >pid; exec {command}'; echo \"ended: $?\"; \
             if [ \"$before\" = \"$(stty -g)\" ]; then echo as before; else stty -a; fi"
        );
        let words = ["exec", "--no-session", "alice", "--", "bash", "-c", &code];
        Self { seat: Seat::take(&scene.env, &words), pid_file }
    }

    /// The process that asks.
    fn pid(&self) -> Pid {
        let pid = fs::read_to_string(&self.pid_file).unwrap().trim().parse().unwrap();
        Pid::from_raw(pid).unwrap()
    }

    fn signal(&self, signal: Signal) {
        kill_process(self.pid(), signal).expect("a process to signal");
    }

    /// Waits until the process is stopped.
    fn wait_until_stopped(&self) {
        let stat = format!("/proc/{}/stat", self.pid().as_raw_nonzero());
        let state = || fs::read_to_string(&stat).unwrap().rsplit(") ").next().unwrap().chars().next();
        assert!(eventually(|| state() == Some('T')), "it does not stop");
    }

    #[track_caller]
    fn ends(self, status: i32) -> Ended {
        let ended = self.seat.end();
        assert!(ended.screen.contains(&format!("ended: {status}\r\nas before")), "{ended:?}");
        ended
    }
}

#[test]
fn a_prompt_that_is_ended_by_a_signal_gives_the_terminal_back_first_and_ends_by_that_signal() {
    let scene = Scene::with_alices_roles();
    for signal in [Signal::HUP, Signal::INT, Signal::QUIT, Signal::TERM] {
        for command in ["multicred credential-process prod/Admin", "multicred exec --nested prod/Admin -- true"] {
            let screen = Screen::running(&scene, "true", command);
            screen.seat.wait_for(QUESTION);
            screen.signal(signal);
            screen.ends(128 + signal.as_raw());
        }
    }
    assert_eq!(scene.sts.count("AssumeRole"), 0);
}

/// It sends CONT right behind TERM.
#[test]
fn a_prompt_that_timeout_ends_gives_the_terminal_back() {
    let scene = Scene::with_alices_roles();
    let command = "timeout --foreground 1 multicred credential-process prod/Admin";
    Screen::running(&scene, "true", command).ends(124);
}

#[test]
fn a_prompt_that_is_stopped_gives_the_terminal_back_and_asks_again_when_it_goes_on() {
    let scene = Scene::with_alices_roles();
    let mut screen = Screen::running(&scene, "true", "multicred exec --nested prod/Admin -- true");
    screen.seat.wait_for(QUESTION);
    assert!(!screen.seat.is_as_usual());
    for asked in 2..4 {
        screen.signal(Signal::TSTP);
        screen.wait_until_stopped();
        assert!(screen.seat.is_as_usual());
        screen.signal(Signal::CONT);
        assert!(eventually(|| screen.seat.screen().matches(QUESTION).count() == asked), "it does not ask again");
    }
    assert!(eventually(|| !screen.seat.is_as_usual()), "it reads where everybody sees it");
    let code = scene.sts.mfa_code(&scene.serial);
    screen.seat.type_line(&code);
    let ended = screen.ends(0);
    assert!(!ended.screen.contains(&code), "{ended:?}");
}

#[test]
fn after_the_prompt_a_signal_does_what_it_always_does() {
    let scene = Scene::with_alices_roles();
    for signal in [Signal::HUP, Signal::INT, Signal::QUIT, Signal::TERM] {
        let gate = scene.sts.gate("GetSessionToken");
        let mut screen = Screen::running(&scene, "true", "multicred exec --nested prod/Admin -- true");
        screen.seat.wait_for(QUESTION);
        screen.seat.type_line(&scene.sts.mfa_code(&scene.serial));
        assert!(gate.wait_held(1, PATIENCE), "no call arrived");
        screen.signal(signal);
        screen.ends(128 + signal.as_raw());
    }
    let program = "multicred exec --nested prod/Admin -- sh -c \"kill -TERM \\$\\$\"";
    let mut screen = Screen::running(&scene, "true", program);
    screen.seat.wait_for(QUESTION);
    screen.seat.type_line(&scene.sts.mfa_code(&scene.serial));
    screen.ends(128 + Signal::TERM.as_raw());
}

#[test]
fn a_signal_that_was_ignored_before_the_prompt_stays_ignored() {
    let scene = Scene::with_alices_roles();
    let program = "multicred exec --nested prod/Admin -- sh -c \"kill -HUP \\$\\$; echo alive\"";
    let mut screen = Screen::running(&scene, "trap '' HUP", program);
    screen.seat.wait_for(QUESTION);
    screen.signal(Signal::HUP);
    screen.seat.type_line(&scene.sts.mfa_code(&scene.serial));
    let ended = screen.ends(0);
    assert!(ended.screen.contains("alive"), "{ended:?}");
}

/// An SDK would kill it soon, and a killed process cannot give a terminal back.
#[test]
fn a_question_for_a_program_that_nobody_answers_ends_by_itself() {
    let scene = Scene::with_alices_roles();
    let screen = Screen::running(&scene, "true", "multicred credential-process prod/Admin");
    screen.seat.wait_for(QUESTION);
    let ended = || screen.seat.screen().contains("ended");
    assert!(eventually(ended) || eventually(ended), "it asks for ever");
    let ended = screen.ends(4);
    assert!(ended.screen.contains("nobody gave one") && ended.screen.contains("multicred as"), "{ended:?}");
    assert_eq!(scene.sts.count("GetSessionToken"), 0);
}

#[test]
fn after_the_menu_of_a_bare_as_an_interrupt_ends_the_wait_for_aws() {
    let scene = Scene::with_bobs_roles();
    let gate = scene.sts.gate("AssumeRole");
    let words = ["exec", "bob", "--", "sh", "-c", "echo $$ >pid; exec multicred as --shell bash >code"];
    let mut screen = Screen { seat: Seat::take(&scene.env, &words), pid_file: scene.env.path("pid") };
    screen.seat.wait_for("Be");
    screen.seat.type_line("dev/Reader");
    assert!(scene.sts.wait_for_calls("AssumeRole", 1, PATIENCE), "the choice is taken");
    screen.signal(Signal::INT);
    let ended = screen.seat.end();
    assert!(ended.status != 0 && !ended.screen.contains("no answer from AWS"), "it went on waiting: {ended:?}");
    drop(gate);
    assert_eq!(fs::read_to_string(scene.env.path("code")).unwrap(), "");
}

#[test]
fn a_prompt_that_was_stopped_and_left_in_the_background_can_be_ended() {
    let scene = Scene::with_alices_roles();
    // Job control: the prompt is a job of a shell that has the terminal again once the job is stopped.
    let code = "set -m; multicred credential-process prod/Admin >out; p=$(jobs -p); kill %1; \
                while kill -0 $p; do sleep 0.1; done";
    let words = ["exec", "--no-session", "alice", "--", "bash", "-c", code];
    let seat = Seat::take(&scene.env, &words);
    seat.wait_for(QUESTION);
    let children = format!("/proc/{0}/task/{0}/children", seat.pid());
    let pid = fs::read_to_string(children).unwrap().split_whitespace().next().unwrap().parse().unwrap();
    kill_process(Pid::from_raw(pid).unwrap(), Signal::STOP).expect("a process to stop");
    seat.wait_for("Terminated");
    seat.end();
}
