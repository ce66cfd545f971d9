//! Programs that hand out credentials, as a `credential_process` does.

use super::Scene;
use crate::support::sts::Credentials;

/// `Version` 1 and every field, as `aws configure export-credentials` prints it.
pub fn json(credentials: &Credentials) -> serde_json::Value {
    serde_json::json!({
        "Version": 1,
        "AccessKeyId": credentials.access_key_id,
        "SecretAccessKey": credentials.secret,
        "SessionToken": credentials.session_token,
        "Expiration": credentials.expiration(),
    })
}

impl Scene {
    /// A script that notes each run in `runs` and prints this; gives its path.
    pub fn process(&mut self, answer: &serde_json::Value) -> String {
        self.env.write("answer.json", answer.to_string());
        let runs = self.env.path("runs").display().to_string();
        let answer = self.env.path("answer.json").display().to_string();
        self.script("process", &format!("echo run >>'{runs}'\ncat '{answer}'"))
    }

    /// How often the script ran.
    pub fn runs(&self) -> usize {
        std::fs::read_to_string(self.env.path("runs")).unwrap_or_default().lines().count()
    }

    /// Changes what the script prints.
    pub fn answer(&mut self, answer: impl AsRef<[u8]>) {
        self.env.write("answer.json", answer);
    }
}
