//! `list`: every identity and profile, and what it would take to be it.

use std::collections::HashSet;

use comfy_table::{Cell, Color, ContentArrangement, Table, presets};
use serde_json::{Value, json};

use crate::cli::Global;
use crate::context::{Context, printable};
use crate::error::Failure;
use crate::identity::plan::{self, NoPlan, Plan};
use crate::identity::request::{Request, say_duration};
use crate::prompt::Never;
use crate::resolve::{Catalogue, Destination, ResolveError, Resolver, Target, store_path};

/// One line of the list.
struct Row {
    name: String,
    arn: Option<String>,
    account: Option<String>,
    kind: &'static str,
    source: &'static str,
    state: State,
    expires_at: Option<i64>,
}

/// What it would take.
#[derive(Clone, Debug, PartialEq, Eq)]
enum State {
    /// Nothing: a credential is here.
    Ready,
    /// A call.
    Renewable,
    /// A call with a code.
    NeedsMfa,
    /// A new import: what there was has expired.
    Expired,
    /// An import or a link: there has never been a credential.
    NoCredential,
    /// Its settings contradict themselves.
    Broken(String),
}

impl State {
    fn word(&self) -> &'static str {
        match self {
            Self::Ready => "ready",
            Self::Renewable => "renewable",
            Self::NeedsMfa => "needs MFA",
            Self::Expired => "expired",
            Self::NoCredential => "no credential",
            Self::Broken(_) => "broken",
        }
    }

    fn colour(&self) -> Color {
        match self {
            Self::Ready => Color::Green,
            Self::Renewable => Color::Cyan,
            Self::NeedsMfa => Color::Yellow,
            Self::Expired | Self::NoCredential | Self::Broken(_) => Color::Red,
        }
    }
}

pub(super) fn run(context: &Context, global: &Global) -> Result<(), Failure> {
    let path = store_path(context, global.store.as_deref())?;
    let resolver = Resolver::new(context, path, Box::new(Never), None)?;
    let rows = rows(context, resolver.catalogue())?;
    if global.json {
        let values: Vec<Value> = rows.iter().map(as_json).collect();
        return Ok(context.answer_json(&values.into())?);
    }
    if rows.is_empty() {
        context.note("there is nobody yet: multicred import --all");
        return Ok(());
    }
    Ok(context.answer(&format!("{}\n", table(context, &rows)))?)
}

fn rows(context: &Context, catalogue: &Catalogue<'_>) -> Result<Vec<Row>, Failure> {
    let mut rows = Vec::new();
    if let Some(store) = catalogue.store() {
        // Some questions for each row: the locks are paid for once.
        store.begin_snapshot();
        for identity in store.read().identities()? {
            let shown = identity.shown();
            let (arn, account, kind) = (identity.arn(), identity.identity.account.clone(), identity.identity.kind);
            let target = catalogue.lookup(&shown).map(|_| Target::Known(identity));
            let state = state(context, catalogue, target, &shown);
            rows.push(row(shown, Some(arn), Some(account), kind.word(), "store", state));
        }
    }
    let names: HashSet<String> = rows.iter().map(|row| row.name.clone()).collect();
    for profile in catalogue.profiles()? {
        // A profile that is the identity already listed under its name says nothing new.
        let target = catalogue.lookup(&profile.name);
        if names.contains(&profile.name) && target.is_ok() {
            continue;
        }
        let name = profile.name.clone();
        let role = profile.role();
        let account = role.as_ref().map(|role| role.account.clone());
        let kind = match (&role, &profile.key) {
            (Some(_), _) => "role",
            (None, Some(_)) => "key",
            (None, None) => "other",
        };
        let arn = profile.value("role_arn").map(str::to_owned);
        let state = state(context, catalogue, target, &name);
        rows.push(row(name, arn, account, kind, "profile", state));
    }
    Ok(rows)
}

fn row(
    name: String,
    arn: Option<String>,
    account: Option<String>,
    kind: &'static str,
    source: &'static str,
    (state, expires_at): (State, Option<i64>),
) -> Row {
    Row { name, arn, account, kind, source, state, expires_at }
}

fn state(
    context: &Context,
    catalogue: &Catalogue<'_>,
    target: Result<Target, ResolveError>,
    name: &str,
) -> (State, Option<i64>) {
    let plan = |destination: Destination| {
        plan::plan(&destination.route, &Request::default(), context.now()).map_err(ResolveError::from)
    };
    let planned = target.and_then(|target| catalogue.destination(&target, name)).and_then(plan);
    match planned {
        Ok(plan) => of_plan(&plan),
        Err(ResolveError::NoPlan(NoPlan::NoCredential { expired, .. })) if expired.is_empty() => {
            (State::NoCredential, None)
        }
        Err(ResolveError::NoPlan(NoPlan::NoCredential { .. })) => (State::Expired, None),
        Err(error) => (State::Broken(error.to_string()), None),
    }
}

fn of_plan(plan: &Plan) -> (State, Option<i64>) {
    let needs_code = plan.coded().any(|(stage, _)| stage.mfa_script.is_none());
    match (plan.calls.is_empty() && plan.probe().is_none(), needs_code) {
        (true, _) => (State::Ready, plan.start.as_ref().and_then(|start| start.held.expires_at)),
        (false, true) => (State::NeedsMfa, None),
        (false, false) => (State::Renewable, None),
    }
}

fn table(context: &Context, rows: &[Row]) -> String {
    let now = context.now();
    let coloured = context.stdout_is_coloured();
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Dynamic);
    table.set_header(["IDENTITY", "STATE", "ACCOUNT", "KIND", "ARN"]);
    for row in rows {
        let left = row.expires_at.map(|end| format!(" {}", say_duration(end - now))).unwrap_or_default();
        let text = match &row.state {
            State::Broken(reason) => format!("broken: {reason}"),
            state => format!("{}{left}", state.word()),
        };
        let state = Cell::new(printable(&text));
        table.add_row([
            Cell::new(printable(&row.name)),
            if coloured { state.fg(row.state.colour()) } else { state },
            Cell::new(row.account.as_deref().unwrap_or("")),
            Cell::new(row.kind),
            Cell::new(row.arn.as_deref().unwrap_or("")),
        ]);
    }
    table.trim_fmt()
}

fn as_json(row: &Row) -> Value {
    let reason = match &row.state {
        State::Broken(reason) => Some(reason),
        _ => None,
    };
    json!({
        "identity": row.name,
        "arn": row.arn,
        "account": row.account,
        "kind": row.kind,
        "source": row.source,
        "state": row.state.word(),
        "expires_at": row.expires_at,
        "reason": reason,
    })
}
