//! The text of one of the stand-ins, line by line.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::Path;

use super::profiles::unquoted;
use super::secrets::is_secret;
use super::{Plan, Treatment, is_identifier};
use crate::aws_config::document::{Document, Part, SectionId, TextLine};
use crate::aws_config::{DEFAULT, FileKind};

/// One file, while it is copied.
pub(super) struct Draft<'c> {
    plan: &'c Plan,
    file: FileKind,
    document: &'c Document,
    pub(super) out: String,
    /// Whether a profile was given the generated one as its source.
    pub(super) has_redirect: bool,
    treatment: Treatment<'c>,
    /// Whether the lines that continue the value above are copied.
    goes_on: bool,
    /// Whether the value above is empty, so that they are a nested block.
    is_nested: bool,
    /// The sections whose headers were copied, or told to be left out.
    begun: BTreeSet<&'c SectionId>,
}

impl<'c> Draft<'c> {
    pub(super) fn of(plan: &'c Plan, file: FileKind, document: &'c Document, path: &Path) -> Self {
        let path = path.to_string_lossy().escape_debug().to_string();
        let out = format!("# made by multicred for a live shell from {path}: change that file, not this one\n");
        let (treatment, begun) = (Treatment::LeftOut(""), BTreeSet::new());
        let mut draft =
            Self { plan, file, document, out, treatment, goes_on: false, is_nested: false, has_redirect: false, begun };
        draft.lines();
        draft
    }

    fn lines(&mut self) {
        for line in self.document.text_lines() {
            match line.part {
                Part::Header { inside } => self.header(&line, inside),
                Part::Key { key, value, .. } => self.key(&line, key, value),
                Part::Continuation => self.continuation(&line),
                Part::Blank if !matches!(self.treatment, Treatment::LeftOut(_)) => self.push("", line.ending),
                Part::Blank | Part::Comment => {}
                // It may be the rest of anything.
                Part::Bad => self.goes_on = false,
            }
        }
    }

    /// Copied without an indent, or it could become a part of the value that is above it now; and without what
    /// follows the bracket.
    fn header(&mut self, line: &TextLine<'c>, inside: &str) {
        let Some(id) = line.section else { return };
        self.goes_on = false;
        self.treatment = self.plan.treatment(self.file, id, inside, self.document);
        let is_first = self.begun.insert(id);
        match self.treatment {
            Treatment::LeftOut(why) if is_first => {
                let name = if self.plan.secrets.are_in(inside) { "" } else { inside };
                let name = name.escape_debug();
                self.push(&format!("# line {} of it, [{name}], is left out: {why}", line.number), line.ending);
            }
            Treatment::LeftOut(_) => {}
            treatment => {
                self.push(&format!("[{inside}]"), line.ending);
                if let (Treatment::Process(process), true) = (treatment, is_first) {
                    self.push(&format!("credential_process = {process}"), line.ending);
                }
            }
        }
    }

    fn key(&mut self, line: &TextLine<'c>, key: &str, value: &str) {
        let treatment = self.treatment;
        self.is_nested = value.is_empty();
        self.goes_on = is_identifier(key) && treatment.allows(key) && !self.plan.secrets.are_in(line.text);
        if !self.goes_on {
            return;
        }
        let is_of_default = key.eq_ignore_ascii_case("source_profile") && unquoted(value) == DEFAULT;
        match (&self.plan.default_process, treatment) {
            (Some((name, _)), _) if is_of_default && treatment.may_have_source() => {
                let indent = &line.text[..line.text.len() - line.text.trim_start_matches([' ', '\t']).len()];
                (self.goes_on, self.has_redirect) = (false, true);
                self.push(&format!("{indent}{key} = {name}"), line.ending);
            }
            // Below a line that has none, an indented key would be a part of its value.
            (_, Treatment::Process(_)) => self.push(line.text.trim_start_matches([' ', '\t']), line.ending),
            _ => self.push(line.text, line.ending),
        }
    }

    /// The SDK for JavaScript reads an indented line as a setting of its own, and an indented header as one.
    fn continuation(&mut self, line: &TextLine<'c>) {
        let text = line.text.trim();
        let key = text.split(['=', ':']).next().unwrap_or_default().trim();
        // botocore refuses the whole file for one.
        let is_broken = self.is_nested && text.split_once('=').is_none_or(|(key, _)| key.trim().is_empty());
        // What is below a secret may be the rest of it.
        self.goes_on &= !is_secret(key) && !self.plan.secrets.are_in(line.text);
        if self.goes_on && self.treatment.allows(key) && !is_broken && !text.starts_with('[') {
            self.push(line.text, line.ending);
        }
    }

    /// A lone CR ends a line only to some.
    fn push(&mut self, text: &str, ending: &str) {
        self.out.push_str(text);
        self.out.push_str(if ending == "\r\n" { ending } else { "\n" });
    }

    /// Adds a profile at the end, unless its header would not be read back.
    pub(super) fn append(&mut self, name: &str, process: &str, region: Option<&str>) {
        let id = SectionId::profile(name);
        let header = format!("[{}]", id.to_header());
        if Document::parse(&header).section(&id).is_none() {
            return;
        }
        let region = region.map(|region| format!("region = {region}\n")).unwrap_or_default();
        let _ = write!(self.out, "\n{header}\n{region}credential_process = {process}\n");
    }
}
