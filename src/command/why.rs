//! `why`: how an identity would be reached, step by step, and why. Asks nobody, changes nothing.

use serde_json::{Value, json};

use crate::asking;
use crate::cli::{Global, Why};
use crate::context::{Context, printable};
use crate::error::Failure;
use crate::identity::plan::{self, AssumeRole, Call, NoPlan, Plan, Stage};
use crate::identity::request::say_duration;
use crate::identity::route::Route;
use crate::prompt::Never;
use crate::resolve::{Destination, ResolveError, Resolver, store_path};

pub(super) fn run(context: &Context, global: &Global, arguments: &Why) -> Result<(), Failure> {
    let path = store_path(context, global.store.as_deref())?;
    let resolver = Resolver::new(context, path, Box::new(Never), None)?;
    let catalogue = resolver.catalogue();
    let target = catalogue.lookup(&arguments.identity)?;
    let destination = catalogue.destination(&target, &arguments.identity)?;
    let planned = plan::plan(&destination.route, &asking::plain(context), context.now());
    let text = if global.json {
        format!("{}\n", as_json(&destination, &planned))
    } else {
        as_text(context, &destination, planned.as_ref().ok())
    };
    context.answer(&text)?;
    match planned {
        Ok(_) => Ok(()),
        Err(error) => Err(ResolveError::from(error).into()),
    }
}

fn as_text(context: &Context, destination: &Destination, plan: Option<&Plan>) -> String {
    let mut lines = vec![match &destination.arn {
        Some(arn) => format!("{}  {arn}", destination.shown),
        None => destination.shown.clone(),
    }];
    lines.push(format!("  by {}", destination.origin));
    let chain: Vec<&str> = destination.route.nodes.iter().map(|node| node.shown.as_str()).collect();
    lines.push(format!("  chain: {}", chain.join(" → ")));
    if let Some(region) = &destination.route.region {
        lines.push(format!("  region: {region}"));
    }
    lines.extend(plan.map(|plan| steps(&destination.route, plan)).unwrap_or_default());
    lines.extend(cached(context, &destination.route));
    lines.iter().map(|line| printable(line) + "\n").collect()
}

fn steps(route: &Route, plan: &Plan) -> Vec<String> {
    let mut lines = vec![format!("  1. start from {}: {}", plan.start_shown, plan.reason)];
    for (index, stage) in plan.calls.iter().enumerate() {
        let node = &route.nodes[stage.node];
        lines.push(format!("  {}. {} for {}: {}", index + 2, describe(stage), node.shown, stage.reason));
    }
    match plan.mfa_serials().next() {
        Some(serial) => lines.push(format!("  asks for an MFA code of {serial}")),
        None if plan.calls.is_empty() && !plan.probe => lines.push("  no call, no prompt".to_owned()),
        None => lines.push("  no prompt".to_owned()),
    }
    lines.extend(plan.warnings.iter().map(|warning| format!("  warning: {warning}")));
    lines
}

fn describe(stage: &Stage) -> String {
    let Some(call) = &stage.call else { return "its own key".to_owned() };
    let lasts = say_duration(i64::from(call.duration()));
    let session = match call {
        Call::AssumeRole(AssumeRole { session_name, external_id, .. }) => {
            let external = if external_id.is_some() { ", with its external id" } else { "" };
            format!(", session {session_name}{external}")
        }
        Call::GetSessionToken { .. } | Call::GetFederationToken(_) => String::new(),
    };
    format!("{} ({lasts}{session})", call.action())
}

fn cached(context: &Context, route: &Route) -> Vec<String> {
    let now = context.now();
    let mut lines = Vec::new();
    for node in &route.nodes {
        for held in &node.held {
            let left = match held.expires_at {
                None => "does not expire".to_owned(),
                Some(end) if end > now => format!("{} left", say_duration(end - now)),
                Some(end) => format!("expired {} ago", say_duration(now - end)),
            };
            let guess = if held.expiry_is_guess { ", a guess" } else { "" };
            let line = format!("  held: {} {} of {} ({left}{guess})", held.kind.word(), held.access_key_id, node.shown);
            lines.push(line);
        }
    }
    lines
}

fn as_json(destination: &Destination, planned: &Result<Plan, NoPlan>) -> Value {
    let route = &destination.route;
    let chain: Vec<Value> = route
        .nodes
        .iter()
        .map(|node| {
            let held: Vec<Value> = node
                .held
                .iter()
                .map(|held| {
                    json!({
                        "access_key_id": held.access_key_id,
                        "kind": held.kind.word(),
                        "expires_at": held.expires_at,
                        "expiry_is_guess": held.expiry_is_guess,
                    })
                })
                .collect();
            json!({ "identity": node.shown, "arn": node.holder.identity().map(ToString::to_string), "held": held })
        })
        .collect();
    json!({
        "identity": destination.shown,
        "arn": destination.arn,
        "origin": destination.origin,
        "region": route.region,
        "chain": chain,
        "plan": planned.as_ref().ok().map(|plan| plan_json(route, plan)),
        "error": planned.as_ref().err().map(ToString::to_string),
    })
}

fn plan_json(route: &Route, plan: &Plan) -> Value {
    let calls: Vec<Value> = plan.calls.iter().map(|stage| call_json(route, stage)).collect();
    json!({
        "start": { "identity": plan.start_shown, "access_key_id": plan.start.access_key_id, "reason": plan.reason },
        "probe": plan.probe,
        "calls": calls,
        "mfa_serials": plan.mfa_serials().collect::<Vec<_>>(),
        "warnings": plan.warnings,
    })
}

fn call_json(route: &Route, stage: &Stage) -> Value {
    let session_name = match &stage.call {
        Some(Call::AssumeRole(call)) => Some(&call.session_name),
        _ => None,
    };
    json!({
        "action": stage.call.as_ref().map_or("none", Call::action),
        "identity": route.nodes[stage.node].shown,
        "role_arn": stage.call.as_ref().and_then(Call::role_arn),
        "session_name": session_name,
        "duration": stage.call.as_ref().map(Call::duration),
        "mfa_serial": stage.mfa_serial,
        "reason": stage.reason,
    })
}
