//! `serve --imds`: EC2's metadata service, as SDKs ask it and as nobody else should.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use rustix::process::Signal;

use crate::moto::server::venv;
use crate::scene::Scene;
use crate::scene::seat::eventually;
use crate::support::agent::Running;
use crate::support::served::{Served, ask, say};

const ROLES: &str = "/latest/meta-data/iam/security-credentials/";
const TTL: &str = "X-aws-ec2-metadata-token-ttl-seconds";
const TOKEN: &str = "X-aws-ec2-metadata-token";

fn token(port: u16, seconds: &str) -> String {
    let (status, token) = ask(port, "PUT", "/latest/api/token", &[(TTL, seconds)]).expect("an answer");
    assert_eq!(status, 200, "{token}");
    token
}

/// The status that a request gets.
fn status(port: u16, method: &str, path: &str, headers: &[(&str, &str)]) -> u16 {
    ask(port, method, path, headers).expect("an answer").0
}

#[test]
fn an_sdk_finds_credentials_and_region_whoever_is_default() {
    let mut scene = Scene::with_bobs_roles();
    scene.env.aws_credentials("[default]\naws_access_key_id = AKIA\naws_secret_access_key = s\n");
    let served = Served::start(&scene.env, &["dev/Reader", "--imds", "--region", "eu-central-1"]);
    let warning = served.process.stderr();
    assert!(warning.contains("every program on this machine, of any user, can ask there"), "{warning}");
    assert_eq!(served.variable("AWS_EC2_METADATA_SERVICE_ENDPOINT"), format!("http://127.0.0.1:{}/", served.port()));
    let script = "import boto3\n\
                  from botocore.utils import InstanceMetadataRegionFetcher as Region\n\
                  session = boto3.Session()\n\
                  print(session.get_credentials().method, session.client('sts').get_caller_identity()['Arn'])\n\
                  import os; print(Region(base_url=os.environ['AWS_EC2_METADATA_SERVICE_ENDPOINT']).retrieve_region())";
    let output = served.dress(scene.env.program(&venv("python"), &["-c", script])).run();
    output.ok().stdout_has("iam-role arn:aws:sts::111122223333:assumed-role/Reader/").stdout_has("eu-central-1");
}

#[test]
fn a_token_is_had_by_put_and_shown_by_get() {
    let scene = Scene::with_bobs_roles();
    let served = Served::start(&scene.env, &["dev/Reader", "--imds"]);
    let port = served.port();
    let request =
        format!("PUT /latest/api/token HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n{TTL}: 60\r\nConnection: close\r\n\r\n");
    let answer = say(port, &request).expect("an answer").to_lowercase();
    assert!(answer.contains("x-aws-ec2-metadata-token-ttl-seconds: 60\r\n"), "{answer}");
    let good = token(port, "21600");
    assert_eq!(ask(port, "GET", ROLES, &[(TOKEN, &good)]), Some((200, "Reader".to_owned())));
    let (_, body) = ask(port, "GET", &format!("{ROLES}Reader"), &[(TOKEN, &good)]).expect("an answer");
    let body: serde_json::Value = serde_json::from_str(&body).expect("JSON");
    let session = scene.sts.world(|world| world.session(body["AccessKeyId"].as_str().unwrap()).cloned()).unwrap();
    assert_eq!((&body["Code"], &body["Type"]), (&"Success".into(), &"AWS-HMAC".into()));
    assert_eq!(body["SecretAccessKey"], session.credentials.secret);
    assert_eq!(body["Token"], session.credentials.session_token);
    assert_eq!(body["Expiration"], session.credentials.expiration());
}

#[test]
fn whoever_asks_otherwise_gets_nothing() {
    let scene = Scene::with_bobs_roles();
    let served = Served::start(&scene.env, &["dev/Reader", "--imds"]);
    let port = served.port();
    let good = token(port, "60");
    let shown = (TOKEN, good.as_str());
    assert_eq!(status(port, "GET", ROLES, &[]), 401, "version 1 is not on");
    assert_eq!(status(port, "GET", ROLES, &[(TOKEN, "AQAEAwrong==")]), 401);
    for ttl in ["0", "21601", "x"] {
        assert_eq!(status(port, "PUT", "/latest/api/token", &[(TTL, ttl)]), 400, "{ttl}");
    }
    assert_eq!(status(port, "GET", "/latest/meta-data/iam/security-credentials-extended/", &[shown]), 404);
    assert_eq!(status(port, "GET", "/latest/user-data", &[shown]), 404);
    for method in ["PUT", "POST", "HEAD"] {
        assert_eq!(status(port, method, ROLES, &[shown]), 405, "{method}");
    }
    assert_eq!(status(port, "PUT", "/latest/api/token", &[(TTL, "60"), ("X-Forwarded-For", "10.0.0.1")]), 403);
    assert_eq!(status(port, "GET", ROLES, &[shown, ("Host", "evil.example")]), 403);
    assert_eq!(status(port, "PUT", "/latest/api/token", &[(TTL, "60"), ("Content-Length", "5")]), 413);
    let short = token(port, "1");
    std::thread::sleep(Duration::from_millis(2_100));
    assert_eq!(status(port, "GET", ROLES, &[(TOKEN, &short)]), 401, "it has ended");
}

#[test]
fn version_1_is_answered_where_it_was_asked_for() {
    let scene = Scene::with_bobs_roles();
    let served = Served::start(&scene.env, &["dev/Reader", "--imds", "--imds-v1"]);
    assert_eq!(ask(served.port(), "GET", ROLES, &[]), Some((200, "Reader".to_owned())));
    assert_eq!(status(served.port(), "GET", ROLES, &[(TOKEN, "wrong")]), 401);
}

#[test]
fn each_has_a_port_and_tokens_of_its_own() {
    let scene = Scene::with_bobs_roles();
    let [reader, writer] = ["dev/Reader", "dev/Writer"].map(|name| Served::start(&scene.env, &[name, "--imds"]));
    assert_ne!(reader.port(), writer.port());
    let good = token(reader.port(), "60");
    assert_eq!(ask(writer.port(), "GET", ROLES, &[(TOKEN, &good)]).expect("an answer").0, 401);
    reader.signal(Signal::KILL);
    assert!(eventually(|| ask(reader.port(), "GET", ROLES, &[(TOKEN, &good)]).is_none()), "its port is closed");
    let good = token(writer.port(), "60");
    assert_eq!(ask(writer.port(), "GET", ROLES, &[(TOKEN, &good)]).expect("an answer").1, "Writer");
}

#[test]
fn the_endpoint_of_tokens_is_no_metadata_service_nor_the_other_way_round() {
    let scene = Scene::with_bobs_roles();
    let [ecs, imds] = [&["dev/Reader"][..], &["dev/Reader", "--imds"]].map(|words| Served::start(&scene.env, words));
    assert_eq!(status(ecs.port(), "PUT", "/latest/api/token", &[(TTL, "60")]), 404);
    let token = ecs.variable("AWS_CONTAINER_AUTHORIZATION_TOKEN");
    assert_eq!(status(imds.port(), "GET", "/", &[("Authorization", &token)]), 404);
}

#[test]
fn a_connection_that_stays_open_over_the_end_gives_nothing_any_more() {
    let scene = Scene::with_bobs_roles();
    let served = Served::start(&scene.env, &["dev/Reader", "--imds"]);
    let port = served.port();
    let good = token(port, "60");
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    let request = format!("GET {ROLES}Reader HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n{TOKEN}: {good}\r\n\r\n");
    let mut answer = [0; 8192];
    stream.write_all(request.as_bytes()).unwrap();
    let length = stream.read(&mut answer).unwrap();
    assert!(String::from_utf8_lossy(&answer[..length]).starts_with("HTTP/1.1 200 "));
    scene.env.run(&["lock"]).ok();
    let _ = stream.write_all(request.as_bytes());
    let length = stream.read(&mut answer).unwrap_or_default();
    assert!(length == 0 || String::from_utf8_lossy(&answer[..length]).starts_with("HTTP/1.1 404 "));
    served.process.end().code(1);
}

#[test]
fn ten_thousand_tokens_take_no_memory() {
    let scene = Scene::with_bobs_roles();
    let served = Served::start(&scene.env, &["dev/Reader", "--imds"]);
    let agent = Running::found(&scene.env);
    let request = format!("PUT /latest/api/token HTTP/1.1\r\nHost: 127.0.0.1:{}\r\n{TTL}: 60\r\n\r\n", served.port());
    let had = |count: usize| {
        let mut stream = TcpStream::connect(("127.0.0.1", served.port())).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        let mut answer = [0; 4096];
        for _ in 0..count {
            stream.write_all(request.as_bytes()).unwrap();
            let length = stream.read(&mut answer).unwrap();
            assert!(answer[..length].starts_with(b"HTTP/1.1 200 "));
        }
    };
    had(100);
    let before = agent.kilobytes("VmRSS");
    had(10_000);
    let after = agent.kilobytes("VmRSS");
    assert!(after < before + 1_000, "{before} kB, then {after} kB");
}
