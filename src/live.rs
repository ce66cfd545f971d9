//! Live sessions, from the side of the commands: an environment without a credential, in which every program asks the
//! agent for one.

mod files;
mod seats;

use std::path::PathBuf;

use zeroize::Zeroizing;

use crate::agent::{self, Agent, AgentError, Manner, Opened, Opening, Renewal, Seat, Session};
use crate::cli::Global;
use crate::context::{Context, STAND_INS};
use crate::env_change::{EnvChange, LIVE};
use crate::error::{Exit, Failure};
use crate::handing;
use crate::resolve;

pub use seats::{Question, party};

/// For whom a session is opened.
#[derive(Clone)]
pub struct Party {
    /// The process with whose end it ends.
    pub owner: u32,
    /// How it is asked.
    pub manner: Manner,
    /// The region that its endpoint tells, where it tells any.
    pub region: Option<String>,
    /// Whose credentials it hands out.
    pub seats: Vec<Seat>,
    /// Whether a session policy restricts them.
    pub is_restricted: bool,
}

/// Opens a session at the agent, which is started where none runs.
///
/// # Errors
/// There is no agent, it serves no endpoint, or the AWS files can have no stand-ins.
pub fn open(context: &Context, global: &Global, party: Party) -> Result<Session, Failure> {
    let made = files::make(context, global, party.is_restricted)?;
    let mut agent = running_agent(context)?;
    let (owner, opening) = (party.owner, opening(context, party)?);
    let Opened { port, name, token } = agent.open(&opening)?;
    let session = Session { port, token, folder: agent::live_folder(&context.agent_socket()).join(name) };
    if let Err(failure) = files::write(&session, &made, || Ok(())) {
        let _ = agent.close(&session.token, owner);
        return Err(failure);
    }
    files::warn_of_boto(context);
    Ok(session)
}

/// Has other credentials handed out in a session, and makes its stand-ins anew; false where that process has no such
/// session.
///
/// # Errors
/// The agent cannot be asked, or the AWS files can have no stand-ins; the session is then as it was, unless they could be
/// written and not put in their place.
pub fn update(context: &Context, global: &Global, session: &Session, party: Party) -> Result<bool, Failure> {
    let Some(mut agent) = agent_of(context, session)? else { return Ok(false) };
    if !session.lives() {
        return Ok(false);
    }
    let made = files::make(context, global, party.is_restricted)?;
    let opening = opening(context, party)?;
    files::write(session, &made, || match agent.update(&session.token, &opening) {
        Ok(()) => Ok(true),
        Err(AgentError::NoSession) => Ok(false),
        Err(error) => Err(error.into()),
    })
}

/// Ends a session, where it is that process's.
pub fn close(context: &Context, session: &Session, owner: u32) {
    let closed = match agent_of(context, session) {
        Ok(Some(mut agent)) => agent.close(&session.token, owner),
        Ok(None) if session.lives() => Err(AgentError::Gone),
        Ok(None) => Ok(()),
        Err(error) => Err(error),
    };
    match closed {
        // An outer shell's goes on.
        Ok(()) | Err(AgentError::NoSession) => {}
        Err(error) => context.note(&format!("the former live session goes on until this shell ends: {error}")),
    }
}

/// The agent that has a session, wherever another one would be asked for now.
///
/// # Errors
/// It cannot be asked.
pub fn agent_of(context: &Context, session: &Session) -> Result<Option<Agent>, AgentError> {
    Agent::connect(&session.socket().unwrap_or_else(|| context.agent_socket()))
}

fn opening(context: &Context, party: Party) -> Result<Opening, Failure> {
    let Party { owner, manner, region, seats, is_restricted: _ } = party;
    Ok(Opening { owner, manner, region, seats, renewal: renewal(context)? })
}

/// The session that the environment names, be it there or not.
pub fn of_environment(context: &Context) -> Option<Session> {
    Session::of_environment(|name| context.variable(name))
}

/// The agent, started where none runs.
fn running_agent(context: &Context) -> Result<Agent, Failure> {
    if Agent::connect(&context.agent_socket())?.is_none() && !resolve::may_start_agent(context)? {
        let fact = "no agent runs to serve a live session, and agent.start is off";
        return Err(Failure::new(Exit::Failure, fact, "multicred agent start"));
    }
    Ok(resolve::running_agent(context)?)
}

/// Where this very program is.
///
/// # Errors
/// The system does not tell.
pub fn own_program(context: &Context) -> Result<PathBuf, Failure> {
    let unknown = || Failure::new(Exit::Failure, "the system does not tell where this program is", "mount /proc");
    context.own_program().ok_or_else(unknown)
}

/// This very program, in the person's own environment.
fn renewal(context: &Context) -> Result<Renewal, Failure> {
    let program = own_program(context)?;
    let environment = context.persons_environment().into_iter();
    let environment = environment.map(|(name, value)| (name, Zeroizing::new(value.into_encoded_bytes())));
    Ok(Renewal { program, folder: context.working_folder(), environment: environment.collect() })
}

/// What an environment shall hold for a session, and what is said of it. Where no region is known, one that a switch set
/// goes.
pub fn change(context: &Context, session: &Session, region: Option<&str>) -> EnvChange {
    let mut change = change_untold(context, session, region);
    announce(context, session, &mut change);
    change
}

/// The same, for a program that is told nothing of multicred.
pub fn change_untold(context: &Context, session: &Session, region: Option<&str>) -> EnvChange {
    let mut change = session.change(region);
    handing::unset_stale_region(context, &mut change, region);
    change
}

/// Says which session it is, and what the variables of the AWS files said.
pub fn announce(context: &Context, session: &Session, change: &mut EnvChange) {
    change.set(LIVE, session.folder.to_string_lossy());
    for (variable, own) in STAND_INS {
        change.set_or_unset(own, context.own_aws_file(variable).map(|path| path.to_string_lossy().into_owned()));
    }
}
