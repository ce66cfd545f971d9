//! Credentials in lines that set environment variables: bash, zsh, csh, fish, PowerShell and cmd.exe.

use zeroize::Zeroizing;

use super::draft::{Draft, Field, Names};
use super::found::{FaultReason, Found, SectionFault};
use super::shell_words::statements;

pub(super) const NAMES: Names =
    Names { id: "AWS_ACCESS_KEY_ID", secret: "AWS_SECRET_ACCESS_KEY", token: "AWS_SESSION_TOKEN" };
pub(super) const OLD_TOKEN: &str = "AWS_SECURITY_TOKEN";
/// Where the end stands, the one that counts first.
pub(super) const EXPIRIES: [&str; 2] = ["AWS_CREDENTIAL_EXPIRATION", "AWS_SESSION_EXPIRATION"];

/// A variable's name with its value.
type Assignment = (String, Zeroizing<String>);

/// The one credential that the lines set; nothing where no line sets a part of one. Other lines are left alone, as
/// long as they do not name one of its variables in a way that cannot be read.
pub(super) fn read(text: &str) -> Option<Result<Found, SectionFault>> {
    let mut fields: Vec<Field> = Vec::new();
    for (number, line) in (1..).zip(text.lines()) {
        match assignments(line) {
            Ok(found) => fields.extend(found.into_iter().map(|(name, text)| Field { name, line: Some(number), text })),
            Err(reason) if names_credential(line) => return Some(Err(fault(Some(number), reason))),
            Err(_) => {}
        }
    }
    if let Some(twice) = set_twice(&fields) {
        return Some(Err(fault(twice.line, FaultReason::SetTwice { name: twice.name.clone() })));
    }
    draft(&fields).finish()
}

fn draft(fields: &[Field]) -> Draft {
    Draft {
        names: &NAMES,
        section: None,
        line: None,
        id: last_of(fields, &[NAMES.id]),
        secret: last_of(fields, &[NAMES.secret]),
        token: last_of(fields, &[NAMES.token, OLD_TOKEN]),
        expiry: last_of(fields, &EXPIRIES),
        region: last_of(fields, &["AWS_REGION", "AWS_DEFAULT_REGION"]),
        mfa_serial: last_of(fields, &["AWS_MFA_SERIAL"]),
    }
}

/// The last value of the first of these names that has one.
fn last_of(fields: &[Field], names: &[&str]) -> Option<Field> {
    let last = |name: &&str| fields.iter().rev().find(|field| field.name == **name && !field.text.is_empty());
    names.iter().find_map(last).cloned()
}

/// Two credentials below each other: taking the last of each variable would mix them.
fn set_twice(fields: &[Field]) -> Option<&Field> {
    [NAMES.id, NAMES.secret, NAMES.token, OLD_TOKEN].iter().find_map(|name| {
        let mut values = fields.iter().filter(|field| field.name == *name);
        let first = values.next()?;
        values.find(|field| field.text != first.text)
    })
}

fn names_credential(line: &str) -> bool {
    let line = Zeroizing::new(line.to_ascii_uppercase());
    [NAMES.id, NAMES.secret, NAMES.token, OLD_TOKEN].iter().any(|name| line.contains(name))
}

fn fault(line: Option<u32>, reason: FaultReason) -> SectionFault {
    SectionFault { section: None, line, reason }
}

/// What a line sets, in the language that its first word shows.
fn assignments(line: &str) -> Result<Vec<Assignment>, FaultReason> {
    let line = line.trim();
    if strip_env_prefix(line).is_some() {
        return powershell(line);
    }
    match line.split_once([' ', '\t']) {
        Some((set, rest)) if set.eq_ignore_ascii_case("set") => {
            if rest.trim_start().starts_with('-') {
                words(line, true)
            } else {
                Ok(cmd(line))
            }
        }
        _ => words(line, false),
    }
}

fn words(line: &str, is_fish: bool) -> Result<Vec<Assignment>, FaultReason> {
    Ok(statements(line, is_fish)?.iter().flat_map(|statement| of_statement(statement)).collect())
}

/// `export A=b C=d` · `A=b` · `declare -x A=b` · `setenv A b` · `set -gx A b`
fn of_statement(words: &[Zeroizing<String>]) -> Vec<Assignment> {
    let Some((verb, rest)) = words.split_first() else { return Vec::new() };
    match verb.as_str() {
        "export" | "declare" | "typeset" => rest.iter().filter_map(|word| assignment(word)).collect(),
        "setenv" => name_and_value(rest).into_iter().collect(),
        "set" => exported_by_fish(rest).into_iter().collect(),
        _ => words.iter().map_while(|word| assignment(word)).collect(),
    }
}

fn name_and_value(words: &[Zeroizing<String>]) -> Option<Assignment> {
    match words {
        [name, value] => Some((name.to_string(), value.clone())),
        _ => None,
    }
}

/// `-gx`, `-x`, `-Ux`, `--export`; not `-e`, which erases.
fn exported_by_fish(words: &[Zeroizing<String>]) -> Option<Assignment> {
    let flags = words.iter().take_while(|word| word.starts_with('-')).count();
    let exports =
        |flag: &Zeroizing<String>| *flag.as_str() == *"--export" || (!flag.starts_with("--") && flag.contains('x'));
    name_and_value(&words[flags..]).filter(|_| words[..flags].iter().any(exports))
}

fn assignment(word: &str) -> Option<Assignment> {
    let (name, value) = word.split_once('=')?;
    Some((name.to_owned(), Zeroizing::new(value.to_owned())))
}

/// cmd.exe knows no quoting here: all up to the line's end, or to `&`, is the value, but for
/// `set "NAME=value"`. Names are the same in either case.
fn cmd(line: &str) -> Vec<Assignment> {
    line.split('&').filter_map(|statement| cmd_statement(statement.trim())).collect()
}

fn cmd_statement(statement: &str) -> Option<Assignment> {
    let (set, rest) = statement.split_once([' ', '\t'])?;
    let rest = rest.trim();
    let inside = rest.strip_prefix('"').and_then(|inside| inside.strip_suffix('"')).unwrap_or(rest);
    let (name, value) = assignment(inside).filter(|_| set.eq_ignore_ascii_case("set"))?;
    Some((name.trim().to_ascii_uppercase(), value))
}

/// `$Env:A = "b"; $env:C = 'd'`. Names are the same in either case. A statement of another kind ends the reading.
fn powershell(line: &str) -> Result<Vec<Assignment>, FaultReason> {
    // As long as any value can be: growing would leave copies of secrets behind in freed memory.
    let mut value = Zeroizing::new(String::with_capacity(line.len()));
    let mut assignments = Vec::new();
    let mut rest = line;
    while let Some(after) = strip_env_prefix(rest) {
        let Some((name, after)) = after.split_once('=') else { break };
        let after = powershell_value(after.trim_start(), &mut value)?;
        assignments.push((name.trim().to_ascii_uppercase(), Zeroizing::new(value.as_str().to_owned())));
        rest = after.trim_start_matches([' ', '\t', ';']);
    }
    Ok(assignments)
}

fn strip_env_prefix(text: &str) -> Option<&str> {
    let (prefix, rest) = text.split_at_checked("$env:".len())?;
    prefix.eq_ignore_ascii_case("$env:").then_some(rest)
}

/// Reads a quoted value; returns what follows it. Between either quotes, the quote written twice is that quote; between double
/// quotes a backtick escapes, and `$` expands (PowerShell, `about_Quoting_Rules`).
fn powershell_value<'a>(text: &'a str, value: &mut String) -> Result<&'a str, FaultReason> {
    let quote = text.chars().next().filter(|c| matches!(c, '"' | '\'')).ok_or(FaultReason::NotQuoted)?;
    value.clear();
    let mut characters = text[1..].char_indices();
    while let Some((at, character)) = characters.next() {
        let after = &text[1 + at + character.len_utf8()..];
        match character {
            _ if character == quote && after.starts_with(quote) => value.extend(characters.next().map(|(_, c)| c)),
            _ if character == quote => return Ok(after),
            '`' if quote == '"' => value.push(escaped(characters.next().map(|(_, c)| c))?),
            '$' if quote == '"' => return Err(FaultReason::Expands),
            plain => value.push(plain),
        }
    }
    Err(FaultReason::QuoteNotClosed)
}

/// A backtick before a letter or digit makes a control character (PowerShell, `about_Special_Characters`), which no
/// credential has.
fn escaped(character: Option<char>) -> Result<char, FaultReason> {
    let character = character.ok_or(FaultReason::QuoteNotClosed)?;
    if character.is_ascii_alphanumeric() { Err(FaultReason::Expands) } else { Ok(character) }
}
