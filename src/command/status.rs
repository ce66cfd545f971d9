//! `status`: who this shell is, by its own variables and what the store knows of them. Asks nobody.

use serde_json::json;

use crate::agent::Session;
use crate::aws_config::{AwsFiles, FileKind};
use crate::cli::{self, Global};
use crate::context::{Context, printable};
use crate::env_change::UNSETS;
use crate::error::Failure;
use crate::history::History;
use crate::identity::arn;
use crate::identity::request::say_duration;
use crate::keeping::state::{ProfileState, states};
use crate::live;
use crate::prompt::Never;
use crate::resolve::{ResolveError, Resolver, store_path};
use crate::store::IdentityRow;
use crate::table::{self, Cell, Column, cell, optional};

/// What the shell's variables say.
struct Status {
    identity: Option<String>,
    arn: Option<String>,
    account: Option<String>,
    expires_at: Option<i64>,
    region: Option<String>,
    access_key_id: Option<String>,
    /// Whether a session policy restricts what the shell holds.
    restricted: bool,
    /// The access key id is not the one that a switch set, or something would win over the live session.
    changed_by_hand: bool,
    /// Whether programs ask a live session, which is there.
    live: bool,
    /// Whose live session has ended.
    ended: Option<String>,
}

pub(super) fn run(context: &Context, global: &Global, arguments: &cli::Status) -> Result<(), Failure> {
    if arguments.profiles {
        return profiles(context, global);
    }
    let status = read(context, global)?;
    if global.json {
        let Status { identity, arn, account, expires_at, region, restricted, live, .. } = &status;
        let value = json!({
            "identity": identity, "arn": arn, "account": account, "expires_at": expires_at, "region": region,
            "restricted": restricted, "live": live,
        });
        return Ok(context.answer_json(&value)?);
    }
    context.answer(&sentence(context, &status))?;
    Ok(())
}

/// How the profiles of the credentials file stand.
fn profiles(context: &Context, global: &Global) -> Result<(), Failure> {
    let (config, credentials) = context.aws_files().map_err(ResolveError::from)?;
    let files = AwsFiles::new(config, credentials);
    let text = files.text(FileKind::Credentials).map_err(ResolveError::from)?;
    let file = files.path(FileKind::Credentials).to_string_lossy();
    let store = store_path(context, global.store.as_deref())?;
    let states = states(&file, &text, &History::beside(&store), context.now())?;
    if global.json {
        return Ok(context.answer_json(&states.iter().map(ProfileState::json).collect())?);
    }
    if states.is_empty() {
        context.note("the credentials file has no profile with a key that programs read");
        return Ok(());
    }
    let now = context.now();
    Ok(table::print(context, PROFILES, states.iter().map(|state| cells(state, now)))?)
}

const PROFILES: [Column; 5] = [
    Column::kept("PROFILE"),
    Column::kept("STATE"),
    Column::spare(1, "KEY"),
    Column::spare(2, "KEPT FOR"),
    Column::remark("REASON"),
];

fn cells(of: &ProfileState, now: i64) -> [Cell<'_>; 5] {
    let left = of.expires_at.map(|end| end - now).filter(|left| *left > 0);
    let left = left.map_or(String::new(), |left| format!(" {}", say_duration(left)));
    let state = cell(format!("{}{left}", of.state.word()));
    let [key, kept_for, reason] = [&of.access_key_id, &of.kept_for, &of.reason].map(|text| optional(text.as_deref()));
    [cell(of.profile.as_str()), state, key, kept_for, reason]
}

fn read(context: &Context, global: &Global) -> Result<Status, Failure> {
    let variable = |name| context.variable(name).map(str::to_owned);
    let access_key_id = variable("AWS_ACCESS_KEY_ID");
    let session = Session::of_environment(|name| context.variable(name));
    let is_whole = session.as_ref().is_none_or(|session| session.is_whole(|name| context.variable(name)));
    let changed_by_hand = access_key_id != variable("MULTICRED_ACCESS_KEY_ID") || !is_whole;
    let live = session.as_ref().is_some_and(Session::lives) && !changed_by_hand;
    let has_ended = session.is_some() && !live && !changed_by_hand;
    // What a switch said holds only for the key that it set, and for the session that it opened.
    let of_switch = |name| variable(name).filter(|_| !changed_by_hand && !has_ended);
    let arn = match (of_switch("MULTICRED_ARN"), &access_key_id) {
        (None, Some(key)) => owner(context, global, key)?.map(|row| row.arn()),
        (arn, _) => arn,
    };
    Ok(Status {
        identity: of_switch("MULTICRED_IDENTITY"),
        account: arn.as_deref().and_then(|arn| arn::parse(arn).ok()).map(|arn| arn.identity.account),
        arn,
        expires_at: match session.filter(|_| live) {
            Some(session) => expires_at(context, &session),
            None => of_switch("MULTICRED_EXPIRES_AT").and_then(|text| text.parse().ok()),
        },
        region: variable("AWS_REGION").or_else(|| variable("AWS_DEFAULT_REGION")),
        restricted: of_switch("MULTICRED_RESTRICTED").is_some(),
        ended: variable("MULTICRED_IDENTITY").filter(|_| has_ended),
        live,
        access_key_id,
        changed_by_hand,
    })
}

/// When the credential ends that the agent hands out now.
fn expires_at(context: &Context, session: &Session) -> Option<i64> {
    let status = live::agent_of(context, session).ok()??.status().ok()?;
    let name = session.folder.file_name()?;
    status.live.into_iter().find(|live| name == live.name.as_str())?.expires_at
}

fn owner(context: &Context, global: &Global, access_key_id: &str) -> Result<Option<IdentityRow>, Failure> {
    let path = match store_path(context, global.store.as_deref()) {
        Err(ResolveError::NoHome(_)) => return Ok(None),
        path => path?,
    };
    let resolver = Resolver::new(context, path, Box::new(Never), None)?;
    let store = resolver.catalogue().store();
    Ok(store.map(|store| store.read().owner_of_key(access_key_id)).transpose()?.flatten())
}

/// Nobody by multicred is not nobody, where the person's own variables answer.
fn answering(context: &Context, status: &Status) -> Option<String> {
    let is_nobody = status.identity.is_none() && status.ended.is_none() && status.access_key_id.is_none();
    let name = UNSETS.into_iter().filter(|_| is_nobody).find(|name| context.variable(name).is_some())?;
    Some(format!("{name} is set, and may answer for programs in this shell"))
}

fn sentence(context: &Context, status: &Status) -> String {
    let mut lines = vec![match (&status.identity, status.changed_by_hand, &status.access_key_id) {
        _ if status.ended.is_some() => {
            let whose = status.ended.as_deref().unwrap_or_default();
            format!("({whose} ended) the live session has ended: multicred renew opens another one")
        }
        (None, true, None) if context.variable("MULTICRED_LIVE").is_some() => {
            "(?) something was set by hand that programs would take before the live session".to_owned()
        }
        (Some(identity), _, _) => identity.clone(),
        (None, true, Some(key)) => format!("(?) AWS_ACCESS_KEY_ID is {key}, which multicred did not set"),
        (None, true, None) => "(?) AWS_ACCESS_KEY_ID was removed by hand".to_owned(),
        (None, false, _) => "nobody".to_owned(),
    }];
    lines.extend(answering(context, status));
    lines.extend(status.arn.clone());
    lines.extend(status.live.then(|| "live: programs ask the agent, which renews what they get".to_owned()));
    lines.extend(status.restricted.then(|| "restricted by a session policy".to_owned()));
    lines.extend(status.region.as_ref().map(|region| format!("region {region}")));
    lines.extend(status.expires_at.map(|end| match end - context.now() {
        left if left > 0 => format!("expires in {}", say_duration(left)),
        past => format!("expired {} ago", say_duration(-past)),
    }));
    lines.iter().map(|line| printable(line) + "\n").collect()
}
