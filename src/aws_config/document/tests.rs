//! The readers' rules, one example each. What holds for every text is in `tests/ini_document.rs`.

use super::*;

fn value(text: &str, header: &str, key: &str) -> Option<String> {
    let document = Document::parse(text);
    let property = document.section_of_header(header)?.get(key)?;
    Some(property.value().into_owned())
}

fn edited(text: &str, edit: impl FnOnce(&mut Document)) -> String {
    let mut document = Document::parse(text);
    edit(&mut document);
    document.to_string()
}

fn faults(text: &str) -> Vec<(u32, Reason)> {
    Document::parse(text).faults().map(|fault| (fault.line, fault.reason)).collect()
}

fn key_spellings(text: &str, header: &str) -> Vec<String> {
    let document = Document::parse(text);
    let section = document.section_of_header(header);
    section.iter().flat_map(Section::properties).map(|property| property.key().to_owned()).collect()
}

#[test]
fn keys_are_case_insensitive_and_sections_are_not() {
    let text = "[profile withMFA]\nRole_Arn = arn\nmfa_Serial = serial\nRegion = moon-1\n";
    for (key, expected) in [("role_arn", "arn"), ("mfa_serial", "serial"), ("region", "moon-1")] {
        assert_eq!(value(text, "profile withMFA", key).as_deref(), Some(expected));
    }
    assert!(Document::parse(text).section(&SectionId::profile("withmfa")).is_none());
}

#[test]
fn an_inline_comment_starts_only_after_white_space() {
    let text = "[a]\nregion = moon-1 # x\nb = moon-1\t; x\nurl = https://h/start#/\nc = # only\nd =#e\n";
    assert_eq!(value(text, "a", "region").as_deref(), Some("moon-1"));
    assert_eq!(value(text, "a", "b").as_deref(), Some("moon-1"));
    assert_eq!(value(text, "a", "url").as_deref(), Some("https://h/start#/"));
    assert_eq!(value(text, "a", "c").as_deref(), Some(""));
    assert_eq!(value(text, "a", "d").as_deref(), Some("#e"));
}

#[test]
fn no_comment_is_cut_off_a_secret() {
    let text = "[a]\nAWS_secret_access_key = a b#c %x;= #d ;e\"\\ \nregion = x #y\n";
    assert_eq!(value(text, "a", "aws_secret_access_key").as_deref(), Some("a b#c %x;= #d ;e\"\\"));
    let document = Document::parse(text);
    let region = document.section_of_header("a").and_then(|section| section.get("region"));
    assert_eq!(region.map(|region| region.raw_value().into_owned()).as_deref(), Some("x #y"));
}

#[test]
fn headers_are_one_section_however_they_are_spaced_and_quoted() {
    let spellings = [
        "[profile with space]",
        "[profile \"with space\"]",
        "[ profile\t 'with space' ] # c",
        "  [profile with\\ space];c",
    ];
    let readable: Vec<bool> =
        spellings.map(|text| Document::parse(text).section(&SectionId::profile("with space")).is_some()).to_vec();
    assert_eq!(readable, [false, true, true, true], "unquoted, shlex makes two words of it");
}

#[test]
fn a_header_tells_kind_name_and_text() {
    let cases = [
        ("[default]", SectionKind::Plain, "default"),
        ("[profile foo.bar]", SectionKind::Profile, "foo.bar"),
        ("[sso-session x] ; c", SectionKind::SsoSession, "x"),
        ("[services s3-x]", SectionKind::Services, "s3-x"),
        ("[with space]", SectionKind::Plain, "with space"),
        ("['with space']", SectionKind::Plain, "with space"),
        ("[bob's]", SectionKind::Plain, "bob's"),
        ("[profile \"a]b # c\"]", SectionKind::Profile, "a]b # c"),
        ("[a]b]", SectionKind::Plain, "a]b"),
        ("[profile]", SectionKind::Plain, "profile"),
        ("[profilefoo]", SectionKind::Plain, "profilefoo"),
        ("[profile bob's]", SectionKind::Unreadable, "profile bob's"),
        ("[a", SectionKind::Unreadable, "a"),
        ("[]", SectionKind::Unreadable, ""),
    ];
    for (text, kind, name) in cases {
        let document = Document::parse(text);
        let ids: Vec<&SectionId> = document.sections().map(|section| section.id()).collect();
        assert_eq!(ids, [&SectionId { kind, name: name.to_owned() }], "{text}");
    }
}

#[test]
fn a_written_id_is_read_back() {
    for name in ["foo", "with space", "bob's", "a \"b\" \\ 'c'", "a]b", "#x", "ü"] {
        let id = SectionId::profile(name);
        assert_eq!(SectionId::of_header(&id.to_header()), id, "{}", id.to_header());
    }
}

#[test]
fn a_section_written_twice_is_one_and_its_later_key_wins() {
    let text = "[a]\nx = 1\ny = 2\n[b]\n[ a ]\nX = 3\n";
    assert_eq!(value(text, "a", "x").as_deref(), Some("3"));
    assert_eq!(value(text, "a", "y").as_deref(), Some("2"));
    let document = Document::parse(text);
    let sections: Vec<_> = document.sections().map(|section| (section.name(), section.line())).collect();
    assert_eq!(sections, [("a", 1), ("b", 4)]);
    let header_lines = document.section_of_header("a").map(|section| section.header_lines().collect::<Vec<_>>());
    assert_eq!(header_lines, Some(vec![1, 5]));
}

#[test]
fn upper_case_default_is_another_section() {
    let text = "[DEFAULT]\nregion=us-east-1\n[default]\nregion=us-west-2\n";
    assert_eq!(value(text, "default", "region").as_deref(), Some("us-west-2"));
}

#[test]
fn nested_lines_are_sub_properties_and_keep_their_comments() {
    let text = "[a]\ns3 =\n  max = 20 # c\n  # comment\n\n  style = path\nregion = x\n";
    let document = Document::parse(text);
    let s3 = document.section_of_header("a").and_then(|section| section.get("s3"));
    let nested: Vec<_> = s3.iter().flat_map(Property::sub_properties).map(|p| (p.key, p.value, p.line)).collect();
    assert_eq!(nested, [("max", "20 # c", 3), ("style", "path", 6)]);
    assert_eq!(key_spellings(text, "a"), ["s3", "region"]);
}

#[test]
fn deeper_lines_continue_a_value() {
    let text = "[a]\nx = 1 # c\n  y = 2 ; d\n\t[b]\nz = 3\n";
    assert_eq!(value(text, "a", "x").as_deref(), Some("1\ny = 2 ; d\n[b]"));
    assert_eq!(key_spellings(text, "a"), ["x", "z"]);
}

#[test]
fn keys_that_are_all_indented_are_keys() {
    assert_eq!(key_spellings("  [a]\n  x = 1\n  y : 2\n  [b]\n", "a"), ["x", "y"]);
}

#[test]
fn a_colon_separates_where_it_comes_first() {
    let text = "[a]\nx: 1\nurl = http://h\ny : a=b\n";
    assert_eq!(value(text, "a", "x").as_deref(), Some("1"));
    assert_eq!(value(text, "a", "url").as_deref(), Some("http://h"));
    assert_eq!(value(text, "a", "y").as_deref(), Some("a=b"));
}

#[test]
fn a_bad_line_is_a_fault_of_its_own_section_only() {
    let text = "junk\n  more\n[a]\nx = 1\nbad\n= 2\n[b]\ny = 3\ns3 =\n  bad\n";
    assert_eq!(
        faults(text),
        [(1, Reason::BeforeFirstSection), (5, Reason::NoDelimiter), (6, Reason::NoName), (10, Reason::NotSubProperty),]
    );
    let document = Document::parse(text);
    let of_b = document.section_of_header("b").map(|section| section.faults().map(|f| f.line).collect::<Vec<_>>());
    assert_eq!(of_b, Some(vec![10]));
    assert_eq!(document.preamble_faults().count(), 1);
    assert_eq!(value(text, "a", "x").as_deref(), Some("1"));
}

#[test]
fn the_keys_below_a_broken_header_are_not_given_to_the_section_above() {
    for (header, reason) in [
        ("[b", Reason::HeaderNotClosed),
        ("[profile a b]", Reason::HeaderNotOneName),
        ("[profile \"b]", Reason::HeaderNotOneName),
        ("[]", Reason::HeaderEmpty),
    ] {
        let text = format!("[a]\nx = 1\n{header}\nx = 2\n");
        assert_eq!(value(&text, "a", "x").as_deref(), Some("1"), "{header}");
        assert_eq!(faults(&text), [(3, reason)], "{header}");
    }
}

#[test]
fn text_after_a_header_is_told_and_the_section_read() {
    assert_eq!(value("[a] x\ny = 1\n", "a", "y").as_deref(), Some("1"));
    assert_eq!(faults("[a] x\ny = 1\n"), [(1, Reason::TextAfterHeader)]);
}

#[test]
fn line_numbers_count_every_kind_of_line_ending() {
    let text = "\u{feff}[a]\r\n\r\nx = 1\ry = 2\n\n[b]\nz = 3";
    let document = Document::parse(text);
    let lines: Vec<_> = document.sections().flat_map(|s| s.properties().map(|p| (p.line(), p.value().len()))).collect();
    assert_eq!(lines, [(3, 1), (4, 1), (7, 1)]);
    assert_eq!(document.to_string(), text);
    assert_eq!(document.to_text().as_str(), text);
}

#[test]
fn set_keeps_spelling_spacing_comment_and_ending() {
    for (before, after) in [
        ("[a]\r\n  Region\t=  x  # c\r\nb=1\r\n", "[a]\r\n  Region\t=  new  # c\r\nb=1\r\n"),
        ("[a]\nregion=x", "[a]\nregion=new"),
        ("[a]\nregion =\n", "[a]\nregion = new\n"),
        ("[a]\nregion = # c\n", "[a]\nregion = new # c\n"),
        ("[a]\nregion: x\n", "[a]\nregion: new\n"),
        ("[a]\nregion = x\n  y\n# c\n  z\nb = 1\n", "[a]\nregion = new\n# c\nb = 1\n"),
        ("[a]\nregion = x\n[a]\nregion = y\n", "[a]\nregion = x\n[a]\nregion = new\n"),
    ] {
        let result =
            edited(before, |document| assert_eq!(document.set(&SectionId::plain("a"), "region", "new"), Ok(())));
        assert_eq!(result, after);
    }
}

#[test]
fn set_adds_a_key_below_the_last_one() {
    for (before, after) in [
        ("[a]\nb = 1\n\n# about c\n[c]\n", "[a]\nb = 1\nk = v\n\n# about c\n[c]\n"),
        ("[a]\nb=1\ns3=\n  x = y\n", "[a]\nb=1\ns3=\n  x = y\nk=v\n"),
        ("[a]", "[a]\nk = v\n"),
        ("[a]\r\n\tb = 1", "[a]\r\n\tb = 1\r\n\tk = v\r\n"),
        ("[a]\n  [c]\n  d = 1\n", "[a]\n  k = v\n  [c]\n  d = 1\n"),
        ("[a]\n   junk\n", "[a]\n   k = v\n   junk\n"),
    ] {
        let result = edited(before, |document| assert_eq!(document.set(&SectionId::plain("a"), "k", "v"), Ok(())));
        assert_eq!(result, after);
    }
}

#[test]
fn set_refuses_what_would_not_be_read_back() {
    let mut document = Document::parse("[a]\nregion = x\n[b");
    let a = SectionId::plain("a");
    for value in ["x\ny", "x\ry", "x\0"] {
        assert_eq!(document.set(&a, "region", value), Err(EditError::ValueBreaksLine("region".into())));
    }
    for value in [" x", "x\t", "x #y", "#x", ";"] {
        assert_eq!(document.set(&a, "region", value), Err(EditError::ValueChangesWhenRead("region".into())), "{value}");
    }
    for key in ["", " k", "k ", "a=b", "a:b", "#k", "[k", "k\n"] {
        assert!(matches!(document.set(&a, key, "v"), Err(EditError::BadKey(_))), "{key:?}");
    }
    assert_eq!(document.set(&SectionId::plain("c"), "k", "v"), Err(EditError::NoSuchSection("c".into())));
    assert_eq!(document.set(&SectionId::of_header(""), "k", "v"), Err(EditError::NoSuchSection(String::new())));
    assert_eq!(document.to_string(), "[a]\nregion = x\n[b");
}

#[test]
fn a_new_section_goes_to_the_end_and_changes_no_old_byte() {
    for before in ["", "[a]\ns3 =\n  max = 1\n\n  min = 2\n", "[a]\r\nb = 1", "[a]\n\n", "# only a comment", "\u{feff}"]
    {
        let mut document = Document::parse(before);
        let keys = [("aws_access_key_id", "AKIA"), ("aws_secret_access_key", "a b#c %x;= #d")];
        assert_eq!(document.append_section("llamas", &keys), Ok(()));
        let text = document.to_string();
        assert!(text.starts_with(before), "{text:?}");
        assert_eq!(value(&text, "llamas", "aws_secret_access_key").as_deref(), Some("a b#c %x;= #d"));
        let line = document.section_of_header("llamas").map(|section| section.line());
        assert_eq!(line, Document::parse(&text).section_of_header("llamas").map(|section| section.line()));
    }
    let result = edited("[a]\r\nb = 1", |document| assert_eq!(document.append_section("c", &[("d", "1")]), Ok(())));
    assert_eq!(result, "[a]\r\nb = 1\r\n\r\n[c]\r\nd = 1\r\n");
}

#[test]
fn a_new_section_is_refused_where_it_exists_or_cannot_be_read_back() {
    let mut document = Document::parse("[profile a]\n");
    let exists = EditError::SectionExists("profile 'a'".into());
    assert_eq!(document.append_section("profile 'a'", &[]), Err(exists));
    for header in ["", " x", "a\nb", "profile a b", "a] # b"] {
        assert!(matches!(document.append_section(header, &[]), Err(EditError::BadHeader(_))), "{header:?}");
    }
    let twice = document.append_section("b", &[("k", "1"), ("K", "2")]);
    assert_eq!(twice, Err(EditError::KeyTwice("K".into())));
    assert_eq!(document.to_string(), "[profile a]\n");
}

#[test]
fn remove_key_takes_every_line_of_the_key() {
    let text = "[a]\nk = 1\n  more\n# c\n  still\nb = 2\n[a]\nK = 3\n[c]\nk = 4\n";
    let result = edited(text, |document| assert!(document.remove_key(&SectionId::plain("a"), "k")));
    assert_eq!(result, "[a]\n# c\nb = 2\n[a]\n[c]\nk = 4\n");
    edited(text, |document| assert!(!document.remove_key(&SectionId::plain("c"), "b")));
}

#[test]
fn remove_section_leaves_the_comments_above_the_next_header() {
    let text = "# top\n[a]\nk = 1\n# of a\n\n# about b\n; too\n[b]\nx = 1\n[a]\ny = 1\n# last\n";
    let result = edited(text, |document| assert_eq!(document.remove_section(&SectionId::plain("a")), Ok(true)));
    assert_eq!(result, "# top\n# about b\n; too\n[b]\nx = 1\n");
    edited(text, |document| assert_eq!(document.remove_section(&SectionId::plain("z")), Ok(false)));
}

#[test]
fn remove_section_never_makes_a_value_of_an_indented_header() {
    let text = "[a]\nk = 1\n[b]\n  [c]\n";
    let refused = Err(EditError::NextHeaderIndented("b".into()));
    let result = edited(text, |document| assert_eq!(document.remove_section(&SectionId::plain("b")), refused));
    assert_eq!(result, text);
}

#[test]
fn debug_shows_no_value() {
    let document = Document::parse("[a]\naws_secret_access_key = hunter2\ns3 =\n  x = hunter2\n");
    let section = document.section_of_header("a");
    let properties: Vec<_> = section.iter().flat_map(Section::properties).collect();
    let nested: Vec<_> = properties.iter().flat_map(Property::sub_properties).collect();
    assert!(!format!("{document:?} {section:?} {properties:?} {nested:?}").contains("hunter2"));
}
