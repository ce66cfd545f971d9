//! An account of moto's that a client is let into only as the role, and a home in which multicred knows the way there.

use super::client;
use crate::moto::server::{ACCOUNT, Key, Moto};
use crate::support::env::Hermetic;

/// The role, as multicred calls it.
pub const IDENTITY: &str = "dev/Admin";
/// A bucket that the role may use; the user who assumes the role may not.
pub const BUCKET: &str = "quay";
/// What is in the bucket.
pub const OBJECT: &str = "bill-of-lading.txt";

pub struct Account {
    pub moto: Moto,
    pub env: Hermetic,
    /// The user who may become the role, and do nothing else.
    pub alice: Key,
}

impl Account {
    /// Every call is authenticated, and recorded, from here on.
    pub fn new() -> Self {
        let (moto, env) = (Moto::start(), Hermetic::new());
        let alice = furnish(&moto, &env);
        Self { moto, env, alice }.introduce()
    }

    /// How STS names the role when multicred has assumed it.
    pub fn role_session() -> String {
        format!("arn:aws:sts::{ACCOUNT}:assumed-role/Admin/alice")
    }

    fn introduce(mut self) -> Self {
        let Self { moto, env, alice } = &mut self;
        moto.demand_authentication();
        env.endpoint(&moto.url()).set("RESTIC_PASSWORD", "of the repository");
        // Some clients read the one, some the other.
        env.set("AWS_REGION", "us-east-1").set("AWS_DEFAULT_REGION", "us-east-1");
        env.run_with_stdin(&["import", "-", "--label", "alice"], alice.section("default")).ok();
        env.run(&["account", ACCOUNT, "--alias", "dev"]).ok();
        env.run(&["link", IDENTITY, "--parent", "alice"]).ok();
        self
    }

    /// Lets node find its SDK, which only `make test-long` installs.
    pub fn with_node(mut self) -> Self {
        self.env.set("NODE_PATH", client::node_path());
        self
    }
}

/// The role, its bucket, and the user.
fn furnish(moto: &Moto, env: &Hermetic) -> Key {
    moto.role(env, "Admin", &format!("arn:aws:iam::{ACCOUNT}:user/alice"), None);
    let policy = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"*"}]}"#;
    let name = ["--role-name", "Admin", "--policy-name", "s3", "--policy-document", policy];
    moto.admin(env, &[&["iam", "put-role-policy"], &name[..]].concat());
    moto.admin(env, &["s3api", "create-bucket", "--bucket", BUCKET]);
    moto.admin(env, &["s3api", "put-object", "--bucket", BUCKET, "--key", OBJECT]);
    moto.user(env, "alice")
}
