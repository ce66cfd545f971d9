//! Changing a document: only the lines asked for change, every other byte stays.

use thiserror::Error;
use zeroize::Zeroizing;

use super::Document;
use super::block::Block;
use super::header::{Header, SectionId, SectionKind, trim};
use super::key_line::{key_line, with_value};
use super::line::{Line, What};

/// Why a change was refused; the document is then as it was. Values are never quoted: they may be secrets.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum EditError {
    /// `set` in a section that is not there.
    #[error("there is no section [{0}]: add it first")]
    NoSuchSection(String),
    /// A second header for one section: botocore refuses a whole file with one.
    #[error("there is a section [{0}] already: change its keys, or remove it first")]
    SectionExists(String),
    /// A header that would not be read back as it was given.
    #[error("[{0}] is no section header that can be read back: quote the name, and leave out brackets")]
    BadHeader(String),
    /// A key that would not be read back as it was given.
    #[error("`{0}` cannot be a key: use letters, digits, - and _")]
    BadKey(String),
    /// One key twice in one new section: botocore refuses a whole file with one.
    #[error("the key {0} is given twice for one section: give it once")]
    KeyTwice(String),
    /// A value with a line feed, a carriage return or a NUL.
    #[error("the value of {0} has a line break or a NUL character in it: remove it")]
    ValueBreaksLine(String),
    /// A value that would be read back as another one.
    #[error(
        "the value of {0} would not be read back as it is: \
         remove spaces around it, and any # or ; that follows a space"
    )]
    ValueChangesWhenRead(String),
    /// Without the removed section's header, the indented header below it would be read as part of a value.
    #[error("[{0}] cannot be removed: the header below it is indented; remove that indent first")]
    NextHeaderIndented(String),
}

impl Document {
    /// Gives a key a value: in its last line, keeping that line's spelling, spacing, comment and ending, or in a new
    /// line below the section's last key. Lines that continued the old value go.
    pub fn set(&mut self, id: &SectionId, key: &str, value: &str) -> Result<(), EditError> {
        let places = self.places.get(id).filter(|_| id.kind != SectionKind::Unreadable);
        let places = places.ok_or_else(|| EditError::NoSuchSection(id.to_header()))?;
        let is_key = |line: &Line| line.key().is_some_and(|spelled| spelled.eq_ignore_ascii_case(key));
        let last = places.iter().rev().find_map(|&place| {
            let index = self.blocks[place].lines.iter().rposition(is_key)?;
            Some((place, index))
        });
        match (last, places.last()) {
            (Some((place, index)), _) => self.replace_value(place, index, value)?,
            (None, Some(&place)) => self.insert_key(place, key, value)?,
            (None, None) => return Err(EditError::NoSuchSection(id.to_header())),
        }
        self.number_lines();
        Ok(())
    }

    /// Gives a key a value in a new line directly above the first line of another key of the section.
    pub fn set_above(&mut self, id: &SectionId, key: &str, value: &str, below: &str) -> Result<(), EditError> {
        let no_such = || EditError::NoSuchSection(id.to_header());
        let (place, index) = self.first_line_of(id, below).ok_or_else(no_such)?;
        let usual_ending = self.usual_ending();
        let lines = &mut self.blocks[place].lines;
        let (indent, ending) = (lines[index].indent(), lines[index].ending());
        let line = key_line(indent, key, " = ", value, if ending.is_empty() { usual_ending } else { ending })?;
        lines.insert(index, line);
        self.number_lines();
        Ok(())
    }

    /// Removes the first line of a key, with the lines that continue its value. False where there was none.
    pub fn remove_first(&mut self, id: &SectionId, key: &str) -> bool {
        let Some((place, index)) = self.first_line_of(id, key) else { return false };
        let block = &mut self.blocks[place];
        block.remove_continuations(index);
        block.lines.remove(index);
        self.number_lines();
        true
    }

    fn first_line_of(&self, id: &SectionId, key: &str) -> Option<(usize, usize)> {
        let is_key = |line: &Line| line.key().is_some_and(|spelled| spelled.eq_ignore_ascii_case(key));
        let find = |&place: &usize| Some((place, self.blocks[place].lines.iter().position(is_key)?));
        self.places.get(id)?.iter().find_map(find)
    }

    /// Adds a section at the end, a blank line above it. `header` is what stands between the brackets
    /// ([`SectionId::to_header`] quotes it).
    pub fn append_section(&mut self, header: &str, keys: &[(&str, &str)]) -> Result<(), EditError> {
        let read = readable_header(header)?;
        if self.places.contains_key(&read.id) {
            return Err(EditError::SectionExists(header.to_owned()));
        }
        let ending = self.usual_ending();
        let lines = new_keys(keys, ending)?;
        self.end_with_blank_line(ending);
        self.places.insert(read.id.clone(), vec![self.blocks.len()]);
        let line = Line::new(&["[", header, "]", ending].concat(), What::Blank);
        let header = Some((read, line));
        self.blocks.push(Block { lines, ..Block::new(header) });
        self.number_lines();
        Ok(())
    }

    /// Removes every line of a key, with the lines that continue its value. False where there was none.
    pub fn remove_key(&mut self, id: &SectionId, key: &str) -> bool {
        let before = self.all_lines().count();
        for &place in self.places.get(id).into_iter().flatten() {
            self.blocks[place].remove_key(key);
        }
        self.number_lines();
        self.all_lines().count() < before
    }

    /// Removes a section's headers and all their lines; comments directly above the next header stay. False where
    /// there was none.
    pub fn remove_section(&mut self, id: &SectionId) -> Result<bool, EditError> {
        let Some(places) = self.places.get(id) else { return Ok(false) };
        let mut edited = self.clone();
        for &place in places.iter().rev() {
            edited.remove_block(place);
        }
        if !edited.headers_stand_alone(0..edited.blocks.len()) {
            return Err(EditError::NextHeaderIndented(id.to_header()));
        }
        edited.renumber();
        *self = edited;
        Ok(true)
    }

    /// Puts other texts into the place of a section's headers and lines. False, and nothing is changed, where they are
    /// not as many as the section has headers, or would be read as anything but this section.
    pub fn replace_texts(&mut self, id: &SectionId, texts: &[Zeroizing<String>]) -> bool {
        let Some(places) = self.places.get(id).filter(|places| places.len() == texts.len()) else { return false };
        let mut blocks = Vec::with_capacity(texts.len());
        for (&place, text) in places.iter().zip(texts) {
            let is_last = place + 1 == self.blocks.len();
            let has_end = super::line::lines(text).last().is_some_and(|line| super::line::without_ending(line) != line);
            let mut parsed = Document::parse(text).blocks;
            let is_it =
                parsed.get(1).and_then(|block| block.header.as_ref()).is_some_and(|(header, _)| header.id == *id);
            if parsed.len() != 2 || !is_it || !(has_end || is_last) {
                return false;
            }
            blocks.push(parsed.remove(1));
        }
        let places = places.clone();
        self.exchange(&places, &mut blocks);
        // Only there anything is another neighbour's.
        let stand_alone = places.iter().all(|&place| self.headers_stand_alone(place.saturating_sub(1)..place + 2));
        if !stand_alone {
            self.exchange(&places, &mut blocks);
        }
        self.number_lines();
        stand_alone
    }

    fn exchange(&mut self, places: &[usize], blocks: &mut [Block]) {
        for (&place, block) in places.iter().zip(blocks) {
            std::mem::swap(&mut self.blocks[place], block);
        }
    }

    fn replace_value(&mut self, place: usize, index: usize, value: &str) -> Result<(), EditError> {
        let block = &mut self.blocks[place];
        block.lines[index] = with_value(&block.lines[index], value)?;
        block.remove_continuations(index);
        Ok(())
    }

    fn insert_key(&mut self, place: usize, key: &str, value: &str) -> Result<(), EditError> {
        let usual_ending = self.usual_ending();
        let next_header = self.blocks.get(place + 1).and_then(Block::header_line).map_or("", Line::indent);
        let block = &self.blocks[place];
        let (index, indent, equals) = block.place_for_key(next_header);
        let ending = block.ending_above(index).unwrap_or(usual_ending).to_owned();
        let line = key_line(indent, key, equals, value, &ending)?;
        let block = &mut self.blocks[place];
        block.end_line_above(index, &ending);
        block.lines.insert(index, line);
        Ok(())
    }

    /// The ending of the first line.
    pub fn usual_ending(&self) -> &'static str {
        match self.all_lines().next().map_or("", Line::ending) {
            "\r\n" => "\r\n",
            "\r" => "\r",
            _ => "\n",
        }
    }

    /// What [`append_section`](Self::append_section) would put above the header: the end of a last line that has none, and
    /// a blank line.
    pub fn gap(&self) -> String {
        let mut end = Self::parse("");
        let Some(last) = self.blocks.last() else { return String::new() };
        end.blocks = vec![last.clone()];
        let before: usize = end.all_lines().map(|line| line.text.len()).sum();
        end.end_with_blank_line(self.usual_ending());
        end.to_text()[before..].to_owned()
    }

    /// Takes away such a gap, where the file ends with it.
    pub fn remove_gap(&mut self, gap: &str) {
        let Some(block) = self.blocks.last_mut() else { return };
        let Some(blank) =
            block.lines.pop_if(|line| matches!(line.what, What::Blank) && gap.ends_with(line.text.as_str()))
        else {
            return;
        };
        let end = gap.len() - blank.text.len();
        let above = block.lines.last_mut().or(block.header.as_mut().map(|(_, line)| line));
        if let Some(line) = above.filter(|line| line.text.ends_with(&gap[..end])) {
            let length = line.text.len() - end;
            line.text.truncate(length);
        }
        self.number_lines();
    }

    fn end_with_blank_line(&mut self, ending: &str) {
        let is_blank = |line: &Line| trim(line.content()).is_empty();
        let needs_blank = self.all_lines().last().is_some_and(|line| !is_blank(line));
        let Some(block) = self.blocks.last_mut() else { return };
        block.end_line_above(block.lines.len(), ending);
        if needs_blank {
            block.lines.push(Line::new(ending, What::Blank));
        }
    }

    fn remove_block(&mut self, place: usize) {
        let is_last = place + 1 == self.blocks.len();
        let mut lines = self.blocks.remove(place).lines;
        let trailing = lines.iter().rev().take_while(|line| matches!(line.what, What::Comment)).count();
        if let (false, Some(above)) = (is_last, place.checked_sub(1)) {
            self.blocks[above].lines.extend(lines.drain(lines.len() - trailing..));
        }
    }

    /// False where a header is indented so deep that it would be read as part of the value above it.
    fn headers_stand_alone(&self, among: std::ops::Range<usize>) -> bool {
        self.blocks[among.start..among.end.min(self.blocks.len())].windows(2).all(|pair| {
            let header = pair[1].header_line().map_or(0, |line| line.indent().len());
            pair[0].last_key_indent().is_none_or(|key| header <= key)
        })
    }
}

/// The header, read, where it is read back as it was given.
fn readable_header(header: &str) -> Result<Header, EditError> {
    let read = Header::read(&format!("[{header}]"));
    let breaks_line = header.contains(['\n', '\r', '\0']);
    if breaks_line || read.fault.is_some() || read.inside != header {
        return Err(EditError::BadHeader(header.escape_debug().to_string()));
    }
    Ok(read)
}

fn new_keys(keys: &[(&str, &str)], ending: &str) -> Result<Vec<Line>, EditError> {
    let mut lines: Vec<Line> = Vec::with_capacity(keys.len());
    for (key, value) in keys {
        if lines.iter().any(|line| line.key().is_some_and(|other| other.eq_ignore_ascii_case(key))) {
            return Err(EditError::KeyTwice((*key).to_owned()));
        }
        lines.push(key_line("", key, " = ", value, ending)?);
    }
    Ok(lines)
}
