use super::*;

fn names(config: &str) -> Result<Vec<String>, SyncError> {
    Ok(profiles(config)?.into_iter().map(|profile| profile.name).collect())
}

const BOB: &str = "/usr/bin/multicred credential-process bob";

fn entry(name: &str, command: &str, region: Option<&str>) -> Entry {
    Entry { name: name.to_owned(), command: command.to_owned(), region: region.map(str::to_owned) }
}

fn bob() -> Entry {
    entry("bob", BOB, None)
}

fn admin() -> Entry {
    entry("prod/Admin", "/usr/bin/multicred credential-process prod/Admin", Some("eu-west-1"))
}

/// The new text; fails where there is none.
#[track_caller]
fn changed(config: Option<&str>, what: Change<'_>) -> String {
    match change(config, "", what) {
        Ok((Rewrite::Text(text), _)) => text.to_string(),
        other => panic!("{config:?} {what:?}: {other:?}"),
    }
}

#[track_caller]
fn refused(config: &str, what: Change<'_>) -> SyncError {
    change(Some(config), "", what).expect_err("a refusal")
}

#[track_caller]
fn put(config: &str, entries: &[Entry]) -> String {
    changed(Some(config), Change::Put(entries))
}

#[test]
fn a_new_block_stands_below_the_text_and_says_what_it_is() {
    assert_eq!(
        put("[default]\nregion = x\n", &[admin(), bob()]),
        "[default]\nregion = x\n\n\
         # >>> multicred sync >>> these profiles are written by multicred sync, and multicred sync --remove takes them \
         out again\n\n\
         [profile prod/Admin]\nregion = eu-west-1\n\
         credential_process = /usr/bin/multicred credential-process prod/Admin\n\n\
         [profile bob]\ncredential_process = /usr/bin/multicred credential-process bob\n\n\
         # <<< multicred sync <<<\n"
    );
}

#[test]
fn a_removed_block_leaves_every_byte_as_it_was() {
    let bodies =
        ["", "\n", "\n\n", "[default]", "[default]\n", "[default]\n\n", "[a]\n  x", "[a]\n \t", "[a]\n \t\n", "# c"];
    let odd = ["s3 =\n  a = b", "no setting\n", "[open\n", "[a]\nx = \u{e9}\n", "[a]\n[a]\n", "\0\u{1b}\n"];
    for text in bodies.iter().chain(&odd) {
        for ending in ["\n", "\r\n", "\r"] {
            for bom in ["", "\u{feff}"] {
                let text = format!("{bom}{}", text.replace('\n', ending));
                let synced = put(&text, &[admin(), bob()]);
                assert!(synced.starts_with(&text), "{text:?}\n{synced:?}");
                assert_eq!(names(&synced), Ok(vec!["prod/Admin".to_owned(), "bob".to_owned()]), "{text:?}");
                assert_eq!(changed(Some(&synced), Change::RemoveAll), text);
                let one_by_one = ["prod/Admin".to_owned(), "bob".to_owned()];
                assert_eq!(changed(Some(&synced), Change::Remove(&one_by_one)), text);
                assert_eq!(changed(Some(&put(&text, &[bob()])), Change::Exactly(&[])), text);
            }
        }
    }
}

#[test]
fn a_file_of_mixed_line_ends_is_given_back_too() {
    for text in ["a = 1\r\nb", "[a]\nb\r", "[a]\r\nb\n", "[a]\rb\n", "[a]\nb\r\n", "[a]\r\n\n", "[a]\n\r"] {
        let synced = put(text, &[bob()]);
        assert_eq!(names(&synced), Ok(vec!["bob".to_owned()]), "{text:?}");
        assert_eq!(changed(Some(&synced), Change::RemoveAll), text);
    }
}

#[test]
fn a_file_that_was_made_for_the_block_goes_with_it() {
    let made = changed(None, Change::Put(&[bob()]));
    assert_eq!(change(Some(&made), "", Change::RemoveAll).unwrap().0, Rewrite::Remove);
    let used = format!("{made}[default]\n");
    assert_eq!(changed(Some(&used), Change::RemoveAll), "[default]\n");
    assert_eq!(changed(Some(&put("", &[bob()])), Change::RemoveAll), "");
}

#[test]
fn the_same_again_changes_nothing() {
    for text in ["", "[default]", "[default]\r\nx = y\r\n"] {
        let synced = put(text, &[admin(), bob()]);
        for same in [Change::Put(&[bob()]), Change::Put(&[admin(), bob()]), Change::Exactly(&[bob(), admin()])] {
            assert_eq!(change(Some(&synced), "", same), Ok((Rewrite::Nothing, Report::default())), "{same:?}");
        }
    }
    for nothing in [Change::RemoveAll, Change::Exactly(&[]), Change::Put(&[])] {
        assert_eq!(change(Some("[default]\n"), "", nothing), Ok((Rewrite::Nothing, Report::default())));
    }
}

#[test]
fn text_below_the_block_stays_there() {
    for below in ["[profile mine]\nx = y\n", "\n\n# mine\n[profile mine]", "# mine", "\n"] {
        for text in ["", "[default]", "[default]\n"] {
            let synced = put(text, &[bob()]) + below;
            let more = put(&synced, &[admin()]);
            assert!(more.ends_with(&format!("# <<< multicred sync <<<\n{below}")), "{more}");
            let without = changed(Some(&more), Change::RemoveAll);
            // The text above ends its line now, or one line would be made of two.
            let above = if text == "[default]" { "[default]\n" } else { text };
            assert_eq!(without, format!("{above}{below}"));
        }
    }
}

#[test]
fn a_renewed_entry_keeps_the_lines_that_a_person_added() {
    let synced = put("", &[admin()]).replace("Admin\n\n#", "Admin\n# mine\noutput = json\n\n#");
    let moved = entry("prod/Admin", "/opt/multicred credential-process prod/Admin", Some("us-east-1"));
    let renewed = put(&synced, &[moved]);
    assert_eq!(renewed, synced.replace("/usr/bin/", "/opt/").replace("eu-west-1", "us-east-1"));
    assert_eq!(put(&renewed, &[admin()]), synced);
}

#[test]
fn the_region_above_the_command_is_as_the_identity_has_it() {
    let without = Entry { region: None, ..admin() };
    for text in ["", "[default]\r\n", "[default]\r"] {
        let with_region = put(text, &[admin(), bob()]);
        let plain = put(text, &[without.clone(), bob()]);
        assert_eq!(put(&plain, &[admin()]), with_region);
        assert_eq!(put(&with_region, std::slice::from_ref(&without)), plain);
        for same in [with_region.as_str(), &plain] {
            let entry = if same == plain { without.clone() } else { admin() };
            assert_eq!(change(Some(same), "", Change::Put(&[entry])), Ok((Rewrite::Nothing, Report::default())));
        }
    }
}

#[test]
fn a_region_of_the_persons_own_stays_and_is_the_only_one() {
    let mine = |text: &str| text.replace("Admin\n\n[", "Admin\nregion = sa-east-1\n\n[");
    let with_region = mine(&put("", &[admin(), bob()]));
    let plain = mine(&put("", &[Entry { region: None, ..admin() }, bob()]));
    assert_ne!(plain, with_region);
    assert_eq!(put(&with_region, &[admin()]), plain);
    assert_eq!(change(Some(&plain), "", Change::Put(&[admin()])), Ok((Rewrite::Nothing, Report::default())));
    let continued = put("", &[admin()]).replace("eu-west-1\n", "eu-west-1\n  more\n");
    assert_eq!(change(Some(&continued), "", Change::Put(&[admin()])), Ok((Rewrite::Nothing, Report::default())));
}

#[test]
fn a_new_region_is_read_as_one_among_lines_of_the_persons_own() {
    let plain = put("", &[Entry { region: None, ..admin() }]);
    for above in ["# mine\n", "output = json\n  more\n", "s3 =\n  region = x\n", "  output = json\n  "] {
        let config = plain.replace("credential_process = ", &format!("{above}credential_process = "));
        let renewed = put(&config, &[admin()]);
        let document = Document::parse(&renewed);
        let section = document.section(&crate::aws_config::document::SectionId::profile("prod/Admin")).unwrap();
        assert_eq!(section.get("region").unwrap().value(), "eu-west-1", "{renewed}");
        assert_eq!(section.get("credential_process").unwrap().value(), admin().command, "{renewed}");
        assert_eq!(put(&renewed, &[Entry { region: None, ..admin() }]), config);
    }
}

#[test]
fn a_persons_line_in_the_block_keeps_its_entry_from_being_removed() {
    let synced = put("[default]\n", &[admin(), bob()]);
    let added = |text: &str, below: &str| synced.replacen(below, &format!("{below}{text}"), 1);
    let of_bob = "credential-process bob\n";
    // The line, where it is put below, and the number it then has.
    let cases = [
        ("output = json\n", of_bob, 11),
        ("# mine\n", of_bob, 11),
        ("region = x\n", of_bob, 11),
        ("  more\n", of_bob, 11),
        ("# mine\n", "[profile bob]\n", 10),
        ("[profile bob]\nregion = x\n", of_bob, 11),
    ];
    for (text, below, line) in cases {
        let config = added(text, below);
        let names = ["bob".to_owned()];
        for removal in [Change::Remove(&names), Change::Exactly(&[admin()]), Change::RemoveAll] {
            assert_eq!(refused(&config, removal), SyncError::PersonsLine { line }, "{text:?} {removal:?}");
        }
        let others = ["prod/Admin".to_owned()];
        assert!(!changed(Some(&config), Change::Remove(&others)).contains("Admin"), "{text:?}");
    }
    for (text, line) in [("# mine\n", 4), ("[profile mine]\n", 4), ("[sso-session x]\nregion = x\n", 4)] {
        let config = added(text, "out again\n");
        assert_eq!(refused(&config, Change::RemoveAll), SyncError::PersonsLine { line }, "{text:?}");
        let names = ["bob".to_owned(), "prod/Admin".to_owned()];
        assert!(changed(Some(&config), Change::Remove(&names)).contains(text), "{text:?}");
    }
}

#[test]
fn settings_that_got_below_the_end_marker_come_back_into_their_entry() {
    let synced = put("[default]\n", &[bob()]) + "output = json\n";
    assert_eq!(refused(&synced, Change::RemoveAll), SyncError::PersonsLine { line: 9 });
    let more = put(&synced, &[admin()]);
    let below_bob = more.split("credential-process bob\n").nth(1).unwrap();
    assert!(below_bob.starts_with("\noutput = json\n\n[profile prod/Admin]\n"), "{more}");
    assert!(more.ends_with("Admin\n\n# <<< multicred sync <<<\n"), "{more}");
    assert_eq!(change(Some(&synced), "", Change::Put(&[bob()])).unwrap().0, Rewrite::Nothing);
}

#[test]
fn a_profile_of_the_persons_own_is_never_written() {
    let own = |profile: &str, file, line| SyncError::Persons { profile: profile.to_owned(), file, line };
    let cases = [
        ("[default]\n[profile bob]\n", "", own("bob", FileKind::Config, 2)),
        ("[profile 'bob']\n", "", own("bob", FileKind::Config, 1)),
        ("", "\n[bob]\n", own("bob", FileKind::Credentials, 2)),
    ];
    for (config, credentials, wanted) in cases {
        let refused = change(Some(config), credentials, Change::Put(&[bob()]));
        assert_eq!(refused, Err(wanted.clone()));
        let (_, report) = change(Some(config), credentials, Change::Exactly(&[bob(), admin()])).unwrap();
        assert_eq!((report.written, report.skipped), (vec!["prod/Admin".to_owned()], vec![("bob".to_owned(), wanted)]));
    }
    let inside = put("", &[admin()]).replace("[profile prod", "[profile bob]\noutput = json\n[profile prod");
    assert_eq!(refused(&inside, Change::Put(&[bob()])), own("bob", FileKind::Config, 3));
    let twice = put("", &[bob()]) + "[profile bob]\n";
    assert_eq!(refused(&twice, Change::Put(&[bob()])), own("bob", FileKind::Config, 7));
    assert_eq!(refused("", Change::Put(&[entry("default", BOB, None)])), SyncError::Default);
}

#[test]
fn damaged_markers_are_refused_with_their_line() {
    let synced = put("[default]\n", &[bob()]);
    let (begin, end) = ("# >>> multicred sync >>>", "# <<< multicred sync <<<");
    let cases = [
        (synced.replace(end, "#"), SyncError::NoEnd { line: 3 }),
        (synced.replace(begin, "#"), SyncError::NoBegin { line: 8 }),
        (format!("{end}\n{synced}"), SyncError::NoBegin { line: 1 }),
        (format!("{synced}{end}\n"), SyncError::NoBegin { line: 9 }),
        (format!("{synced}{begin}\n"), SyncError::Twice { line: 9 }),
        (format!("{synced}{synced}"), SyncError::Twice { line: 11 }),
        (format!("{end}\n{begin}\n"), SyncError::NoBegin { line: 1 }),
    ];
    for (config, wanted) in cases {
        assert_eq!(refused(&config, Change::Put(&[admin()])), wanted, "{config}");
        assert_eq!(refused(&config, Change::RemoveAll), wanted, "{config}");
        assert_eq!(names(&config), Err(wanted), "{config}");
    }
}

#[test]
fn the_block_stays_where_the_person_moves_it() {
    let block = put("", &[bob()]);
    let moved = format!("[default]\nx = y\n{block}[profile mine]\n");
    let more = put(&moved, &[admin()]);
    assert!(more.starts_with("[default]\nx = y\n# >>>") && more.ends_with("<<<\n[profile mine]\n"), "{more}");
    assert_eq!(changed(Some(&more), Change::RemoveAll), "[default]\nx = y\n[profile mine]\n");
}

#[test]
fn a_name_that_is_not_there_cannot_be_removed() {
    let synced = put("", &[bob()]);
    let names = ["carol\n".to_owned()];
    assert_eq!(refused(&synced, Change::Remove(&names)), SyncError::NotThere { profile: "carol\\n".to_owned() });
}
