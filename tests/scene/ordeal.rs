//! One command, run again and again from the same state, each time with another of its system calls gone wrong.

use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use multicred::store::{Durability, Store};

use super::refusal::Refusal;
use super::store::Copy;
use super::traced::{self, SystemCall};
use super::{DEV, Scene, ini, key_in_code, tree};
use crate::support::env::Output;
use crate::support::sts::KeyPair;

/// A command and the state it starts from.
pub struct Ordeal {
    pub scene: Scene,
    arguments: Vec<String>,
    stdin: Option<String>,
    /// The home as it is before the command.
    before: tempfile::TempDir,
    /// The rows that were there before the command.
    old_rows: BTreeSet<String>,
    /// Those that are there after it.
    left_over: BTreeSet<String>,
    /// How many rows each table has once the command has ended well.
    rows_after: [i64; 4],
    /// A file of the home that the command adds to, and what it adds.
    adds: Option<(&'static str, &'static str)>,
    /// Its writing system calls, in order.
    pub calls: Vec<SystemCall>,
}

const FOLDERS: [&str; 6] = ["data", "run", "state", "config", "cache", ".aws"];

const TABLES: [&str; 4] = ["account", "identity", "link", "credential"];

impl Ordeal {
    /// Runs the command once, undisturbed, to learn its system calls and its result.
    #[track_caller]
    fn of(scene: Scene, arguments: &[&str], stdin: Option<String>) -> Self {
        let ordeal = Self::learnt(scene, arguments, stdin);
        ordeal.assert_clean();
        ordeal
    }

    #[track_caller]
    fn learnt(scene: Scene, arguments: &[&str], stdin: Option<String>) -> Self {
        let before = tempfile::tempdir().expect("a temporary folder");
        tree::copy(scene.env.home(), before.path());
        let path = scene.env.store();
        let old_rows = if path.exists() { lines(&path) } else { BTreeSet::new() };
        let arguments: Vec<String> = arguments.iter().map(ToString::to_string).collect();
        let (rows_after, left_over, calls) = ([0; 4], BTreeSet::new(), Vec::new());
        let mut ordeal = Self { scene, arguments, stdin, before, old_rows, left_over, rows_after, adds: None, calls };
        let (output, calls) = ordeal.run_with(&[]);
        output.ok();
        ordeal.calls = calls.into_iter().filter(SystemCall::writes).collect();
        ordeal.rows_after = row_counts(&path);
        ordeal.left_over = lines(&path);
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

    /// A switch to a role that is assumed from what a program prints, both of them new.
    #[track_caller]
    pub fn switch_through_a_process() -> Self {
        let mut scene = Scene::with_bob();
        let session = scene.env.run(&["credential-process", "bob"]).ok().stdout.clone();
        let key = session.split('"').find(|word| word.starts_with("ASIA")).expect("an access key id").to_owned();
        scene.env.write("answer.json", &session);
        let mut store = Store::open(&scene.env.store()).expect("a store").expect("it is there");
        let id = store.read().credential_with_key(&key).expect("a store").expect("the session").id;
        store.write(Durability::Synced, |writing| writing.remove_credential(id)).expect("it is gone");
        drop(store);
        let (role, answer) = (format!("arn:aws:iam::{DEV}:role/Reader"), scene.env.path("answer.json"));
        scene.env.aws_config(&format!(
            "[profile printed]\ncredential_process = cat '{}'\n\
             [profile reader]\nrole_arn = {role}\nsource_profile = printed\n",
            answer.display()
        ));
        Self::of(scene, &["as", "--shell", "bash", "reader"], None)
    }

    /// A credential written into a profile, beside a long-lived key that is nowhere else.
    #[track_caller]
    pub fn write_profile() -> Self {
        let mut scene = Scene::with_bobs_roles();
        let kept = format!("# mine\n{}", ini("alice", &scene.alice));
        scene.env.aws_credentials(&kept);
        let ordeal = Self::of(scene, &["env", "dev/Reader", "--to-profile", "reader"], None);
        Self { adds: Some((".aws/credentials", "[reader]\n")), ..ordeal }
    }

    /// A profile put into the config file.
    #[track_caller]
    pub fn sync() -> Self {
        let mut scene = Scene::with_bobs_roles();
        scene.env.aws_config("# mine\n[profile own]\nregion = eu-west-1");
        let ordeal = Self::of(scene, &["sync", "dev/Reader"], None);
        Self { adds: Some((".aws/config", "[profile dev/Reader]\n")), ..ordeal }
    }

    /// A key of the environment, and a profile for it.
    #[track_caller]
    pub fn add() -> Self {
        let mut scene = Scene::with_bobs_roles();
        scene.env.aws_config("# mine\n[profile own]\nregion = eu-west-1\n");
        let KeyPair { access_key_id, secret } = scene.alice.clone();
        scene.env.set("AWS_ACCESS_KEY_ID", access_key_id).set("AWS_SECRET_ACCESS_KEY", secret);
        let ordeal = Self::of(scene, &["add", "alice", "--env", "--add-config"], None);
        Self { adds: Some((".aws/config", "[profile alice]\n")), ..ordeal }
    }

    /// An identity with a parent, a child and a credential goes.
    #[track_caller]
    pub fn remove() -> Self {
        Self::of_removal(&["remove", "dev/Reader", "--yes"])
    }

    /// Everything goes that can be obtained again.
    #[track_caller]
    pub fn forget() -> Self {
        Self::of_removal(&["forget"])
    }

    /// A link goes, and what was obtained through it.
    #[track_caller]
    pub fn unlink() -> Self {
        Self::of_removal(&["unlink", "dev/Reader"])
    }

    #[track_caller]
    fn of_removal(arguments: &[&str]) -> Self {
        let scene = Scene::with_bobs_roles();
        scene.become_in_bash("dev/Writer").ok();
        let ordeal = Self::learnt(scene, arguments, None);
        assert!(ordeal.left_over.len() < ordeal.old_rows.len() && ordeal.left_over.is_subset(&ordeal.old_rows));
        ordeal
    }

    /// As [`survives`](Self::survives), for a command that takes away: all that it is to take is gone, or nothing is;
    /// and where nothing is, the next run takes it.
    #[track_caller]
    pub fn takes_all_or_nothing(
        &self,
        injections: impl IntoIterator<Item = (String, String)>,
        check: impl Fn(&Output),
    ) {
        let path = self.scene.env.store();
        for (what, injection) in injections {
            let (output, _) = self.run_with(&[injection]);
            check(&output);
            assert!(Copy::of(&path).is_whole(), "{what}: the store is damaged");
            tree::assert_private(self.scene.env.home());
            let is_done = lines(&path) == self.left_over;
            assert!(is_done || lines(&path) == self.old_rows, "{what}: half of it is gone");
            assert!(is_done || output.status != 0, "{what}: said to be done, and is not");
            self.scene.env.run(&["list"]).ok().calm();
            if !is_done {
                let arguments: Vec<&str> = self.arguments.iter().map(String::as_str).collect();
                self.scene.env.run(&arguments).ok();
                assert_eq!(lines(&path), self.left_over, "{what}: after a second run");
            }
        }
    }

    /// Runs the command from its first state, with these injections.
    pub fn run_with(&self, injections: &[String]) -> (Output, Vec<SystemCall>) {
        for folder in FOLDERS {
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
        let is_stored = self.scene.env.store().exists() && row_counts(&self.scene.env.store()) == self.rows_after;
        is_stored && self.adds.is_none_or(|(file, text)| self.text(file).contains(text))
    }

    fn text(&self, file: &str) -> String {
        std::fs::read_to_string(self.scene.env.path(file)).unwrap_or_default()
    }

    /// What a person wrote into the AWS files is there, whole; and what is added is whole or not there.
    #[track_caller]
    fn assert_files(&self) {
        let Some((file, added)) = self.adds else { return };
        let (old, now) = (std::fs::read_to_string(self.before.path().join(file)).expect("a file"), self.text(file));
        assert!(now.starts_with(&old), "{file} was {old:?} and is {now:?}");
        let is_whole = now == old || (now.contains(added) && now.ends_with('\n'));
        assert!(is_whole, "{file} is half written: {now:?}");
    }

    /// What must hold at every moment: a whole store or none, nothing of it lost, nothing of it open to others,
    /// nothing secret in the clear; and it can be read.
    #[track_caller]
    pub fn assert_clean(&self) {
        let home = self.scene.env.home();
        tree::assert_private(home);
        self.assert_files();
        for folder in FOLDERS.into_iter().filter(|folder| *folder != ".aws") {
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
        self.assert_files();
        if let Some((file, added)) = self.adds {
            assert!(self.text(file).contains(added), "{file} after a second run: {}", self.text(file));
            let names = std::fs::read_dir(self.scene.env.path(".aws")).expect("a folder");
            let left: Vec<_> = names.map(|entry| entry.expect("an entry").file_name()).collect();
            assert_eq!(left.len(), 1, "a draft is left: {left:?}");
        }
        // A switch needs no credential above one that was stored.
        let is_switch = matches!(self.arguments[0].as_str(), "as" | "env");
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
