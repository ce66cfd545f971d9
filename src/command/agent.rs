//! `agent`: the process that holds the store's key.

use std::fmt::Write as _;
use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};

use crate::agent::server::{Served, serve};
use crate::agent::{self, Held, Launch, Live, Started, Status};
use crate::asking::{self, Question};
use crate::cli::{Agent, AgentVerb, Fetch, Global};
use crate::context::{Context, printable};
use crate::error::{Exit, Failure};
use crate::export;
use crate::handing;
use crate::identity::hash::hex;
use crate::identity::request::{Asker, MinTtl, Request};
use crate::live;
use crate::prompt::ProgramTty;
use crate::resolve::ResolveError;
use crate::settings::Settings;

pub(super) fn run(context: &Context, global: &Global, arguments: &Agent) -> Result<(), Failure> {
    let socket = context.agent_socket();
    match &arguments.verb {
        AgentVerb::Start { foreground: false } => start(context, global, &socket),
        AgentVerb::Start { foreground: true } => stay(context, global, &socket),
        AgentVerb::Stop => stop(context, global, &socket),
        AgentVerb::Status => status(context, global, &socket),
        AgentVerb::Fetch(arguments) => fetch(context, global, arguments),
        AgentVerb::Serve { idle, detach: true } => {
            Ok(agent::detach(&live::own_program(context)?, Duration::from_secs(*idle))?)
        }
        AgentVerb::Serve { idle, detach: false } => be_the_agent(context, &socket, Duration::from_secs(*idle)),
    }
}

/// A credential for a live session, as whoever opened it asked for it.
fn fetch(context: &Context, global: &Global, arguments: &Fetch) -> Result<(), Failure> {
    let (name, request) = if arguments.in_shell {
        let min_ttl = arguments.asking.min_ttl.map_or(MinTtl::Program, MinTtl::Asked);
        (asking::whom(context, &arguments.whom)?, Request { min_ttl, ..asking::request(&arguments.asking)? })
    } else {
        asking::for_program(context, &arguments.whom, &arguments.asking)?
    };
    let request = Request { asker: Asker::Agent, ..request };
    let question = Question { what: "live", name: &name, request: &request };
    let (somebody, _) = asking::answer(context, global, &arguments.asking, question, ProgramTty::new())?;
    // A name may mean somebody else by now: a profile was edited, an alias moved.
    let (was, is) = (arguments.expect.as_deref(), somebody.who.arn.as_deref().unwrap_or("somebody unknown"));
    if let Some(was) = was.filter(|was| *was != is) {
        let fact = format!("'{}' was {was}, and is {is} now", name.escape_debug());
        return Err(Failure::new(Exit::Identity, fact, "be whom you want to be again"));
    }
    let expiry = handing::expiry(&somebody.credential);
    Ok(context.hand_over(export::process_json(&somebody.credential, expiry.as_deref()).expose())?)
}

fn settings(context: &Context) -> Result<Settings, Failure> {
    Ok(Settings::read(context.settings_file()).map_err(ResolveError::from)?)
}

fn start(context: &Context, global: &Global, socket: &Path) -> Result<(), Failure> {
    let program = live::own_program(context)?;
    let (idle, environment) = (settings(context)?.agent_idle(), context.agent_environment());
    let started = agent::start(&Launch { program: &program, socket, idle, environment })?;
    show_started(context, global, socket, started)
}

fn show_started(context: &Context, global: &Global, socket: &Path, started: Started) -> Result<(), Failure> {
    let Started { pid, ran_already } = started;
    if ran_already {
        context.note(&format!("an agent runs already, at {}", socket.display()));
    }
    if global.json {
        let value = json!({ "pid": pid, "socket": socket.display().to_string(), "ran_already": ran_already });
        return Ok(context.answer_json(&value)?);
    }
    Ok(context.answer(&format!("{pid}\n"))?)
}

/// Is the agent, in sight of whoever started it.
fn stay(context: &Context, global: &Global, socket: &Path) -> Result<(), Failure> {
    let idle = settings(context)?.agent_idle();
    let listens = || context.note(&format!("agent {} listens at {}", std::process::id(), socket.display()));
    match serve(socket, idle, listens)? {
        Served::Ended => Ok(()),
        Served::RunsAlready { pid } => show_started(context, global, socket, Started { pid, ran_already: true }),
    }
}

/// Tells whoever started it that it is ready, and is the agent from then on.
fn be_the_agent(context: &Context, socket: &Path, idle: Duration) -> Result<(), Failure> {
    let ready = || {
        // Nobody is left to be told that nobody listens.
        let _ = context.answer(&agent::ready_line(std::process::id()));
        context.close_streams();
    };
    match serve(socket, idle, ready)? {
        Served::Ended => Ok(()),
        Served::RunsAlready { pid } => Ok(context.answer(&agent::running_line(pid))?),
    }
}

fn stop(context: &Context, global: &Global, socket: &Path) -> Result<(), Failure> {
    let agent = agent::Agent::connect(socket)?;
    let stopped = agent.is_some();
    match agent {
        Some(agent) => agent.stop()?,
        None => context.note(&none_runs(socket)),
    }
    if global.json {
        context.answer_json(&json!({ "stopped": stopped }))?;
    }
    Ok(())
}

fn none_runs(socket: &Path) -> String {
    format!("no agent runs at {}", socket.display())
}

fn status(context: &Context, global: &Global, socket: &Path) -> Result<(), Failure> {
    let status = agent::Agent::connect(socket)?.map(|mut agent| agent.status()).transpose()?;
    match &status {
        _ if global.json => context.answer_json(&as_json(status.as_ref(), socket))?,
        Some(status) => context.answer(&as_text(status, socket))?,
        None => {}
    }
    match status {
        Some(_) => Ok(()),
        None => Err(Failure::new(Exit::Failure, none_runs(socket), "multicred agent start")),
    }
}

fn as_json(status: Option<&Status>, socket: &Path) -> Value {
    let held = |held: &Held| {
        json!({
            "store_id": hex(&held.store_id), "key_epoch": held.key_epoch, "idle_seconds_left": held.seconds_left,
        })
    };
    let live = |live: &Live| {
        json!({
            "identity": live.shown, "pid": live.owner, "imds": live.is_metadata, "expires_at": live.expires_at,
            "failure": live.failure,
        })
    };
    json!({
        "running": status.is_some(),
        "pid": status.map(|status| status.pid),
        "version": status.map(|status| &status.version),
        "protocol": status.map(|status| status.protocol),
        "socket": socket.display().to_string(),
        "memory_locked": status.map(|status| status.memory_locked),
        "idle_limit": status.map(|status| status.idle_limit),
        "live": status.map_or(&[][..], |status| &status.live).iter().map(live).collect::<Vec<Value>>(),
        "stores": status.map_or(&[][..], |status| &status.held).iter().map(held).collect::<Vec<Value>>(),
    })
}

fn as_text(status: &Status, socket: &Path) -> String {
    let Status { pid, version, protocol, memory_locked, held, live, .. } = status;
    let version = printable(version);
    let mut text = format!("agent {pid}, multicred {version} (protocol {protocol}), at {}\n", socket.display());
    if !memory_locked {
        text += "its memory is not locked (ulimit -l): a key may reach the swap\n";
    }
    if held.is_empty() {
        text += "it holds no key\n";
    }
    for Held { store_id, key_epoch, seconds_left } in held {
        let minutes = seconds_left.div_ceil(60);
        let _ = writeln!(text, "key {key_epoch} of store {}, for {minutes} min unless it is used", hex(store_id));
    }
    for Live { owner, is_metadata, shown, failure, .. } in live {
        let manner = if *is_metadata { "asked as EC2's metadata service is" } else { "live" };
        let _ = writeln!(text, "{}, {manner}, until process {owner} ends", printable(shown));
        if let Some(failure) = failure {
            let _ = writeln!(text, "  the last renewal failed: {}", printable(failure));
        }
    }
    text
}
