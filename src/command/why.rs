//! `why`: how an identity would be reached, step by step, and why. Asks nobody, changes nothing.

use serde_json::{Map, Value, json};

use crate::cli::{Global, Why};
use crate::context::{Context, printable};
use crate::error::Failure;
use crate::identity::plan::{self, Call, NoPlan, Plan, Stage};
use crate::identity::request::{Request, say_duration};
use crate::identity::route::{Base, CredentialKind, Held, Route, SessionRule};
use crate::prompt::Never;
use crate::resolve::{Destination, ResolveError, Resolver, store_path};

pub(super) fn run(context: &Context, global: &Global, arguments: &Why) -> Result<(), Failure> {
    let path = store_path(context, global.store.as_deref())?;
    let resolver = Resolver::new(context, path, Box::new(Never), None)?;
    let catalogue = resolver.catalogue();
    let target = catalogue.lookup(&arguments.identity)?;
    let destination = match catalogue.destination(&target, &arguments.identity) {
        Err(error @ ResolveError::Chain(_)) if global.json => {
            context.answer_json(&without_way(&arguments.identity, &error))?;
            return Err(error.into());
        }
        found => found?,
    };
    let request = catalogue.leased(&destination, Request::default())?;
    let planned = plan::plan(&destination.route, &request, context.now());
    let word = catalogue.word_for(&destination)?;
    let asked = planned.as_ref().map_or(Ok(Vec::new()), |plan| asked(&resolver, plan))?;
    let lease = request.lease.map(i64::from);
    let account = Account { context, resolver: &resolver, destination: &destination, asked, word, lease };
    let text = if global.json { format!("{}\n", account.json(&planned)) } else { account.text(planned.as_ref().ok()) };
    context.answer(&text)?;
    match planned {
        Ok(_) => Ok(()),
        Err(error) => Err(ResolveError::from(error).into()),
    }
}

/// What there is to tell of a profile that cannot be followed.
fn without_way(name: &str, error: &ResolveError) -> Value {
    json!({
        "identity": name,
        "arn": null,
        "origin": null,
        "region": null,
        "protected": null,
        "lease": null,
        "chain": [],
        "plan": null,
        "settings": [],
        "error": error.to_string(),
    })
}

/// The codes that a plan needs: of which device, and who or what would be asked for it.
fn asked(resolver: &Resolver<'_>, plan: &Plan) -> Result<Vec<(String, String)>, Failure> {
    let mut asked = Vec::new();
    for (stage, serial) in plan.coded() {
        asked.push((serial.to_owned(), resolver.asks(stage)?));
    }
    Ok(asked)
}

/// What there is to tell.
struct Account<'a> {
    context: &'a Context,
    resolver: &'a Resolver<'a>,
    destination: &'a Destination,
    asked: Vec<(String, String)>,
    /// What has to be typed to be that, where the account is protected.
    word: Option<String>,
    /// How long its credentials last at most then, in seconds.
    lease: Option<i64>,
}

impl Account<'_> {
    fn text(&self, plan: Option<&Plan>) -> String {
        let (destination, route) = (self.destination, &self.destination.route);
        let mut lines = vec![match &destination.arn {
            Some(arn) => format!("{}  {arn}", destination.shown),
            None => destination.shown.clone(),
        }];
        lines.push(format!("  by {}", destination.origin));
        let chain: Vec<&str> = route.nodes.iter().map(|node| node.shown.as_str()).collect();
        lines.push(format!("  chain: {}", chain.join(" → ")));
        if let Some(region) = &route.region {
            lines.push(format!("  region: {region}"));
        }
        if let Some(plan) = plan {
            lines.extend(self.steps(plan));
            lines.extend(hint(route, plan));
        }
        lines.extend(self.held());
        lines.extend(self.settings());
        lines.iter().map(|line| printable(line) + "\n").collect()
    }

    fn steps(&self, plan: &Plan) -> Vec<String> {
        let mut steps: Vec<String> = Vec::new();
        steps.extend(plan.start.iter().map(|start| format!("start from {}: {}", start.shown, start.reason)));
        let shown = |stage: &Stage| &self.destination.route.nodes[stage.node].shown;
        steps.extend(plan.calls.iter().map(|it| format!("{} for {}: {}", describe(it), shown(it), it.reason)));
        let numbered = |(index, step): (usize, String)| format!("  {}. {step}", index + 1);
        let mut lines: Vec<String> = steps.into_iter().enumerate().map(numbered).collect();
        for (serial, by) in &self.asked {
            lines.push(format!("  asks for an MFA code of {serial}: {by}"));
        }
        lines.extend(self.word.as_ref().map(|word| format!("  asks for the alias of the protected account: {word}")));
        lines.extend(self.lease.map(|lease| format!("  lease: {} at most", say_duration(lease))));
        if self.asked.is_empty() && self.word.is_none() {
            let is_still = plan.calls.is_empty() && plan.probe().is_none();
            lines.push(if is_still { "  no call, no prompt" } else { "  no prompt" }.to_owned());
        }
        lines.extend(plan.warnings.iter().map(|warning| format!("  warning: {warning}")));
        lines
    }

    fn held(&self) -> Vec<String> {
        let now = self.context.now();
        let line = |shown: &str, held: &Held| {
            let left = match held.expires_at {
                None => "does not expire".to_owned(),
                Some(end) if end > now => format!("{} left", say_duration(end - now)),
                Some(end) => format!("expired {} ago", say_duration(now - end)),
            };
            let guess = if held.expiry_is_guess { ", a guess" } else { "" };
            format!("  held: {} {} of {shown} ({left}{guess})", held.kind.word(), held.access_key_id)
        };
        let nodes = &self.destination.route.nodes;
        nodes.iter().flat_map(|node| node.held.iter().map(|held| line(&node.shown, held))).collect()
    }

    /// Each profile's settings, where they stand, and by whom they are given.
    fn settings(&self) -> Vec<String> {
        let mut lines = Vec::new();
        for (profile, settings) in &self.destination.settings {
            for setting in settings {
                let place = self.resolver.catalogue().place(&setting.origin);
                let given = if setting.section == *profile { String::new() } else { format!(" [{}]", setting.section) };
                lines.push(format!("  {profile}: {} = {}  ({place}{given})", setting.key, setting.value));
            }
        }
        lines
    }

    fn json(&self, planned: &Result<Plan, NoPlan>) -> Value {
        let (destination, route) = (self.destination, &self.destination.route);
        let held = |held: &Held| {
            json!({
                "access_key_id": held.access_key_id,
                "kind": held.kind.word(),
                "expires_at": held.expires_at,
                "expiry_is_guess": held.expiry_is_guess,
            })
        };
        let chain = route.nodes.iter().map(|node| {
            let arn = node.holder.identity().map(ToString::to_string);
            json!({ "identity": node.shown, "arn": arn, "held": node.held.iter().map(held).collect::<Vec<_>>() })
        });
        json!({
            "identity": destination.shown,
            "arn": destination.arn,
            "origin": destination.origin,
            "region": route.region,
            "protected": self.word.is_some(),
            "lease": self.lease,
            "chain": chain.collect::<Vec<_>>(),
            "plan": planned.as_ref().ok().map(|plan| self.plan_json(plan)),
            "settings": self.settings_json(),
            "error": planned.as_ref().err().map(ToString::to_string),
        })
    }

    fn plan_json(&self, plan: &Plan) -> Value {
        let route = &self.destination.route;
        let start = plan.start.as_ref().map(|start| {
            json!({ "identity": start.shown, "access_key_id": start.held.access_key_id, "reason": start.reason })
        });
        let asks = self.asked.iter().map(|(serial, by)| json!({ "mfa_serial": serial, "by": by }));
        json!({
            "start": start,
            "probe": plan.probe().is_some(),
            "calls": plan.calls.iter().map(|stage| call_json(route, stage)).collect::<Vec<_>>(),
            "mfa_serials": self.asked.iter().map(|(serial, _)| serial).collect::<Vec<_>>(),
            "asks": asks.collect::<Vec<_>>(),
            "warnings": plan.warnings,
        })
    }

    fn settings_json(&self) -> Vec<Value> {
        let mut values = Vec::new();
        for (profile, settings) in &self.destination.settings {
            values.extend(settings.iter().map(|setting| {
                let from = self.resolver.catalogue().place(&setting.origin);
                let (key, value, section) = (&setting.key, &setting.value, &setting.section);
                json!({ "profile": profile, "key": key, "value": value, "from": from, "section": section })
            }));
        }
        values
    }
}

fn describe(stage: &Stage) -> String {
    let Some(call) = &stage.call else { return "its own key".to_owned() };
    let Some(duration) = call.duration() else { return call.action().to_owned() };
    let session = call.session_name().map(|name| format!(", session {name}")).unwrap_or_default();
    let external = match call {
        Call::AssumeRole(call) if call.external_id.is_some() => ", with its external id",
        _ => "",
    };
    format!("{} ({}{session}{external})", call.action(), say_duration(i64::from(duration)))
}

/// Where each role costs a code of its own, and one line would change that.
fn hint(route: &Route, plan: &Plan) -> Option<String> {
    let root = &route.nodes[0];
    let is_own_key = route.nodes.len() > 1 && root.shown == route.nodes[1].shown;
    let has_key = route.base == Base::Held && root.held.iter().any(|held| held.kind == CredentialKind::LongTerm);
    let applies = route.session_rule == SessionRule::OnlySameSerial && root.mfa_serial.is_none() && has_key;
    let (_, serial) = plan.coded().next().filter(|(stage, _)| applies && !is_own_key && stage.node > 0)?;
    Some(format!("  hint: with mfa_serial = {serial} in profile {}, one code would serve every role of it", root.shown))
}

fn call_json(route: &Route, stage: &Stage) -> Value {
    let mut value = json!({
        "action": stage.call.as_ref().map_or("none", Call::action),
        "identity": route.nodes[stage.node].shown,
        "role_arn": stage.call.as_ref().and_then(Call::role_arn),
        "session_name": stage.call.as_ref().and_then(Call::session_name),
        "duration": stage.call.as_ref().and_then(Call::duration),
        "mfa_serial": stage.mfa_serial,
        "reason": stage.reason,
    });
    let role = match &stage.call {
        Some(Call::AssumeRole(role)) => Some(role),
        _ => None,
    };
    let tags: Map<String, Value> =
        role.iter().flat_map(|role| role.tags.iter()).map(|(key, value)| (key.to_owned(), value.into())).collect();
    value["external_id"] = json!(role.and_then(|role| role.external_id.as_deref()));
    value["source_identity"] = json!(role.and_then(|role| role.source_identity.as_deref()));
    value["tags"] = tags.into();
    value["transitive_tags"] = json!(role.map(|role| role.transitive_tags.as_slice()).unwrap_or_default());
    value["endpoint"] = json!(route.nodes[stage.node].endpoint);
    value
}
