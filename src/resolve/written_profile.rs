//! A profile of the credentials file that multicred writes.

use super::{ResolveError, Resolver};
use crate::aws_config::temporary::{self, FileText, Temporary};
use crate::aws_config::write::{self, Rewrite};
use crate::aws_config::{AwsFiles, FileKind};

impl Resolver<'_> {
    /// Whether a temporary credential may be put into a profile of the credentials file, and can be: to be asked before
    /// AWS and the person are. Nothing is written.
    ///
    /// # Errors
    /// The name means somebody already, the files cannot be read or written, or a [`temporary::TemporaryError`].
    pub fn check_written_profile(&self, profile: &str) -> Result<(), ResolveError> {
        if let Some(meaning) = self.catalogue.meaning(profile)? {
            return Err(ResolveError::MeansAlready { name: profile.escape_debug().to_string(), meaning });
        }
        let Some(files) = self.catalogue.files() else { return Ok(()) };
        let (credentials, config) = (files.text(FileKind::Credentials)?, files.text(FileKind::Config)?);
        let texts = [(FileKind::Credentials, &*credentials), (FileKind::Config, &*config)];
        let [credentials, config] = texts.map(|(kind, text)| FileText { path: files.path(kind), text });
        temporary::check(profile, credentials, config)?;
        Ok(write::check(files.path(FileKind::Credentials))?)
    }

    /// Puts a temporary credential into a profile of the credentials file; `false` where it stands there already.
    ///
    /// # Errors
    /// As [`edit_aws_file`](Self::edit_aws_file) and [`temporary::put`]; the file is then as it was.
    pub fn write_profile(&mut self, profile: &str, new: &Temporary<'_>) -> Result<bool, ResolveError> {
        let files = self.catalogue.files().cloned();
        self.edit_aws_file(FileKind::Credentials, &mut |text| match &files {
            Some(files) => put(files, text, profile, new),
            None => Ok(Rewrite::Nothing),
        })
    }
}

fn put(files: &AwsFiles, text: &str, profile: &str, new: &Temporary<'_>) -> Result<Rewrite, ResolveError> {
    let config = files.text(FileKind::Config)?;
    let credentials = FileText { path: files.path(FileKind::Credentials), text };
    let config = FileText { path: files.path(FileKind::Config), text: &config };
    Ok(Rewrite::Text(temporary::put(profile, new, credentials, config)?))
}
