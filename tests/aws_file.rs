//! An AWS file under the hands of a process that is killed, or whose system calls fail: the test's own binary, as a
//! child under strace, makes the edit.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use multicred::aws_config::write::{Rewrite, WriteError, edit};
use zeroize::Zeroizing;

use crate::support::process;

/// Names the folder that the child edits a file in, and what it is to do there.
const CHILD: &str = "AWS_FILE_TEST_CHILD";
const OLD: &str = "[a]\naws_secret_access_key = old\n";
const NEW: &str = "[a]\naws_secret_access_key = new\n";
const WRITING: &str = "openat,write,fsync,fdatasync,rename,renameat,renameat2,linkat,unlink,unlinkat,mkdir,mkdirat,rmdir,\
                       chmod,fchmod,chown,fchown,fsetxattr,fremovexattr";

/// More calls of one name than the thread that runs the tests makes.
const OF_ANOTHER_THREAD: usize = 100;

/// A writing system call between the two marks of the child.
#[derive(Debug)]
struct Call {
    name: String,
    /// The how manieth of its name in its thread, from 1: what strace counts.
    number: usize,
    line: String,
}

/// What the child does, and what a file is before and after it.
#[derive(Clone, Copy)]
struct Task {
    word: &'static str,
    before: Option<&'static str>,
    after: Option<&'static str>,
}

const TASKS: [Task; 3] = [
    Task { word: "replace", before: Some(OLD), after: Some(NEW) },
    Task { word: "create", before: None, after: Some(NEW) },
    Task { word: "remove", before: Some(OLD), after: None },
];

fn file(home: &Path) -> PathBuf {
    home.join("aws/credentials")
}

/// A home as it is before the task: the folder is missing where the file is.
fn home(task: Task) -> tempfile::TempDir {
    let home = tempfile::tempdir().unwrap();
    if let Some(text) = task.before {
        fs::create_dir(home.path().join("aws")).unwrap();
        fs::write(file(home.path()), text).unwrap();
        fs::set_permissions(file(home.path()), fs::Permissions::from_mode(0o640)).unwrap();
    }
    home
}

fn do_task(home: &Path, word: &str) -> Result<bool, WriteError> {
    let mut change =
        |_: &str| Ok(if word == "remove" { Rewrite::Remove } else { Rewrite::Text(Zeroizing::new(NEW.to_owned())) });
    let mut keep = |_: &Path, kept: &[u8]| {
        assert!([OLD, NEW].iter().any(|whole| whole.as_bytes().starts_with(kept)), "this was nobody's text");
        Ok(())
    };
    edit(&file(home), &mut keep, &mut change)
}

/// Not a test of its own: what the others run under strace.
#[test]
fn the_child_under_strace_makes_the_edit() {
    let Ok(task) = std::env::var(CHILD) else { return };
    let (word, home) = task.split_once(' ').unwrap();
    let home = Path::new(home);
    // strace counts the calls of each thread: what is injected here must not meet the thread that started this one.
    for _ in 0..OF_ANOTHER_THREAD {
        fs::OpenOptions::new().write(true).open("/dev/null").unwrap().write_all(b"x").unwrap();
    }
    fs::create_dir(home.join("mark")).unwrap();
    let done = do_task(home, word);
    fs::remove_dir(home.join("mark")).unwrap();
    assert!(done.is_ok(), "{done:?}");
}

/// The child's writing calls, and whether it ended well.
fn trace(home: &Path, task: Task, injection: Option<&str>) -> (Vec<Call>, bool) {
    let log = home.join("log");
    let mut strace = Command::new("strace");
    strace.args(["-f", "-qq", "-s", "80", "-e", "signal=none", "-e", &format!("trace={WRITING}"), "-o"]).arg(&log);
    if let Some(injection) = injection {
        strace.args(["-e", injection]);
    }
    strace.arg(std::env::current_exe().unwrap()).args([
        "--exact",
        "aws_file::the_child_under_strace_makes_the_edit",
        "--test-threads",
        "1",
    ]);
    let output = process::output(strace.env(CHILD, format!("{} {}", task.word, home.display())));
    let calls = calls(&fs::read_to_string(&log).unwrap());
    fs::remove_file(log).unwrap();
    (calls, output.status.success())
}

fn calls(log: &str) -> Vec<Call> {
    let mut counts: BTreeMap<(String, String), usize> = BTreeMap::new();
    let (mut calls, mut is_between) = (Vec::new(), false);
    for line in log.lines() {
        let Some((thread, rest)) = line.split_once(' ') else { continue };
        let Some((name, _)) = rest.trim_start().split_once('(') else { continue };
        let number = counts.entry((thread.to_owned(), name.to_owned())).or_default();
        *number += 1;
        let marks = rest.contains("/mark\"");
        let writes = name != "openat" || rest.contains("O_CREAT");
        if is_between && writes && !marks {
            calls.push(Call { name: name.to_owned(), number: *number, line: rest.to_owned() });
        }
        is_between ^= marks;
    }
    calls
}

fn content(home: &Path) -> Option<String> {
    file(home).exists().then(|| fs::read_to_string(file(home)).unwrap())
}

/// The old file or the new one, whole and with its mode; and the next run finishes the work and leaves nothing beside.
#[track_caller]
fn check(task: Task, home: &Path, what: &str) {
    let found = content(home);
    assert!([task.before, task.after].contains(&found.as_deref()), "{what}: a file that nobody wrote: {found:?}");
    let mode = if task.before.is_some() { 0o640 } else { 0o600 };
    let has_mode = || file(home).metadata().unwrap().permissions().mode() & 0o7777;
    assert!(found.is_none() || has_mode() == mode, "{what}: mode {:o}", has_mode());
    do_task(home, task.word).unwrap_or_else(|error| panic!("{what}: then {error}"));
    assert_eq!(content(home).as_deref(), task.after, "{what}: after a second run");
    let names: Vec<_> = fs::read_dir(home.join("aws")).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names.len(), usize::from(task.after.is_some()), "{what}: left behind: {names:?}");
}

/// Each task, once for each of its writing calls.
fn each_call(least: usize, injection: impl Fn(&Call) -> String, judge: impl Fn(&Task, &Path, bool, &str)) {
    for task in TASKS {
        let undisturbed = home(task);
        let (calls, ended_well) = trace(undisturbed.path(), task, None);
        assert!(ended_well && calls.len() >= least, "{}: {calls:#?}", task.word);
        for call in calls {
            let home = home(task);
            let injection = injection(&call);
            let (_, ended_well) = trace(home.path(), task, Some(&injection));
            let what = format!("{}, {injection}: {}", task.word, call.line);
            judge(&task, home.path(), ended_well, &what);
            check(task, home.path(), &what);
        }
    }
}

#[test]
fn killed_before_every_writing_call_the_file_is_the_old_or_the_new_one_and_the_next_run_mends() {
    let kill = |call: &Call| format!("inject={}:signal=SIGKILL:when={}", call.name, call.number);
    each_call(3, kill, |_, home, ended_well, what| {
        assert!(!ended_well && home.join("mark").exists(), "{what}: was not killed at its work");
    });
}

#[test]
fn with_each_writing_call_failing_once_the_file_is_the_old_or_the_new_one_and_the_next_run_mends() {
    let fail = |call: &Call| {
        let error = match call.name.as_str() {
            "write" => "ENOSPC",
            "fsync" => "EIO",
            _ => "EACCES",
        };
        format!("inject={}:error={error}:when={}", call.name, call.number)
    };
    each_call(3, fail, |task, home, ended_well, what| {
        assert!(!ended_well || content(home).as_deref() == task.after, "{what}: claims what it did not do");
    });
}

/// What a file system does that knows no flags for a rename.
#[test]
fn without_renameat2_each_task_is_done_as_well() {
    for task in TASKS {
        for error in ["EINVAL", "ENOSYS", "EOPNOTSUPP", "EPERM"] {
            let home = home(task);
            let (_, ended_well) = trace(home.path(), task, Some(&format!("inject=renameat2:error={error}")));
            assert!(ended_well, "{} with {error}", task.word);
            assert_eq!(content(home.path()).as_deref(), task.after);
            check(task, home.path(), error);
        }
    }
}

#[test]
fn a_full_disk_leaves_the_old_file_alone_and_no_draft() {
    for task in [TASKS[0], TASKS[1]] {
        let undisturbed = home(task);
        let (calls, _) = trace(undisturbed.path(), task, None);
        let first = calls.iter().find(|call| call.name == "write").expect("a write");
        let home = home(task);
        // Only the one: later ones are the test harness's own report.
        let injection = format!("inject=write:error=ENOSPC:when={}", first.number);
        let (_, ended_well) = trace(home.path(), task, Some(&injection));
        assert!(!ended_well);
        let names: Vec<_> = fs::read_dir(home.path().join("aws")).unwrap().collect();
        assert_eq!(names.len(), usize::from(task.before.is_some()), "{names:?}");
        assert_eq!(content(home.path()).as_deref(), task.before);
    }
}
