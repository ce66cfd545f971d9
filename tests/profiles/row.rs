//! One row of a table: a config, a command, an environment, and what must come of it.

use super::Scene;
use crate::support::env::Output;

/// `row("24", CONFIG, "target").set("AWS_REGION", "eu-west-1").calls(&["GetSessionToken+mfa 28800", …])`
pub struct Row<'r> {
    name: &'r str,
    scene: Scene,
    words: &'r str,
    variables: Vec<(&'r str, String)>,
    code: bool,
}

/// `words` are those of `as` with a fresh MFA code, unless they begin with another command of the program.
pub fn row<'r>(name: &'r str, config: &str, words: &'r str) -> Row<'r> {
    Row { name, scene: Scene::with_config(config), words, variables: Vec::new(), code: true }
}

impl<'r> Row<'r> {
    /// Sections of the credentials file with alice's key, beside `alice` and `bob`.
    #[must_use]
    pub fn keys(mut self, names: &[&str]) -> Self {
        self.scene.keys(names);
        self
    }

    /// A variable of the environment, its placeholders filled in.
    #[must_use]
    pub fn set(mut self, name: &'r str, value: &str) -> Self {
        let value = self.scene.filled(value);
        self.variables.push((name, value));
        self
    }

    /// A file of the home.
    #[must_use]
    pub fn file(mut self, name: &str, text: &str) -> Self {
        self.scene.env.write(name, text);
        self
    }

    /// No code on the command line.
    #[must_use]
    pub fn without_code(mut self) -> Self {
        self.code = false;
        self
    }

    /// Runs the command.
    pub fn run(&self) -> Output {
        const OTHERS: [&str; 4] = ["exec", "env", "credential-process", "why"];
        let mut words: Vec<&str> = self.words.split_whitespace().collect();
        if !OTHERS.contains(&words[0]) {
            words.splice(0..0, ["as", "--shell", "bash"]);
        }
        let code = self.code.then(|| self.scene.sts.mfa_code(&self.scene.serial));
        if let Some(code) = code.as_deref().filter(|_| words[0] != "why") {
            words.splice(1..1, ["--mfa-code", code]);
        }
        let command = self.scene.env.command(&words);
        self.variables.iter().fold(command, |command, (name, value)| command.set(name, value.clone())).run()
    }

    /// What is left of it, to be looked at.
    pub fn ran(self, output: Output) -> Ran {
        Ran { scene: self.scene, output }
    }

    /// It works, with these calls and no other.
    #[track_caller]
    pub fn calls(self, expected: &[&str]) -> Ran {
        let output = self.run();
        output.holds(output.status == 0, &format!("row {}: success", self.name));
        let said = self.scene.said();
        output.holds(said == expected, &format!("row {}: {expected:?}, not {said:?}", self.name));
        self.ran(output)
    }

    /// It works, with one call that begins so.
    #[track_caller]
    pub fn calls_begin(self, expected: &str) -> Ran {
        let output = self.run();
        output.holds(output.status == 0, &format!("row {}: success", self.name));
        let said = self.scene.said();
        output.holds(
            said.len() == 1 && said[0].starts_with(expected),
            &format!("row {}: {expected:?}, not {said:?}", self.name),
        );
        self.ran(output)
    }

    /// It is refused with this code before any call: nothing on stdout, on stderr each of `texts`.
    #[track_caller]
    pub fn refused(self, code: i32, texts: &[&str]) -> Ran {
        let output = self.run();
        let place = format!("{}:", self.scene.env.path(".aws/config").display());
        output.holds(output.status == code, &format!("row {}: exit code {code}", self.name));
        output.holds(output.stdout.is_empty(), &format!("row {}: nothing on stdout", self.name));
        for text in texts {
            let text = text.replace("config:", &place);
            output.holds(output.stderr.contains(&text), &format!("row {}: stderr to contain {text:?}", self.name));
        }
        let said = self.scene.said();
        output.holds(said.is_empty(), &format!("row {}: no call, not {said:?}", self.name));
        output.nowhere(&self.scene.alice.secret).nowhere(&self.scene.bob.secret);
        self.ran(output)
    }
}

/// What is left of a row: to ask more of it.
pub struct Ran {
    pub scene: Scene,
    pub output: Output,
}
