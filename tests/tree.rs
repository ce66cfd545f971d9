//! `tree`: everybody below whom each is assumed from.

use std::collections::BTreeMap;

use rusqlite::Connection;
use serde_json::{Value, json};

use crate::scene::refusal::Refusal;
use crate::scene::{DEV, PROD, Scene, ini};
use crate::support::env::Output;

/// Name, depth and parent of each, in order.
fn places(output: &Output) -> Vec<(String, u64, Value)> {
    let place = |branch: &Value| {
        (branch["identity"].as_str().unwrap().to_owned(), branch["depth"].as_u64().unwrap(), branch["parent"].clone())
    };
    output.ok().json().as_array().unwrap().iter().map(place).collect()
}

fn tree(scene: &Scene, words: &[&str]) -> Vec<(String, u64, Value)> {
    places(&scene.env.run(&[&["tree", "--json"], words].concat()))
}

fn at(name: &str, depth: u64, parent: Option<&str>) -> (String, u64, Value) {
    (name.to_owned(), depth, json!(parent))
}

/// alice's and bob's roles by links, and roles of profiles with keys of their own.
fn rich() -> Scene {
    let mut scene = Scene::with_alices_roles();
    scene.import(&scene.bob, "bob");
    scene.env.run(&["link", "dev/Reader", "--parent", "bob"]).ok();
    scene.become_in_bash("dev/Reader").ok();
    let role = |name: &str, role: &str, source: &str| {
        format!("[profile {name}]\nrole_arn = arn:aws:iam::{DEV}:role/{role}\nsource_profile = {source}\n")
    };
    let config = role("writer", "Writer", "bob") + &role("deep", "Deep", "writer") + &role("lost", "Lost", "gone");
    let loops = role("one", "One", "two") + &role("two", "Two", "one");
    scene.env.aws_config(&(config + &loops)).aws_credentials(&ini("other", &scene.alice));
    scene
}

#[test]
fn each_stands_below_whom_it_is_assumed_from_by_links_and_by_profiles() {
    let scene = rich();
    let expected = [
        at("alice", 0, None),
        at("prod/Admin", 1, Some("alice")),
        at("prod/Auditor", 2, Some("prod/Admin")),
        at("prod/Billing", 1, Some("alice")),
        at("bob", 0, None),
        at("dev/Reader", 1, Some("bob")),
        at("writer", 1, Some("bob")),
        at("deep", 2, Some("writer")),
        at("lost", 0, None),
        at("other", 0, None),
        // A loop has no root.
        at("one", 0, Some("two")),
        at("two", 1, Some("one")),
    ];
    assert_eq!(tree(&scene, &[]), expected);
    assert_eq!(
        tree(&scene, &["prod/Admin"]),
        [at("prod/Admin", 0, Some("alice")), at("prod/Auditor", 1, Some("prod/Admin"))]
    );
    assert_eq!(tree(&scene, &["deep"]), [at("deep", 0, Some("writer"))]);
    let role = format!("arn:aws:iam::{DEV}:role/Writer");
    assert_eq!(tree(&scene, &[&role]), [at("writer", 0, Some("bob")), at("deep", 1, Some("writer"))]);
}

#[test]
fn everybody_of_the_list_stands_in_the_tree_in_the_same_state() {
    let scene = rich();
    // A label that a profile of somebody else's has, too: the list says that the name means two things.
    let sql = "UPDATE identity SET label = 'other' WHERE name = 'Billing'";
    assert_eq!(Connection::open(scene.env.store()).unwrap().execute(sql, []).unwrap(), 1);
    let by_name = |command: &str| -> BTreeMap<String, Value> {
        let rows = scene.env.run(&[command, "--json"]).ok().json();
        let row = |row: &Value| {
            let mut row = row.as_object().unwrap().clone();
            for key in ["depth", "parent", "by"] {
                row.remove(key);
            }
            (format!("{} {}", row["source"], row["identity"]), Value::from(row))
        };
        rows.as_array().unwrap().iter().map(row).collect()
    };
    let (list, tree) = (by_name("list"), by_name("tree"));
    assert_eq!(list, tree);
    let states = list.values().map(|row| row["state"].as_str().unwrap()).collect::<std::collections::BTreeSet<_>>();
    assert_eq!(states, ["broken", "needs MFA", "ready", "renewable"].into());
}

#[test]
fn the_text_has_lines_and_states_and_no_control_character() {
    let mut scene = Scene::with_alices_roles();
    scene.env.aws_config(&format!(
        "[profile \"ödd \u{1f980}\"]\nrole_arn = arn:aws:iam::{PROD}:role/Odd\nsource_profile = \u{1b}]0;x\u{7}\n"
    ));
    let output = scene.env.run(&["tree"]);
    for (line, state) in [
        ("alice ", "needs MFA"),
        ("├─ prod/Admin ", "needs MFA"),
        ("│  └─ prod/Auditor ", "needs MFA"),
        ("└─ prod/Billing ", "needs MFA"),
        ("ödd \u{1f980} ", "broken "),
    ] {
        let found = output.stdout.lines().find(|found| found.trim_start().starts_with(line));
        output.holds(found.is_some_and(|found| found.contains(state)), &format!("a line {line:?} that says {state}"));
    }
    output.ok().holds(!output.stdout.contains(|c: char| c.is_control() && c != '\n'), "no control character");
    let coloured = scene.env.run(&["tree", "--color", "always"]);
    let yellow = coloured.ok().stdout.lines().filter(|line| line.contains("\u{1b}[33mneeds MFA")).count();
    coloured.holds(yellow == 4, "the four that need a code in yellow");
}

/// The text between the quotes of an attribute, as graphviz reads it: only `\"` does not end it.
fn attribute<'l>(line: &'l str, name: &str) -> Option<&'l str> {
    let rest = line.split_once(&format!("{name}=\""))?.1;
    let mut is_escaped = false;
    let end = rest.find(|character| {
        let ends = character == '"' && !is_escaped;
        is_escaped = character == '\\' && !is_escaped;
        ends
    })?;
    Some(&rest[..end])
}

#[test]
fn the_graph_calls_its_nodes_by_number_and_quotes_every_name() {
    let mut scene = Scene::with_bobs_roles();
    let name = "x\"]; evil [label=\"\\N &lt; \\";
    scene.env.aws_config(&format!(
        "[profile '{name}']\nrole_arn = arn:aws:iam::{DEV}:role/Odd\nsource_profile = bob\n\
         [profile below]\nrole_arn = arn:aws:iam::{DEV}:role/Below\nsource_profile = {name}\n"
    ));
    let names: Vec<String> = tree(&scene, &[]).into_iter().map(|place| place.0).collect();
    assert!(names.contains(&name.to_owned()), "{names:?}");
    let output = scene.env.run(&["tree", "--dot"]);
    let lines: Vec<&str> = output.ok().stdout.lines().collect();
    assert_eq!((lines[0], lines[lines.len() - 1]), ("digraph multicred {", "}"));
    let nodes: Vec<&&str> = lines.iter().filter(|line| line.contains("label=")).collect();
    assert_eq!(nodes.len(), names.len());
    for (line, name) in nodes.iter().zip(&names) {
        let label = attribute(line, "label").unwrap();
        let read =
            label.rsplit_once("\\n").unwrap().0.replace("&amp;", "&").replace("\\\"", "\"").replace("\\\\", "\\");
        assert_eq!(&read, name);
        assert!(line.ends_with("\"];") && attribute(line, "tooltip").is_some(), "{line}");
    }
    let place = |name: &str| names.iter().position(|known| known == name).unwrap();
    for (parent, child) in [("bob", "dev/Reader"), ("dev/Reader", "dev/Writer"), ("bob", name), (name, "below")] {
        output.stdout_has(&format!("  n{} -> n{};\n", place(parent), place(child)));
    }
    scene.env.run(&["tree", "--dot", "--json"]).refused(2, &["--dot", "--json"]);
}

#[test]
fn without_a_store_the_profiles_stand_there_and_none_is_made() {
    let mut scene = Scene::new();
    scene.env.run(&["tree"]).ok().stdout_is("").stderr_has("import --all");
    scene.env.run(&["tree", "--json"]).ok().stdout_is("[]\n");
    scene.env.run(&["tree", "--dot"]).ok().stdout_has("digraph");
    scene.env.run(&["tree", "nobody-there"]).refused(3, &["nobody-there"]);
    scene.env.run(&["tree", "-"]).refused(3, &["nobody"]);
    scene.env.aws_credentials(&ini("keys", &scene.bob));
    assert_eq!(tree(&scene, &[]), [at("keys", 0, None)]);
    assert!(!scene.env.path("data/multicred").exists(), "a store was made");
}

/// So many roles, in ten accounts, ten of them below each of their users, and one chain that is far too deep.
pub fn fill(scene: &Scene, count: u32) {
    let connection = Connection::open(scene.env.store()).unwrap();
    let sql = "BEGIN;
        WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 9)
        INSERT INTO account (id, partition, account_id) SELECT 1000 + i, 'aws', 300000000000 + i FROM n;
        WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < COUNT)
        INSERT INTO identity (id, account, kind, name)
            SELECT 1000 + i, 1000 + i % 10, iif(i % 11 = 0, 'user', 'role'), 'N' || i FROM n;
        INSERT INTO link (target, parent, role_arn, created_at)
            SELECT id, id - (id - 1000) % 11, 'arn:aws:iam::300000000000:role/' || name, 0 FROM identity
            WHERE id >= 1000 AND kind = 'role';
        WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 999)
        INSERT INTO identity (id, account, kind, name) SELECT 5000000 + i, 1000, 'role', 'Deep' || i FROM n;
        INSERT INTO link (target, parent, role_arn, created_at)
            SELECT id, id - 1, 'arn:aws:iam::300000000000:role/' || name, 0 FROM identity WHERE id > 5000000;
        COMMIT;";
    connection.execute_batch(&sql.replace("COUNT", &count.to_string())).unwrap();
}

#[test]
fn ten_thousand_stand_there_each_below_its_parent_however_deep() {
    let scene = Scene::with_bobs_roles();
    fill(&scene, 10_000);
    let all = tree(&scene, &[]);
    assert_eq!(all.len(), 10_000 + 1000 + 3);
    let mut above: Vec<&str> = Vec::new();
    for (name, depth, parent) in &all {
        above.truncate(usize::try_from(*depth).unwrap());
        assert_eq!(parent, &json!(above.last()), "{name}");
        above.push(name);
    }
    let deepest = all.iter().max_by_key(|place| place.1).unwrap();
    assert_eq!((&*deepest.0, deepest.1), ("300000000000/Deep999", 999));
    let widest = scene.env.run(&["tree"]).ok().stdout.lines().map(|line| line.chars().count()).max();
    assert!(widest.unwrap() < 250, "{widest:?}");
    assert_eq!(tree(&scene, &["300000000000/Deep999"]).len(), 1);
}

#[test]
fn a_loop_of_links_is_drawn_once() {
    let scene = Scene::with_bobs_roles();
    let sql = "UPDATE link SET parent = (SELECT id FROM identity WHERE name = 'Writer')
               WHERE target = (SELECT id FROM identity WHERE name = 'Reader')";
    assert_eq!(Connection::open(scene.env.store()).unwrap().execute(sql, []).unwrap(), 1);
    let expected =
        [at("bob", 0, None), at("dev/Reader", 0, Some("dev/Writer")), at("dev/Writer", 1, Some("dev/Reader"))];
    let mut found = tree(&scene, &[]);
    found.sort_by(|one, other| one.0.cmp(&other.0));
    assert_eq!(found, expected);
    scene.env.run(&["tree", "--dot"]).ok();
}
