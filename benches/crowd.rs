//! Fills a home for `make bench`: `crowd HOME IDENTITIES [ADDRESS [PROFILES [stay]]]`. The address where its pretend STS
//! was is then in the file `address`: a credential is used only where the one that gave it would be asked. With `stay` it
//! goes on answering there.
//!
//! In it, `multicred as --shell bash prod/Admin` has what it needs in the store: a role linked to a user, with a
//! credential of some hours. Around it stand as many other roles, each with a sealed credential of its own. The profile
//! `admin` of the AWS config leads to the same role; around it stand as many other profiles, of five lines each.
#![allow(missing_docs, unreachable_pub, clippy::unwrap_used, clippy::expect_used, clippy::pedantic)]

#[path = "../tests/support/sts/mod.rs"]
#[allow(dead_code, unused_imports, reason = "what the tests use of it is more")]
mod sts;

use std::collections::HashMap;
use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};

use multicred::context::Context;
use multicred::identity::hash::Hasher;
use multicred::identity::route::CredentialKind;
use multicred::identity::{Holder, Identity, Kind};
use multicred::prompt::Never;
use multicred::resolve::{Resolver, store_path};
use multicred::secret::{KeyMaterial, Sealed, Secret};
use multicred::store::{Durability, NewCredential};
use sts::{Role, StrictSts, World};

const DEV: &str = "111122223333";
const PROD: &str = "222233334444";
/// Accounts that the crowd is spread over.
const ACCOUNTS: u32 = 100;
const HALF_A_DAY: u32 = 43_200;

fn main() {
    let mut arguments = std::env::args().skip(1);
    let (Some(home), Some(count)) = (arguments.next(), arguments.next().and_then(|count| count.parse().ok())) else {
        panic!("crowd HOME IDENTITIES [ADDRESS [PROFILES [stay]]]");
    };
    let home = PathBuf::from(home);
    let address = arguments.next().unwrap_or_else(|| "127.0.0.1:0".to_owned());
    let address = address.parse().expect("an address such as 127.0.0.1:4566");
    let profiles: u32 = arguments.next().map_or(0, |count| count.parse().expect("a number of profiles"));
    let stays = arguments.next().is_some_and(|word| word == "stay");
    let sts = StrictSts::start_on(address, world(&home)).expect("a pretend STS");
    let run = |words: &str| {
        let arguments = std::iter::once("multicred").chain(words.split(' ')).map(Into::into).collect();
        assert_eq!(multicred::command::run(&mut context(&home, &sts.url()), arguments), 0, "multicred {words}");
    };
    run("import --all");
    run("account 222233334444 --alias prod");
    run("link prod/Admin --parent alice --duration 12h");
    fill(&context(&home, &sts.url()), count).expect("the crowd is stored");
    run("as prod/Admin --shell bash");
    if profiles > 0 {
        fs::write(home.join(".aws/config"), config(profiles)).expect("a config");
        run("as admin --shell bash");
    }
    fs::write(home.join("address"), sts.url().trim_start_matches("http://")).expect("a file for the address");
    if stays {
        loop {
            std::thread::park();
        }
    }
}

/// alice and the role that trusts her; writes alice's key into the home.
fn world(home: &Path) -> World {
    let mut world = World::new();
    let key = world.user(DEV, "alice");
    let alice = format!("arn:aws:iam::{DEV}:user/alice");
    world.role(Role::new(PROD, "Admin").trust(&alice).max_session_duration(HALF_A_DAY.into()));
    let text = format!("[alice]\naws_access_key_id = {}\naws_secret_access_key = {}\n", key.access_key_id, key.secret);
    fs::create_dir_all(home.join(".aws")).expect("a home");
    fs::write(home.join(".aws/credentials"), text).expect("alice's key");
    world
}

fn config(profiles: u32) -> String {
    let profile = |name: &str, account: &str, role: &str| {
        format!(
            "[profile {name}]\nrole_arn = arn:aws:iam::{account}:role/{role}\nsource_profile = alice\n\
             region = eu-central-1\nduration_seconds = 43200\n"
        )
    };
    let others = (1..profiles).map(|n| profile(&format!("p{n}"), "333344445555", &format!("Role{n}")));
    profile("admin", PROD, "Admin") + &others.collect::<String>()
}

fn context(home: &Path, endpoint: &str) -> Context {
    let run = home.join("run");
    fs::create_dir_all(&run).expect("a runtime folder");
    let variables = [("HOME", home.to_str()), ("XDG_RUNTIME_DIR", run.to_str()), ("AWS_ENDPOINT_URL", Some(endpoint))];
    let variable = |(name, value): (&str, Option<&str>)| (name.to_owned(), value.expect("a text").into());
    Context::with_environment(variables.into_iter().map(variable).collect::<HashMap<_, _>>())
}

fn fill(context: &Context, count: u32) -> Result<(), Box<dyn Error>> {
    let mut resolver = Resolver::new(context, store_path(context, None)?, Box::new(Never), None)?;
    let (store, mut keys) = resolver.store_and_keys()?;
    let now = context.now();
    for number in 0..count {
        let (holder, access_key_id) = (Holder::Identity(member(number)), format!("ASIA{number:016}"));
        let secret = |length: usize| Secret::new("x".repeat(length));
        let material = KeyMaterial { secret_access_key: secret(40), session_token: Some(secret(350)) };
        keys.put(store, Durability::Obtainable, (&holder, &access_key_id, &material), |writing, sealed| {
            let owner = writing.ensure_owner(&holder, Some("/"))?;
            writing.put_credential(&owner, &credential(&access_key_id, sealed, now))
        })?;
    }
    Ok(())
}

fn credential<'c>(access_key_id: &'c str, sealed: &'c Sealed, now: i64) -> NewCredential<'c> {
    NewCredential {
        access_key_id,
        kind: CredentialKind::Role,
        request_hash: Some(Hasher::new("crowd").field("member", Some(access_key_id)).finish()),
        sealed,
        created_at: now,
        expires_at: Some(now + i64::from(HALF_A_DAY)),
        expiry_is_guess: false,
        restricted_as: None,
    }
}

fn member(number: u32) -> Identity {
    let account = format!("{:012}", 300_000_000_000_u64 + u64::from(number % ACCOUNTS));
    Identity { partition: "aws".to_owned(), account, kind: Kind::Role, name: format!("Role{number}") }
}
