//! `serve`: an endpoint where programs elsewhere ask for credentials, for as long as this process stays.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};
use zeroize::Zeroizing;

use crate::agent::{Manner, Session};
use crate::asking;
use crate::cli::{Format, Global, Serve, wherever};
use crate::context::Context;
use crate::env_change::{Action, ENDPOINT, EnvChange};
use crate::error::{Exit, Failure};
use crate::export::{self, Document};
use crate::handing;
use crate::live::{self, Party};
use crate::prompt::{Left, Tty, stay};
use crate::resolve::Resolved;
use crate::secret::Secret;
use crate::shell::Language;

/// Where SDKs read the token in the place of the variable that has it.
const TOKEN_FILE: &str = "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE";
/// Where SDKs ask the metadata service, and whether they do.
const METADATA: &str = "AWS_EC2_METADATA_SERVICE_ENDPOINT";
const NO_METADATA: &str = "AWS_EC2_METADATA_DISABLED";
/// In a container the files of this machine are not there.
const NO_FILES: [&str; 2] = ["/dev/null"; 2];

pub(super) fn run(context: &Context, global: &Global, arguments: &Serve) -> Result<(), Failure> {
    let format = format(global, arguments)?;
    let prints_token = !arguments.imds && arguments.token_file.is_none();
    if prints_token && context.stdout_is_terminal() && !arguments.force {
        let fact = "this would print the endpoint's token on the terminal";
        return Err(Failure::usage(fact, "send it to a file, say --token-file FILE, or say --force"));
    }
    let (name, request) = asking::for_program(context, &arguments.whom, &arguments.asking)?;
    let question = asking::Question { what: "serve", name: &name, request: &request };
    let (somebody, store) = asking::answer(context, global, &arguments.asking, question, Tty)?;
    let record = |outcome: &str| {
        asking::record_use(context, &store, "serve", (&somebody.who, &request), outcome);
    };
    let mut serving = open(context, global, arguments, &question, &somebody)?;
    let done = serving.tell(context, format, arguments.token_file.as_deref()).and_then(|()| {
        record("ok");
        serving.stay(context)
    });
    live::close(context, &serving.session, std::process::id());
    record(if done.is_ok() { "ended" } else { "ended by something else" });
    done
}

fn format(global: &Global, arguments: &Serve) -> Result<Format, Failure> {
    let default = if global.json { Format::Document(Document::Json) } else { Format::Statements(Language::Posix) };
    match arguments.format.unwrap_or(default) {
        Format::Document(Document::Ini) => {
            let fact = "ini is a section of the credentials file, where no endpoint can be named";
            Err(Failure::usage(fact, "choose another --format"))
        }
        format => Ok(format),
    }
}

fn open<'s>(
    context: &Context,
    global: &Global,
    arguments: &Serve,
    question: &asking::Question<'_>,
    somebody: &'s Resolved,
) -> Result<Serving<'s>, Failure> {
    let asking::Question { name, request, .. } = *question;
    let region = handing::program_region(context, somebody, request);
    let again = live::Question { name, asking: &arguments.asking, request, in_shell: false };
    let party = live::party(context, global, &again, somebody, &arguments.also)?;
    let manner = if arguments.imds { Manner::Metadata { v1: arguments.imds_v1 } } else { Manner::Container };
    let session = live::open(context, global, Party { manner, region: region.clone(), ..party })?;
    Ok(Serving { session, manner, somebody, region, token_file: None })
}

/// A session of this process's own.
struct Serving<'s> {
    session: Session,
    manner: Manner,
    somebody: &'s Resolved,
    region: Option<String>,
    token_file: Option<TokenFile>,
}

impl Serving<'_> {
    /// Prints what programs need, all of it: what nobody has read is not served.
    fn tell(&mut self, context: &Context, format: Format, token_file: Option<&Path>) -> Result<(), Failure> {
        if let Some(path) = token_file {
            let written = TokenFile::write(PathBuf::from(wherever(path)), &self.session.token);
            self.token_file = Some(written.map_err(|error| {
                let fact = format!("the token cannot be written to {}: {error}", path.display());
                Failure::new(Exit::Failure, fact, "name another --token-file")
            })?);
        }
        context.hand_over(self.text(context, format)?.expose())?;
        // Whoever waits for the end of it, as a shell that sources it does, goes on.
        context.close_stdout();
        let (who, endpoint) = (&self.somebody.who.shown, self.endpoint());
        if self.manner != Manner::Container {
            let whoever = "every program on this machine, of any user, can ask there for these credentials";
            context.note(&format!("{whoever}: {endpoint}"));
        }
        context.note(&format!("{who} is served at {endpoint} until Ctrl-C"));
        Ok(())
    }

    fn text(&self, context: &Context, format: Format) -> Result<Secret, Failure> {
        let is_elsewhere = format == Format::Document(Document::Docker);
        let change = self.change(context, is_elsewhere);
        let text = match format {
            Format::Statements(language) => Ok(Secret::new(language.statements(&change))),
            Format::Document(Document::Dotenv) => export::dotenv(&change),
            Format::Document(Document::Docker) => export::docker(&change),
            Format::Document(Document::Json | Document::Ini) => Ok(self.json(&change)),
        };
        text.map_err(|error| Failure::new(Exit::Failure, error.to_string(), "choose another --format"))
    }

    /// What the environment of a program shall be that asks here; `is_elsewhere` where this machine's files are not.
    fn change(&self, context: &Context, is_elsewhere: bool) -> EnvChange {
        let files = self.session.stand_ins().map(|file| file.to_string_lossy().into_owned());
        let files = if is_elsewhere { NO_FILES } else { [&*files[0], &*files[1]] };
        let (endpoint, token_file) = (self.endpoint(), self.token_file.as_ref().map(TokenFile::shown));
        let door = match (self.manner, &token_file) {
            (Manner::Metadata { .. }, _) => [(METADATA, &*endpoint), (NO_METADATA, "false")],
            (Manner::Container, Some(path)) => [(ENDPOINT[0], &*endpoint), (TOKEN_FILE, path)],
            (Manner::Container, None) => [(ENDPOINT[0], &*endpoint), (ENDPOINT[1], self.session.token.expose())],
        };
        let mut change = EnvChange::asking_at(&door, files, self.region.as_deref());
        handing::unset_stale_region(context, &mut change, self.region.as_deref());
        // A restricted program is told nothing of whom it is restricted from.
        if !is_elsewhere && !self.somebody.who.restricted {
            // Whoever the shell was before, it is the session's now.
            change.announce(&handing::announcement(self.somebody), None, self.region.as_deref());
            live::announce(context, &self.session, &mut change);
        }
        change
    }

    /// SDKs put their paths right behind the metadata service's address: some of them without a slash of their own.
    fn endpoint(&self) -> String {
        let slash = if self.manner == Manner::Container { "" } else { "/" };
        format!("{}{slash}", self.session.endpoint())
    }

    fn json(&self, change: &EnvChange) -> Secret {
        let (mut set, mut unset) = (Map::new(), Vec::new());
        for (name, action) in change.actions() {
            match action {
                Action::Set(value) => drop(set.insert((*name).to_owned(), value.expose().into())),
                Action::Unset => unset.push(Value::from(*name)),
            }
        }
        let who = &self.somebody.who;
        let value = json!({
            "identity": who.shown,
            "arn": who.arn,
            "region": self.region,
            "manner": if self.manner == Manner::Container { "ecs" } else { "imds" },
            "endpoint": self.endpoint(),
            "set": set,
            "unset": unset,
        });
        Secret::new(format!("{value}\n"))
    }

    fn stay(&self, context: &Context) -> Result<(), Failure> {
        let left = stay(|| self.session.lives());
        let left = left.map_err(|error| {
            Failure::new(Exit::Failure, format!("signals cannot be heard: {error}"), "run the command again")
        })?;
        if left == Left::Told {
            return Ok(());
        }
        let who = &self.somebody.who.shown;
        let is_there = matches!(live::agent_of(context, &self.session), Ok(Some(_)));
        let fact = if is_there { "multicred lock has ended it" } else { "the agent has ended" };
        Err(Failure::new(Exit::Failure, format!("{who} is no longer served: {fact}"), format!("multicred serve {who}")))
    }
}

/// A file that holds a token, and no more than that: SDKs send a line break with it, and are refused. It goes with the
/// session.
struct TokenFile {
    path: PathBuf,
    token: Secret,
}

impl TokenFile {
    fn write(path: PathBuf, token: &Secret) -> io::Result<Self> {
        // What a killed run left may go; anything else is the person's.
        if let Ok(found) = fs::symlink_metadata(&path) {
            let held =
                if found.is_file() { fs::read_to_string(&path).map(Zeroizing::new)? } else { Zeroizing::default() };
            if !is_token(&held) {
                return Err(io::Error::other("something else is there"));
            }
        }
        let mut draft = path.clone().into_os_string();
        draft.push(format!(".{}", std::process::id()));
        let draft = PathBuf::from(draft);
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&draft)?;
        let written = file.write_all(token.expose().as_bytes()).and_then(|()| fs::rename(&draft, &path));
        written.inspect_err(|_| drop(fs::remove_file(&draft)))?;
        Ok(Self { path, token: token.clone() })
    }

    fn shown(&self) -> String {
        self.path.to_string_lossy().into_owned()
    }
}

/// Whether a text has the form of our tokens: two hexadecimal numbers with a dot between them.
fn is_token(text: &str) -> bool {
    let is_hex = |part: &str, length| part.len() == length && part.bytes().all(|byte| byte.is_ascii_hexdigit());
    text.split_once('.').is_some_and(|(id, secret)| is_hex(id, 12) && is_hex(secret, 64))
}

impl Drop for TokenFile {
    /// Unless another process has written its own since.
    fn drop(&mut self) {
        let held = fs::read_to_string(&self.path).map(Zeroizing::new);
        if held.is_ok_and(|held| held.as_str() == self.token.expose()) {
            let _ = fs::remove_file(&self.path);
        }
    }
}
