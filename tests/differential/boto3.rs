//! boto3, in one process for all cases.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use serde_json::{Value, json};

use super::way::{Outcome, Way};
use crate::moto::server::venv;
use crate::support::process;
use crate::support::sts::StrictSts;

/// Ended by its pid on drop.
pub struct Boto3 {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Boto3 {
    pub fn start() -> Self {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/differential/boto3.py");
        let mut command = Command::new(venv("python"));
        command.arg(script).env_clear().stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = process::start(&mut command);
        let input = child.stdin.take().expect("its input");
        let output = BufReader::new(child.stdout.take().expect("its output"));
        Self { child, input, output }
    }

    /// What boto3 does for a profile in this environment, whose endpoint is `sts`.
    pub fn outcome(&mut self, profile: &str, environment: &BTreeMap<String, String>, sts: &StrictSts) -> Outcome {
        sts.clear_calls();
        self.say(&json!({ "profile": profile, "environment": environment }));
        loop {
            let answer = self.hear();
            let text = |name: &str| answer[name].as_str();
            match (text("code_for"), text("key")) {
                (Some(serial), _) => self.say(&json!({ "code": code(sts, serial) })),
                (_, Some(key)) => return Ok(Way::to(key, sts)),
                _ => return Err(text("error").expect("a code, a key or an error").to_owned()),
            }
        }
    }

    fn say(&mut self, message: &Value) {
        writeln!(self.input, "{message}").and_then(|()| self.input.flush()).expect("python listens");
    }

    fn hear(&mut self) -> Value {
        let mut line = String::new();
        self.output.read_line(&mut line).expect("python speaks");
        serde_json::from_str(&line).unwrap_or_else(|error| panic!("python says {line:?}: {error}"))
    }
}

/// A device may be misspelt; any code will do for that.
pub fn code(sts: &StrictSts, serial: &str) -> String {
    let is_known = sts.world(|world| world.mfa_seed(serial).is_some());
    if is_known { sts.mfa_code(serial) } else { "000000".to_owned() }
}

impl Drop for Boto3 {
    fn drop(&mut self) {
        // An error means that it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
