//! Credentials files as nobody should have them, up to ten thousand lines of them: doubled sections, halves and doubles of
//! keys, mixed line ends, odd headers, values that go on, lines that are none. What is kept is given back to the byte,
//! and no secret is ever neither in the text nor among what was taken.

use std::collections::{BTreeMap, BTreeSet};

use multicred::aws_config::kept::{WayBack, restore};
use multicred::credential_text::Found;
use proptest::prelude::*;

use crate::scene::{Scene, ini};
use crate::setup::credentials;
use crate::setup_files::{keep, keys};

/// What a piece of a file is made from: its kind, a number that chooses a name or a form, and its line end.
type Piece = (u8, u16, bool);

/// A file, and every secret that stands in it.
#[derive(Clone, Debug)]
pub struct Hostile {
    pub text: String,
    pub secrets: Vec<String>,
}

impl Hostile {
    /// `names` is how many sections the pieces are spread over: the fewer, the more often each is written again.
    fn of(pieces: &[Piece], names: u16, has_bom: bool, is_open: bool) -> Self {
        let text = if has_bom { "\u{feff}" } else { "" }.to_owned();
        let mut file = Self { text, secrets: Vec::new() };
        for (number, (kind, choice, is_crlf)) in pieces.iter().enumerate() {
            file.add(number, *kind, *choice, names, if *is_crlf { "\r\n" } else { "\n" });
        }
        if is_open {
            file.text.truncate(file.text.trim_end_matches(['\r', '\n']).len());
        }
        file
    }

    fn add(&mut self, number: usize, kind: u8, choice: u16, names: u16, end: &str) {
        let indent = ["", "", "", "  ", "\t"][usize::from(choice % 5)];
        let equals = [" = ", "=", ": ", "\t=\t"][usize::from(choice / 5 % 4)];
        let mut line = |text: &str| self.text.extend([text, end]);
        let mut secret = |form: &str| {
            let secret = form.replace('N', &format!("{number}"));
            self.secrets.push(secret.clone());
            secret
        };
        let id = format!("{indent}aws_access_key_id{equals}AKIA{number:016}");
        match kind {
            0..=4 => line(&header(choice, names)),
            5 | 6 => {
                let secret = secret("sN/+%y;z#q");
                line(&id);
                line(&format!("{indent}aws_secret_access_key{equals}{secret}"));
            }
            7 => {
                let secret = secret("sN+/");
                line(&format!("{indent}AWS_Secret_Access_Key{equals}{secret}"));
                line(&format!("{indent}region{equals}eu-west-1 ; near"));
                line(&id);
            }
            8 => line(&id),
            9 => {
                let secret = secret("lone-N.");
                line(&format!("{indent}aws_secret_access_key{equals}{secret}"));
            }
            10 => {
                let secret = secret("temporary-N.");
                line(&id.replace("AKIA", "ASIA"));
                line(&format!("{indent}aws_secret_access_key{equals}{secret}"));
                line(&format!("{indent}aws_session_token{equals}{}", "t".repeat(400)));
            }
            11 => {
                let secret = secret("remarked-N.");
                line(&format!("{indent}# aws_secret_access_key = {secret}"));
            }
            12 => {
                let secret = secret("below-N.");
                line(&format!("note{equals}"));
                line(&format!("    aws_secret_access_key = {secret}"));
            }
            13 => line(&format!("x{equals}{}", "y".repeat(usize::from(choice) % 9_000))),
            14 => line(["", "  ", "\t# c", ";c", "# [one]", "    and on"][usize::from(choice % 6)]),
            15 => line(["junk", "= x", "[", "[]", "[a", "] b", "[a] b", "\u{a0}x"][usize::from(choice % 8)]),
            16 => line(["expiration = 1", "aws_account_id=1", "multicred_store = x"][usize::from(choice % 3)]),
            _ => line(&format!("größe{equals}日本 #{number}")),
        }
    }
}

fn header(choice: u16, names: u16) -> String {
    let name = choice % names;
    match choice / 7 % 10 {
        0 => format!("[ n{name} ]"),
        1 => format!("[n{name}] # here"),
        2 => format!("[n{name}];here"),
        3 => format!("[profile n{name}]"),
        4 => format!("[n {name}'\"ü]"),
        5 => "[default]".to_owned(),
        _ => format!("[n{name}]"),
    }
}

fn pieces(count: std::ops::Range<usize>) -> impl Strategy<Value = Vec<Piece>> {
    proptest::collection::vec((0..18_u8, any::<u16>(), any::<bool>()), count)
}

fn few() -> impl Strategy<Value = Hostile> {
    (pieces(0..40), 1..6_u16, any::<bool>(), any::<bool>())
        .prop_map(|(pieces, names, has_bom, is_open)| Hostile::of(&pieces, names, has_bom, is_open))
}

/// Ten thousand lines, in a thousand and more sections.
fn ten_thousand_lines() -> impl Strategy<Value = Hostile> {
    (pieces(8_000..8_001), any::<bool>(), any::<bool>())
        .prop_map(|(pieces, has_bom, is_open)| Hostile::of(&pieces, 3_000, has_bom, is_open))
}

/// Whatever may be a secret.
fn words(text: &str) -> BTreeSet<&str> {
    text.split(|c: char| !c.is_ascii_alphanumeric() && !"/+%;#.-".contains(c)).collect()
}

/// Keeps what can be kept, looks at what became of every secret, and gives it all back.
fn there_and_back(file: &Hostile, with_commands: bool) -> Result<usize, TestCaseError> {
    let own = keys(&file.text);
    let mut back = WayBack::default();
    let now = keep(&file.text, &own, with_commands, 1, &mut back);
    let taken: BTreeSet<&str> = own
        .iter()
        .filter(|(name, found)| back.key_id(name) == Some(found.access_key_id.as_str()))
        .map(|(_, found)| found.secret_access_key.as_str())
        .collect();
    let noted = String::from_utf8_lossy(&back.to_text()).replace("\\t", "\t");
    let (there, noted) = (words(&now), words(&noted));
    for secret in &file.secrets {
        let is_there = there.contains(secret.as_str());
        prop_assert!(is_there || taken.contains(secret.as_str()), "{} is neither there nor taken", secret);
        prop_assert!(is_there || noted.contains(secret.as_str()), "{} has no way back", secret);
    }
    let known: BTreeMap<_, Result<Found, String>> =
        own.iter().map(|(name, key)| (name.clone(), Ok(key.clone()))).collect();
    let (given_back, _) = restore(&now, &back, &known);
    prop_assert_eq!(given_back.as_str(), file.text.as_str());
    Ok(taken.len())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn of_a_hostile_file_no_secret_is_lost_and_every_byte_comes_back(file in few(), with_commands in any::<bool>()) {
        there_and_back(&file, with_commands)?;
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 2, failure_persistence: None, max_shrink_iters: 0, ..ProptestConfig::default()
    })]

    #[test]
    fn nor_of_ten_thousand_lines(file in ten_thousand_lines()) {
        prop_assert!(file.text.lines().count() >= 10_000, "{} lines", file.text.lines().count());
        for with_commands in [true, false] {
            let taken = there_and_back(&file, with_commands)?;
            prop_assert!(taken > 100, "only {} keys were taken", taken);
        }
    }
}

/// A file of so many lines around two keys that AWS knows.
fn around(scene: &Scene, count: usize) -> String {
    let above = format!("\u{feff}# mine\r\n{}", ini("work", &scene.bob).replace('\n', "\r\n"));
    let section = |number| {
        format!(
            "[x{number}]\r\nregion = eu-west-1 ; near\nnote =\n    a = b{number}\n\n# aws_secret_access_key = no\n\
             aws_session_token = ü{number}\n[x{number}] ; again\n"
        )
    };
    let between: Vec<String> = (0..count / 8).map(section).collect();
    above + &between.concat() + &ini("late", &scene.alice) + "[x1]\nlast = 1"
}

#[test]
fn a_file_of_ten_thousand_lines_is_kept_renewed_and_given_back_to_the_byte() {
    for flags in [&[][..], &["--temporary"]] {
        let mut scene = Scene::new();
        let own = around(&scene, 10_000);
        assert!(own.lines().count() >= 10_000, "{}", own.lines().count());
        scene.env.aws_credentials(&own);
        let output = scene.env.run(&[&["setup", "--yes", "--no-shells"], flags].concat());
        output.ok().stdout_has("profile work: ").stdout_has("profile late: ");
        let text = credentials(&scene);
        assert!(!text.contains(&scene.bob.secret) && !text.contains(&scene.alice.secret));
        scene.env.run(&["refresh"]).ok();
        scene.env.run(&["unsetup", "--yes"]).ok();
        assert!(credentials(&scene) == own, "{flags:?}: not the bytes that there were");
    }
}
