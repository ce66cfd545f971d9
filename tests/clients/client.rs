//! The programs that credentials are for: how each is started, and what it says when AWS let it in.

use std::path::Path;

use super::account::{Account, BUCKET, OBJECT};
use super::way::Way;

/// A program that speaks to AWS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Client {
    AwsCliV1,
    AwsCliV2,
    Boto3,
    /// Built with the Go SDK v1.
    S5cmd,
    /// Debian's, built with the Go SDK v1.
    RcloneV1,
    /// Built with the Go SDK v2.
    RcloneV2,
    /// The JavaScript SDK v3.
    JavaScript,
    /// Built with minio's library, which signs by itself.
    Restic,
    /// Signs by itself.
    S3cmd,
}

const BOTO3: &str = "import boto3; print(boto3.client('sts').get_caller_identity()['Arn'])";
const JAVASCRIPT: &str = "\
const { STSClient, GetCallerIdentityCommand } = require('@aws-sdk/client-sts');
new STSClient().send(new GetCallerIdentityCommand()).then(({ Arn }) => console.log(Arn));
";
const WHO_AM_I: [&str; 6] = ["sts", "get-caller-identity", "--query", "Arn", "--output", "text"];

impl Client {
    /// The command line by which it asks who it is, or else looks into the role's bucket; restic makes a repository
    /// in it, another one for each way.
    pub fn words(self, account: &Account, way: Way) -> Vec<String> {
        let url = account.moto.url();
        let (program, arguments): (String, Vec<String>) = match self {
            Self::AwsCliV1 => (installed("venv/bin/aws"), owned(&WHO_AM_I)),
            Self::AwsCliV2 => (installed("venv-long/bin/aws"), owned(&WHO_AM_I)),
            Self::Boto3 => (installed("venv/bin/python"), owned(&["-c", BOTO3])),
            Self::JavaScript => ("node".to_owned(), owned(&["-e", JAVASCRIPT])),
            Self::S5cmd => {
                (installed("venv/bin/s5cmd"), owned(&["--endpoint-url", &url, "ls", &format!("s3://{BUCKET}/")]))
            }
            Self::RcloneV1 => ("rclone".to_owned(), rclone(&url)),
            Self::RcloneV2 => (installed("venv-long/bin/rclone"), rclone(&url)),
            Self::Restic => {
                let repository = format!("s3:{url}/{BUCKET}/{way:?}");
                ("restic".to_owned(), owned(&["--no-cache", "--repo", &repository, "init"]))
            }
            Self::S3cmd => ("s3cmd".to_owned(), s3cmd(&url)),
        };
        std::iter::once(program).chain(arguments).collect()
    }

    /// What it prints when it was let in as the role.
    pub fn proof(self) -> String {
        match self {
            Self::AwsCliV1 | Self::AwsCliV2 | Self::Boto3 | Self::JavaScript => Account::role_session(),
            Self::S5cmd | Self::RcloneV1 | Self::RcloneV2 | Self::S3cmd => OBJECT.to_owned(),
            Self::Restic => "created restic repository".to_owned(),
        }
    }

    /// Whether it asks the address of the instance metadata whatever its environment says; a test lets it only where
    /// there is no way there.
    pub fn roams(self) -> bool {
        matches!(self, Self::Restic | Self::S3cmd)
    }
}

/// Path style, since no name server knows `quay.127.0.0.1`; once, since a refusal is an answer.
fn rclone(url: &str) -> Vec<String> {
    let remote = format!(":s3,provider=Other,env_auth=true,endpoint=\"{url}\":{BUCKET}");
    owned(&["--config", "/dev/null", "--retries", "1", "--low-level-retries", "1", "lsf", &remote])
}

fn s3cmd(url: &str) -> Vec<String> {
    let host = url.trim_start_matches("http://");
    let [host, buckets] = ["host", "host-bucket"].map(|flag| format!("--{flag}={host}"));
    owned(&["--no-ssl", &host, &buckets, "ls", &format!("s3://{BUCKET}")])
}

fn owned(words: &[&str]) -> Vec<String> {
    words.iter().map(ToString::to_string).collect()
}

/// A program that make put beside cargo's own files.
#[track_caller]
pub fn installed(relative: &str) -> String {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().expect("the target folder");
    let path = target.join(relative);
    assert!(path.exists(), "{} is missing: make test and make test-long install what they need", path.display());
    path.to_string_lossy().into_owned()
}

/// Where node finds the JavaScript SDK.
pub fn node_path() -> String {
    installed("node/node_modules")
}
