//! What can be pasted or imported: every format, every encoding, and what is said of a text that cannot be taken.

use multicred::credential_text::{FaultReason, Found, SectionFault, TextError, decode, parse};
use proptest::prelude::*;

const ID: &str = "AKIAIOSFODNN7EXAMPLE";
const TEMPORARY_ID: &str = "ASIAIOSFODNN7EXAMPLE";
const SECRET: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
const TOKEN: &str = "IQoJb3JpZ2luX2VjEXAMPLE//token==";
/// 2009-02-05T05:00:57Z
const EXPIRY: i64 = 1_233_810_057;

fn only(text: &str) -> Result<Found, SectionFault> {
    let mut results = parse(text).unwrap_or_else(|error| panic!("{error}: {text}"));
    assert_eq!(results.len(), 1, "{text}");
    results.remove(0)
}

fn found(text: &str) -> Found {
    only(text).unwrap_or_else(|fault| panic!("{fault}: {text}"))
}

fn refusal(text: &str) -> (Option<u32>, FaultReason) {
    let fault = only(text).expect_err(text);
    (fault.line, fault.reason)
}

/// The triple with its expiry, as every format must give it.
fn assert_temporary(text: &str) {
    let found = found(text);
    assert_eq!(found.access_key_id, TEMPORARY_ID, "{text}");
    assert_eq!(found.secret_access_key.as_str(), SECRET, "{text}");
    assert_eq!(found.session_token.as_ref().unwrap().as_str(), TOKEN, "{text}");
    assert_eq!(found.expires_at, Some(EXPIRY), "{text}");
}

fn ini(section: &str, extra: &str) -> String {
    format!("[{section}]\naws_access_key_id = {ID}\naws_secret_access_key = {SECRET}\n{extra}")
}

fn temporary_ini(extra: &str) -> String {
    format!(
        "[tmp]\naws_access_key_id={TEMPORARY_ID}\naws_secret_access_key={SECRET}\naws_session_token={TOKEN}\n{extra}"
    )
}

fn utf16(text: &str, bytes: fn(u16) -> [u8; 2]) -> Vec<u8> {
    text.encode_utf16().flat_map(bytes).collect()
}

// ---------------------------------------------------------------- encodings

#[test]
fn every_encoding_gives_the_same_text() {
    let text = ini("dév", "# ünïcode in a comment\r\n");
    let with_bom = format!("\u{feff}{text}");
    let encoded = [
        text.clone().into_bytes(),
        with_bom.clone().into_bytes(),
        utf16(&with_bom, u16::to_le_bytes),
        utf16(&with_bom, u16::to_be_bytes),
        utf16(&text, u16::to_le_bytes),
        utf16(&text, u16::to_be_bytes),
    ];
    for bytes in encoded {
        assert_eq!(decode(&bytes).unwrap().as_str(), text);
    }
    assert_eq!(decode(b"").unwrap().as_str(), "");
}

#[test]
fn characters_outside_the_first_plane_survive_utf_16() {
    let text = "# 🔑 plainly UTF-16, for all that\n[a]\n";
    assert_eq!(decode(&utf16(text, u16::to_le_bytes)).unwrap().as_str(), text);
}

#[test]
fn undecodable_bytes_are_told_with_their_offset() {
    let mut cut = utf16("\u{feff}ab", u16::to_le_bytes);
    cut.pop();
    let mut lone = utf16("\u{feff}a", u16::to_be_bytes);
    lone.extend([0xd8, 0x00, 0x00, b'b']);
    let cases: [(&[u8], &str, usize); 6] = [
        (b"[caf\xe9]", "UTF-8", 4),
        (b"\xef\xbb\xbfab\xff", "UTF-8", 5),
        (b"ab\xc3", "UTF-8", 2),
        (&cut, "UTF-16", 4),
        (&lone, "UTF-16", 4),
        (b"\xff\xfe\0\0a\0\0\0", "UTF-16", 2),
    ];
    for (bytes, encoding, offset) in cases {
        let error = decode(bytes).expect_err(encoding);
        assert_eq!((error.encoding, error.offset), (encoding, offset), "{bytes:?}");
        assert!(error.to_string().contains(&format!("byte {offset}")));
    }
}

#[test]
fn every_format_is_read_with_windows_line_endings_and_a_byte_order_mark() {
    let env = format!(
        "export AWS_ACCESS_KEY_ID={TEMPORARY_ID}\nexport AWS_SECRET_ACCESS_KEY={SECRET}\n\
         export AWS_SESSION_TOKEN={TOKEN}\nexport AWS_CREDENTIAL_EXPIRATION=2009-02-05T05:00:57Z\n"
    );
    let powershell = env.replace("export ", "$Env:").replace('=', "=\"").replace('\n', "\"\n").replace("=\"=\"", "==");
    for text in
        [env, powershell, temporary_ini("expiration = 2009-02-05 05:00:57\n"), sts_json("\"2009-02-05T05:00:57Z\"")]
    {
        assert_temporary(&text);
        assert_temporary(&format!("\u{feff}{}", text.replace('\n', "\r\n")));
    }
}

// ---------------------------------------------------------------- INI

#[test]
fn each_section_of_an_ini_text_has_its_own_result() {
    let text = format!(
        "{}\n[role]\nrole_arn = arn:aws:iam::111122223333:role/x\nsource_profile = a\n\n{}[half]\naws_access_key_id = \
         {ID}\n",
        ini("a", "region = eu-west-1 # home\nmfa_serial = arn:aws:iam::111122223333:mfa/alice\n"),
        temporary_ini("")
    );
    let results = parse(&text).unwrap();
    let [Ok(a), Ok(tmp), Err(half)] = &results[..] else { panic!("{results:?}") };
    assert_eq!((a.section.as_deref(), a.line, a.access_key_id.as_str()), (Some("a"), Some(2), ID));
    assert_eq!((a.region.as_deref(), a.expires_at), (Some("eu-west-1"), None));
    assert_eq!(a.mfa_serial.as_deref(), Some("arn:aws:iam::111122223333:mfa/alice"));
    assert_eq!((tmp.section.as_deref(), tmp.expires_at), (Some("tmp"), None));
    assert_eq!(half.to_string(), "[half], line 16: aws_secret_access_key is missing: add it");
}

#[test]
fn keys_pasted_without_their_header_are_read() {
    let text = format!("aws_access_key_id = {ID}\naws_secret_access_key = {SECRET}\n");
    let found = found(&text);
    assert_eq!((found.section, found.line), (None, Some(1)));
    assert_eq!(refusal(&format!("\naws_secret_access_key = {SECRET}\n")).0, Some(2));
    assert_eq!(self::found(&format!("AWS_ACCESS_KEY_ID = {ID}\nAWS_SECRET_ACCESS_KEY = {SECRET}\n")).access_key_id, ID);
}

#[test]
fn a_pasted_text_that_is_indented_as_a_whole_is_read() {
    let text = format!("    {}", ini("a", "").replace('\n', "\n    "));
    assert_eq!(found(&text).secret_access_key.as_str(), SECRET);
}

#[test]
fn half_a_key_names_the_half_that_is_missing() {
    let missing = |text: &str| match refusal(text).1 {
        FaultReason::Missing { missing } => missing,
        other => panic!("{other}"),
    };
    assert_eq!(missing(&format!("[a]\naws_access_key_id = {ID}\naws_secret_access_key =\n")), "aws_secret_access_key");
    assert_eq!(missing(&format!("[a]\naws_secret_access_key = {SECRET}\n")), "aws_access_key_id");
    assert_eq!(missing(&format!("[a]\naws_session_token = {TOKEN}\n")), "aws_access_key_id");
    assert_eq!(missing(&format!("export AWS_ACCESS_KEY_ID={ID}")), "AWS_SECRET_ACCESS_KEY");
    assert_eq!(missing(&format!("{{\"Version\":1,\"AccessKeyId\":\"{ID}\"}}")), "SecretAccessKey");
}

#[test]
fn the_line_that_cannot_be_read_is_told_rather_than_the_half_that_it_hides() {
    let fault = only(&format!("[a]\naws_access_key_id = {ID}\naws_secret_access_key {SECRET}\n")).expect_err("a");
    assert_eq!(fault.line, Some(3));
    assert!(matches!(fault.reason, FaultReason::UnreadableLine(_)), "{fault}");
    let broken_header = ini("a", "").replace(']', "");
    assert_eq!(
        only(&broken_header).expect_err("header").to_string(),
        "line 1: the section header is not closed: write ]"
    );
}

#[test]
fn bad_lines_elsewhere_do_not_matter() {
    let text = format!("junk\n{}junk\n[b\nx\n", ini("a", ""));
    assert_eq!(found(&text).section.as_deref(), Some("a"));
}

#[test]
fn a_token_must_fit_its_key() {
    let long_term = ini("a", &format!("aws_session_token = {TOKEN}\n"));
    assert_eq!(refusal(&long_term), (Some(4), FaultReason::TokenOfLongTermKey { token: "aws_session_token".into() }));
    assert!(only(&long_term).expect_err("token").to_string().contains("remove aws_session_token"));
    let temporary = temporary_ini("").replace(TOKEN, "");
    assert_eq!(refusal(&temporary).1, FaultReason::NoToken { token: "aws_session_token" });
    let empty = ini("a", "aws_session_token =\naws_security_token=\n");
    assert_eq!(found(&empty).session_token, None);
}

#[test]
fn the_older_name_of_the_token_is_read() {
    assert_eq!(
        found(&temporary_ini("").replace("session_token", "security_token")).session_token.unwrap().as_str(),
        TOKEN
    );
}

#[test]
fn an_access_key_id_has_a_strict_form() {
    for id in
        ["AKIA", "\"AKIAIOSFODNN7EXAMPLE\"", "AKIAIOSFODNN7EXAMPLE # mine", "AKIA-OSFODNN7EXAMPLE", &"A".repeat(129)]
    {
        let reason = refusal(&ini("a", "").replace(ID, id)).1;
        assert_eq!(reason, FaultReason::NotAKeyId { name: "aws_access_key_id".into() }, "{id}");
    }
}

#[test]
fn invisible_characters_are_named_and_not_shown() {
    for (character, code) in [('\u{1b}', 0x1b), ('\0', 0), ('\u{200b}', 0x200b), ('\u{a0}', 0xa0), ('\u{7f}', 0x7f)] {
        let text = ini("a", "").replace(SECRET, &format!("abc{character}def"));
        let name = "aws_secret_access_key".to_owned();
        assert_eq!(refusal(&text), (Some(3), FaultReason::InvisibleCharacter { name, code }));
    }
    let continued = ini("a", "").replace(SECRET, "abc\n   def");
    assert!(matches!(refusal(&continued).1, FaultReason::InvisibleCharacter { code: 10, .. }));
}

#[test]
fn a_section_name_cannot_drive_the_terminal() {
    let fault = only(&format!("[a\u{1b}[2J]\naws_access_key_id = {ID}\n")).expect_err("half");
    assert!(!fault.to_string().contains('\u{1b}'));
}

// ---------------------------------------------------------------- expiry

#[test]
fn every_form_of_expiry_is_one_instant() {
    let keys =
        ["expiration", "aws_expiration", "aws_session_expiration", "x_security_token_expires", "expires", "Expires_At"];
    for key in keys {
        assert_temporary(&temporary_ini(&format!("{key} = 2009-02-04T21:00:57-08:00\n")));
    }
    let times = [
        "2009-02-04T21:00:57-08:00",
        "2009-02-05T05:00:57Z",
        "2009-02-05T05:00:57.999Z",
        "2009-02-05T05:00:57+00:00",
        "2009-02-05T05:00:57+0000",
        "2009-02-05 07:00:57+02:00",
        "2009-02-05 05:00:57",
        "2009-02-05 05:00:57 UTC",
        "2009-02-05T05:00:57",
        "1233810057",
        "1233810057.25",
        "1233810057000",
    ];
    for time in times {
        assert_temporary(&temporary_ini(&format!("aws_credential_expiration = {time}  # when\n")));
    }
}

#[test]
fn an_expiry_that_cannot_be_read_is_a_fault() {
    for time in
        ["soon", "2009-02-04", "2009-13-04T00:00:00Z", "04.02.2009 21:00", "21:00:57", "99999999999999999999", "12a"]
    {
        let reason = refusal(&temporary_ini(&format!("expiration = {time}\n"))).1;
        assert_eq!(reason, FaultReason::NotATime { name: "expiration".into() }, "{time}");
    }
}

#[test]
fn an_expiry_beside_a_long_term_key_is_a_leftover() {
    for time in ["2009-02-05T05:00:57Z", "soon"] {
        assert_eq!(found(&ini("a", &format!("aws_credential_expiration = {time}\n"))).expires_at, None);
    }
}

// ---------------------------------------------------------------- shell lines

#[test]
fn the_lines_of_every_shell_are_read() {
    let forms = [
        "export NAME=VALUE",
        "export NAME=\"VALUE\"",
        "  export NAME='VALUE';  # comment",
        "NAME=VALUE",
        "declare -x NAME=\"VALUE\"",
        "set -gx NAME VALUE",
        "set --global --export NAME 'VALUE';",
        "setenv NAME VALUE",
        "setenv NAME \"VALUE\";",
        "$env:NAME = \"VALUE\"",
        "$Env:NAME='VALUE';",
        "$ENV:NAME=\"VALUE\" # comment",
        "set NAME=VALUE",
        "SET NAME=VALUE",
        "set \"NAME=VALUE\"",
    ];
    let values = [
        ("AWS_ACCESS_KEY_ID", TEMPORARY_ID),
        ("AWS_SECRET_ACCESS_KEY", SECRET),
        ("AWS_SESSION_TOKEN", TOKEN),
        ("AWS_SESSION_EXPIRATION", "2009-02-05T05:00:57Z"),
        ("AWS_DEFAULT_REGION", "eu-west-1"),
    ];
    for form in forms {
        let line = |(name, value): &(&str, &str)| form.replace("NAME", name).replace("VALUE", value) + "\n";
        let text =
            format!("# pasted\n\nunset AWS_PROFILE\n{}echo \"done $?\"\n", values.iter().map(line).collect::<String>());
        assert_temporary(&text);
        assert_eq!(found(&text).line, Some(4), "{form}");
        assert_eq!(found(&text).region.as_deref(), Some("eu-west-1"), "{form}");
        assert_eq!(found(&text).section, None);
    }
}

#[test]
fn several_assignments_in_one_line_are_read() {
    for text in [
        format!("export AWS_ACCESS_KEY_ID={ID} AWS_SECRET_ACCESS_KEY='{SECRET}'"),
        format!("export AWS_ACCESS_KEY_ID={ID}; export AWS_SECRET_ACCESS_KEY={SECRET};"),
        format!("export AWS_ACCESS_KEY_ID={ID} && export AWS_SECRET_ACCESS_KEY={SECRET}"),
        format!("AWS_ACCESS_KEY_ID={ID} AWS_SECRET_ACCESS_KEY={SECRET} aws s3 ls"),
        format!("set -gx AWS_ACCESS_KEY_ID {ID}; set -gx AWS_SECRET_ACCESS_KEY {SECRET}"),
        format!("$env:AWS_ACCESS_KEY_ID=\"{ID}\"; $env:AWS_SECRET_ACCESS_KEY=\"{SECRET}\""),
        format!("set AWS_ACCESS_KEY_ID={ID}&& set AWS_SECRET_ACCESS_KEY={SECRET}"),
    ] {
        assert_eq!(
            (found(&text).access_key_id.as_str(), found(&text).secret_access_key.as_str()),
            (ID, SECRET),
            "{text}"
        );
    }
}

#[test]
fn the_region_that_wins_in_the_sdks_wins() {
    let text = format!(
        "export AWS_ACCESS_KEY_ID={ID}\nexport AWS_SECRET_ACCESS_KEY={SECRET}\nexport AWS_REGION=a\nexport \
         AWS_DEFAULT_REGION=b\n"
    );
    assert_eq!(found(&text).region.as_deref(), Some("a"));
}

#[test]
fn what_a_shell_would_compute_is_refused() {
    let line = |value: &str| format!("export AWS_ACCESS_KEY_ID={ID}\nexport AWS_SECRET_ACCESS_KEY={value}\n");
    for value in ["$'abc'", "$SECRET", "\"${SECRET}\"", "`cat x`", "\"`cat x`\"", "$(cat x)", "(x)", "<x"] {
        assert_eq!(refusal(&line(value)), (Some(2), FaultReason::Expands), "{value}");
    }
    assert_eq!(refusal(&line("'abc")), (Some(2), FaultReason::QuoteNotClosed));
    assert_eq!(refusal(&line("abc\\")), (Some(2), FaultReason::LineContinues));
    let powershell = |value: &str| format!("$env:AWS_SECRET_ACCESS_KEY = {value}");
    assert_eq!(refusal(&powershell("$x")), (Some(1), FaultReason::NotQuoted));
    assert_eq!(refusal(&powershell("\"$x\"")), (Some(1), FaultReason::Expands));
    assert_eq!(refusal(&powershell("\"a`nb\"")), (Some(1), FaultReason::Expands));
    assert_eq!(refusal(&powershell("\"a")), (Some(1), FaultReason::QuoteNotClosed));
}

#[test]
fn two_credentials_in_one_set_of_lines_are_not_mixed() {
    let one = format!("export AWS_ACCESS_KEY_ID={ID}\nexport AWS_SECRET_ACCESS_KEY={SECRET}\n");
    assert_eq!(found(&format!("{one}{one}")).access_key_id, ID);
    let two = format!("{one}{}", one.replace("IOSF", "ZZZZ"));
    assert_eq!(refusal(&two), (Some(3), FaultReason::SetTwice { name: "AWS_ACCESS_KEY_ID".into() }));
}

#[test]
fn an_erased_fish_variable_is_not_read() {
    let text = format!(
        "set -e AWS_SESSION_TOKEN {TOKEN}\nset -gx AWS_ACCESS_KEY_ID {ID}\nset -x AWS_SECRET_ACCESS_KEY {SECRET}\n"
    );
    assert_eq!(found(&text).session_token, None);
}

// ---------------------------------------------------------------- JSON

fn sts_json(expiration: &str) -> String {
    format!(
        "{{\n    \"AssumedRoleUser\": {{\"Arn\": \"x\"}},\n    \"Credentials\": {{\n        \"AccessKeyId\": \
         \"{TEMPORARY_ID}\",\n        \"SecretAccessKey\": \"{SECRET}\",\n        \"SessionToken\": \"{TOKEN}\",\n        \
         \"Expiration\": {expiration}\n    }}\n}}\n"
    )
}

#[test]
fn what_aws_sts_prints_is_read() {
    for expiration in ["\"2009-02-04T21:00:57-08:00\"", "\"2009-02-05T05:00:57+00:00\"", "1233810057", "1233810057.5"] {
        assert_temporary(&sts_json(expiration));
    }
    assert_eq!(found(&sts_json("null")).expires_at, None);
    assert_eq!(refusal(&sts_json("\"soon\"")).1, FaultReason::NotATime { name: "Expiration".into() });
}

#[test]
fn what_aws_sso_prints_is_read() {
    assert_temporary(&format!(
        "{{\"roleCredentials\":{{\"accessKeyId\":\"{TEMPORARY_ID}\",\"secretAccessKey\":\"{SECRET}\",\"sessionToken\":\
         \"{TOKEN}\",\"expiration\":1233810057000}}}}"
    ));
}

#[test]
fn what_a_credential_process_prints_is_read() {
    let output = format!("{{\"Version\": 1, \"AccessKeyId\": \"{ID}\", \"SecretAccessKey\": \"{SECRET}\"}}");
    let found = found(&output);
    assert_eq!((found.session_token, found.expires_at, found.line), (None, None, None));
    assert_temporary(&format!(
        "{{\"Version\":1,\"AccessKeyId\":\"{TEMPORARY_ID}\",\"SecretAccessKey\":\"{SECRET}\",\"SessionToken\":\"{TOKEN}\",\
         \"Expiration\":\"2009-02-05T05:00:57Z\",\"AccountId\":\"111122223333\"}}"
    ));
    for version in ["2", "\"1\"", "null", "1.5"] {
        let other = output.replace("\"Version\": 1", &format!("\"Version\": {version}"));
        assert!(matches!(refusal(&other).1, FaultReason::NotVersion1 { .. }), "{version}");
    }
    let without = output.replace("\"Version\": 1,", "");
    assert!(only(&without).expect_err("no version").to_string().contains("add \"Version\": 1"));
}

#[test]
fn a_new_access_key_of_iam_is_read() {
    let text = format!(
        "{{\"AccessKey\": {{\"UserName\": \"alice\", \"Status\": \"Active\", \"AccessKeyId\": \"{ID}\", \"SecretAccessKey\": \
         \"{SECRET}\", \"CreateDate\": \"2009-02-05T05:00:57Z\"}}}}"
    );
    assert_eq!((found(&text).access_key_id.as_str(), found(&text).expires_at), (ID, None));
}

#[test]
fn broken_json_is_told_by_place() {
    assert_eq!(parse("{\"Version\": 1,\n"), Err(TextError::BrokenJson { line: 2, column: 0 }));
    assert!(matches!(parse(&format!("{{\"SecretAccessKey\": \"{SECRET}\" x}}")), Err(TextError::BrokenJson { .. })));
    let wrong = parse(&format!("{{\"Credentials\": \"{SECRET}\"}}")).expect_err("wrong type");
    assert!(matches!(wrong, TextError::WrongJson { line: 1, .. }), "{wrong}");
    assert!(!wrong.to_string().contains(SECRET));
    assert_eq!(parse("{}"), Err(TextError::NoKey));
    assert_eq!(parse("{\"Account\": \"111122223333\"}"), Err(TextError::NoKey));
}

// ---------------------------------------------------------------- no credentials at all

#[test]
fn texts_without_credentials_say_what_is_wanted() {
    for text in ["", " \n\t\r\n", "\u{feff}", "\u{feff} \n"] {
        assert_eq!(parse(text), Err(TextError::Empty), "{text:?}");
    }
    for text in ["hello", "# only a comment\n", "export PATH=/x\n", "[ -f x ] && y\n", "<xml/>", "- a: b\n"] {
        assert_eq!(parse(text), Err(TextError::UnknownFormat), "{text:?}");
    }
    assert_eq!(parse("[profile a]\nrole_arn = x\n"), Err(TextError::NoKey));
    assert!(TextError::UnknownFormat.to_string().contains("$env:"));
}

// ---------------------------------------------------------------- hostile values

const HOSTILE: &str = "a b#c %x;= #d ;e\"f\\g'h=$i`j%(k)s";

#[test]
fn a_hostile_secret_survives_every_format() {
    let json = serde_json::Value::from(HOSTILE).to_string();
    let bash = format!("'{}'", HOSTILE.replace('\'', "'\\''"));
    let double =
        format!("\"{}\"", HOSTILE.replace('\\', "\\\\").replace('"', "\\\"").replace('$', "\\$").replace('`', "\\`"));
    let fish = format!("'{}'", HOSTILE.replace('\\', "\\\\").replace('\'', "\\'"));
    let fish_escaped: String = HOSTILE.chars().flat_map(|c| if c == '`' { vec![c] } else { vec!['\\', c] }).collect();
    let ps_single = format!("'{}'", HOSTILE.replace('\'', "''"));
    let ps_double = format!("\"{}\"", HOSTILE.replace('`', "``").replace('"', "`\"").replace('$', "`$"));
    for text in [
        format!("[a]\naws_access_key_id = {ID}\naws_secret_access_key = {HOSTILE}\n"),
        format!("export AWS_ACCESS_KEY_ID={ID}\nexport AWS_SECRET_ACCESS_KEY={bash}\n"),
        format!("export AWS_ACCESS_KEY_ID={ID}\nexport AWS_SECRET_ACCESS_KEY={double}\n"),
        format!("set -gx AWS_ACCESS_KEY_ID {ID}\nset -gx AWS_SECRET_ACCESS_KEY {fish}\n"),
        format!("set -gx AWS_ACCESS_KEY_ID {ID}\nset -gx AWS_SECRET_ACCESS_KEY {fish_escaped}\n"),
        format!("$env:AWS_ACCESS_KEY_ID = '{ID}'\n$env:AWS_SECRET_ACCESS_KEY = {ps_single}\n"),
        format!("$env:AWS_ACCESS_KEY_ID = '{ID}'\n$env:AWS_SECRET_ACCESS_KEY = {ps_double}\n"),
        format!("SET AWS_ACCESS_KEY_ID={ID}\nSET AWS_SECRET_ACCESS_KEY={HOSTILE}\n"),
        format!("{{\"Version\": 1, \"AccessKeyId\": \"{ID}\", \"SecretAccessKey\": {json}}}"),
    ] {
        assert_eq!(found(&text).secret_access_key.as_str(), HOSTILE, "{text}");
    }
}

#[test]
fn debug_shows_no_secret() {
    let shown = format!("{:?}", parse(&temporary_ini("")));
    assert!(shown.contains(TEMPORARY_ID) && !shown.contains(SECRET) && !shown.contains(TOKEN), "{shown}");
}

/// A secret that no error text contains by chance.
const MARK: &str = "Zq7Zq7Zq7";

fn text_with_marked_secrets() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        Just(MARK.to_owned()),
        Just(format!("aws_access_key_id = {ID}\n")),
        Just(format!("aws_access_key_id = {MARK}\n")),
        Just(format!("aws_secret_access_key = {MARK}")),
        Just(format!("aws_session_token = {MARK}")),
        Just(format!("expiration = {MARK}\n")),
        Just(format!("export AWS_SECRET_ACCESS_KEY={MARK}")),
        Just(format!("export AWS_ACCESS_KEY_ID='{MARK}'\n")),
        Just(format!("$env:AWS_SESSION_TOKEN = \"{MARK}\"")),
        Just(format!("{{\"Version\": 1, \"AccessKeyId\": \"{MARK}\", \"SecretAccessKey\": \"{MARK}\"")),
        Just(format!("{{\"Credentials\": {{\"SecretAccessKey\": \"{MARK}\", \"Expiration\": \"{MARK}\"}}")),
        Just("[a]\n".to_owned()),
        Just("}".to_owned()),
        "[\n\r\t\"'`$;#=\\[\\]{}: ]{1,3}",
        any::<String>(),
    ];
    proptest::collection::vec(piece, 0..8).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_error_shows_a_secret(text in text_with_marked_secrets()) {
        match parse(&text) {
            Err(error) => {
                let shown = format!("{error} {error:?}");
                prop_assert!(!shown.contains(MARK), "{}", shown);
            }
            Ok(results) => {
                prop_assert!(!results.is_empty());
                for result in results {
                    let Err(fault) = result else { continue };
                    // A section's name may be shown, and only it.
                    let nameless = SectionFault { section: None, ..fault };
                    let shown = format!("{nameless} {nameless:?}");
                    prop_assert!(!shown.contains(MARK), "{}", shown);
                }
            }
        }
    }

    #[test]
    fn any_bytes_are_decoded_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..60)) {
        match decode(&bytes) {
            Ok(text) => drop(parse(&text)),
            Err(error) => prop_assert!(error.offset < bytes.len()),
        }
    }

    #[test]
    fn any_visible_secret_is_read_from_bash_quotes(secret in "[!-~]([ -~]{0,40}[!-~])?") {
        let quoted = secret.replace('\'', "'\\''");
        let found = found(&format!("export AWS_ACCESS_KEY_ID={ID} AWS_SECRET_ACCESS_KEY='{quoted}'"));
        prop_assert_eq!(found.secret_access_key.as_str(), secret.as_str());
    }

    #[test]
    fn any_visible_secret_is_read_from_ini(secret in "[!-~]([ -~]{0,40}[!-~])?") {
        let found = found(&ini("a", "").replace(SECRET, &secret));
        prop_assert_eq!(found.secret_access_key.as_str(), secret.as_str());
    }
}
