//! Live sessions, from the side of the commands: an environment without a credential, in which every program asks the
//! agent for one.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use crate::agent::{self, Agent, AgentError, Manner, Opened, Opening, Renewal, Seat, Session};
use crate::asking;
use crate::aws_config::stand_in::{Own, stand_in};
use crate::cli::{Asking, Global, wherever};
use crate::context::{Context, STAND_INS};
use crate::env_change::{EnvChange, LIVE};
use crate::error::{Exit, Failure};
use crate::handing;
use crate::identity::request::{MinTtl, Request};
use crate::prompt::Tty;
use crate::regular_file;
use crate::resolve::{self, Resolved};

/// No AWS file is longer, in bytes.
const LONGEST_FILE: u64 = 16 * 1024 * 1024;

/// For whom a session is opened.
pub struct Party<'p> {
    /// The process with whose end it ends.
    pub owner: u32,
    /// How it is asked.
    pub manner: Manner,
    /// Its region.
    pub region: Option<&'p str>,
    /// Whose credentials it hands out.
    pub seats: Vec<Seat>,
}

/// Opens a session at the agent, which is started where none runs.
///
/// # Errors
/// There is no agent, it serves no endpoint, or the stand-ins for the AWS files cannot be written.
pub fn open(context: &Context, global: &Global, party: Party<'_>) -> Result<Session, Failure> {
    let mut agent = running_agent(context)?;
    let Party { owner, manner, region, seats } = party;
    let renewal = renewal(context)?;
    let opening = Opening { owner, manner, region: region.map(str::to_owned), seats, renewal };
    let Opened { port, name, token } = agent.open(&opening)?;
    let session = Session { port, token, folder: agent::live_folder(&context.agent_socket()).join(name) };
    if let Err(error) = write_stand_ins(context, global, &session) {
        let _ = agent.close(&session.token, owner);
        let fact = format!("the AWS files cannot be copied to {}: {error}", session.folder.display());
        return Err(Failure::new(Exit::Failure, fact, "see that they can be read, and that there is room"));
    }
    warn_of_boto(context);
    Ok(session)
}

/// Has other credentials handed out in a session, and makes its stand-ins anew; false where that process has no such
/// session.
///
/// # Errors
/// The agent cannot be asked, or the stand-ins cannot be written.
pub fn update(
    context: &Context,
    global: &Global,
    session: &Session,
    owner: u32,
    seats: &[Seat],
) -> Result<bool, Failure> {
    let Some(mut agent) = Agent::connect(&context.agent_socket())? else { return Ok(false) };
    match agent.update(&session.token, owner, seats) {
        Ok(()) => {}
        Err(AgentError::NoSession) => return Ok(false),
        Err(error) => return Err(error.into()),
    }
    write_stand_ins(context, global, session)?;
    Ok(true)
}

/// Ends a session, where it is that process's.
pub fn close(context: &Context, session: &Session, owner: u32) {
    let closed = match Agent::connect(&context.agent_socket()) {
        Ok(Some(mut agent)) => agent.close(&session.token, owner),
        Ok(None) => Ok(()),
        Err(error) => Err(error),
    };
    match closed {
        // An outer shell's goes on.
        Ok(()) | Err(AgentError::NoSession) => {}
        Err(error) => context.note(&format!("the former live session goes on until this shell ends: {error}")),
    }
}

/// The session that the environment names, be it there or not.
pub fn of_environment(context: &Context) -> Option<Session> {
    Session::of_environment(|name| context.variable(name))
}

/// The AWS files, as they would be if nobody were `[default]`: SDKs ask their files before any endpoint.
fn write_stand_ins(context: &Context, global: &Global, session: &Session) -> io::Result<()> {
    let (config, credentials) = context.aws_files().map_err(io::Error::other)?;
    let (config_text, credentials_text) = (read(&config)?, read(&credentials)?);
    let program = context.own_program().unwrap_or_default();
    let program = program.to_string_lossy();
    let store = global.store.as_deref().map(wherever);
    let mut command = vec![&*program];
    command.extend(store.iter().flat_map(|store| ["--store", store]));
    let made = stand_in(own(&config, config_text.as_ref()), own(&credentials, credentials_text.as_ref()), &command);
    for (file, text) in session.stand_ins().iter().zip([&made.config, &made.credentials]) {
        let draft = file.with_extension("new");
        let _ = fs::remove_file(&draft);
        // Whoever would change it learns that it cannot be, rather than that the change was lost.
        let mut opened = OpenOptions::new().write(true).create_new(true).mode(0o400).open(&draft)?;
        opened.write_all(text.as_bytes())?;
        fs::rename(&draft, file)?;
    }
    Ok(())
}

fn own<'t>(path: &'t Path, text: Option<&'t Zeroizing<String>>) -> Own<'t> {
    Own { path, text: text.map(|text| text.as_str()) }
}

/// botocore takes a key of the files that boto 2 had before it asks an endpoint, and nothing in the environment but
/// another name for that file keeps it from there.
fn warn_of_boto(context: &Context) {
    let named = context.setting("BOTO_CONFIG").map(|path| PathBuf::from(path.into_owned()));
    let places = named.map_or_else(|| vec![context.expand_home("~/.boto"), "/etc/boto.cfg".into()], |path| vec![path]);
    let has_key =
        |path: &PathBuf| read(path).is_ok_and(|text| text.is_some_and(|text| text.contains("aws_access_key_id")));
    for place in places.iter().filter(|place| has_key(place)) {
        let place = place.display();
        context.note(&format!("{place} has a key, which Python programs take before they ask the live session"));
    }
}

/// A file of the person's; `None` where there is none.
fn read(path: &Path) -> io::Result<Option<Zeroizing<String>>> {
    match regular_file::read(path, LONGEST_FILE) {
        // What is named so that nothing is read.
        _ if path == Path::new("/dev/null") => Ok(None),
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(io::Error::new(error.kind(), format!("{}: {error}", path.display()))),
    }
}

/// The agent, started where none runs.
fn running_agent(context: &Context) -> Result<Agent, Failure> {
    if Agent::connect(&context.agent_socket())?.is_none() && !resolve::may_start_agent(context)? {
        let fact = "no agent runs to serve a live session, and agent.start is false";
        return Err(Failure::new(Exit::Failure, fact, "multicred agent start"));
    }
    Ok(resolve::running_agent(context)?)
}

/// This very program, in this very environment.
fn renewal(context: &Context) -> Result<Renewal, Failure> {
    let program = context
        .own_program()
        .ok_or_else(|| Failure::new(Exit::Failure, "the system does not tell where this program is", "mount /proc"))?;
    let environment =
        context.environment().map(|(name, value)| (name.to_owned(), Zeroizing::new(value.as_bytes().to_vec())));
    Ok(Renewal { program, folder: context.working_folder(), environment: environment.collect() })
}

/// How a credential was asked for, so that the agent can ask again.
pub struct Question<'q> {
    /// The name.
    pub name: &'q str,
    /// The flags.
    pub asking: &'q Asking,
    /// What they came to.
    pub request: &'q Request,
    /// Whether as a switch asks, and not as a program.
    pub in_shell: bool,
}

/// What an environment shall hold for a session, and what is said of it. Where no region is known, one that a switch set
/// goes.
pub fn change(context: &Context, session: &Session, region: Option<&str>) -> EnvChange {
    let mut change = session.change(region);
    handing::unset_stale_region(context, &mut change, region);
    announce(context, session, &mut change);
    change
}

/// Says which session it is, and what the variables of the AWS files said.
pub fn announce(context: &Context, session: &Session, change: &mut EnvChange) {
    change.set(LIVE, session.folder.to_string_lossy());
    for (variable, own) in STAND_INS {
        change.set_or_unset(own, context.own_aws_file(variable).map(|path| path.to_string_lossy().into_owned()));
    }
}

/// The seats of a session: of whoever was asked for, and of others.
///
/// # Errors
/// One of the others gives no credential, or has no ARN to be asked for by.
pub fn seats(
    context: &Context,
    global: &Global,
    question: &Question<'_>,
    somebody: &Resolved,
    also: &[String],
) -> Result<Vec<Seat>, Failure> {
    let mut seats = vec![seat(global, question, somebody)];
    let asking = Asking { region: None, ..Asking::default() };
    let request = Request { min_ttl: MinTtl::Program, ..Request::default() };
    for name in also {
        let asked = asking::Question { what: "live", name, request: &request };
        let (other, _) = asking::answer(context, global, &asking, asked, Tty)?;
        if other.who.arn.is_none() {
            let fact = format!("the ARN of '{}' is not known: nobody could ask for it", name.escape_debug());
            return Err(Failure::new(Exit::Failure, fact, "leave it out of --also, or import it"));
        }
        seats.push(seat(global, &Question { name, asking: &asking, request: &request, in_shell: true }, &other));
    }
    Ok(seats)
}

/// A seat in a session.
fn seat(global: &Global, question: &Question<'_>, somebody: &Resolved) -> Seat {
    let Question { name, asking, request, in_shell } = question;
    let asking = Asking { no_session: request.no_session, region: request.region.clone(), ..(*asking).clone() };
    let store = global.store.iter().flat_map(|path| ["--store".to_owned(), wherever(path)]);
    let mut words: Vec<String> = store.chain(["agent", "fetch"].map(str::to_owned)).collect();
    words.extend(in_shell.then(|| "--in-shell".to_owned()));
    words.extend(asking.words(request));
    words.extend(["--".to_owned(), (*name).to_owned()]);
    Seat {
        shown: somebody.who.shown.clone(),
        arn: somebody.who.arn.clone(),
        account: somebody.who.account.clone(),
        credential: somebody.credential.clone(),
        renew_before: match request.min_ttl {
            MinTtl::Asked(seconds) => seconds,
            _ => u32::try_from(MinTtl::Program.seconds(i64::MAX)).unwrap_or(u32::MAX),
        },
        words,
    }
}
