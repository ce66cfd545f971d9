//! What is answered at the door of a live session, and what is not: one request gets a credential, and no other one.

use std::io::{BufReader, Write};

use crate::scene::Scene;
use crate::scene::live::{Answer, Door, HUSH, Program};

const ROLE: &str = "arn:aws:iam::111122223333:role/Reader";
const OTHER_ROLE: &str = "arn:aws:iam::111122223333:role/Writer";

fn reader() -> (Scene, Program) {
    let scene = Scene::with_bobs_roles();
    let program = scene.goes_live("dev/Reader");
    (scene, program)
}

/// Nothing was given away, and nothing repeated.
#[track_caller]
fn tells_nothing(scene: &Scene, door: &Door, said: &str, asked: &str) {
    for secret in scene.secrets().iter().map(String::as_str).chain([door.token.as_str(), HUSH]) {
        assert!(!said.contains(secret), "{asked:?}: {said}");
    }
}

/// A request of these bytes gets this status and no credential, and the good one still gets it. A status of 0: the other
/// end hangs up without a word.
#[track_caller]
fn refused(scene: &Scene, door: &Door, request: &[u8], status: u16) {
    let (said, asked) = (door.say(request), String::from_utf8_lossy(request).chars().take(300).collect::<String>());
    tells_nothing(scene, door, &said, &asked);
    if status == 0 {
        assert_eq!(said, "", "{asked:?}");
        return;
    }
    let first = said.split(' ').nth(1).unwrap_or_default();
    assert_eq!(first, status.to_string(), "{asked:?}: {said}");
    assert!(!said.contains(" 200 "), "{asked:?}: {said}");
}

/// A request whose headers the test chooses.
fn with(line: &str, headers: &[&str]) -> Vec<u8> {
    let lines = [&[line], headers, &["Connection: close", "", ""]].concat();
    lines.join("\r\n").into_bytes()
}

#[test]
fn the_right_token_gets_the_credential_that_sts_gave() {
    let (scene, program) = reader();
    let answer = program.door.ask();
    let session = scene.sts.world(|world| world.session(&answer.key()).cloned()).expect("a key of the STS");
    let told = answer.json();
    assert_eq!(told["SecretAccessKey"], session.credentials.secret);
    assert_eq!(told["Token"], session.credentials.session_token);
    assert_eq!(told["Expiration"], session.credentials.expiration());
    assert_eq!((told["RoleArn"].as_str(), told["AccountId"].as_str()), (Some(ROLE), Some("111122223333")));
    for header in ["content-type: application/json", "cache-control: no-store", "x-content-type-options: nosniff"] {
        assert!(answer.head.contains(&format!("{header}\r\n")), "{}", answer.head);
    }
}

#[test]
fn old_clients_and_those_that_keep_their_connection_are_answered_too() {
    let (_scene, program) = reader();
    let door = &program.door;
    let headers = format!("Host: {}\r\nauthorization:\t{}  \r\n", door.address, door.token);
    let old = door.say(format!("GET / HTTP/1.0\r\n{headers}\r\n").as_bytes());
    assert!(old.starts_with("HTTP/1.0 200 OK\r\n") && old.contains("SecretAccessKey"), "{old}");
    let asked_with_words = door.say(format!("GET /?a=b HTTP/1.0\r\n{headers}\r\n").as_bytes());
    assert!(asked_with_words.starts_with("HTTP/1.0 200 "), "{asked_with_words}");
    let mut kept = BufReader::new(door.connect());
    for _ in 0..3 {
        kept.get_mut().write_all(door.request("/").as_bytes()).unwrap();
        assert_eq!(Answer::read(&mut kept).expect("an answer").status, 200);
    }
    // A refusal is no reason to hang up on somebody.
    kept.get_mut().write_all(door.showing("wrong").request("/").as_bytes()).unwrap();
    assert_eq!(Answer::read(&mut kept).expect("an answer").status, 401);
    kept.get_mut().write_all(door.request("/").as_bytes()).unwrap();
    assert_eq!(Answer::read(&mut kept).expect("an answer").status, 200);
    // Requests that do not wait for answers are answered in their order.
    let many = [door.request("/"), door.showing("wrong").request("/"), door.request("/nothing")].concat();
    kept.get_mut().write_all(many.as_bytes()).unwrap();
    let statuses: Vec<u16> = (0..3).map(|_| Answer::read(&mut kept).expect("an answer").status).collect();
    assert_eq!(statuses, [200, 401, 404]);
}

#[test]
fn no_other_token_is_good() {
    let (scene, program) = reader();
    let other = scene.goes_live("dev/Writer");
    let (door, token) = (&program.door, program.door.token.as_str());
    assert_ne!(door.ask().key(), other.door.ask().key(), "each token opens its own session's");
    let (id, secret) = token.split_once('.').expect("two parts");
    let (other_id, other_secret) = other.door.token.split_once('.').expect("two parts");
    let mut last_changed = token.to_owned();
    let last = last_changed.pop();
    last_changed.push(if last == Some('0') { '1' } else { '0' });
    let wrong = [
        String::new(),
        HUSH.to_owned(),
        id.to_owned(),
        secret.to_owned(),
        token[..token.len() - 1].to_owned(),
        token[1..].to_owned(),
        format!("{token}0"),
        format!("{token}\u{e9}"),
        format!("{token},{token}"),
        format!("Bearer {token}"),
        format!("Basic {token}"),
        token.to_uppercase().replace('.', "x"),
        last_changed,
        format!("{id}.{other_secret}"),
        format!("{other_id}.{secret}"),
        "x".repeat(8_000),
    ];
    for wrong in wrong {
        assert_ne!(wrong, token);
        refused(&scene, door, door.showing(&wrong).request("/").as_bytes(), 401);
    }
    let host = format!("Host: {}", door.address);
    let shown = format!("Authorization: {token}");
    refused(&scene, door, &with("GET / HTTP/1.1", &[&host]), 401);
    refused(&scene, door, &with("GET / HTTP/1.1", &[&host, &shown, &shown]), 401);
    refused(&scene, door, &with("GET / HTTP/1.1", &[&host, &shown, "Authorization: x"]), 401);
    refused(&scene, door, &with("GET / HTTP/1.1", &[&host, &format!("X-aws-ec2-metadata-token: {token}")]), 401);
    refused(&scene, door, &with(&format!("GET /?Authorization={token} HTTP/1.1"), &[&host]), 401);
    // Whoever shows none does not learn whose credentials there are.
    refused(&scene, door, &with(&format!("GET /role-arn/{ROLE} HTTP/1.1"), &[&host]), 401);
    assert_eq!(door.ask().status, 200);
}

#[test]
fn a_page_that_calls_itself_another_host_is_refused() {
    let (scene, program) = reader();
    let door = &program.door;
    let (shown, port) = (format!("Authorization: {}", door.token), door.address.port());
    let hosts = [
        "evil.example".to_owned(),
        format!("evil.example:{port}"),
        "127.0.0.1".to_owned(),
        format!("127.0.0.1:{}", port.wrapping_add(1)),
        format!("127.0.0.1:+{port}"),
        format!("127.0.0.1:{port}.evil.example"),
        format!("127.0.0.1.evil.example:{port}"),
        format!("hush@127.0.0.1:{port}"),
        format!("[::1]:{port}"),
        format!("0.0.0.0:{port}"),
        format!("127.1:{port}"),
        String::new(),
    ];
    for host in &hosts {
        refused(&scene, door, &with("GET / HTTP/1.1", &[&format!("Host: {host}"), &shown]), 403);
    }
    let host = format!("Host: {}", door.address);
    refused(&scene, door, &with("GET / HTTP/1.1", &[&shown]), 403);
    refused(&scene, door, &with("GET / HTTP/1.0", &[&shown]), 403);
    refused(&scene, door, &with("GET / HTTP/1.1", &[&host, &host, &shown]), 403);
    refused(&scene, door, &with("GET / HTTP/1.1", &[&host, "Host: evil.example", &shown]), 403);
    for target in ["http://evil.example/".to_owned(), format!("http://{}/", door.address), "https://x:1/".to_owned()] {
        refused(&scene, door, &with(&format!("GET {target} HTTP/1.1"), &[&host, &shown]), 403);
    }
    let local = with("GET / HTTP/1.1", &[&format!("Host: LOCALHOST:{port}"), &shown]);
    assert!(door.say(&local).starts_with("HTTP/1.1 200 OK\r\n"));
}

#[test]
fn only_a_get_without_a_body_is_answered() {
    let (scene, program) = reader();
    let door = &program.door;
    let (host, shown) = (format!("Host: {}", door.address), format!("Authorization: {}", door.token));
    for method in ["HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "BREW", "get", "Get"] {
        refused(&scene, door, &with(&format!("{method} / HTTP/1.1"), &[&host, &shown, "X: hush-hush-hush"]), 405);
    }
    let preflight = ["Origin: https://evil.example", "Access-Control-Request-Headers: authorization"];
    let said = door.say(&with("OPTIONS / HTTP/1.1", &[&host, preflight[0], preflight[1]]));
    assert!(!said.to_lowercase().contains("access-control"), "{said}");
    refused(&scene, door, &with(&format!("CONNECT {} HTTP/1.1", door.address), &[&host, &shown]), 403);
    let body = |headers: &str, body: &str| {
        format!("GET / HTTP/1.1\r\n{host}\r\n{shown}\r\n{headers}\r\nConnection: close\r\n\r\n{body}").into_bytes()
    };
    refused(&scene, door, &body("Content-Length: 14", HUSH), 413);
    refused(&scene, door, &body("Content-Length: 999999999999", HUSH), 413);
    refused(&scene, door, &body("Transfer-Encoding: chunked", "e\r\nhush-hush-hush\r\n0\r\n\r\n"), 413);
    refused(&scene, door, &body("Content-Length: 14\r\nExpect: 100-continue", ""), 413);
    for broken in ["Content-Length: 1\r\nContent-Length: 2", "Content-Length: -1", "Transfer-Encoding: gzip"] {
        refused(&scene, door, &body(broken, HUSH), 400);
    }
    // What comes after a body is no request of its own that another one's token would be good for.
    let smuggled = String::from_utf8(body("Content-Length: 5\r\nTransfer-Encoding: chunked", "0\r\n\r\n")).unwrap();
    let said = door.say((smuggled + &door.request("/")).as_bytes());
    tells_nothing(&scene, door, &said, "smuggled");
}

#[test]
fn there_is_nothing_at_other_paths() {
    let (scene, program) = reader();
    let door = &program.door;
    let long = format!("/{}", "x".repeat(8_000));
    let paths = [
        "/hush-hush-hush",
        "/index.html",
        "//",
        "///",
        "/./",
        "/../",
        "/..%2f",
        "/%2f",
        "/%",
        "/%00",
        "/%2e%2e/%2e%2e/etc/passwd",
        "/role-arn",
        "/role-arn/",
        "/role-arn/%",
        "/role-arn/%zz",
        "/role-arn/%ff",
        "/ROLE-ARN/x",
        "//role-arn/arn:aws:iam::111122223333:role/Reader",
        "/latest/meta-data/iam/security-credentials/",
        "/latest/api/token",
        "/v2/credentials/x",
        &long,
    ];
    for path in paths {
        refused(&scene, door, door.request(path).as_bytes(), 404);
    }
    refused(&scene, door, door.request("*").as_bytes(), 404);
    for target in ["hush-hush-hush", "?", "#", "\\", ""] {
        let said = door.say(door.request(target).as_bytes());
        tells_nothing(&scene, door, &said, target);
        assert!(said.starts_with("HTTP/1.1 4"), "{target}: {said}");
    }
}

#[test]
fn others_that_were_given_are_had_by_their_arn_and_nobody_else() {
    let scene = Scene::with_bobs_roles();
    let program = scene.goes_live_with(&["dev/Reader", "--also", "dev/Writer"]);
    let door = &program.door;
    let own = door.ask().json();
    for arn in [ROLE.to_owned(), ROLE.replace(':', "%3A").replace('/', "%2f")] {
        assert_eq!(door.ask_at(&format!("/role-arn/{arn}")).json(), own);
    }
    let other = door.ask_at(&format!("/role-arn/{OTHER_ROLE}"));
    assert_eq!((other.status, other.json()["RoleArn"].as_str()), (200, Some(OTHER_ROLE)));
    assert_ne!(other.key(), own["AccessKeyId"].as_str().unwrap());
    let others = ["arn:aws:iam::111122223333:role/hush-hush-hush", "x", "../", "arn:aws:iam::111122223333:role/reader"];
    for arn in others.into_iter().map(str::to_owned).chain([format!("{ROLE}/"), format!("{ROLE}%20")]) {
        refused(&scene, door, door.request(&format!("/role-arn/{arn}")).as_bytes(), 403);
    }
    let alone = scene.goes_live("dev/Reader");
    refused(&scene, &alone.door, alone.door.request(&format!("/role-arn/{OTHER_ROLE}")).as_bytes(), 403);
}

#[test]
fn what_is_no_http_is_let_go_and_what_is_too_much_is_refused() {
    let (scene, program) = reader();
    let door = &program.door;
    let good = format!("GET / HTTP/1.1\r\nHost: {}\r\nAuthorization: {}\r\n", door.address, door.token);
    let headers =
        |count: usize| (0..count).map(|number| format!("X-{number}: {HUSH}\r\n")).collect::<Vec<_>>().concat();
    assert!(door.say(format!("{good}{}Connection: close\r\n\r\n", headers(20)).as_bytes()).starts_with("HTTP/1.1 200"));
    refused(&scene, door, format!("{good}{}\r\n", headers(100)).as_bytes(), 431);
    refused(&scene, door, format!("{good}{}\r\n", headers(1_000)).as_bytes(), 431);
    refused(&scene, door, format!("{good}X: {}\r\n\r\n", HUSH.repeat(10_000)).as_bytes(), 431);
    refused(&scene, door, format!("{good}{}: x\r\n\r\n", "X".repeat(100_000)).as_bytes(), 431);
    refused(&scene, door, format!("GET /{} HTTP/1.1\r\n\r\n", HUSH.repeat(10_000)).as_bytes(), 431);
    let noise: Vec<u8> = (0..4096_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    let tls_hello = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03hush-hush-hush";
    let pieces: [&[u8]; 12] = [
        &noise,
        tls_hello,
        b"\0\0\0\0",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"GET / HTTP/2.0\r\n\r\n",
        b"GET / HTTP/1.1 hush-hush-hush\r\n\r\n",
        b"GET / hush-hush-hush\r\n\r\n",
        b"hush-hush-hush",
        b"GET / HTTP/1.1\r\nHost : 127.0.0.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nAuthorization: a\r\n hush-hush-hush\r\n\r\n",
        b"GET / HTTP/1.1\r\nX: \0hush-hush-hush\r\n\r\n",
        b"GET /\r\n\r\n",
    ];
    for piece in pieces {
        let said = door.say(piece);
        tells_nothing(&scene, door, &said, &String::from_utf8_lossy(piece));
        let is_refused = said.is_empty() || said.starts_with("HTTP/1.1 400 ") || said.starts_with("HTTP/1.1 403 ");
        assert!(is_refused, "{}: {said}", String::from_utf8_lossy(piece));
    }
    assert_eq!(door.ask().status, 200);
}
