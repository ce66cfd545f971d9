//! Evaluating code in a real shell, and reading back what it did to the variables.

use super::{Hermetic, Output, Shell, write_private_file, zero_separated};
use std::collections::BTreeMap;
use std::fs;

/// The variables after an `eval`.
#[derive(Debug)]
pub struct Evaluated {
    /// `$?` of the `eval` itself.
    pub status: i32,
    /// As a child of the shell reads them.
    pub exported: BTreeMap<String, String>,
    /// What the shell said while evaluating.
    pub output: Output,
}

impl Evaluated {
    /// The value a child of the shell sees.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.exported.get(name).map(String::as_str)
    }
}

#[track_caller]
pub(super) fn evaluate(env: &Hermetic, shell: Shell, code: &str, names: &[&str]) -> Evaluated {
    let folder = tempfile::TempDir::new().expect("a temporary folder");
    let [script, source, status, exported, unexported] =
        ["script", "code", "status", "exported", "unexported"].map(|name| folder.path().join(name));
    write_private_file(&source, code.as_bytes());
    let dump = shell.dump_variables(&exported, &unexported);
    let (from, to) = (source.display(), status.display());
    let text = match shell {
        Shell::Bash | Shell::Zsh => format!("eval \"$(cat '{from}')\"\nprintf %s \"$?\" >| '{to}'\n{dump}"),
        Shell::Fish => format!("eval (string collect <'{from}')\nprintf %s $status >'{to}'\n{dump}"),
    };
    write_private_file(&script, text.as_bytes());
    let script = script.to_string_lossy();
    let arguments = [shell.without_startup_files(), &[&*script]].concat();
    let output = env.program(&shell.program().to_string_lossy(), &arguments).run();
    let read =
        |file| fs::read(file).unwrap_or_else(|_| panic!("{shell} stopped in the middle of the code\n{code}\n{output}"));
    let wanted = |bytes: &[u8]| {
        let mut all = zero_separated(bytes);
        all.retain(|name, _| names.is_empty() || names.contains(&name.as_str()));
        all
    };
    Evaluated {
        status: String::from_utf8_lossy(&read(&status)).parse().unwrap_or(-1),
        exported: wanted(&read(&exported)),
        output,
    }
}
