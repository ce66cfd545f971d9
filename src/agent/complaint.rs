//! What multicred says when it fails as somebody else's child.

/// What an error of the program begins with.
const OURS: &str = "multicred: ";

/// Its errors as a part of a sentence; `None` where it said nothing.
pub(super) fn of(said: &str) -> Option<String> {
    let lines: Vec<&str> = said.lines().map(|line| line.strip_prefix(OURS).unwrap_or(line)).collect();
    (!lines.is_empty()).then(|| lines.join("; "))
}
