//! One case, played by boto3 and by multicred against the same strict STS.

use std::collections::BTreeMap;

use super::boto3::{Boto3, code};
use super::case::Case;
use super::expectation::Expectation;
use super::files::Files;
use super::way::{Outcome, Way, tell};
use crate::support::env::Hermetic;
use crate::support::sts::StrictSts;

/// What became of one seed.
pub struct Played {
    pub seed: u64,
    pub case: Case,
    pub expectation: Expectation,
    pub multicred: Outcome,
}

struct Stage {
    sts: StrictSts,
    env: Hermetic,
}

/// Plays the case of a seed in a home of its own.
pub fn play(seed: u64, boto3: &mut Boto3) -> Played {
    let (case, world) = Case::generate(seed);
    let mut stage = Stage::set(&case, StrictSts::start(world));
    let expectation = Expectation::new(&case.files, &case.target, |files| stage.boto3(boto3, &case, files));
    let multicred = stage.multicred(&case, &expectation.multicred);
    Played { seed, case, expectation, multicred }
}

impl Stage {
    fn set(case: &Case, sts: StrictSts) -> Self {
        let mut env = Hermetic::new();
        // Without a region boto3 would refuse whatever the profile says.
        env.endpoint(&sts.url()).set("AWS_DEFAULT_REGION", "us-east-1");
        for (name, value) in &case.environment {
            env.set(name, value);
        }
        for (name, text) in &case.others {
            env.write(name, text);
        }
        Self { sts, env }
    }

    fn write(&mut self, files: &Files) {
        let home = self.env.home().to_string_lossy().into_owned();
        self.env.aws_config(&files.config(&home)).aws_credentials(&files.credentials());
    }

    fn boto3(&mut self, boto3: &mut Boto3, case: &Case, files: &Files) -> Outcome {
        self.write(files);
        boto3.outcome(&case.target, self.environment(), &self.sts)
    }

    fn environment(&self) -> &BTreeMap<String, String> {
        self.env.variables()
    }

    /// With one code, of the device that is expected to be asked for.
    fn multicred(&mut self, case: &Case, expected: &Outcome) -> Outcome {
        self.write(&case.files);
        let hops = expected.as_ref().map(|way| way.hops.as_slice()).unwrap_or_default();
        let serial = hops.iter().find_map(|hop| hop.params.get("SerialNumber"));
        let code = serial.map(|serial| code(&self.sts, serial));
        let flag = code.as_deref().map_or(vec![], |code| vec!["--mfa-code", code]);
        self.sts.clear_calls();
        let output = self.env.run(&[&["credential-process"], &*flag, &["--", &case.target]].concat());
        if output.status != 0 {
            return Err(output.stderr);
        }
        let answer = output.json();
        Ok(Way::to(answer["AccessKeyId"].as_str().expect("an access key id"), &self.sts))
    }
}

impl Played {
    /// All that there is to know, for a failure message.
    pub fn tell(&self) -> String {
        let Self { seed, case, expectation, multicred } = self;
        let Case { files, target, environment, .. } = case;
        let variables: Vec<String> = environment.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let reasons: Vec<&str> = expectation.needed.iter().map(|reason| reason.because()).collect();
        format!(
            "=== seed {seed}, profile {target}\n--- environment\n{}\n--- config\n{}--- credentials\n{}--- boto3\n{}--- so, since\n\
             {}\n--- multicred should\n{}--- and does\n{}",
            variables.join("\n"),
            files.config("~"),
            files.credentials(),
            tell(&expectation.boto3),
            reasons.join("\n"),
            tell(&expectation.multicred),
            tell(multicred),
        )
    }
}
