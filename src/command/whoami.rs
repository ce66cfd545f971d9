//! `whoami`: who AWS says this shell is, asked with what every program in it would use, against what the prompt says.

use std::borrow::Cow;

use serde_json::json;

use crate::agent::Session;
use crate::cli::Global;
use crate::context::{Context, printable};
use crate::env_change::ENDPOINT;
use crate::error::{Exit, Failure};
use crate::identity::Identity;
use crate::identity::arn;
use crate::identity::name::is_access_key_id;
use crate::identity::request::{Asker, Request};
use crate::identity::route::Metadata;
use crate::progress::Progress;
use crate::prompt::Never;
use crate::resolve::{ResolveError, Resolver, Target, store_path};
use crate::secret::{Credential, KeyMaterial, Secret};
use crate::sts::settings::{default_region, partition_of, signing_region};
use crate::sts::{Caller, OfProfile, Signing, Sts, StsError, StsSettings, metadata};

const ACTION: &str = "GetCallerIdentity";
/// Where a container's endpoint is, in the other form.
const RELATIVE_URI: &str = "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI";

pub(super) fn run(context: &Context, global: &Global) -> Result<(), Failure> {
    let used = used(context, global)?;
    let claim = Claim::of(context, global);
    let caller = ask(context, &used, &claim).map_err(|error| used.explain(context, error))?;
    let answer = Answer { used: &used, claim: &claim, caller: &caller };
    if global.json {
        context.answer_json(&answer.json())?;
    } else {
        context.answer(&answer.text())?;
    }
    if answer.agrees() != Some(false) {
        return Ok(());
    }
    let fact = format!("this shell says that it is {}, and AWS says that it is {}", claim.say(), caller.text);
    let remedy = match used.from {
        From::Profile(variable, _) => format!("unset {variable}, or be somebody: multicred as NAME"),
        From::Environment | From::Endpoint => "multicred renew, or be somebody: multicred as NAME".to_owned(),
    };
    Err(Failure::new(Exit::Failure, fact, remedy))
}

/// Where programs take the credential from.
#[derive(Clone, Debug, PartialEq, Eq)]
enum From {
    /// The keys of the environment.
    Environment,
    /// The endpoint that the environment names.
    Endpoint,
    /// A profile: what names it, and its name.
    Profile(&'static str, String),
}

/// What a program in this shell would sign with.
struct Used {
    credential: Credential,
    from: From,
    /// How a profile says that AWS is reached.
    reach: OfProfile,
}

impl Used {
    /// A refusal of what a switch put there: some of it may not be what it was.
    fn explain(&self, context: &Context, error: ResolveError) -> Failure {
        let is_refused = matches!(error, ResolveError::Sts(StsError::Refused { .. }));
        let failure = Failure::from(error);
        if self.from != From::Environment || !is_refused || !context.holds_switched_key() {
            return failure;
        }
        let remedy = "this shell has the access key id that the switch set; its secret or session token may have been \
                      changed by hand, or AWS no longer takes it: multicred renew";
        Failure { remedy: Some(remedy.to_owned()), ..failure }
    }
}

/// In the order in which SDKs look: the keys of the environment, the profile, what its endpoint hands out.
fn used(context: &Context, global: &Global) -> Result<Used, Failure> {
    let variable = |name: &str| context.setting(name).map(Cow::into_owned);
    let plain = |credential, from| Used { credential, from, reach: OfProfile::default() };
    if let Some(access_key_id) = variable("AWS_ACCESS_KEY_ID") {
        let (secret, token) = (variable("AWS_SECRET_ACCESS_KEY"), variable("AWS_SESSION_TOKEN"));
        return Ok(plain(of_environment(access_key_id, secret, token)?, From::Environment));
    }
    for name in ["AWS_PROFILE", "AWS_DEFAULT_PROFILE"] {
        if let Some(profile) = variable(name) {
            return of_profile(context, global, name, profile);
        }
    }
    let session = Session::of_environment(|name| context.variable(name));
    if session.as_ref().is_some_and(|session| !session.lives()) {
        let name = context.variable("MULTICRED_IDENTITY").unwrap_or("somebody");
        return Err(none(
            format!("no credential: the live session of {name} has ended"),
            "multicred renew opens another one",
        ));
    }
    if session.is_none() && has_default(context, global)? {
        return of_profile(context, global, DEFAULT, "default".to_owned());
    }
    if variable(ENDPOINT[0]).is_none() && variable(RELATIVE_URI).is_none() {
        let fact = "this shell has no credential: neither AWS_ACCESS_KEY_ID nor a profile nor a live session";
        return Err(none(fact, "be somebody: multicred as NAME"));
    }
    let fetched = metadata::fetch(Metadata::EcsContainer, &variable, context.now());
    Ok(plain(fetched.map_err(ResolveError::from)?.credential, From::Endpoint))
}

/// What stands in the place of a variable's name where none names a profile.
const DEFAULT: &str = "the [default] profile";

fn reader<'c>(context: &'c Context, global: &Global) -> Result<Resolver<'c>, ResolveError> {
    Resolver::new(context, store_path(context, global.store.as_deref())?, Box::new(Never), None)
}

/// Whether programs that name no profile get a credential from one.
fn has_default(context: &Context, global: &Global) -> Result<bool, Failure> {
    let profile = reader(context, global)?.catalogue().profile("default")?;
    Ok(profile.is_some_and(|profile| {
        profile.key.is_some() || profile.setting("role_arn").is_some() || profile.only_process().is_some()
    }))
}

/// The credential that the profile gives; what AWS gives for it is not kept.
fn of_profile(context: &Context, global: &Global, variable: &'static str, profile: String) -> Result<Used, Failure> {
    let mut reader = reader(context, global)?;
    let says = if variable == DEFAULT { DEFAULT.to_owned() } else { format!("{variable} is {profile}, which") };
    if reader.catalogue().profile(&profile)?.is_none() {
        let fact = format!("no credential: {variable} is {profile}, and there is no such profile");
        return Err(none(fact, &format!("unset {variable}, or be somebody: multicred as NAME")));
    }
    // As programs do: with its own key, where it has one.
    let request = Request { no_session: true, asker: Asker::Program, ..Request::default() };
    let resolved = reader.resolve_reading(&profile, &request).map_err(|error| {
        let failure = Failure::from(error);
        Failure { fact: format!("{says} answers for programs here: {}", failure.fact), ..failure }
    })?;
    Ok(Used { credential: resolved.credential, from: From::Profile(variable, profile), reach: resolved.reach })
}

fn none(fact: impl Into<String>, remedy: &str) -> Failure {
    Failure::new(Exit::Failure, fact, remedy)
}

/// What cannot be a credential is not sent: it may be anything that somebody pasted.
fn of_environment(id: String, secret: Option<String>, token: Option<String>) -> Result<Credential, Failure> {
    let remedy = "correct it, or be somebody: multicred as NAME";
    let Some(secret) = secret else {
        return Err(none("no credential: AWS_ACCESS_KEY_ID is set, and AWS_SECRET_ACCESS_KEY is not", remedy));
    };
    if !is_access_key_id(&id) {
        return Err(none("no credential: AWS_ACCESS_KEY_ID is no access key id", remedy));
    }
    if token.as_ref().is_some_and(|token| !token.bytes().all(|byte| byte.is_ascii_graphic())) {
        return Err(none("no credential: AWS_SESSION_TOKEN is no session token", remedy));
    }
    let material = KeyMaterial { secret_access_key: Secret::new(secret), session_token: token.map(Secret::new) };
    Ok(Credential { access_key_id: id, material, expires_at: None })
}

/// Whom the shell says it is.
struct Claim {
    name: Option<String>,
    arn: Option<String>,
    /// Whom the ARN names, else the name.
    identity: Option<Identity>,
}

impl Claim {
    fn of(context: &Context, global: &Global) -> Self {
        let owned = |name| context.variable(name).map(str::to_owned);
        let (name, arn) = (owned("MULTICRED_IDENTITY"), owned("MULTICRED_ARN"));
        let of_name = || meaning(context, global, name.as_deref()?);
        let identity = match &arn {
            Some(arn) => arn::parse(arn).ok().map(|arn| arn.identity),
            None => of_name(),
        };
        Self { name, arn, identity }
    }

    fn say(&self) -> String {
        let arn = self.arn.clone().or_else(|| self.identity.as_ref().map(ToString::to_string)).unwrap_or_default();
        match &self.name {
            Some(name) => format!("{name} ({arn})"),
            None => arn,
        }
    }
}

/// Whom a name means, as far as that is known. That it cannot be told is no reason not to ask AWS.
fn meaning(context: &Context, global: &Global, name: &str) -> Option<Identity> {
    let resolver = reader(context, global).ok()?;
    match resolver.catalogue().lookup(name).ok()? {
        Target::Known(row) => Some(row.identity),
        Target::OfProfiles(role) => Some(role),
        Target::Profile(profile) => profile.role(),
        Target::Key(_, holder) => holder.identity().cloned(),
        Target::Nobody => None,
    }
}

fn ask(context: &Context, used: &Used, claim: &Claim) -> Result<Caller, ResolveError> {
    let credential = &used.credential;
    let settings = StsSettings::read(|name| context.setting(name).map(Cow::into_owned), &used.reach)?;
    let partition = match (&claim.identity, settings.region.as_deref()) {
        (Some(identity), _) => identity.partition.clone(),
        (None, region) => partition_of(region.unwrap_or(default_region("aws"))).to_owned(),
    };
    let region = signing_region(&partition, [settings.region.as_deref(), used.reach.region.as_deref()]);
    let sts = Sts::new(settings)?;
    context.detail(&format!("{ACTION} with {}", credential.access_key_id));
    let progress = Progress::start(context, ACTION, &credential.access_key_id);
    let caller: Result<Caller, StsError> =
        sts.get_caller_identity(Signing { credential: Some(credential), region: &region });
    drop(progress);
    Ok(caller?)
}

/// What there is to tell.
struct Answer<'a> {
    used: &'a Used,
    claim: &'a Claim,
    caller: &'a Caller,
}

impl Answer<'_> {
    /// Whether AWS says what the shell says; `None` where that says nothing that can be compared.
    fn agrees(&self) -> Option<bool> {
        match (&self.claim.identity, &self.claim.arn) {
            (Some(identity), _) => Some(*identity == self.caller.arn.identity),
            // What is there instead of an ARN is not whom AWS names.
            (None, Some(_)) => Some(false),
            (None, None) => None,
        }
    }

    fn is_live(&self) -> bool {
        self.used.from == From::Endpoint
    }

    fn text(&self) -> String {
        let agreement = match (self.agrees(), &self.claim.name) {
            (Some(true), Some(name)) => format!("{name}, as the prompt says"),
            (Some(true), None) => "as this shell says".to_owned(),
            (Some(false), _) => format!("not {}, as this shell says", self.claim.say()),
            (None, Some(name)) => format!("the prompt says {name}, whose ARN is not known"),
            (None, None) => "this shell does not say who it is".to_owned(),
        };
        let from = match &self.used.from {
            From::Environment => "in the environment".to_owned(),
            From::Endpoint => "handed out by the endpoint".to_owned(),
            From::Profile(DEFAULT, _) => format!("of {DEFAULT}"),
            From::Profile(variable, profile) => format!("of the profile {profile} ({variable})"),
        };
        let key = &self.used.credential.access_key_id;
        let lines = [
            self.caller.text.clone(),
            format!("  {agreement}"),
            format!("  account {}", self.caller.arn.identity.account),
            format!("  user id {}", self.caller.unique_id),
            format!("  access key {key}, {from}"),
        ];
        lines.iter().map(|line| printable(line) + "\n").collect()
    }

    fn json(&self) -> serde_json::Value {
        json!({
            "arn": self.caller.text,
            "account": self.caller.arn.identity.account,
            "user_id": self.caller.unique_id,
            "access_key_id": self.used.credential.access_key_id,
            "live": self.is_live(),
            "profile": match &self.used.from {
                From::Profile(_, profile) => Some(profile),
                From::Environment | From::Endpoint => None,
            },
            "claimed_identity": self.claim.name,
            "claimed_arn": self.claim.arn,
            "agrees": self.agrees(),
            "request_id": self.caller.request_id,
        })
    }
}
