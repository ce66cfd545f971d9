//! One command, run again and again from the same state, each time with another of its system calls gone wrong.

use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use super::refusal::Refusal;
use super::store::Copy;
use super::traced::{self, SystemCall};
use super::{DEV, Scene, ini, key_in_code, tree};
use crate::support::env::Output;

/// A command and the state it starts from.
pub struct Ordeal {
    pub scene: Scene,
    arguments: Vec<String>,
    stdin: Option<String>,
    /// The home as it is before the command.
    before: tempfile::TempDir,
    /// The rows that were there before the command.
    old_rows: BTreeSet<String>,
    /// How many rows each table has once the command has ended well.
    rows_after: [i64; 4],
    /// Its writing system calls, in order.
    pub calls: Vec<SystemCall>,
}

const TABLES: [&str; 4] = ["account", "identity", "link", "credential"];

impl Ordeal {
    /// Runs the command once, undisturbed, to learn its system calls and its result.
    #[track_caller]
    fn of(scene: Scene, arguments: &[&str], stdin: Option<String>) -> Self {
        let before = tempfile::tempdir().expect("a temporary folder");
        tree::copy(scene.env.home(), before.path());
        let path = scene.env.store();
        let old_rows = if path.exists() { lines(&path) } else { BTreeSet::new() };
        let arguments: Vec<String> = arguments.iter().map(ToString::to_string).collect();
        let mut ordeal = Self { scene, arguments, stdin, before, old_rows, rows_after: [0; 4], calls: Vec::new() };
        let (output, calls) = ordeal.run_with(&[]);
        output.ok();
        ordeal.calls = calls.into_iter().filter(SystemCall::writes).collect();
        ordeal.rows_after = row_counts(&path);
        ordeal.assert_clean();
        ordeal
    }

    /// A first import, which makes the store.
    #[track_caller]
    pub fn first_import() -> Self {
        Self::import(Scene::new())
    }

    /// An import into a store.
    #[track_caller]
    pub fn another_import() -> Self {
        Self::import(Scene::with_bobs_roles())
    }

    #[track_caller]
    fn import(scene: Scene) -> Self {
        let text = ini("alice", &scene.alice);
        Self::of(scene, &["import", "-"], Some(text))
    }

    /// A link of a role that nobody knew.
    #[track_caller]
    pub fn link() -> Self {
        Self::of(Scene::with_bobs_roles(), &["link", "dev/Deployer", "--parent", "bob"], None)
    }

    /// An alias of an account that nobody knew.
    #[track_caller]
    pub fn account_alias() -> Self {
        Self::of(Scene::with_bobs_roles(), &["account", "333344445555", "--alias", "third"], None)
    }

    /// A switch to a role behind a role, with nothing obtained before.
    #[track_caller]
    pub fn cold_switch_over_two_hops() -> Self {
        Self::of(Scene::with_bobs_roles(), &["as", "--shell", "bash", "dev/Writer"], None)
    }

    /// A switch to a profile's role, which makes the store.
    #[track_caller]
    pub fn first_switch_to_a_profile() -> Self {
        let mut scene = Scene::new();
        let credentials = ini("base", &scene.bob);
        let role = format!("arn:aws:iam::{DEV}:role/Reader");
        scene.env.aws_credentials(&credentials);
        scene.env.aws_config(&format!("[profile reader]\nrole_arn = {role}\nsource_profile = base\n"));
        Self::of(scene, &["as", "--shell", "bash", "reader"], None)
    }

    /// Runs the command from its first state, with these injections.
    pub fn run_with(&self, injections: &[String]) -> (Output, Vec<SystemCall>) {
        for folder in ["data", "run", "state", "config", "cache"] {
            let folder = self.scene.env.path(folder);
            if folder.exists() {
                std::fs::remove_dir_all(&folder).expect("a folder to remove");
            }
        }
        tree::copy(self.before.path(), self.scene.env.home());
        let arguments: Vec<&str> = self.arguments.iter().map(String::as_str).collect();
        traced::run(&self.scene.env, &arguments, self.stdin.as_deref(), injections)
    }

    /// Whether the command's effect is in the store.
    pub fn has_its_effect(&self) -> bool {
        self.scene.env.store().exists() && row_counts(&self.scene.env.store()) == self.rows_after
    }

    /// What must hold at every moment: a whole store or none, nothing of it lost, nothing of it open to others,
    /// nothing secret in the clear; and it can be read.
    #[track_caller]
    pub fn assert_clean(&self) {
        let home = self.scene.env.home();
        tree::assert_private(home);
        for folder in ["data", "run", "state", "config", "cache"] {
            tree::assert_sealed(&home.join(folder), &self.scene.secrets());
        }
        let path = self.scene.env.store();
        if path.exists() {
            assert!(Copy::of(&path).is_whole(), "the store is damaged");
            let lost: Vec<_> = self.old_rows.difference(&lines(&path)).cloned().collect();
            assert!(lost.is_empty(), "lost: {lost:#?}");
        } else {
            assert!(self.old_rows.is_empty(), "the store is gone");
        }
        self.scene.env.run(&["list"]).ok();
    }

    /// Runs the command once for each of these injections, and looks at what each leaves; fails naming every one that
    /// did harm.
    #[track_caller]
    pub fn survives(&self, injections: impl IntoIterator<Item = (String, String)>, check: impl Fn(&Output)) {
        let mut harm = Vec::new();
        for (what, injection) in injections {
            let (output, _) = self.run_with(&[injection]);
            let looked = catch_unwind(AssertUnwindSafe(|| {
                check(&output);
                self.assert_clean();
                self.assert_mends();
            }));
            if looked.is_err() {
                harm.push(format!("{what}\nexit code {}: {}", output.status, output.stderr));
            }
        }
        assert!(harm.is_empty(), "{} did harm (each is told above):\n{}", harm.len(), harm.join("\n"));
    }

    /// The same command, run again undisturbed, does what it should have done; and every long-term key in the store opens.
    #[track_caller]
    pub fn assert_mends(&self) {
        let arguments: Vec<&str> = self.arguments.iter().map(String::as_str).collect();
        let again = self.scene.env.command(&arguments);
        match &self.stdin {
            Some(text) => again.stdin(text).run(),
            None => again.run(),
        }
        .ok()
        .calm();
        let rows = row_counts(&self.scene.env.store());
        assert_eq!(rows[..3], self.rows_after[..3], "rows of {TABLES:?} after a second run");
        // A switch needs no credential above one that was stored.
        let is_switch = self.arguments[0] == "as";
        let most = self.rows_after[3];
        let least = if is_switch { most.min(count(&self.old_rows, "credential") + 1) } else { most };
        let enough = least..=most;
        assert!(enough.contains(&rows[3]), "{} credentials after a second run, not {enough:?}", rows[3]);
        let keys =
            Copy::of(&self.scene.env.store()).texts("SELECT access_key_id FROM credential WHERE kind = 'long-term'");
        for key in keys {
            let code = self.scene.become_in_bash(&key);
            assert_eq!(key_in_code(&code.ok().stdout), Some(key.as_str()));
        }
    }
}

fn count(rows: &BTreeSet<String>, sort: &str) -> i64 {
    rows.iter().filter(|row| row.starts_with(sort)).count().try_into().unwrap_or(i64::MAX)
}

/// What a person would miss. What a command may fill in later (the path of a role) is not part of it.
fn lines(path: &Path) -> BTreeSet<String> {
    let copy = Copy::of(path);
    let queries = [
        "SELECT 'store ' || hex(id) || key_epoch FROM store",
        "SELECT 'slot ' || id || kind || params || hex(public_key) || hex(wrapped) FROM key_slot",
        "SELECT 'account ' || id || account_id || ifnull(alias, '') FROM account",
        "SELECT 'identity ' || id || account || kind || name || ifnull(label, '') FROM identity",
        "SELECT 'link ' || target || '-' || parent || role_arn FROM link",
        "SELECT 'credential ' || identity || access_key_id || kind || hex(sealed) FROM credential",
    ];
    queries.iter().flat_map(|query| copy.texts(query)).collect()
}

fn row_counts(path: &Path) -> [i64; 4] {
    let copy = Copy::of(path);
    TABLES.map(|table| copy.count(table))
}
