//! Where things are: the store, the settings, the AWS files, the runtime folder.

use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;

use super::Context;
use crate::env_change::{FILES, LIVE, OWN_FILES};

/// The variables that name the AWS files, and those that keep what the person had them say, in a live shell.
pub const STAND_INS: [(&str, &str); 2] = [(FILES[0], OWN_FILES[0]), (FILES[1], OWN_FILES[1])];

/// A folder that the program needs and nobody says where it is.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("HOME is not set, so there is no place for {0}")]
pub struct NoHome(&'static str);

impl Context {
    fn home(&self, what: &'static str) -> Result<PathBuf, NoHome> {
        self.path("HOME").ok_or(NoHome(what))
    }

    /// The default place of the store: `<data folder>/multicred/multicred.db`.
    ///
    /// # Errors
    /// `HOME` is not set.
    pub fn default_store(&self) -> Result<PathBuf, NoHome> {
        // The XDG specification: a relative path is to be ignored.
        let given = self.path("XDG_DATA_HOME").filter(|path| path.is_absolute());
        let folder = match given {
            Some(folder) => folder,
            None => self.home("the store")?.join(DATA_FOLDER),
        };
        Ok(folder.join("multicred").join("multicred.db"))
    }

    /// The person's own settings: `<config folder>/multicred/config.toml`; `None` where nobody says where that is.
    pub fn settings_file(&self) -> Option<PathBuf> {
        let given = self.path("XDG_CONFIG_HOME").filter(|path| path.is_absolute());
        let folder = given.or_else(|| Some(self.home("the settings").ok()?.join(CONFIG_FOLDER)))?;
        Some(folder.join("multicred").join("config.toml"))
    }

    /// The files that a shell of this name reads when it starts, the one for a person's own lines first.
    pub fn startup_files(&self, shell: &str) -> Vec<PathBuf> {
        let Ok(home) = self.home("startup files") else { return Vec::new() };
        let inside = |folder: PathBuf, names: &[&str]| names.iter().map(|name| folder.join(name)).collect();
        match shell {
            "bash" => inside(home, &[".bashrc", ".bash_profile", ".bash_login", ".profile"]),
            "zsh" => inside(self.path("ZDOTDIR").unwrap_or(home), &[".zshrc", ".zshenv", ".zprofile", ".zlogin"]),
            "fish" => {
                let given = self.path("XDG_CONFIG_HOME").filter(|path| path.is_absolute());
                let folder = given.unwrap_or_else(|| home.join(".config")).join("fish");
                let more = std::fs::read_dir(folder.join("conf.d")).into_iter().flatten().flatten();
                let more =
                    more.map(|entry| entry.path()).filter(|path| path.extension().is_some_and(|it| it == "fish"));
                std::iter::once(folder.join("config.fish")).chain(more).collect()
            }
            _ => Vec::new(),
        }
    }

    /// The store that `MULTICRED_STORE` names.
    pub fn store_variable(&self) -> Option<PathBuf> {
        self.path("MULTICRED_STORE")
    }

    /// The two AWS files: from `AWS_CONFIG_FILE` and `AWS_SHARED_CREDENTIALS_FILE`, else in `~/.aws`.
    ///
    /// # Errors
    /// `HOME` is not set, and is needed.
    pub fn aws_files(&self) -> Result<(PathBuf, PathBuf), NoHome> {
        Ok((self.aws_file(FILES[0], "config")?, self.aws_file(FILES[1], "credentials")?))
    }

    fn aws_file(&self, variable: &str, name: &str) -> Result<PathBuf, NoHome> {
        match self.own_aws_file(variable) {
            // As the SDKs do.
            Some(path) => match path.strip_prefix("~") {
                Ok(rest) => Ok(self.home("~")?.join(rest)),
                Err(_) => Ok(path),
            },
            None => Ok(self.home("~/.aws")?.join(".aws").join(name)),
        }
    }

    /// The file that an interactive shell of this name reads when it starts; `None` for another shell, or without a home.
    pub fn start_file(&self, shell: &str) -> Option<PathBuf> {
        let home = || self.home("the shell's start file").ok();
        match shell {
            "bash" => Some(home()?.join(".bashrc")),
            "zsh" => Some(self.path("ZDOTDIR").or_else(home)?.join(".zshrc")),
            "fish" => {
                let given = self.path("XDG_CONFIG_HOME").filter(|path| path.is_absolute());
                Some(given.or_else(|| Some(home()?.join(".config")))?.join("fish").join("config.fish"))
            }
            _ => None,
        }
    }

    /// The name of the person's login shell.
    pub fn login_shell(&self) -> Option<&str> {
        self.variable("SHELL").and_then(|path| path.rsplit('/').next())
    }

    /// What the person let a variable say that names an AWS file: in a live shell it names a stand-in.
    pub fn own_aws_file(&self, variable: &str) -> Option<PathBuf> {
        let given = self.path(variable)?;
        let own = STAND_INS.into_iter().find(|(name, _)| *name == variable).map(|(_, own)| own);
        match (self.live_folder(), own) {
            (Some(folder), Some(own)) if given.parent() == Some(&folder) => self.path(own),
            _ => Some(given),
        }
    }

    /// The folder of the live session that this process was given.
    pub(super) fn live_folder(&self) -> Option<PathBuf> {
        self.path(LIVE)
    }

    /// The folder for locks: on a local file system, gone with the session or the boot, the same for every process
    /// of the user.
    pub fn runtime_folder(&self) -> PathBuf {
        let uid = rustix::process::geteuid().as_raw();
        // The XDG specification: it must be owned by the user. After sudo it is somebody else's.
        let is_ours = |path: &PathBuf| std::fs::metadata(path).is_ok_and(|it| it.is_dir() && it.uid() == uid);
        let given = self.path("XDG_RUNTIME_DIR").filter(|path| path.is_absolute()).filter(is_ours);
        let of_session = || Some(PathBuf::from(format!("/run/user/{uid}"))).filter(is_ours);
        match given.or_else(of_session) {
            Some(folder) => folder.join("multicred"),
            None => PathBuf::from(format!("/tmp/multicred-{uid}")),
        }
    }

    /// Where the agent listens.
    pub fn agent_socket(&self) -> PathBuf {
        self.path("MULTICRED_AGENT_SOCK").unwrap_or_else(|| self.runtime_folder().join("agent.sock"))
    }

    /// A path as the SDKs read one in a config file: `~/` is the home folder.
    pub fn expand_home(&self, path: &str) -> PathBuf {
        let in_home = path.strip_prefix("~/").and_then(|rest| Some(self.home("~").ok()?.join(rest)));
        in_home.unwrap_or_else(|| PathBuf::from(path))
    }
}

#[cfg(target_os = "macos")]
const CONFIG_FOLDER: &str = "Library/Application Support";
#[cfg(not(target_os = "macos"))]
const CONFIG_FOLDER: &str = ".config";
#[cfg(target_os = "macos")]
const DATA_FOLDER: &str = "Library/Application Support";
#[cfg(not(target_os = "macos"))]
const DATA_FOLDER: &str = ".local/share";

#[cfg(test)]
mod tests {
    use std::ffi::OsString;

    use super::*;

    fn context(variables: &[(&str, &str)]) -> Context {
        Context::with_environment(variables.iter().map(|(n, v)| ((*n).to_owned(), OsString::from(v))).collect())
    }

    #[test]
    fn the_store_is_in_the_data_folder() {
        let store = |variables: &[(&str, &str)]| context(variables).default_store();
        let home = ("HOME", "/home/a");
        assert_eq!(store(&[home]), Ok(PathBuf::from("/home/a").join(DATA_FOLDER).join("multicred/multicred.db")));
        let data = ("XDG_DATA_HOME", "/data");
        assert_eq!(store(&[home, data]), Ok(PathBuf::from("/data/multicred/multicred.db")));
        assert!(store(&[home, ("XDG_DATA_HOME", "relative")]).unwrap().starts_with("/home/a"));
        assert!(store(&[]).is_err());
    }

    #[test]
    fn a_stand_in_of_the_live_session_is_never_taken_for_the_persons_own_file() {
        let files = |variables: &[(&str, &str)]| {
            let files = context(&[&[("HOME", "/home/a")], variables].concat()).aws_files().unwrap();
            [files.0, files.1].map(|path| path.display().to_string())
        };
        let live = [("MULTICRED_LIVE", "/run/l/1-a"), ("AWS_CONFIG_FILE", "/run/l/1-a/config")];
        assert_eq!(files(&live), ["/home/a/.aws/config", "/home/a/.aws/credentials"]);
        let own = ("MULTICRED_CONFIG_FILE", "/my/config");
        assert_eq!(files(&[live[0], live[1], own])[0], "/my/config");
        let by_hand = ("AWS_CONFIG_FILE", "/other/config");
        assert_eq!(files(&[live[0], by_hand, own])[0], "/other/config");
    }
}
