//! `console`: AWS's web console, signed in to as somebody, in a browser.

use zeroize::Zeroizing;

use crate::asking;
use crate::browser::{self, Browser, Opener, Surroundings, Wish};
use crate::cli::{Console, Global};
use crate::console::{ConsoleError, Hosts, Instead, Page};
use crate::context::Context;
use crate::env_change::{ENDPOINT, FILES, LIVE};
use crate::error::{Exit, Failure};
use crate::handing;
use crate::identity::request::{Request, is_private_url, say_duration};
use crate::identity::{Identity, Kind};
use crate::launch;
use crate::resolve::{Resolved, Resolver, not_handed_on};
use crate::secret::Secret;
use crate::sts::settings::{partition_of, signing_region};

/// How long AWS takes a link, in seconds (IAM User Guide, "Enable custom identity broker access to the AWS console").
const LINK_LIFE: i64 = 15 * 60;
/// What a session in the console may be shorter than what was asked for without a word, in seconds.
const SLACK: i64 = 60;

pub(super) fn run(context: &Context, global: &Global, arguments: &Console) -> Result<(), Failure> {
    if arguments.detached {
        context.restore_limits();
        return Ok(launch::become_detached(|| context.close_streams())?);
    }
    // Before AWS or a person is asked for anything.
    let page = page(arguments)?;
    let instead = Instead {
        sign_in: endpoint(context, "MULTICRED_SIGNIN_ENDPOINT")?,
        console: endpoint(context, "MULTICRED_CONSOLE_ENDPOINT")?,
    };
    let (name, mut request) = asking::for_program(context, &arguments.whom, &arguments.asking)?;
    request.for_console = true;
    let mut resolver = asking::resolver(context, global, &arguments.asking)?;
    opener(context, &resolver, arguments, &name)?;
    let somebody = asking::resolve(context, &mut resolver, "console", &name, &request)?;
    let signed_in = sign_in(context, &mut resolver, &somebody, &request, (&page, instead));
    let outcome = signed_in.as_ref().map_or_else(|failure| failure.fact.clone(), |_| "ok".to_owned());
    asking::record_use(context, resolver.store_path(), "console", (&somebody.who, &request), &outcome);
    let signed_in = signed_in?;
    let opener = opener(context, &resolver, arguments, &somebody.who.shown)?;
    // The store is put in order and closed before another program is started.
    drop(resolver);
    hand_over(context, global, &somebody, &signed_in, &opener)
}

/// The page that is meant.
fn page(arguments: &Console) -> Result<Page, ConsoleError> {
    match (&arguments.service, &arguments.path) {
        (Some(service), _) => Page::of_service(service),
        (None, Some(path)) => Page::at(path),
        (None, None) => Ok(Page::Home),
    }
}

/// An address in place of AWS's own. What is sent there is the credential itself.
fn endpoint(context: &Context, variable: &str) -> Result<Option<String>, Failure> {
    let value = context.setting(variable);
    match value.as_deref().filter(|value| !is_private_url(value) || value.contains(['?', '#'])) {
        None => Ok(value.map(Into::into)),
        Some(value) => {
            let fact = format!("{variable} is '{}', which is not the https:// address of a host", value.escape_debug());
            Err(Failure::usage(fact, format!("correct {variable}, or: unset {variable}")))
        }
    }
}

/// Who opens the link that is for somebody of this name, as flags, settings and surroundings have it.
fn opener(context: &Context, resolver: &Resolver<'_>, arguments: &Console, name: &str) -> Result<Opener, Failure> {
    if arguments.print {
        return Ok(Opener::Person(None));
    }
    let settings = resolver.catalogue().settings()?;
    let container = arguments.container.as_deref().or_else(|| settings.console_container());
    let container = container.map(|template| template.replace("{identity}", name));
    let wish = Wish {
        flag: arguments.browser.as_deref(),
        setting: settings.console_browser(),
        variable: context.variable("BROWSER"),
        container: container.as_deref(),
    };
    let surroundings = Surroundings {
        is_over_ssh: context.is_over_ssh(),
        is_wsl: context.is_wsl(),
        is_macos: cfg!(target_os = "macos"),
        has_display: context.has_display(),
    };
    Ok(browser::choose(wish, surroundings)?)
}

/// A link that signs in, and what there is to say of it.
struct SignedIn {
    link: Secret,
    identity: Identity,
    region: Option<String>,
    destination: String,
    /// Epoch seconds UTC, where they are known.
    session_ends: Option<i64>,
}

fn sign_in(
    context: &Context,
    resolver: &mut Resolver<'_>,
    somebody: &Resolved,
    request: &Request,
    (page, instead): (&Page, Instead),
) -> Result<SignedIn, Failure> {
    if somebody.credential.is_long_term() {
        return Err(ConsoleError::LongTermKey(somebody.who.shown.clone()).into());
    }
    let identity = resolver.identity_of(somebody)?;
    if matches!(identity.kind, Kind::User | Kind::Root) {
        return Err(ConsoleError::UserSession(somebody.who.shown.clone()).into());
    }
    let region = region(context, somebody, request, &identity.partition)?;
    let hosts = Hosts::of(&identity.partition, &signing_region(&identity.partition, [region.as_deref()]), instead)?;
    let destination = page.address(&hosts, region.as_deref())?;
    let duration = request.duration.filter(|_| somebody.straight);
    let token = resolver.sign_in(somebody, &hosts.federation(), duration)?;
    let now = context.now();
    let of_credential = somebody.credential.expires_at.filter(|_| !somebody.expiry_is_guess);
    let session_ends = duration.map(|seconds| now + i64::from(seconds)).or(of_credential);
    if somebody.warnings.is_empty() {
        tell_of_shortness(context, request, session_ends);
    }
    Ok(SignedIn { link: hosts.login(&destination, &token), identity, region, destination, session_ends })
}

/// Says where the session in the console ends before what was asked for, or nobody knows when.
fn tell_of_shortness(context: &Context, request: &Request, session_ends: Option<i64>) {
    let Some(asked) = request.duration.map(i64::from) else { return };
    let left = session_ends.map(|end| end - context.now());
    if left.is_some_and(|left| left + SLACK >= asked) {
        return;
    }
    let left = left.map_or_else(|| "as long as its credential".to_owned(), say_duration);
    context.note(&format!(
        "the session in the console lasts {left}, not {}: AWS gives a longer one than the credential's to a role that is \
         assumed straight from a long-term key",
        say_duration(asked),
    ));
}

/// The region that the console shows; one of another partition counts only where it was asked for, and is refused.
fn region(
    context: &Context,
    somebody: &Resolved,
    request: &Request,
    partition: &str,
) -> Result<Option<String>, ConsoleError> {
    if let Some(region) = request.region.as_deref().filter(|region| partition_of(region) != partition) {
        return Err(ConsoleError::Region { region: region.to_owned(), partition: partition.to_owned() });
    }
    Ok(handing::program_region(context, somebody, request).filter(|region| partition_of(region) == partition))
}

fn hand_over(
    context: &Context,
    global: &Global,
    somebody: &Resolved,
    signed_in: &SignedIn,
    opener: &Opener,
) -> Result<(), Failure> {
    let shown = &somebody.who.shown;
    let (link, browser) = match opener {
        Opener::Browser(browser) => {
            open(context, browser, &signed_in.link)?;
            (None, Some(browser.shown()))
        }
        Opener::Person(_) => (Some(signed_in.link.expose()), None),
    };
    if global.json {
        let identity = &signed_in.identity;
        context.answer_json(&serde_json::json!({
            "identity": shown,
            "arn": somebody.who.arn.clone().unwrap_or_else(|| identity.arn(None)),
            "account": identity.account,
            "region": signed_in.region,
            "destination": signed_in.destination,
            "browser": browser,
            "url": link,
            "url_expires_at": link.map(|_| context.now() + LINK_LIFE),
            "session_expires_at": signed_in.session_ends,
        }))?;
    } else if let Some(link) = link {
        context.hand_over(&Zeroizing::new(format!("{link}\n")))?;
    }
    let length = signed_in.session_ends.map(|end| format!(" for {}", say_duration(end - context.now())));
    let length = length.unwrap_or_default();
    let warning = format!("for 15 minutes, whoever has this link can be {shown} in the console{length}");
    match opener {
        Opener::Browser(browser) => context.note(&format!("{} opens the console as {shown}{length}", browser.shown())),
        Opener::Person(None) => context.note(&warning),
        Opener::Person(Some(reason)) => context.note(&format!("{reason}; {warning}")),
    }
    Ok(())
}

/// Starts the browser, without the variables that a switch has set.
fn open(context: &Context, browser: &Browser, link: &Secret) -> Result<(), Failure> {
    let failed = |error: std::io::Error| {
        let fact = format!("'{}' cannot be run: {error}", browser.shown().escape_debug());
        Failure::new(Exit::Failure, fact, "name another --browser, or say --print")
    };
    let this = context.own_program().ok_or_else(|| failed(std::io::ErrorKind::NotFound.into()))?;
    context.restore_limits();
    let of_live_session = [&ENDPOINT[..], &FILES].concat().into_iter().filter(|_| context.variable(LIVE).is_some());
    let without = not_handed_on(context).into_iter().chain(of_live_session);
    launch::start_detached(&this, &browser.command(link), without).map_err(failed)
}
