//! What was done, counted from the history.

use std::collections::HashMap;
use std::io;
use std::ops::ControlFlow;

use super::{Past, Recorded};

/// What a program was given a credential by.
const PROGRAMS: [&str; 4] = ["exec", "env", "console", "serve"];
/// Processes write as they come to it, and clocks are set: a line may stand this much before an older one, in seconds.
pub const SLACK: i64 = 24 * 3600;

/// How often somebody was somebody, and what it took.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// From when on, epoch seconds UTC.
    pub since: i64,
    /// Switches of shells; those to nobody are not counted.
    pub switches: u64,
    /// Programs that were given a credential by name.
    pub programs: u64,
    /// How many of these needed no call: none by their shell before them.
    pub cached: u64,
    /// Calls that obtained a credential.
    pub calls: u64,
    /// Switches and programs that got none, and whatever else did not work.
    pub failures: u64,
}

impl Past {
    /// What was done since each of these times. Reads no more of the history than that, and keeps none of it.
    ///
    /// # Errors
    /// The history cannot be read.
    pub fn usage<const N: usize>(&self, since: [i64; N]) -> io::Result<[Usage; N]> {
        let mut usage = since.map(|since| Usage { since, ..Usage::default() });
        let oldest = since.into_iter().min().unwrap_or(i64::MAX);
        // When the process that stands here was last given a credential, as far as no call has been seen for that.
        let mut given: HashMap<u32, i64> = HashMap::new();
        self.backwards(|_, line| {
            let Some(recorded) = Recorded::read(line) else { return ControlFlow::Continue(()) };
            if recorded.time.saturating_add(SLACK) < oldest {
                return ControlFlow::Break(());
            }
            let Some((count, is_use)) = count_of(&recorded) else { return ControlFlow::Continue(()) };
            add(&mut usage, recorded.time, count);
            if is_use && let Some(later) = given.insert(recorded.shell_pid, recorded.time) {
                add(&mut usage, later, |usage| &mut usage.cached);
            }
            if recorded.what == "hop" && recorded.outcome == "ok" {
                given.remove(&recorded.shell_pid);
            }
            ControlFlow::Continue(())
        })?;
        for time in given.into_values() {
            add(&mut usage, time, |usage| &mut usage.cached);
        }
        Ok(usage)
    }
}

/// One of the numbers.
type Count = fn(&mut Usage) -> &mut u64;

/// What a line counts as, and whether it says that somebody was given a credential.
fn count_of(recorded: &Recorded) -> Option<(Count, bool)> {
    let (what, is_ok) = (recorded.what.as_str(), recorded.outcome == "ok");
    match what {
        "hop" => is_ok.then_some((|usage| &mut usage.calls, false)),
        _ if recorded.outcome.starts_with("ended") => None,
        _ if !is_ok => Some((|usage| &mut usage.failures, false)),
        "switch" if recorded.identity != "-" => Some((|usage| &mut usage.switches, true)),
        _ if PROGRAMS.contains(&what) => Some((|usage| &mut usage.programs, true)),
        _ => None,
    }
}

fn add(usage: &mut [Usage], time: i64, count: Count) {
    for usage in usage.iter_mut().filter(|usage| time >= usage.since) {
        *count(usage) += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::History;

    fn usage(lines: &[(i64, &str, u32, &str, &str)]) -> [Usage; 2] {
        let folder = tempfile::tempdir().unwrap();
        let line = |(time, what, shell, identity, outcome): &(i64, &str, u32, &str, &str)| {
            format!(
                "{}\n",
                serde_json::json!({ "time": time, "event": what, "shell_pid": shell, "identity": identity, "outcome": outcome })
            )
        };
        std::fs::write(folder.path().join("history.jsonl"), lines.iter().map(line).collect::<String>()).unwrap();
        History::beside(&folder.path().join("s.db")).past().unwrap().unwrap().usage([100, 50]).unwrap()
    }

    #[test]
    fn what_was_used_is_told_from_what_was_obtained() {
        let found = usage(&[
            (10 - SLACK, "switch", 1, "too old", "ok"),
            (60, "hop", 1, "a", "ok"),
            (60, "hop", 1, "b", "ok"),
            (60, "switch", 1, "b", "ok"),
            (70, "exec", 1, "b", "ok"),
            (110, "hop", 2, "c", "AccessDenied"),
            (110, "switch", 2, "c", "AWS refused"),
            (120, "hop", 2, "d", "ok"),
            (121, "switch", 1, "b", "ok"),
            (122, "env", 2, "d", "ok"),
            (123, "switch", 1, "-", "ok"),
            (124, "serve", 3, "d", "ended"),
            (125, "link", 3, "d", "ok"),
        ]);
        let newer = Usage { since: 100, switches: 1, programs: 1, cached: 1, calls: 1, failures: 1 };
        assert_eq!(found, [newer, Usage { since: 50, switches: 2, programs: 2, cached: 2, calls: 3, failures: 1 }]);
    }
}
