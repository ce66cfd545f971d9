//! `sync`: profiles in the person's config file, and nothing else changed there.

use std::fs;
use std::os::unix::fs::MetadataExt;

use serde_json::json;

use crate::scene::{DEV, PROD, Scene, ini};
use crate::support::env::Output;

const CONFIG: &str = ".aws/config";

fn config(scene: &Scene) -> String {
    fs::read_to_string(scene.env.path(CONFIG)).unwrap()
}

/// By whom a profile asks: an alias or a label may come to mean somebody else.
fn arn(name: &str) -> String {
    match name.split_once('/') {
        Some((_, role)) => format!("arn:aws:iam::{DEV}:role/{role}"),
        None => format!("arn:aws:iam::{DEV}:user/{name}"),
    }
}

/// What a profile of the block says.
fn entry(scene: &Scene, name: &str) -> String {
    asking(scene, name, &arn(name))
}

/// A profile of this name that asks for whom this is.
fn asking(scene: &Scene, profile: &str, for_whom: &str) -> String {
    let program = scene.env.binary().display();
    format!("[profile {profile}]\ncredential_process = {program} credential-process {for_whom}\n")
}

/// A refusal that leaves the file alone.
#[track_caller]
fn refuses(scene: &Scene, words: &[&str], code: i32) -> Output {
    let before = fs::read(scene.env.path(CONFIG)).ok();
    let output = scene.env.run(&[&["sync"], words].concat());
    output.code(code).stdout_is("");
    assert_eq!(fs::read(scene.env.path(CONFIG)).ok(), before, "{output}");
    output
}

#[test]
fn a_profile_is_written_that_asks_this_program_for_this_identity() {
    let scene = Scene::with_bobs_roles();
    scene.env.run(&["link", "dev/Reader", "--parent", "bob", "--region", "eu-west-1"]).ok();
    let file = scene.env.path(CONFIG);
    let said = ["bob", "dev/Reader"].map(|name| format!("profile {name} written to {}\n", file.display()));
    scene.env.run(&["sync", "bob", "dev/Reader"]).ok().stdout_is(&said.concat());
    let text = config(&scene);
    assert!(text.starts_with("# >>> multicred sync >>> "), "{text}");
    assert!(text.contains(&entry(&scene, "bob")), "{text}");
    let reader = entry(&scene, "dev/Reader").replacen('\n', "\nregion = eu-west-1\n", 1);
    assert!(text.contains(&reader), "{text}");
    assert!(!text.contains(&scene.bob.secret) && !text.contains(&scene.bob.access_key_id), "{text}");
}

#[test]
fn all_are_those_that_can_be_had_again_and_no_others() {
    let scene = Scene::with_bobs_roles();
    let session = scene.sts.world(|world| world.saml_session(&format!("arn:aws:iam::{DEV}:role/Writer"), "s", 3_600));
    scene.env.run(&["sync", "bob"]).ok();
    scene.env.run(&["sync", "--all"]).ok().stdout_has("profile dev/Reader written").stdout_has("dev/Writer written");
    let lonely = Scene::with_bob();
    let token = format!("aws_session_token = {}\n", session.session_token);
    let key = crate::support::sts::KeyPair { access_key_id: session.access_key_id, secret: session.secret };
    let imported = lonely.env.command(&["import", "-"]).set("AWS_ENDPOINT_URL", scene.sts.url());
    imported.stdin(ini("default", &key) + &token).run().ok();
    lonely.env.run(&["sync", "--all"]).ok();
    assert!(config(&lonely).contains(&entry(&lonely, "bob")) && !config(&lonely).contains("Writer"));
}

#[test]
fn what_all_no_longer_has_goes() {
    let scene = Scene::with_bobs_roles();
    scene.env.run(&["sync", "--all"]).ok();
    let gone = config(&scene).replace("dev/Writer", "dev/Gone");
    fs::write(scene.env.path(CONFIG), gone).unwrap();
    let output = scene.env.run(&["sync", "--all"]);
    output.ok().stdout_has("profile dev/Writer written").stdout_has("profile dev/Gone removed");
    assert!(!config(&scene).contains("Gone"));
}

#[test]
fn the_same_again_does_not_touch_the_file() {
    let scene = Scene::with_bobs_roles();
    scene.env.run(&["sync", "--all"]).ok();
    let stamp = || {
        let file = fs::metadata(scene.env.path(CONFIG)).unwrap();
        (file.ino(), file.mtime(), file.mtime_nsec(), file.ctime(), file.ctime_nsec())
    };
    let before = stamp();
    for words in [&["sync", "--all"][..], &["sync", "bob"], &["sync"]] {
        scene.env.run(words).ok().stdout_is("").stderr_has("nothing to change");
    }
    assert_eq!(stamp(), before);
}

#[test]
fn a_removal_gives_back_the_very_file() {
    let scene = Scene::with_bobs_roles();
    let file = scene.env.path(CONFIG);
    let texts = [
        "",
        "\n",
        "[default]\nregion = eu-west-1",
        "[default]\nregion = eu-west-1\n",
        "[default]\nregion = eu-west-1\n\n\n",
        "[default]\r\nregion = eu-west-1\r\n",
        "[default]\r\nregion = eu-west-1",
        "\u{feff}[default]\nregion = eu-west-1\n",
        "\u{feff}",
        "# nothing but a comment",
        "[profile mine]\ns3 =\n  max_queue_size = 5",
        "[open\nno setting\n[]\n",
    ];
    for text in texts {
        for removals in [&[&["--remove"][..]][..], &[&["bob", "--remove"], &["--remove", "dev/Reader"]]] {
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(&file, text).unwrap();
            scene.env.run(&["sync", "bob", "dev/Reader"]).ok();
            for removal in removals {
                scene.env.run(&[&["sync"], *removal].concat()).ok().stdout_has("removed from");
            }
            assert_eq!(fs::read_to_string(&file).unwrap(), text, "{removals:?}");
        }
    }
    fs::remove_file(&file).unwrap();
    scene.env.run(&["sync", "--all"]).ok();
    scene.env.run(&["sync", "--all", "--remove"]).ok();
    assert!(!file.exists());
    scene.env.run(&["sync", "--remove"]).ok().stdout_is("").stderr_has("nothing to change");
    assert!(!file.exists());
}

#[test]
fn a_profile_of_the_persons_own_is_not_shadowed() {
    let mut scene = Scene::with_bobs_roles();
    scene.env.aws_config("[default]\n[profile dev/Reader]\nregion = x\n");
    let [reader, writer] = ["Reader", "Writer"].map(|name| format!("arn:aws:iam::{DEV}:role/{name}"));
    refuses(&scene, &["dev/Writer", &reader], 1)
        .stderr_has(&format!("{}:2: profile dev/Reader is your own", scene.env.path(CONFIG).display()));
    scene.env.aws_credentials("\n[dev/Writer]\nregion = x\n");
    refuses(&scene, &[&writer], 1)
        .stderr_has(&format!("{}:2: profile dev/Writer", scene.env.path(".aws/credentials").display()));
    let all = scene.env.run(&["sync", "--all"]);
    all.ok().stderr_has("profile dev/Reader is left as it is").stderr_has("profile dev/Writer is left as it is");
    assert!(config(&scene).contains(&entry(&scene, "bob")) && !config(&scene).contains(&arn("dev/Reader")));
}

#[test]
fn default_is_never_written() {
    let scene = Scene::new();
    scene.import(&scene.bob, "default");
    refuses(&scene, &["default"], 2).stderr_has("never written");
    scene.env.run(&["sync", "--all"]).ok().stderr_has("profile default is left as it is");
    assert!(!scene.env.path(CONFIG).exists());
}

#[test]
fn a_name_that_is_a_profile_of_the_persons_too_is_refused_with_its_line() {
    let mut scene = Scene::with_bobs_roles();
    scene.env.aws_config("[default]\n[profile dev/Reader]\nregion = x\n");
    refuses(&scene, &["dev/Reader"], 1)
        .stderr_has(&format!("{}:2: profile dev/Reader is your own", scene.env.path(CONFIG).display()));
    let bob = ini("bob", &scene.bob);
    scene.env.aws_credentials(&bob);
    refuses(&scene, &["bob"], 1)
        .stderr_has(&format!("{}:1: profile bob is your own", scene.env.path(".aws/credentials").display()));
}

#[test]
fn a_region_that_changed_is_written_anew_and_the_persons_own_wins() {
    let scene = Scene::with_bobs_roles();
    scene.env.run(&["sync", "--all"]).ok();
    let plain = config(&scene);
    let of_reader = entry(&scene, "dev/Reader");
    for region in ["us-west-1", "eu-west-1"] {
        scene.env.run(&["link", "dev/Reader", "--parent", "bob", "--region", region]).ok();
        scene.env.run(&["sync"]).ok().stdout_has("profile dev/Reader written");
        let with_region = of_reader.replacen('\n', &format!("\nregion = {region}\n"), 1);
        assert_eq!(config(&scene), plain.replace(&of_reader, &with_region));
        scene.env.run(&["sync", "dev/Reader"]).ok().stderr_has("nothing to change");
    }
    let mine = |config: &str| config.replace("role/Reader\n", "role/Reader\nregion = sa-east-1\n");
    fs::write(scene.env.path(CONFIG), mine(&config(&scene))).unwrap();
    scene.env.run(&["sync", "--all"]).ok().stdout_has("profile dev/Reader written");
    assert_eq!(config(&scene), mine(&plain), "one key once");
    scene.env.run(&["sync"]).ok().stderr_has("nothing to change");
}

#[test]
fn lines_that_a_person_added_stay_and_keep_the_profile() {
    let scene = Scene::with_bobs_roles();
    scene.env.run(&["sync", "--all"]).ok();
    let mine = config(&scene).replace("user/bob\n", "user/bob\n# mine\noutput = json\n");
    fs::write(scene.env.path(CONFIG), mine.replace("/multicred cred", "/old/multicred cred")).unwrap();
    scene.env.run(&["sync"]).ok();
    assert_eq!(config(&scene), mine);
    let line = 1 + mine.lines().position(|line| line == "# mine").unwrap();
    for words in [&["--remove", "bob"][..], &["--remove"]] {
        refuses(&scene, words, 1)
            .stderr_has(&format!("{}:{line}: ", scene.env.path(CONFIG).display()))
            .stderr_has("move that line out of the block");
    }
    scene.env.run(&["sync", "--remove", "dev/Reader"]).ok();
    assert!(config(&scene).contains("# mine") && !config(&scene).contains("dev/Reader"));
}

#[test]
fn damaged_markers_are_refused_with_their_line() {
    let scene = Scene::with_bobs_roles();
    scene.env.run(&["sync", "bob"]).ok();
    let text = config(&scene);
    let lines = text.lines().count();
    for (damaged, line, words) in [
        (text.replace("# <<<", "#"), 1, "has no end"),
        (text.replace("# >>>", "#"), lines, "begins nowhere above"),
        (format!("{text}{text}"), lines + 1, "a second block"),
    ] {
        fs::write(scene.env.path(CONFIG), damaged).unwrap();
        for verb in [&["--all"][..], &["bob"], &[], &["--remove"], &["--remove", "bob"]] {
            let place = format!("{}:{line}: ", scene.env.path(CONFIG).display());
            refuses(&scene, verb, 1).stderr_has(&place).stderr_has(words);
        }
    }
}

#[test]
fn a_switch_to_a_synced_identity_is_as_before() {
    let scene = Scene::with_bobs_roles();
    scene.env.run(&["sync", "--all"]).ok();
    for name in ["bob", "dev/Reader", "dev/Writer"] {
        scene.become_in_bash(name).ok();
        scene.env.run(&["why", name]).ok();
    }
    let list = scene.env.run(&["list", "--json"]).json();
    let names: Vec<_> = list.as_array().unwrap().iter().map(|row| row["identity"].as_str().unwrap()).collect();
    assert_eq!(names, ["dev/Reader", "dev/Writer", "bob"]);
}

#[test]
fn without_a_name_the_profiles_that_are_there_are_renewed() {
    let scene = Scene::with_bobs_roles();
    refuses(&scene, &[], 2).stderr_has("multicred sync --all");
    scene.env.run(&["sync", "bob", "dev/Reader"]).ok();
    let text = config(&scene);
    let other = text.replace(" credential-process", " -v credential-process").replace("Reader", "Gone");
    fs::write(scene.env.path(CONFIG), &other).unwrap();
    let renewed = scene.env.run(&["sync", "--json"]);
    let gone = json!([{ "profile": "dev/Gone", "reason": "there is no such identity any more" }]);
    let file = scene.env.path(CONFIG).to_string_lossy().into_owned();
    assert_eq!(renewed.ok().json(), json!({ "file": file, "written": ["bob"], "removed": [], "skipped": gone }));
    refuses(&scene, &["dev/Gone"], 3).stderr_has("multicred sync --remove dev/Gone");
    scene.env.run(&["sync", "--remove", "dev/Gone"]).ok();
    let bobs = entry(&scene, "bob");
    let moved = text.replace("multicred credential", "multicred --store /elsewhere.db credential");
    fs::write(scene.env.path(CONFIG), moved).unwrap();
    scene.env.run(&["sync", "bob"]).ok();
    assert!(config(&scene).contains(&bobs) && config(&scene).contains("elsewhere"), "{}", config(&scene));
}

#[test]
fn what_is_no_identity_of_the_store_is_refused() {
    let mut scene = Scene::with_bobs_roles();
    let text = ini("carol", &scene.alice);
    scene.env.aws_credentials(&text);
    scene.env.aws_config(&format!("[profile x]\nrole_arn = arn:aws:iam::{DEV}:role/Other\nsource_profile = carol\n"));
    refuses(&scene, &["nobody-knows"], 3);
    refuses(&scene, &["-"], 3);
    refuses(&scene, &["carol"], 3).stderr_has("AWS_PROFILE=carol");
    refuses(&scene, &["dev/Other"], 3).stderr_has("multicred link");
    refuses(&scene, &[&scene.bob.access_key_id], 3).stderr_has("is one key");
    refuses(&scene, &["--remove", "bob"], 3);
    refuses(&scene, &["--all", "bob"], 2);
}

#[test]
fn a_change_is_one_line_of_the_history_and_nothing_makes_a_store() {
    let scene = Scene::with_bobs_roles();
    let lines = || fs::read_to_string(scene.env.store().with_file_name("history.jsonl")).unwrap();
    let before = lines().lines().count();
    scene.env.run(&["sync", "bob", "dev/Reader"]).ok();
    scene.env.run(&["sync", "--all"]).ok();
    scene.env.run(&["sync", "--all"]).ok();
    let events: Vec<serde_json::Value> =
        lines().lines().skip(before).map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(events.len(), 2, "{events:?}");
    assert_eq!((&events[0]["event"], &events[0]["identity"]), (&json!("sync"), &json!("bob, dev/Reader")));
    let nobody = Scene::new();
    nobody.env.run(&["sync", "--all"]).ok().stderr_has("nothing to change");
    assert!(!nobody.env.store().exists() && !nobody.env.path(".aws").exists());
}

#[test]
fn several_at_once_lose_no_profile() {
    let scene = Scene::with_bobs_roles();
    for _ in 0..5 {
        let running = ["bob", "dev/Reader", "dev/Writer"].map(|name| scene.env.spawn(&["sync", name]));
        for one in running {
            one.end().ok();
        }
        for name in ["bob", "dev/Reader", "dev/Writer"] {
            assert!(config(&scene).contains(&entry(&scene, name)), "{}", config(&scene));
        }
        scene.env.run(&["sync", "--remove"]).ok();
        assert!(!scene.env.path(CONFIG).exists());
    }
}

/// It asked by its name: for nobody once the alias had changed, or for whomever the alias named then.
#[test]
fn a_profile_goes_on_to_ask_for_the_same_identity_whatever_its_account_is_called() {
    let scene = Scene::with_bobs_roles();
    scene.env.run(&["sync", "--all"]).ok();
    let before = config(&scene);
    scene.env.run(&["account", DEV, "--alias", "lab"]).ok();
    scene.env.run(&["account", PROD, "--alias", "dev"]).ok();
    scene.env.run(&["link", &format!("arn:aws:iam::{PROD}:role/Reader"), "--parent", "bob"]).ok();
    let asked = scene.env.run(&["credential-process", "lab/Reader"]).ok().json();
    let renewed = scene.env.run(&["sync"]);
    renewed
        .ok()
        .stderr_has("nothing to change")
        .stderr_has("profile dev/Reader is")
        .stderr_has("multicred sync lab/Reader");
    assert_eq!(config(&scene), before);
    let by_profile = scene.env.run(&["credential-process", "dev/Writer"]).ok().json();
    assert_eq!(by_profile, scene.env.run(&["credential-process", "lab/Writer"]).ok().json());
    // The alias that another account took makes the name ambiguous: nobody is guessed.
    scene.env.run(&["credential-process", "dev/Reader"]).code(3).stderr_has(PROD).stderr_has(DEV);
    assert_eq!(scene.env.run(&["credential-process", &arn("dev/Reader")]).ok().json(), asked);
    scene.env.run(&["sync", "--all"]).ok().stdout_has("profile lab/Reader written").stdout_has("dev/Reader written");
    let all = config(&scene);
    assert!(all.contains(&asking(&scene, "lab/Reader", &arn("dev/Reader"))), "{all}");
    assert!(all.contains(&asking(&scene, "dev/Reader", &format!("arn:aws:iam::{PROD}:role/Reader"))), "{all}");
}

#[test]
fn profiles_that_ask_by_their_names_as_earlier_versions_wrote_them_are_written_anew() {
    let scene = Scene::with_bobs_roles();
    scene.env.run(&["sync", "bob", "dev/Reader"]).ok();
    let text = config(&scene);
    let by_name = ["bob", "dev/Reader"].into_iter().fold(text.clone(), |text, name| text.replace(&arn(name), name));
    fs::write(scene.env.path(CONFIG), &by_name).unwrap();
    scene.env.run(&["credential-process", "bob"]).ok();
    scene.env.run(&["sync"]).ok().stdout_has("profile bob written").stdout_has("profile dev/Reader written");
    assert_eq!(config(&scene), text);
    fs::write(scene.env.path(CONFIG), &by_name).unwrap();
    scene.env.run(&["account", DEV, "--alias", "lab"]).ok().stderr_has("multicred sync --remove dev/Reader");
    let asked = scene.env.run(&["as", "--shell", "bash", "dev/Reader"]);
    asked.code(3).stderr_has("no identity called so").stderr_has("multicred sync --remove dev/Reader");
    assert!(!asked.stderr.contains("loop"), "{asked}");
    scene.env.run(&["sync"]).ok().stderr_has("dev/Reader is left as it is: there is no such identity any more");
    scene.env.run(&["sync", "lab/Reader"]).ok().stdout_has("profile lab/Reader written");
    scene.env.run(&["sync", "--remove", "dev/Reader"]).ok();
}
