//! The marked block: found in a text, changed, and put back so that every byte outside it stays.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;

use zeroize::Zeroizing;

use crate::aws_config::document::{
    Document, EditError, Property, Section, SectionId, SectionKind, lines, without_ending,
};
use crate::aws_config::write::Rewrite;

use super::markers::{self, Above, Found, ending_of, number};
use super::{Entry, SyncError};

const PROCESS: &str = "credential_process";
const REGION: &str = "region";

/// A config file's text, with the block or without.
pub(super) struct Block {
    before: Zeroizing<String>,
    /// The begin marker and what follows it up to the end marker; then the settings below the end marker that belong
    /// to the last profile (`aws configure set` puts some there).
    body: Option<Document>,
    /// How many lines of the body stand above the end marker.
    inside: u32,
    /// The line of the begin marker, from 1.
    first_line: u32,
    end_line: String,
    after: Zeroizing<String>,
    above: Above,
    ending: &'static str,
    is_changed: bool,
    /// The profiles that are the person's, with the lines of their headers.
    outside: BTreeMap<String, u32>,
}

impl Block {
    /// Finds the block; `None` is a file that does not exist.
    pub(super) fn parse(text: Option<&str>) -> Result<Self, SyncError> {
        let full = text.unwrap_or_default();
        let (bom, rest) = full.split_at(full.len() - full.trim_start_matches('\u{feff}').len());
        let all: Vec<&str> = lines(rest).collect();
        match markers::find(&all)? {
            Some(found) => Ok(Self::present(full, bom, &all, &found)),
            None => Ok(Self::absent(text, full)),
        }
    }

    fn present(full: &str, bom: &str, all: &[&str], found: &Found) -> Self {
        let Found { begin, end, above } = *found;
        let below = end + 1 + markers::settings_below(&all[end + 1..]);
        let body = Zeroizing::new([&all[begin..end], &all[end + 1..below]].concat().concat());
        let body = Document::parse(&body);
        Self {
            before: Zeroizing::new([bom, &all[..begin].concat()].concat()),
            outside: outside(full, &body, number(begin)..=number(below - 1)),
            body: Some(body),
            inside: number(end - begin) - 1,
            first_line: number(begin),
            end_line: all[end].to_owned(),
            after: Zeroizing::new(all[below..].concat()),
            above,
            ending: ending_of(all[begin]),
            is_changed: false,
        }
    }

    fn absent(text: Option<&str>, full: &str) -> Self {
        // A line feed after a lone CR would be one line end with it.
        let ending = if full.ends_with('\r') { "\r" } else { lines(full).next().map_or("\n", ending_of) };
        let above = Above::new_block(text);
        Self {
            before: Zeroizing::new([full, &above.separator(ending)].concat()),
            outside: outside(full, &Document::parse(""), 0..=0),
            body: None,
            inside: u32::MAX,
            first_line: 0,
            end_line: markers::end_line(ending),
            after: Zeroizing::default(),
            above,
            ending,
            is_changed: false,
        }
    }

    pub(super) fn is_changed(&self) -> bool {
        self.is_changed
    }

    /// The profiles in the block with the values of their commands, in its order.
    pub(super) fn commands(&self) -> Vec<(String, String)> {
        let entries = self.body.iter().flat_map(Document::sections).filter(is_entry);
        let command = |section: &Section<'_>| Some(section.get(PROCESS)?.value().into_owned());
        entries.filter_map(|section| Some((section.name().to_owned(), command(&section)?))).collect()
    }

    /// The profiles in the block, in its order.
    pub(super) fn names(&self) -> Vec<String> {
        let entries = self.body.iter().flat_map(Document::sections).filter(is_entry);
        entries.map(|section| section.name().to_owned()).collect()
    }

    /// The line of the header of a profile that is the person's.
    pub(super) fn line_outside(&self, name: &str) -> Option<u32> {
        self.outside.get(name).copied()
    }

    /// Adds or renews an entry; whether anything changed.
    pub(super) fn put(&mut self, entry: &Entry) -> Result<bool, EditError> {
        let (above, ending) = (self.above, self.ending);
        let body = self.body.get_or_insert_with(|| Document::parse(&above.begin_line(ending)));
        let id = SectionId::profile(&entry.name);
        let is_changed = match body.section(&id) {
            Some(_) => renew(body, &id, entry)?,
            None => append(body, &id, entry, ending).map(|()| true)?,
        };
        self.is_changed |= is_changed;
        Ok(is_changed)
    }

    /// Removes an entry; `false` where there is none of that name.
    pub(super) fn remove(&mut self, name: &str) -> Result<bool, SyncError> {
        if !self.names().iter().any(|known| known == name) {
            return Ok(false);
        }
        self.refuse_persons_lines(|owner| owner == Some(name))?;
        let id = SectionId::profile(name);
        let removed = self.body.as_mut().map_or(Ok(false), |body| body.remove_section(&id));
        let removed = removed.map_err(|error| SyncError::Refused { profile: name.to_owned(), error })?;
        if self.names().is_empty() && self.refuse_persons_lines(|_| true).is_ok() {
            self.body = None;
        }
        self.is_changed = true;
        Ok(removed)
    }

    /// Removes the whole block; the profiles that were in it.
    pub(super) fn empty(&mut self) -> Result<Vec<String>, SyncError> {
        self.refuse_persons_lines(|_| true)?;
        let names = self.names();
        self.is_changed = self.body.take().is_some();
        Ok(names)
    }

    /// The text as it is now; a file that was made for the block and holds nothing else goes with it.
    pub(super) fn into_rewrite(self) -> Rewrite {
        let text = match &self.body {
            Some(body) => [self.before.as_str(), &with_end(body, self.ending), &self.end_line, &self.after].concat(),
            None => [self.above.taken_off(&self.before, self.after.is_empty()), &self.after].concat(),
        };
        if text.is_empty() && self.above == Above::NoFile {
            return Rewrite::Remove;
        }
        Rewrite::Text(Zeroizing::new(text))
    }

    /// Refuses where one of the person's own lines belongs to such an owner: an entry, or the block.
    fn refuse_persons_lines(&self, is_meant: impl Fn(Option<&str>) -> bool) -> Result<(), SyncError> {
        let Some(body) = &self.body else { return Ok(()) };
        match persons_lines(body).into_iter().find(|(owner, _)| is_meant(owner.as_deref())) {
            // Below the end marker, whose line is not in the body.
            Some((_, line)) if line > self.inside => Err(SyncError::PersonsLine { line: self.first_line + line }),
            Some((_, line)) => Err(SyncError::PersonsLine { line: self.first_line + line - 1 }),
            None => Ok(()),
        }
    }
}

/// Adds an entry below the others. The region comes first: one below the command was put there by somebody else.
fn append(body: &mut Document, id: &SectionId, entry: &Entry, ending: &str) -> Result<(), EditError> {
    let region = entry.region.as_deref().map(|region| (REGION, region));
    let keys: Vec<_> = region.into_iter().chain([(PROCESS, entry.command.as_str())]).collect();
    let mut trimmed = Document::parse(&with_end(body, ending));
    trimmed.append_section(&id.to_header(), &keys)?;
    *body = trimmed;
    Ok(())
}

/// Brings an entry up to date; whether anything changed.
fn renew(body: &mut Document, id: &SectionId, entry: &Entry) -> Result<bool, EditError> {
    let Some(section) = body.section(id) else { return Ok(false) };
    let is_same = section.get(PROCESS).is_some_and(|known| known.value() == entry.command.as_str());
    let (ours, is_persons) = regions(&section);
    let wanted = entry.region.as_deref().filter(|_| !is_persons);
    let is_same_region = ours.as_deref() == wanted;
    match wanted {
        _ if is_same_region => {}
        Some(region) if ours.is_some() => body.set(id, REGION, region)?,
        Some(region) => body.set_above(id, REGION, region, PROCESS)?,
        None => drop(body.remove_first(id, REGION)),
    }
    if !is_same {
        body.set(id, PROCESS, &entry.command)?;
    }
    Ok(!(is_same && is_same_region))
}

/// The region that `sync` wrote, which stands above the command, and whether there is another one, which somebody else
/// wrote. Lines that continue a value are never `sync`'s.
fn regions(section: &Section<'_>) -> (Option<String>, bool) {
    let is = |property: &Property<'_>, key: &str| property.key().eq_ignore_ascii_case(key);
    let first = section.properties().find(|property| is(property, REGION) || is(property, PROCESS));
    let ours = first.filter(|first| is(first, REGION)).map(|first| first.value().into_owned());
    let ours = ours.filter(|region| !region.contains('\n'));
    let all = section.properties().filter(|property| is(property, REGION)).count();
    let is_persons = all > usize::from(ours.is_some());
    (ours, is_persons)
}

/// The body, ended by exactly one blank line: `aws configure set` leaves one line free above what it writes.
fn with_end(body: &Document, ending: &str) -> Zeroizing<String> {
    let text = body.to_text();
    let mut kept = 0;
    let mut length = 0;
    for line in lines(&text) {
        length += line.len();
        kept = if line.trim().is_empty() { kept } else { length };
    }
    let text = without_ending(&text[..kept]);
    Zeroizing::new([text, ending, ending].concat())
}

/// A profile of the block without the one setting that makes it an entry is the person's.
fn is_entry(section: &Section<'_>) -> bool {
    section.kind() == SectionKind::Profile && section.get(PROCESS).is_some()
}

/// The person's profiles: those outside these lines, and those inside that are no entries.
fn outside(full: &str, body: &Document, block: RangeInclusive<u32>) -> BTreeMap<String, u32> {
    let entries: BTreeSet<&str> = body.sections().filter(is_entry).map(|section| section.name()).collect();
    let mut outside = BTreeMap::new();
    for section in Document::parse(full).sections().filter(|section| section.kind() == SectionKind::Profile) {
        let is_outside = |line: &u32| !block.contains(line) || !entries.contains(section.name());
        if let Some(line) = section.header_lines().find(is_outside) {
            outside.insert(section.name().to_owned(), line);
        }
    }
    outside
}

/// The lines of the body that `sync` does not write, each with the entry it stands in. What it writes is a header,
/// a region, and below that a command.
fn persons_lines(body: &Document) -> Vec<(Option<String>, u32)> {
    let headers: BTreeMap<u32, Section<'_>> =
        body.sections().flat_map(|section| section.header_lines().map(move |line| (line, section))).collect();
    let keys: BTreeMap<u32, String> = body
        .sections()
        .flat_map(|section| section.properties().map(|property| (property.line(), property.key().to_lowercase())))
        .collect();
    let mut persons = Vec::new();
    let mut owner: Option<Section<'_>> = None;
    let mut ours: &[&str] = &[];
    for (line, _) in (1..).zip(lines(&body.to_text())).skip(1).filter(|(_, text)| !text.trim().is_empty()) {
        if let Some(section) = headers.get(&line) {
            owner = Some(*section);
            ours = if is_entry(section) && section.line() == line { &[REGION, PROCESS] } else { &[] };
            if !ours.is_empty() {
                continue;
            }
        }
        let key = keys.get(&line).map(String::as_str);
        match ours.iter().position(|known| Some(*known) == key) {
            Some(index) => ours = &ours[index + 1..],
            None => persons.push((owner.map(|section| section.name().to_owned()), line)),
        }
    }
    persons
}
