//! The pretend AWS: accounts, users, keys, MFA devices, roles and issued sessions.

use std::collections::{BTreeMap, BTreeSet};

use super::clock;
use super::mfa::Device;
use super::principal::{Principal, split_arn};
use super::random::Random;
use super::role::Role;
use super::session::{KeyPair, Session};

/// A long-term access key.
#[derive(Debug, Clone)]
pub(super) struct LongTermKey {
    pub(super) secret: String,
    pub(super) owner: Principal,
    pub(super) is_active: bool,
    /// Epoch seconds.
    pub(super) made_at: i64,
    /// When, and which service in which region.
    pub(super) last_used: Option<(i64, String, String)>,
    /// So many requests go by before AWS knows the key everywhere.
    pub(super) unknown_for: usize,
}

/// What a configured web identity token proves.
#[derive(Debug, Clone)]
pub(super) struct WebIdentity {
    pub(super) subject: String,
    pub(super) provider: String,
}

/// Everything the server knows. Build it before `StrictSts::start`, change it later in `StrictSts::world`.
#[derive(Debug)]
pub struct World {
    pub(super) random: Random,
    pub(super) clock_offset: i64,
    pub(super) check_skew: bool,
    pub(super) roles: BTreeMap<String, Role>,
    pub(super) keys: BTreeMap<String, LongTermKey>,
    pub(super) sessions: BTreeMap<String, Session>,
    pub(super) devices: BTreeMap<String, Device>,
    pub(super) web_identities: BTreeMap<String, WebIdentity>,
    pub(super) partitions: BTreeMap<String, String>,
    users: BTreeMap<String, Principal>,
    pub(super) token_size: usize,
    /// Users who must show a code to IAM.
    pub(super) iam_wants_mfa: BTreeSet<String>,
    /// What `unknown_for` is of a key that IAM makes.
    pub(super) new_keys_unknown_for: usize,
}

impl Default for World {
    fn default() -> Self {
        Self::new()
    }
}

impl World {
    /// An empty world whose keys are new on every run.
    pub fn new() -> Self {
        Self::with(Random::fresh())
    }

    /// An empty world whose keys, ids and tokens are the same on every run.
    pub fn seeded(seed: u64) -> Self {
        Self::with(Random::seeded(seed))
    }

    fn with(random: Random) -> Self {
        Self {
            random,
            clock_offset: 0,
            check_skew: true,
            roles: BTreeMap::new(),
            keys: BTreeMap::new(),
            sessions: BTreeMap::new(),
            devices: BTreeMap::new(),
            web_identities: BTreeMap::new(),
            partitions: BTreeMap::new(),
            users: BTreeMap::new(),
            token_size: 350,
            iam_wants_mfa: BTreeSet::new(),
            new_keys_unknown_for: 0,
        }
    }

    /// The server's time, epoch seconds.
    pub fn now(&self) -> i64 {
        clock::machine_now() + self.clock_offset
    }

    /// Adds an account of partition `aws`. Users and roles add theirs by themselves.
    pub fn account(&mut self, account: &str) -> &mut Self {
        self.account_in("aws", account)
    }

    /// Adds an account of another partition (`aws-cn`, `aws-us-gov`); to be called before its users and roles.
    pub fn account_in(&mut self, partition: &str, account: &str) -> &mut Self {
        assert!(account.len() == 12 && account.bytes().all(|byte| byte.is_ascii_digit()), "no account id: {account}");
        self.partitions.insert(account.to_owned(), partition.to_owned());
        self
    }

    pub(super) fn partition(&mut self, account: &str) -> String {
        if !self.partitions.contains_key(account) {
            self.account(account);
        }
        self.partitions[account].clone()
    }

    /// Adds a user with the path `/` and its first key.
    pub fn user(&mut self, account: &str, name: &str) -> KeyPair {
        self.user_at(account, "/", name)
    }

    /// Adds a user with a path such as `/team/` and its first key.
    pub fn user_at(&mut self, account: &str, path: &str, name: &str) -> KeyPair {
        let user = Principal::User {
            partition: self.partition(account),
            account: account.to_owned(),
            path: path.to_owned(),
            name: name.to_owned(),
            unique_id: self.random.id("AIDA"),
        };
        let arn = user.arn();
        self.users.insert(arn.clone(), user);
        self.another_key(&arn)
    }

    /// One more key of a user, or of an account's root (`arn:aws:iam::…:root`).
    pub fn another_key(&mut self, owner_arn: &str) -> KeyPair {
        let pair = KeyPair { access_key_id: self.random.id("AKIA"), secret: self.random.secret() };
        self.add_key(owner_arn, &pair);
        pair
    }

    /// A key whose id and secret the test chooses.
    pub fn add_key(&mut self, owner_arn: &str, pair: &KeyPair) {
        let owner = self.owner(owner_arn);
        let key = LongTermKey {
            secret: pair.secret.clone(),
            owner,
            is_active: true,
            made_at: self.now(),
            last_used: None,
            unknown_for: 0,
        };
        self.keys.insert(pair.access_key_id.clone(), key);
    }

    /// A key of the account's root user.
    pub fn root_key(&mut self, account: &str) -> KeyPair {
        let partition = self.partition(account);
        self.another_key(&format!("arn:{partition}:iam::{account}:root"))
    }

    pub(super) fn owner(&mut self, arn: &str) -> Principal {
        match (self.users.get(arn), split_arn(arn)) {
            (Some(user), _) => user.clone(),
            (None, Some([_, partition, "iam", _, account, "root"])) => {
                Principal::Root { partition: partition.to_owned(), account: account.to_owned() }
            }
            _ => panic!("no user {arn}"),
        }
    }

    /// Adds (or replaces) a role; returns its ARN.
    pub fn role(&mut self, mut role: Role) -> String {
        let arn = format!("arn:{}:iam::{}:role{}{}", self.partition(&role.account), role.account, role.path, role.name);
        let known = self.roles.get(&arn).map(|old| old.unique_id.clone());
        role.unique_id = known.unwrap_or_else(|| self.random.id("AROA"));
        self.roles.insert(arn.clone(), role);
        arn
    }

    /// Lets this token pass for a valid one of `provider` in `AssumeRoleWithWebIdentity`.
    pub fn web_identity(&mut self, token: &str, subject: &str, provider: &str) {
        let identity = WebIdentity { subject: subject.to_owned(), provider: provider.to_owned() };
        self.web_identities.insert(token.to_owned(), identity);
    }
}
