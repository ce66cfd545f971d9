//! The shells the tests drive, and how each is asked what it knows.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

/// A shell with an interactive integration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shell {
    Bash,
    Zsh,
    Fish,
}

impl Shell {
    pub const ALL: [Self; 3] = [Self::Bash, Self::Zsh, Self::Fish];

    /// The name `multicred init` knows it by.
    pub fn name(self) -> &'static str {
        match self {
            Self::Bash => "bash",
            Self::Zsh => "zsh",
            Self::Fish => "fish",
        }
    }

    pub fn program(self) -> PathBuf {
        program(self.name())
    }

    /// Options that keep every startup file out of a script's way.
    pub(super) fn without_startup_files(self) -> &'static [&'static str] {
        match self {
            Self::Bash => &["--noprofile", "--norc"],
            Self::Zsh => &["-f"],
            Self::Fish => &["--no-config"],
        }
    }

    /// Code that writes what a child sees into one file and every unexported variable into another, both as
    /// `NAME=value` ended by a zero byte. It leaves no variable behind and survives `set -eu` and noclobber.
    pub(crate) fn dump_variables(self, exported: &Path, unexported: &Path) -> String {
        let (exported, unexported) = (exported.display(), unexported.display());
        match self {
            Self::Bash => format!(
                r#"/usr/bin/env -0 >| '{exported}'
( set +eux; exported=" $(compgen -e | tr '\n' ' ')"
  compgen -v | while IFS= read -r multicred_test_name; do
    case $exported in *" $multicred_test_name "*) continue;; esac
    case $multicred_test_name in exported|multicred_test_name) continue;; esac
    eval "builtin printf '%s=%s\0' $multicred_test_name \"\${{$multicred_test_name[*]-}}\""
  done ) >| '{unexported}' 2>/dev/null || :
"#
            ),
            Self::Zsh => format!(
                r#"/usr/bin/env -0 >| '{exported}'
( emulate zsh; setopt no_unset no_xtrace; unsetopt err_exit nounset
  for multicred_test_name in ${{(k)parameters}}; do
    [[ ${{parameters[$multicred_test_name]}} == *export* || $multicred_test_name == multicred_test_name ]] && continue
    builtin printf '%s=%s\0' $multicred_test_name "${{(P)multicred_test_name}}"
  done ) >| '{unexported}' 2>/dev/null || :
"#
            ),
            Self::Fish => format!(
                r#"/usr/bin/env -0 >'{exported}'
begin
  for multicred_test_name in (set --names)
    set -qx $multicred_test_name; or contains $multicred_test_name multicred_test_name history
    or builtin printf '%s=%s\0' $multicred_test_name "$$multicred_test_name"
  end
end >'{unexported}' 2>/dev/null
"#
            ),
        }
    }
}

impl fmt::Display for Shell {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.name())
    }
}

/// The path of an installed program; fails the test where there is none.
#[track_caller]
pub fn program(name: &str) -> PathBuf {
    if name.contains('/') {
        return PathBuf::from(name);
    }
    let folders = ["/usr/local/bin", "/usr/bin", "/bin", "/opt/homebrew/bin"];
    let found = folders.iter().map(|folder| Path::new(folder).join(name)).find(|path| path.exists());
    found.unwrap_or_else(|| panic!("these tests need {name}; install it"))
}

/// Reads `NAME=value` pairs ended by zero bytes, without what the shell adds for one command only.
pub fn zero_separated(bytes: &[u8]) -> BTreeMap<String, String> {
    let text = String::from_utf8_lossy(bytes);
    let pairs = text.split('\0').filter_map(|pair| pair.split_once('='));
    let lasting = pairs.filter(|(name, _)| *name != "_" && !name.starts_with("READLINE_"));
    lasting.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}
