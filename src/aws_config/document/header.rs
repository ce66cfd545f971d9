//! Section headers: `[default]`, `[profile foo]`, `[sso-session "my org"] # comment`.

use super::Reason;

/// What a section header says its section is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum SectionKind {
    /// A name without one of the known prefixes: `[default]`, and every profile of a credentials file.
    Plain,
    /// `[profile NAME]`
    Profile,
    /// `[sso-session NAME]`
    SsoSession,
    /// `[services NAME]`
    Services,
    /// A header that cannot be read. Its lines belong to no section that anyone can ask for.
    Unreadable,
}

const PREFIXES: [(&str, SectionKind); 3] =
    [("profile", SectionKind::Profile), ("sso-session", SectionKind::SsoSession), ("services", SectionKind::Services)];

/// What names a section: two headers with the same id are one section, however they are spaced or quoted.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SectionId {
    /// The kind that the header's first word gives.
    pub kind: SectionKind,
    /// The name, without quotes. Case-sensitive. For an unreadable header: the text as it stands.
    pub name: String,
}

impl SectionId {
    /// The id of `[NAME]`.
    pub fn plain(name: &str) -> Self {
        Self::new(SectionKind::Plain, name)
    }

    /// The id of `[profile NAME]`.
    pub fn profile(name: &str) -> Self {
        Self::new(SectionKind::Profile, name)
    }

    /// The id of `[sso-session NAME]`.
    pub fn sso_session(name: &str) -> Self {
        Self::new(SectionKind::SsoSession, name)
    }

    /// The id of `[services NAME]`.
    pub fn services(name: &str) -> Self {
        Self::new(SectionKind::Services, name)
    }

    /// The id that the text between the brackets gives: `profile "a b"` is profile `a b`.
    pub fn of_header(inside: &str) -> Self {
        interpret(trim(inside)).0
    }

    /// The text to write between the brackets: quoted, as the AWS CLI does it, where the name needs it.
    pub fn to_header(&self) -> String {
        match PREFIXES.iter().find(|(_, kind)| *kind == self.kind) {
            Some((prefix, _)) => format!("{prefix} {}", quote(&self.name)),
            None => self.name.clone(),
        }
    }

    fn new(kind: SectionKind, name: &str) -> Self {
        Self { kind, name: name.to_owned() }
    }
}

/// A header line, read.
#[derive(Clone)]
pub(super) struct Header {
    pub(super) inside: String,
    pub(super) id: SectionId,
    pub(super) fault: Option<Reason>,
}

impl Header {
    /// Reads a line whose first visible character is `[`. Never fails: a line that starts like a header ends the
    /// section before it even when it is broken, or its keys would be read as that section's.
    pub(super) fn read(line: &str) -> Self {
        let after = &trim(line)[1..];
        let (inside, shape_fault) = match closing_bracket(after) {
            Some(at) => (&after[..at], None),
            // botocore's greedy `\[(.+)\]` ignores what follows the last bracket.
            None => match after.rfind(']') {
                Some(at) => (&after[..at], Some(Reason::TextAfterHeader)),
                None => return Self::unreadable(after, Reason::HeaderNotClosed),
            },
        };
        let (id, name_fault) = interpret(trim(inside));
        Self { inside: trim(inside).to_owned(), id, fault: name_fault.or(shape_fault) }
    }

    fn unreadable(inside: &str, fault: Reason) -> Self {
        let inside = trim(inside).to_owned();
        let id = SectionId::new(SectionKind::Unreadable, &inside);
        Self { inside, id, fault: Some(fault) }
    }
}

/// Only spaces and tabs are white space to the SDKs' parsers (aws-runtime `env_config::parse::WHITESPACE`).
pub(super) fn trim(text: &str) -> &str {
    text.trim_matches([' ', '\t'])
}

/// The `]` that ends a header: outside quotes, followed by nothing or a comment. An unpaired quote
/// (`[bob's]`, a legal name in a credentials file) does not hide it.
fn closing_bracket(after: &str) -> Option<usize> {
    let mut quote = None;
    let mut inside_quotes = None;
    let mut characters = after.char_indices();
    while let Some((at, character)) = characters.next() {
        match (quote, character) {
            (None | Some('"'), '\\') => drop(characters.next()),
            (None, '"' | '\'') => quote = Some(character),
            (Some(open), _) if open == character => quote = None,
            (_, ']') if ends_line(&after[at + 1..]) => match quote {
                None => return Some(at),
                Some(_) => inside_quotes = inside_quotes.or(Some(at)),
            },
            _ => {}
        }
    }
    inside_quotes
}

fn ends_line(rest: &str) -> bool {
    let rest = trim(rest);
    rest.is_empty() || rest.starts_with(['#', ';'])
}

/// A known prefix takes exactly one name after it, split as a POSIX shell does (botocore `_parse_section`: shlex).
/// Everything else is one plain name.
fn interpret(inside: &str) -> (SectionId, Option<Reason>) {
    if let Some((prefix, rest)) = inside.split_once([' ', '\t'])
        && let Some((_, kind)) = PREFIXES.iter().find(|(known, _)| *known == prefix)
    {
        return match one_word(trim(rest)) {
            Some(name) if !name.is_empty() => (SectionId::new(*kind, &name), None),
            _ => (SectionId::new(SectionKind::Unreadable, inside), Some(Reason::HeaderNotOneName)),
        };
    }
    match unwrap_quotes(inside) {
        "" => (SectionId::new(SectionKind::Unreadable, inside), Some(Reason::HeaderEmpty)),
        name => (SectionId::new(SectionKind::Plain, name), None),
    }
}

/// The only word of the text by shlex's POSIX rules; none where there are several, or a quote stays open.
fn one_word(text: &str) -> Option<String> {
    let mut word = String::new();
    let mut quote = None;
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        match (quote, character) {
            (None, '\\') => word.push(characters.next()?),
            (Some('"'), '\\') => match characters.next_if(|next| matches!(next, '"' | '\\')) {
                Some(escaped) => word.push(escaped),
                None => word.push('\\'),
            },
            (None, '"' | '\'') => quote = Some(character),
            (Some(open), _) if open == character => quote = None,
            (None, ' ' | '\t') => return None,
            _ => word.push(character),
        }
    }
    quote.is_none().then_some(word)
}

fn unwrap_quotes(text: &str) -> &str {
    let unwrapped = |mark| text.strip_prefix(mark).and_then(|rest: &str| rest.strip_suffix(mark));
    match unwrapped('"').or_else(|| unwrapped('\'')) {
        Some(name) if !name.contains(['"', '\'']) => name,
        _ => text,
    }
}

/// Names of the SDKs' identifier characters (aws-runtime `validate_identifier`) go unquoted.
fn quote(name: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "_-/.%@:+".contains(c);
    if !name.is_empty() && name.chars().all(is_plain) {
        name.to_owned()
    } else if name.contains('\'') {
        format!("\"{}\"", name.replace('\\', "\\\\").replace('"', "\\\""))
    } else {
        format!("'{name}'")
    }
}
