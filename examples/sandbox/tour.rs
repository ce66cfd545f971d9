//! The tour: the commands of the README, typed into a real bash in a real terminal of its own, and checked.

use std::io::{Read, Write};
use std::process::ExitCode;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use portable_pty::{CommandBuilder, PtySize, native_pty_system};

use crate::world::Sandbox;

/// A step gets this long.
const PATIENCE: Duration = Duration::from_secs(30);
/// The terminal counts as idle after this much silence behind a prompt.
const SILENCE: Duration = Duration::from_millis(150);

struct Step {
    types: &'static str,
    /// The prompt afterwards begins so.
    prompt: &'static str,
    /// The output holds this.
    says: &'static str,
    /// The answer to the MFA prompt, where the step must ask.
    code: Option<&'static str>,
}

const fn step(types: &'static str, prompt: &'static str, says: &'static str) -> Step {
    Step { types, prompt, says, code: None }
}

const STEPS: &[Step] = &[
    step("multicred import --all", "(-)", "arn:aws:iam::111122223333:user/alice"),
    step("multicred account 111122223333 --alias dev", "(-)", "is dev"),
    step("multicred account 222233334444 --alias prod", "(-)", "is prod"),
    step(
        "multicred link prod/Admin --parent dev/user/alice --mfa-serial arn:aws:iam::111122223333:mfa/alice",
        "(-)",
        "prod/Admin is assumed from",
    ),
    step("multicred why prod/Admin", "(-)", "asks for an MFA code"),
    Step { types: "multicred as prod/Admin", prompt: "(prod/Admin)", says: "MFA code for", code: Some("123456") },
    step("multicred status", "(prod/Admin)", "arn:aws:iam::222233334444:role/Admin"),
    step("multicred as dev/user/alice", "(alice)", ""),
    step("multicred as --back", "(prod/Admin)", ""),
    step("multicred renew", "(prod/Admin)", ""),
    step("multicred as auditor", "(auditor)", ""),
    step("multicred list", "(auditor)", "ready"),
    step("multicred exec prod/Admin -- printenv MULTICRED_IDENTITY", "(auditor)", "prod/Admin"),
    step("multicred exec --read-only prod/Admin -- env | grep -c MULTICRED_", "(auditor)", "0"),
    step("multicred env prod/Admin", "(auditor)", "would print secrets"),
    step("multicred sync prod/Admin", "(auditor)", "written"),
    step("multicred as prod/Admin", "(prod/Admin)", ""),
    step("multicred sync --remove", "(prod/Admin)", "removed"),
    step("multicred setup --yes", "(prod/Admin)", "profile alice: "),
    step("multicred status --profiles", "(prod/Admin)", "on demand"),
    step("multicred unsetup --yes", "(prod/Admin)", "it has its key again"),
    step("multicred as deploy", "(deploy)", "cannot be renewed"),
    step("multicred as prod/Admn || echo refused: $?", "(deploy)", "refused: 3"),
    step("export AWS_ACCESS_KEY_ID=by-hand", "(?)", ""),
    step("multicred as -", "(-)", ""),
    step("env | grep -c -e AWS_ACCESS -e AWS_SECRET -e MULTICRED_IDENTITY", "(-)", "0"),
    step("multicred deactivate", "$", ""),
    step("type multicred", "$", "/multicred"),
];

pub fn play(sandbox: &Sandbox) -> ExitCode {
    let mut terminal = Terminal::open(sandbox);
    let mut failed = 0;
    print!("{}", terminal.until_prompt());
    for step in STEPS {
        let (text, shown) = terminal.play(step);
        print!("{shown}");
        let prompt = text.rsplit('\n').next().unwrap_or_default().trim_start();
        if !prompt.starts_with(step.prompt) || !text.contains(step.says) {
            failed += 1;
            println!("\n*** expected the prompt {} and the text {:?}", step.prompt, step.says);
        }
    }
    println!("\n\n{} steps, {failed} failed", STEPS.len());
    if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

struct Terminal {
    writer: Box<dyn Write + Send>,
    output: Receiver<Vec<u8>>,
    child: Box<dyn portable_pty::Child + Send + Sync>,
    _master: Box<dyn portable_pty::MasterPty + Send>,
}

impl Terminal {
    fn open(sandbox: &Sandbox) -> Self {
        let size = PtySize { rows: 40, cols: 200, pixel_width: 0, pixel_height: 0 };
        let pty = native_pty_system().openpty(size).expect("a terminal");
        let mut command = CommandBuilder::new("bash");
        command.args(["--rcfile", &sandbox.rc_file().to_string_lossy(), "-i"]);
        command.env_clear();
        for (name, value) in sandbox.environment() {
            command.env(name, value);
        }
        command.env("TERM", "dumb");
        command.cwd(sandbox.home());
        let child = pty.slave.spawn_command(command).expect("bash starts");
        let mut reader = pty.master.try_clone_reader().expect("the terminal's output");
        let writer = pty.master.take_writer().expect("the terminal's input");
        let (send, output) = channel();
        std::thread::spawn(move || {
            let mut buffer = [0u8; 4096];
            while let Ok(count @ 1..) = reader.read(&mut buffer) {
                if send.send(buffer[..count].to_vec()).is_err() {
                    break;
                }
            }
        });
        Self { writer, output, child, _master: pty.master }
    }

    fn type_line(&mut self, line: &str) {
        self.writer
            .write_all(line.as_bytes())
            .and_then(|()| self.writer.write_all(b"\r"))
            .expect("the terminal takes it");
    }

    /// Plays a step; gives the output without the echo of what was typed, and what a person sees.
    fn play(&mut self, step: &Step) -> (String, String) {
        self.type_line(step.types);
        let mut seen = String::new();
        if let Some(code) = step.code {
            seen = self.until(|text| text.ends_with(": "));
            self.type_line(code);
        }
        seen += &self.until_prompt();
        let after_echo = seen.split_once('\n').map_or(seen.as_str(), |(_, rest)| rest).to_owned();
        (after_echo.replace('\r', ""), seen)
    }

    fn until_prompt(&mut self) -> String {
        self.until(|text| text.ends_with("$ "))
    }

    /// Reads until the text is complete and the terminal is silent.
    fn until(&mut self, is_complete: impl Fn(&str) -> bool) -> String {
        let (start, mut bytes) = (Instant::now(), Vec::new());
        loop {
            match self.output.recv_timeout(SILENCE) {
                Ok(more) => bytes.extend(more),
                Err(RecvTimeoutError::Disconnected) => break,
                Err(RecvTimeoutError::Timeout) => {
                    if is_complete(&String::from_utf8_lossy(&bytes)) || start.elapsed() > PATIENCE {
                        break;
                    }
                }
            }
        }
        String::from_utf8_lossy(&bytes).into_owned()
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
