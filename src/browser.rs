//! Which browser opens a link, and with which words.

mod container;

use std::path::PathBuf;

use zeroize::Zeroizing;

use crate::credential_text::command_words;
use crate::secret::Secret;

use container::{Family, own_session};

/// What the person says of the browser.
#[derive(Clone, Copy, Debug, Default)]
pub struct Wish<'a> {
    /// A command line, by a flag.
    pub flag: Option<&'a str>,
    /// A command line, by a setting.
    pub setting: Option<&'a str>,
    /// The variable `BROWSER`: command lines, a colon between each and the next.
    pub variable: Option<&'a str>,
    /// The Firefox container, or the profile of Chrome and its kin.
    pub container: Option<&'a str>,
}

/// Where this runs.
#[derive(Clone, Copy, Debug, Default)]
#[allow(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
pub struct Surroundings {
    /// Somebody sits at another machine.
    pub is_over_ssh: bool,
    /// Linux inside Windows.
    pub is_wsl: bool,
    /// macOS.
    pub is_macos: bool,
    /// There is a display for windows.
    pub has_display: bool,
}

/// A browser, and how it is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Browser {
    program: PathBuf,
    words: Vec<String>,
    own_session: Option<container::OwnSession>,
}

/// Who opens the link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Opener {
    /// This browser.
    Browser(Browser),
    /// The person: as was wished, else for this reason.
    Person(Option<&'static str>),
}

/// A browser that cannot be used as the person wishes.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BrowserError {
    /// It is no command line.
    #[error("'{0}' is no plain command line")]
    NotPlain(String),
    /// There is no such program.
    #[error("there is no program '{0}'")]
    NotFound(String),
    /// A browser that keeps no sessions apart.
    #[error("{0} is neither Firefox nor of Chrome's kin: it has no containers or profiles")]
    NoContainers(String),
    /// Nobody that has any is there.
    #[error("neither Firefox nor a browser of Chrome's kin is there, which have containers or profiles")]
    NoneWithContainers,
    /// A name that no container can have.
    #[error("'{0}' can be no name of a container or profile")]
    ContainerName(String),
}

/// Programs that open a link in the browser that the desktop is set to.
const OPENERS: [&str; 3] = ["xdg-open", "x-www-browser", "sensible-browser"];
/// Browsers that keep sessions apart.
const BROWSERS: [&str; 11] = [
    "firefox",
    "firefox-esr",
    "librewolf",
    "google-chrome",
    "google-chrome-stable",
    "chromium",
    "chromium-browser",
    "brave-browser",
    "microsoft-edge",
    "microsoft-edge-stable",
    "vivaldi",
];

/// Chooses: the flag, the setting, the variable, the desktop's own. Over ssh a browser would open where nobody sees it,
/// unless it is named here and now.
///
/// # Errors
/// What the person names is not there, or cannot keep sessions apart.
pub fn choose(wish: Wish<'_>, surroundings: Surroundings) -> Result<Opener, BrowserError> {
    if let Some(line) = wish.flag {
        return named(line, wish.container).map(Opener::Browser);
    }
    if surroundings.is_over_ssh {
        return Ok(Opener::Person(Some("this is an ssh session")));
    }
    if let Some(line) = wish.setting {
        return named(line, wish.container).map(Opener::Browser);
    }
    if let Some(browser) = wish.variable.and_then(|lines| lines.split(':').find_map(found)) {
        return browser.keeping_apart(wish.container).map(Opener::Browser);
    }
    of_desktop(wish.container, surroundings)
}

fn of_desktop(container: Option<&str>, surroundings: Surroundings) -> Result<Opener, BrowserError> {
    let first = |programs: &[&str]| programs.iter().find_map(|program| found(program));
    if container.is_some() && (surroundings.has_display || surroundings.is_macos) {
        let browser = first(&BROWSERS).ok_or(BrowserError::NoneWithContainers)?;
        return browser.keeping_apart(container).map(Opener::Browser);
    }
    let of_windows = first(&["wslview"]).filter(|_| surroundings.is_wsl);
    let of_macos = || first(&["open"]).filter(|_| surroundings.is_macos);
    let of_linux = || first(&OPENERS).or_else(|| first(&BROWSERS)).filter(|_| surroundings.has_display);
    match of_windows.or_else(of_macos).or_else(of_linux) {
        Some(browser) => browser.keeping_apart(container).map(Opener::Browser),
        None if surroundings.has_display || surroundings.is_wsl => Ok(Opener::Person(Some("no browser was found"))),
        None => Ok(Opener::Person(Some("there is no display for a browser"))),
    }
}

/// The browser of a command line that the person gave, which must be there.
fn named(line: &str, container: Option<&str>) -> Result<Browser, BrowserError> {
    let safe = |text: &str| text.escape_debug().to_string();
    let words = command_words(line).filter(|words| words.first().is_some_and(|word| !word.is_empty()));
    let words = words.ok_or_else(|| BrowserError::NotPlain(safe(line)))?;
    let program = words[0].clone();
    found_by(words).ok_or_else(|| BrowserError::NotFound(safe(&program)))?.keeping_apart(container)
}

/// The browser of a command line, where it is there.
fn found(line: &str) -> Option<Browser> {
    found_by(command_words(line)?)
}

fn found_by(words: Vec<String>) -> Option<Browser> {
    let program = which::which_global(words.first()?).ok()?;
    Some(Browser { program, words, own_session: None })
}

/// Where a command line wants the link.
const PLACES: [&str; 2] = ["%s", "{}"];

impl Browser {
    /// The same browser, with a session of its own.
    fn keeping_apart(self, container: Option<&str>) -> Result<Self, BrowserError> {
        let Some(name) = container else { return Ok(self) };
        let family = Family::of(&self.words);
        Ok(Self { own_session: Some(own_session(family, name, &self.words[0])?), ..self })
    }

    /// How it is called.
    pub fn shown(&self) -> String {
        self.program.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned())
    }

    /// Its whole command line for this link, the program first.
    pub fn command(&self, link: &Secret) -> Zeroizing<Vec<String>> {
        let (profile, link) = match &self.own_session {
            None => (None, link.clone()),
            Some(session) => (session.argument(), session.link(link)),
        };
        let has_place = |word: &String| PLACES.iter().any(|place| word.contains(place));
        let arguments = &self.words[1..];
        let at = arguments.iter().position(has_place).unwrap_or(arguments.len());
        let mut command = Zeroizing::new(vec![self.program.to_string_lossy().into_owned()]);
        command.extend_from_slice(&arguments[..at]);
        command.extend(profile);
        for word in &arguments[at..] {
            command.push(PLACES.iter().fold(word.clone(), |word, place| word.replace(place, link.expose())));
        }
        if at == arguments.len() {
            command.push(link.expose().to_owned());
        }
        command
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;
    use std::path::Path;

    use super::*;

    /// A folder with programs of these names.
    fn programs(names: &[&str]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for name in names {
            let path = folder.path().join(name);
            fs::write(&path, "#!/bin/sh\n").unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        }
        folder
    }

    fn at(folder: &Path, line: &str) -> String {
        format!("{}/{line}", folder.display())
    }

    fn command(line: &str, container: Option<&str>) -> Result<Vec<String>, BrowserError> {
        named(line, container).map(|browser| browser.command(&Secret::new("https://x/?a&b"))[1..].to_vec())
    }

    #[test]
    fn the_link_stands_where_the_command_line_wants_it_else_at_its_end() {
        let folder = programs(&["firefox"]);
        for (arguments, expected) in [
            ("", vec!["https://x/?a&b"]),
            (" --new-window", vec!["--new-window", "https://x/?a&b"]),
            (" '--app=%s' -x", vec!["--app=https://x/?a&b", "-x"]),
            (" {} \"two words\"", vec!["https://x/?a&b", "two words"]),
        ] {
            assert_eq!(command(&at(folder.path(), &format!("firefox{arguments}")), None).unwrap(), expected);
        }
    }

    #[test]
    fn firefox_has_containers_and_the_others_profiles() {
        let folder = programs(&["firefox-esr", "google-chrome", "epiphany", "env"]);
        let in_container = command(&at(folder.path(), "firefox-esr"), Some("prod/Admin")).unwrap();
        assert_eq!(in_container, ["ext+container:name=prod%2FAdmin&url=https%3A%2F%2Fx%2F%3Fa%26b"]);
        let in_profile = command(&at(folder.path(), "google-chrome --new-window"), Some("prod/Admin")).unwrap();
        assert_eq!(in_profile, ["--new-window", "--profile-directory=prod-Admin", "https://x/?a&b"]);
        let wrapped = command(&at(folder.path(), "env chromium %s"), Some("Profile 1")).unwrap();
        assert_eq!(wrapped, ["chromium", "--profile-directory=Profile 1", "https://x/?a&b"]);
        let other = command(&at(folder.path(), "epiphany"), Some("x"));
        assert!(matches!(other, Err(BrowserError::NoContainers(_))), "{other:?}");
    }

    #[test]
    fn what_is_not_there_or_no_command_line_is_refused() {
        for (line, expected) in [
            ("/nowhere/at/all", BrowserError::NotFound("/nowhere/at/all".into())),
            ("", BrowserError::NotPlain(String::new())),
            ("firefox $(id)", BrowserError::NotPlain("firefox $(id)".into())),
            ("firefox; id", BrowserError::NotPlain("firefox; id".into())),
            ("'firefox", BrowserError::NotPlain("\\'firefox".into())),
        ] {
            assert_eq!(command(line, None), Err(expected), "{line}");
        }
    }

    #[test]
    fn the_flag_counts_before_the_setting_and_that_before_the_variable_whose_first_program_that_is_there_counts() {
        let folder = programs(&["one", "two", "three"]);
        let [one, two, three] = ["one", "two", "three"].map(|name| at(folder.path(), name));
        let variable = format!("/nowhere %s:{three} %s:{one}");
        let shown = |wish, surroundings| match choose(wish, surroundings) {
            Ok(Opener::Browser(browser)) => browser.shown(),
            Ok(Opener::Person(reason)) => reason.unwrap_or_default().to_owned(),
            Err(error) => error.to_string(),
        };
        let here = Surroundings::default();
        let over_ssh = Surroundings { is_over_ssh: true, has_display: true, ..here };
        let all = Wish { flag: Some(&one), setting: Some(&two), variable: Some(&variable), container: None };
        assert_eq!(shown(all, here), "one");
        assert_eq!(shown(all, over_ssh), "one");
        assert_eq!(shown(Wish { flag: None, ..all }, here), "two");
        assert_eq!(shown(Wish { flag: None, ..all }, over_ssh), "this is an ssh session");
        assert_eq!(shown(Wish { flag: None, setting: None, ..all }, here), "three");
        assert_eq!(shown(Wish::default(), here), "there is no display for a browser");
    }
}
