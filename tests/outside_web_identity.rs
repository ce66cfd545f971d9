//! Web identities: a token that vouches for a role, from a file or a program (PARITY's vector 25).

use crate::profiles::row::row;
use crate::profiles::{Scene, TOKEN, role};
use crate::scene::refusal::Refusal;
use crate::support::env::Shell;

const FILE: &str = "[profile web]\nrole_arn = ROLE/Web\nweb_identity_token_file = HOME/token\n";
const PROCESS: &str = "[profile web]\nrole_arn = ROLE/Web\nweb_identity_token_process = cat HOME/token\n";

fn with_token(config: &str) -> Scene {
    let mut scene = Scene::with_config(config);
    scene.env.write("token", format!("{TOKEN}\n"));
    scene
}

#[test]
fn a_token_of_a_file_or_a_program_gives_the_role_in_one_unsigned_call() {
    for (name, config) in [("file", FILE), ("process", PROCESS)] {
        let ran = row(name, config, "web")
            .file("token", &format!("  {TOKEN}\n\n"))
            .calls(&["AssumeRoleWithWebIdentity Web 3600"]);
        let call = &ran.scene.sts.calls()[0];
        assert_eq!(call.param("WebIdentityToken"), TOKEN, "white space around it is no part of it");
        assert_eq!(call.access_key_id, None);
        ran.output.nowhere(TOKEN);
        let again = ran.scene.switch("web");
        assert_eq!(again.ok().stdout, ran.output.stdout, "it is cached");
        assert_eq!(ran.scene.sts.count("*"), 1);
    }
}

#[test]
fn a_role_of_another_profile_is_assumed_from_it_and_capped() {
    for config in [FILE, PROCESS] {
        let config = format!(
            "{config}duration_seconds = 7200\n\
             [profile far]\nrole_arn = ROLE/Onward\nsource_profile = web\nduration_seconds = 7200\nmfa_serial = SERIAL\n"
        );
        let ran = row("far", &config, "far").file("token", TOKEN);
        let ran = ran.calls(&["AssumeRoleWithWebIdentity Web 7200", "AssumeRole Onward 3600"]);
        ran.output.stderr_has("far lasts 1h, not 2h");
        let calls = ran.scene.sts.calls();
        let web =
            ran.scene.sts.world(|world| world.session(calls[1].access_key_id.as_ref().unwrap()).cloned()).unwrap();
        assert!(web.principal.arn().contains(":assumed-role/Web/tester"), "{}", web.principal.arn());
    }
}

#[test]
fn the_session_of_a_web_identity_is_named_and_lasts_as_the_profile_says() {
    let config = format!("{FILE}role_session_name = ci\nduration_seconds = 43200\n");
    row("named", &config, "web").file("token", TOKEN).calls(&["AssumeRoleWithWebIdentity Web 43200 name:ci"]);
    row("asked", FILE, "--duration 2h --session-name cd web")
        .file("token", TOKEN)
        .calls(&["AssumeRoleWithWebIdentity Web 7200 name:cd"]);
}

#[test]
fn a_token_is_read_anew_for_each_call_since_it_is_written_anew() {
    let mut scene = with_token(FILE);
    scene.switch("web").ok();
    scene.sts.world(|world| world.web_identity("another.jwt.token", "s", "p"));
    scene.env.write("token", "another.jwt.token");
    scene.fresh("web").ok();
    assert_eq!(scene.sts.calls()[1].param("WebIdentityToken"), "another.jwt.token");
}

#[test]
fn a_token_that_cannot_be_had_is_told_with_its_place() {
    for (name, config, texts) in [
        ("no file", FILE, &["token", "config:3", "web_identity_token_file"][..]),
        (
            "no program",
            "[profile web]\nrole_arn = ROLE/Web\nweb_identity_token_process = HOME/none\n",
            &["none", "config:3"],
        ),
        (
            "a program that fails",
            "[profile web]\nrole_arn = ROLE/Web\nweb_identity_token_process = echo s3cret; echo logged out >&2; exit 4\n",
            &["logged out", "4", "config:3"],
        ),
        (
            "a program without a word",
            "[profile web]\nrole_arn = ROLE/Web\nweb_identity_token_process = echo\n",
            &["web_identity_token_process", "config:3"],
        ),
    ] {
        row(name, config, "web").refused(1, texts).output.nowhere("s3cret");
    }
    row("an empty file", FILE, "web").file("token", " \n").refused(1, &["token", "config:3"]);
    let folder = FILE.replace("HOME/token", "HOME");
    row("a folder", &folder, "web").refused(1, &["config:3"]);
}

#[test]
fn a_token_that_aws_refuses_is_told_without_the_token() {
    let mut scene = with_token(FILE);
    scene.env.write("token", "eyJub3QtdGhpcyI6b25lfQ.x.y");
    let output = scene.switch("web");
    output.refused(5, &["InvalidIdentityToken"]).nowhere("eyJub3Qt");
}

#[test]
fn a_contradiction_is_refused_with_both_keys() {
    const HEAD: &str = "[profile web]\nrole_arn = ROLE/Web\nweb_identity_token_file = HOME/token\n";
    for (more, texts) in [
        ("web_identity_token_process = cat HOME/token\n", ["web_identity_token_file", "web_identity_token_process"]),
        ("source_profile = bob\n", ["web_identity_token_file", "source_profile"]),
        ("credential_source = Environment\n", ["web_identity_token_file", "credential_source"]),
    ] {
        let config = format!("{HEAD}{more}");
        let ran = row(more, &config, "web").file("token", TOKEN).refused(1, &texts);
        ran.output.stderr_has(&format!("{}:", ran.scene.env.path(".aws/config").display()));
    }
    let config = "[profile web]\nweb_identity_token_file = HOME/token\n";
    row("no role", config, "web").file("token", TOKEN).refused(1, &["role_arn", "config:2"]);
    let config = "[profile web]\nweb_identity_token_process = cat HOME/token\n";
    row("no role for the program", config, "web").file("token", TOKEN).refused(1, &["role_arn", "config:2"]);
}

#[test]
fn the_keys_of_a_profile_beat_its_web_identity() {
    let config = FILE.replace("ROLE/Web", "ROLE/ReadOnly");
    row("keys", &config, "web").keys(&["web"]).calls(&["AssumeRole ReadOnly 3600"]);
}

/// The variables of EKS are the shell's, not the profile's.
#[test]
fn the_variables_of_a_web_identity_do_not_change_a_profile() {
    let mut scene = with_token("[profile plain]\nrole_arn = ROLE/ReadOnly\nsource_profile = bob\n");
    let token = scene.env.path("token").display().to_string();
    scene.env.set("AWS_WEB_IDENTITY_TOKEN_FILE", token).set("AWS_ROLE_ARN", role("Web"));
    let session = scene.session_of(&scene.switch("plain"));
    assert!(session.principal.arn().contains(":assumed-role/ReadOnly/"));
    assert_eq!(scene.said(), ["AssumeRole ReadOnly 3600"]);
}

/// `AssumeRoleWithWebIdentity` has no such parameters: tags and a source identity stand in the token itself.
#[test]
fn what_a_call_with_a_token_cannot_carry_does_not_spoil_it() {
    let config = format!("[default]\nsession_tags = a=b\nsource_identity = ann\nmfa_serial = SERIAL\n{FILE}");
    let ran = row("of default", &config, "web").file("token", TOKEN);
    let sent = &ran.calls(&["AssumeRoleWithWebIdentity Web 3600"]).scene.sts.calls()[0];
    assert!(!sent.params.contains_key("Tags.member.1.Key") && !sent.params.contains_key("SourceIdentity"));
}

#[test]
fn a_program_for_a_token_sees_nothing_that_a_switch_put_there() {
    let mut scene = with_token("");
    scene.config("[profile web]\nrole_arn = ROLE/Web\nweb_identity_token_process = env >HOME/seen; cat HOME/token\n");
    let switched = scene.env.exported(Shell::Bash, &scene.switch("bob --no-session").ok().stdout, &[]);
    let set = switched.exported.iter().filter(|(name, _)| name.starts_with("AWS_") || name.starts_with("MULTICRED_"));
    let inside =
        set.fold(scene.env.command(&["env", "web"]), |command, (name, value)| command.set(name, value.clone()));
    inside.run().ok();
    let seen = std::fs::read_to_string(scene.env.path("seen")).unwrap();
    assert!(!seen.contains(&scene.bob.access_key_id) && !seen.contains(&scene.bob.secret), "{seen}");
}
