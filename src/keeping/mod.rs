//! What the commands share that keep the credentials file clean: which keys it holds, how they come into the store, and
//! what is written in their place.

pub mod commands;
mod report;
mod stale;
pub mod startup;
pub mod state;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use zeroize::Zeroizing;

use crate::aws_config::document::{Document, Section, SectionId, SectionKind};
use crate::aws_config::kept::{self, Kept, NewCommand, WayBack, replace_commands};
use crate::aws_config::temporary::{Keep, Temporary, TemporaryError, check_kept, put_all, put_commands};
use crate::aws_config::write::{self, Rewrite};
use crate::aws_config::{AwsFiles, FileKind, FileText};
use crate::context::Context;
use crate::credential_text::{self, Found};
use crate::error::Failure;
use crate::identity::arn;
use crate::importing::Importer;
use crate::resolve::{ResolveError, Resolved};

use report::told;

pub use report::{Left, complain};

/// The section from which Python's INI reader gives every other one what it lacks.
const INHERITED: &str = "DEFAULT";

/// What the credentials file holds.
#[derive(Default)]
pub struct Survey {
    /// The long-term keys that can be taken, in the file's order; each has its section's name.
    pub keys: Vec<Found>,
    /// The sections that hold a key and cannot be touched.
    pub left: Vec<Left>,
    /// The long-term keys where they are not taken from: in the config, and in sections that no program reads.
    pub elsewhere: Vec<Left>,
    /// The sections that are kept, in the file's order.
    pub kept: Vec<(String, Kept)>,
}

impl Survey {
    /// How a section is kept.
    pub fn kept(&self, profile: &str) -> Option<&Kept> {
        self.kept.iter().find(|(name, _)| name == profile).map(|(_, kept)| kept)
    }
}

/// A key that the store has now.
pub struct Taken {
    /// The key, with its section's name.
    pub found: Found,
    /// The ARN of whose it is, without a path.
    pub arn: String,
    /// The name shown for its identity.
    pub shown: String,
}

impl Taken {
    /// The section that it stands in.
    pub fn profile(&self) -> &str {
        self.found.section.as_deref().unwrap_or_default()
    }
}

/// A credential for a section.
pub struct Renewed<'a> {
    /// The section.
    pub profile: &'a str,
    /// For whom it is kept: a name that multicred resolves.
    pub who: &'a str,
    /// The credential.
    pub resolved: &'a Resolved,
    /// The region that was asked for.
    pub region: Option<&'a str>,
}

/// What is to be written, all at once.
#[derive(Default)]
pub struct Change<'a> {
    /// Whether commands take the place of keys that are found later.
    pub with_commands: bool,
    /// Whether keys that are found later are to be taken in, too.
    pub takes_new: bool,
    /// The keys that were taken.
    pub taken: &'a [Taken],
    /// The commands that come into the place of some of them, by profile.
    pub commands: BTreeMap<&'a str, String>,
    /// The credentials.
    pub renewed: Vec<Renewed<'a>>,
    /// The commands that are written anew.
    pub anew: &'a [NewCommand],
}

/// Keeps the credentials file.
pub struct Keeper<'c> {
    context: &'c Context,
    importer: Importer<'c>,
    files: AwsFiles,
}

impl<'c> Keeper<'c> {
    /// Finds the files.
    ///
    /// # Errors
    /// Nobody says where they are.
    pub fn new(context: &'c Context, importer: Importer<'c>) -> Result<Self, Failure> {
        let (config, credentials) = context.aws_files().map_err(ResolveError::from)?;
        Ok(Self { context, importer, files: AwsFiles::new(config, credentials) })
    }

    /// What takes keys into the store.
    pub fn importer(&mut self) -> &mut Importer<'c> {
        &mut self.importer
    }

    /// The path of the credentials file.
    pub fn path(&self) -> &Path {
        self.files.path(FileKind::Credentials)
    }

    /// What the credentials file holds.
    ///
    /// # Errors
    /// One of the files cannot be read.
    pub fn survey(&self) -> Result<Survey, Failure> {
        let [credentials, config] = self.texts()?;
        let [credentials, config] = [self.of(FileKind::Credentials, &credentials), self.of(FileKind::Config, &config)];
        let document = Document::parse(credentials.text);
        let elsewhere = self.elsewhere(&document, &Document::parse(config.text));
        let mut survey = Survey { elsewhere, ..Survey::default() };
        for section in document.sections().filter(|it| it.kind() == SectionKind::Plain) {
            survey.kept.extend(kept::kept(&section).map(|kept| (section.name().to_owned(), kept)));
            match kept::credential(&section) {
                Some(Err(fault)) => survey.left.push(Left::new(section.name(), &fault.reason)),
                Some(Ok(found)) if found.session_token.is_none() && section.name() == INHERITED => {
                    survey.left.push(Left::new(section.name(), &"every other section inherits its key"));
                }
                Some(Ok(found)) if found.session_token.is_none() => survey.keys.push(found),
                _ => {}
            }
        }
        let named: Vec<(&str, Option<&Found>)> =
            survey.keys.iter().map(|found| (found.section.as_deref().unwrap_or_default(), Some(found))).collect();
        let checked = check_kept(&named, credentials, config);
        let mut checked = checked.into_iter();
        survey.keys.retain(|found| match checked.next() {
            Some(Err(error)) => {
                let name = found.section.as_deref().unwrap_or_default();
                survey.left.push(Left::new(name, &told(name, &error)));
                false
            }
            _ => true,
        });
        Ok(survey)
    }

    fn elsewhere(&self, credentials: &Document, config: &Document) -> Vec<Left> {
        let holds_key = |section: &Section<'_>| {
            let found = credential_text::of_section(section);
            found.is_some_and(|found| found.is_ok_and(|found| found.session_token.is_none()))
        };
        let beside = credentials.sections().filter(|section| section.kind() != SectionKind::Plain).filter(holds_key);
        let beside = beside.map(|section| {
            let header = section.id().to_header();
            let reason =
                format!("[{header}] is no profile of the credentials file, and has a key: call it by the name alone");
            Left::new(section.name(), &reason)
        });
        let (from, to) = (self.files.path(FileKind::Config), self.path());
        let is_one = from == to || from.canonicalize().is_ok_and(|from| to.canonicalize().is_ok_and(|to| from == to));
        let of_config = config.sections().filter(|section| !is_one && holds_key(section)).map(|section| {
            let (from, to) = (from.display(), to.display());
            let reason = format!("it has a key in {from}, which stays there in the clear: move it to {to}");
            Left::new(section.name(), &reason)
        });
        beside.chain(of_config).collect()
    }

    /// Sets aside the new keys of which it is known that no command may hand them out.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn set_aside_protected(&mut self, survey: &mut Survey) -> Result<(), Failure> {
        let mut keys = Vec::with_capacity(survey.keys.len());
        for found in std::mem::take(&mut survey.keys) {
            let profile = found.section.as_deref().unwrap_or_default();
            match self.importer.resolver().protection_of_key(&found.access_key_id)? {
                Some(account) if survey.kept(profile).is_none() => {
                    survey.left.push(Left::new(profile, &commands::no_command(&account, "")));
                }
                _ => keys.push(found),
            }
        }
        survey.keys = keys;
        Ok(())
    }

    /// Those of these profiles that no temporary credential can be put into: to be asked before AWS is.
    ///
    /// # Errors
    /// One of the files cannot be read.
    pub fn refused<'p>(&self, profiles: impl Iterator<Item = &'p str>) -> Result<Vec<Left>, Failure> {
        let [credentials, config] = self.texts()?;
        let [credentials, config] = [self.of(FileKind::Credentials, &credentials), self.of(FileKind::Config, &config)];
        let all: Vec<(&str, Option<&Found>)> = profiles.map(|profile| (profile, None)).collect();
        let left = |profile: &str, error: &TemporaryError| {
            let elsewhere = match error {
                TemporaryError::Wins { key, .. } if key == "role_arn" => ": destination_profile = NAME says where to",
                _ => "",
            };
            Left::new(profile, &(told(profile, error) + elsewhere))
        };
        let checked = all.iter().zip(check_kept(&all, credentials, config));
        Ok(checked.filter_map(|((profile, _), one)| Some(left(profile, &one.err()?))).collect())
    }

    /// Whether the credentials file could be written.
    ///
    /// # Errors
    /// It could not.
    pub fn check_writable(&self) -> Result<(), Failure> {
        Ok(write::check(self.path()).map_err(ResolveError::from)?)
    }

    /// Clears away what a killed run has left beside the file: it may hold keys.
    ///
    /// # Errors
    /// It cannot be cleared away.
    pub fn tidy(&mut self) -> Result<(), Failure> {
        let nothing = &mut |_: &str| Ok::<_, Failure>(Rewrite::Nothing);
        self.importer.resolver().edit_aws_file(FileKind::Credentials, nothing).map(drop)
    }

    /// Takes keys into the store, once AWS has said whose they are.
    ///
    /// # Errors
    /// The store cannot be used, or AWS not be reached by these settings; what was taken before that stays taken.
    pub fn take(&mut self, keys: Vec<Found>) -> Result<(Vec<Taken>, Vec<Left>), Failure> {
        let (mut taken, mut left) = (Vec::new(), Vec::new());
        if keys.is_empty() {
            return Ok((taken, left));
        }
        self.importer.resolver().unlock()?;
        self.importer.ask_all(keys.iter())?;
        for found in keys {
            let profile = found.section.clone().unwrap_or_default();
            match self.importer.import(Ok(found.clone())) {
                Ok(answer) => {
                    let whole = answer.arn.unwrap_or_default();
                    let arn = arn::parse(&whole).map_or(whole, |parsed| parsed.identity.arn(None));
                    let shown = answer.shown.unwrap_or_else(|| arn.clone());
                    taken.push(Taken { found, arn, shown });
                }
                Err(refusal) => left.push(Left::failed(&profile, &refusal.failure)),
            }
        }
        Ok((taken, left))
    }

    /// Writes the change, in one go; gives the sections that had to be left as they are.
    ///
    /// # Errors
    /// The file cannot be written, or what it held cannot be stored: it is then as it was.
    pub fn write(&mut self, change: &Change<'_>) -> Result<Vec<Left>, Failure> {
        let files = self.files.clone();
        let store = self.importer.resolver().catalogue().store_argument();
        let store = store.as_deref().and_then(Path::to_str);
        let mut left = Vec::new();
        self.importer.resolver().edit_kept(&mut |text, back| {
            let config = files.text(FileKind::Config)?;
            let of = |kind, text| FileText { path: files.path(kind), text };
            let (new, not_done) =
                change.on(of(FileKind::Credentials, text), of(FileKind::Config, &config), store, back);
            left = not_done;
            Ok(Rewrite::Text(new))
        })?;
        Ok(left)
    }

    fn texts(&self) -> Result<[Zeroizing<String>; 2], Failure> {
        let text = |kind| self.files.text(kind).map_err(ResolveError::from);
        Ok([text(FileKind::Credentials)?, text(FileKind::Config)?])
    }

    fn of<'t>(&'t self, kind: FileKind, text: &'t str) -> FileText<'t> {
        FileText { path: self.files.path(kind), text }
    }

    /// The context.
    pub fn context(&self) -> &'c Context {
        self.context
    }
}

impl Change<'_> {
    /// The new text, and the sections that are left as they were.
    fn on(
        &self,
        credentials: FileText<'_>,
        config: FileText<'_>,
        store: Option<&str>,
        back: &mut WayBack,
    ) -> (Zeroizing<String>, Vec<Left>) {
        let (anew, changed) = replace_commands(credentials.text, self.anew);
        let mut left: Vec<Left> =
            changed.iter().map(|profile| Left::new(profile, &"its command was changed meanwhile")).collect();
        let commands: Vec<(&str, &str, &Found)> = self
            .commands
            .iter()
            .filter_map(|(profile, command)| Some((*profile, command.as_str(), &self.taken_of(profile)?.found)))
            .collect();
        let with_commands = put_commands(&commands, FileText { text: &anew, ..credentials }, config);
        let credentials_of: Vec<(&str, Temporary<'_>)> =
            self.renewed.iter().map(|renewed| (renewed.profile, self.temporary(renewed, store))).collect();
        let written = put_all(&credentials_of, FileText { text: &with_commands.text, ..credentials }, config);
        let names = commands.iter().map(|(profile, ..)| *profile).chain(credentials_of.iter().map(|(name, _)| *name));
        let results = names.zip(with_commands.sections.iter().chain(&written.sections));
        let before = Document::parse(credentials.text);
        let mut done: BTreeSet<&str> = BTreeSet::new();
        for (profile, result) in results {
            match result {
                Ok(()) => drop(done.insert(profile)),
                Err(TemporaryError::Changed(_)) if self.is_done_by_another(&before, profile, store) => {}
                Err(error) => left.push(Left::new(profile, &told(profile, error))),
            }
        }
        self.note(back, &before, &Document::parse(&with_commands.text), &done);
        (written.text, left)
    }

    fn taken_of(&self, profile: &str) -> Option<&Taken> {
        self.taken.iter().find(|taken| taken.profile() == profile)
    }

    fn temporary<'t>(&'t self, renewed: &'t Renewed<'t>, store: Option<&'t str>) -> Temporary<'t> {
        let stored = self.taken_of(renewed.profile).map(|taken| &taken.found);
        Temporary { keep: Some(Keep { who: renewed.who, store, stored }), ..renewed.temporary() }
    }

    /// Whether a section is kept by now for whom it was to be kept: another process, which was asked the same, was first.
    fn is_done_by_another(&self, now: &Document, profile: &str, store: Option<&str>) -> bool {
        let kept = now.section(&SectionId::plain(profile)).and_then(|section| kept::kept(&section));
        let is_same = |kept: &Kept, taken: &Taken| kept.who == taken.arn && kept.store.as_deref() == store;
        kept.zip(self.taken_of(profile)).is_some_and(|(kept, taken)| is_same(&kept, taken))
    }

    /// Notes what the sections that were written had been: `before` multicred wrote anything, and the `half` with the
    /// commands, to which sections are added.
    fn note(&self, back: &mut WayBack, before: &Document, half: &Document, done: &BTreeSet<&str>) {
        for taken in self.taken.iter().filter(|taken| done.contains(taken.profile())) {
            back.with_commands = self.with_commands;
            back.takes_new |= self.takes_new;
            back.note(before, taken.profile(), &taken.found.access_key_id, &taken.arn);
        }
        let mut gap = Some(half.gap());
        let is_new = |profile: &str| self.taken.iter().all(|taken| taken.profile() != profile);
        for Renewed { profile, who, .. } in
            self.renewed.iter().filter(|it| done.contains(it.profile) && is_new(it.profile))
        {
            match before.section(&SectionId::plain(profile)) {
                // All but the first come below one whose last line has an end.
                None => back.note_keyless(profile, who, gap.take().unwrap_or_else(|| half.usual_ending().to_owned())),
                Some(section) if kept::kept(&section).is_none() => back.note_keyless(profile, who, String::new()),
                Some(_) => {}
            }
        }
    }
}

impl Renewed<'_> {
    fn temporary(&self) -> Temporary<'_> {
        Temporary {
            credential: &self.resolved.credential,
            account_id: self.resolved.who.account.as_deref(),
            region: self.region,
            overwrite_region: self.region.is_some(),
            keep: None,
        }
    }
}
