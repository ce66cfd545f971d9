//! The endpoints, asked as a client would ask them.

use std::io::{Read, Write};
use std::net::TcpStream;

use super::super::sts::{Role, World};
use super::*;

/// Status and body of one request.
fn ask(url: &str, method: &str, headers: &[(&str, &str)]) -> (u16, String) {
    let (host, path) = url.trim_start_matches("http://").split_at(url.trim_start_matches("http://").find('/').unwrap());
    let mut stream = TcpStream::connect(host).unwrap();
    let headers = headers.iter().fold(String::new(), |all, (name, value)| all + name + ": " + value + "\r\n");
    write!(stream, "{method} {path} HTTP/1.1\r\nHost: {host}\r\n{headers}\r\n").unwrap();
    stream.shutdown(std::net::Shutdown::Write).unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    (head.split(' ').nth(1).unwrap().parse().unwrap(), body.to_owned())
}

fn instance() -> (Instance, Credentials) {
    let mut world = World::new();
    let role = world.role(Role::new("111122223333", "Machine").trust("ec2.amazonaws.com"));
    let credentials = world.service_session(&role, "ec2.amazonaws.com", "i-0123456789abcdef0", 3600);
    (Instance::start(&role, &credentials), credentials)
}

const TTL: (&str, &str) = ("X-aws-ec2-metadata-token-ttl-seconds", "60");

#[test]
fn an_instance_wants_a_token_first_and_then_names_its_role_and_hands_out_its_credentials() {
    let (instance, credentials) = instance();
    let roles = instance.url() + "/latest/meta-data/iam/security-credentials/";
    let (status, token) = ask(&(instance.url() + "/latest/api/token"), "PUT", &[TTL]);
    assert_eq!(status, 200);
    let header = ("X-aws-ec2-metadata-token", token.as_str());
    assert_eq!(ask(&roles, "GET", &[header]), (200, "Machine".to_owned()));
    let (_, body) = ask(&(roles.clone() + "Machine"), "GET", &[header]);
    let body: serde_json::Value = serde_json::from_str(&body).unwrap();
    assert_eq!(body["Code"], "Success");
    assert_eq!(body["Token"], credentials.session_token.as_str());
    assert_eq!(body["Expiration"], credentials.expiration());
    assert_eq!(ask(&(roles.clone() + "Other"), "GET", &[header]).0, 404);
    assert_eq!(ask(&roles, "GET", &[]).0, 401);
    instance.end_tokens();
    assert_eq!(ask(&roles, "GET", &[header]).0, 401);
}

#[test]
fn an_instance_gives_no_token_without_a_life_for_it_and_none_through_a_proxy() {
    let (instance, _) = instance();
    let url = instance.url() + "/latest/api/token";
    assert_eq!(ask(&url, "PUT", &[]).0, 400);
    assert_eq!(ask(&url, "PUT", &[("X-aws-ec2-metadata-token-ttl-seconds", "21601")]).0, 400);
    assert_eq!(ask(&url, "PUT", &[TTL, ("X-Forwarded-For", "10.0.0.1")]).0, 403);
    assert_eq!(ask(&url, "GET", &[TTL]).0, 401);
    assert_eq!(instance.said()[0], "PUT /latest/api/token 400");
}

#[test]
fn a_container_wants_its_very_token_and_has_one_path() {
    let mut world = World::new();
    let role = world.role(Role::new("111122223333", "Task").trust("ecs-tasks.amazonaws.com"));
    let credentials = world.service_session(&role, "ecs-tasks.amazonaws.com", "task", 3600);
    let container = Container::start(&role, &credentials, Some("Bearer a+b"));
    let body = ask(&container.url(), "GET", &[("Authorization", "Bearer a+b")]).1;
    let body: serde_json::Value = serde_json::from_str(&body).unwrap();
    assert_eq!(body["RoleArn"], role);
    assert_eq!(body["SecretAccessKey"], credentials.secret.as_str());
    for wrong in ["a+b", "Bearer a b", "bearer a+b"] {
        assert_eq!(ask(&container.url(), "GET", &[("Authorization", wrong)]).0, 401, "{wrong}");
    }
    assert_eq!(ask(&container.url(), "GET", &[]).0, 401);
    assert_eq!(ask(&(container.url() + "/x"), "GET", &[]).0, 404);
    let open = Container::start(&role, &credentials, None);
    assert_eq!(ask(&open.url(), "GET", &[("Authorization", "")]).0, 401, "an empty token is not none");
}

#[test]
fn what_goes_wrong_does_so_at_its_step_only() {
    let (instance, _) = instance();
    let roles = instance.url() + "/latest/meta-data/iam/security-credentials/";
    let (_, token) = ask(&(instance.url() + "/latest/api/token"), "PUT", &[TTL]);
    let header = ("X-aws-ec2-metadata-token", token.as_str());
    instance.trouble(At::Credentials, Trouble::Code("AssumeRoleUnauthorizedAccess"));
    assert_eq!(ask(&roles, "GET", &[header]).0, 200);
    let body = ask(&(roles.clone() + "Machine"), "GET", &[header]).1;
    assert!(body.contains("AssumeRoleUnauthorizedAccess") && !body.contains("SecretAccessKey"), "{body}");
    instance.trouble(At::RoleName, Trouble::Status(404));
    assert_eq!(ask(&roles, "GET", &[header]).0, 404);
    instance.trouble(At::Token, Trouble::Status(500));
    assert_eq!(ask(&(instance.url() + "/latest/api/token"), "PUT", &[TTL]).0, 500);
}

#[test]
#[should_panic(expected = "does not trust")]
fn a_role_that_does_not_trust_the_service_gives_it_nothing() {
    let mut world = World::new();
    let role = world.role(Role::new("111122223333", "Admin"));
    world.service_session(&role, "ec2.amazonaws.com", "i-0", 3600);
}
