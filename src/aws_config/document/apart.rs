//! One section apart from its file: what many sections need, one after the other, must not cost the whole file each time.

use super::block::Block;
use super::line::{Line, What};
use super::{Document, SectionId};

impl Document {
    /// The section alone, in a document in which it is read and edited as in this one: with the file's line ending above
    /// it, and below each of its parts the header that follows there.
    pub fn apart(&self, id: &SectionId) -> Option<Self> {
        let places = self.places.get(id)?;
        let mut blocks = vec![Block::new(None)];
        if let Some(first) = self.all_lines().next() {
            blocks[0].lines.push(Line::new(first.ending(), What::Blank));
        }
        for &place in places {
            blocks.push(self.blocks[place].clone());
            if let Some(next) = self.blocks.get(place + 1).filter(|_| !places.contains(&(place + 1))) {
                blocks.push(Block::new(next.header.clone()));
            }
        }
        let mut apart = Self { has_bom: self.has_bom, blocks, places: std::collections::HashMap::new() };
        apart.renumber();
        Some(apart)
    }

    /// Edits a section apart: all of the edit is done, or nothing. It may change the lines of that section alone.
    ///
    /// # Errors
    /// Those of the edit.
    pub fn edit_apart<T, E>(&mut self, id: &SectionId, edit: impl FnOnce(&mut Self) -> Result<T, E>) -> Result<T, E> {
        let Some(mut apart) = self.apart(id) else { return edit(self) };
        let done = edit(&mut apart)?;
        let (here, there) = (self.places.get(id), apart.places.get(id));
        for (&here, &there) in here.into_iter().flatten().zip(there.into_iter().flatten()) {
            std::mem::swap(&mut self.blocks[here], &mut apart.blocks[there]);
        }
        self.number_lines();
        Ok(done)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "# above\r\n[a]\nx=1\n  [b]\ny = 2\n[a]\n  z : 3\n [c]\n[a]";

    fn on_both(text: &str, name: &str, edit: impl Fn(&mut Document, &SectionId)) {
        let id = SectionId::plain(name);
        let (mut whole, mut apart) = (Document::parse(text), Document::parse(text));
        edit(&mut whole, &id);
        let done: Result<(), ()> = apart.edit_apart(&id, |document| {
            edit(document, &id);
            Ok(())
        });
        assert_eq!(done, Ok(()));
        assert_eq!(apart.to_text().as_str(), whole.to_text().as_str());
        let lines = |document: &Document| document.sections().map(|it| it.line()).collect::<Vec<_>>();
        assert_eq!(lines(&apart), lines(&whole));
    }

    #[test]
    fn an_edit_of_a_section_apart_is_the_edit_of_the_file() {
        for name in ["a", "b", "c", "none"] {
            for key in ["x", "y", "z", "new"] {
                on_both(TEXT, name, |document, id| drop(document.set(id, key, "v")));
                on_both(TEXT, name, |document, id| {
                    document.remove_key(id, key);
                });
                on_both(TEXT, name, |document, id| drop(document.set_above(id, "above", "v", key)));
            }
        }
    }

    #[test]
    fn an_edit_that_fails_half_way_changes_nothing() {
        let mut document = Document::parse(TEXT);
        let id = SectionId::plain("a");
        let done = document.edit_apart(&id, |document| {
            document.set(&id, "x", "2")?;
            document.set(&id, "z", "two\nlines")
        });
        assert!(done.is_err());
        assert_eq!(document.to_text().as_str(), TEXT);
    }
}
