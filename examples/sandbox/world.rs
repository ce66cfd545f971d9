//! The pretend AWS and the temporary home of a person who uses it.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use crate::sign_in::SignIn;
use crate::sts::{Role, StrictSts, World};

const DEV: &str = "111122223333";
const PROD: &str = "222233334444";

pub struct Sandbox {
    sts: StrictSts,
    sign_in: SignIn,
    home: tempfile::TempDir,
    program_folder: PathBuf,
}

impl Sandbox {
    pub fn open(program: &Path) -> Self {
        let mut world = World::new();
        let (credentials, config) = files(&mut world);
        let home = tempfile::Builder::new().prefix("multicred-try.").tempdir().expect("a temporary home");
        let sts = StrictSts::start(world);
        let sandbox = Self {
            sign_in: SignIn::start(&sts),
            sts,
            home,
            program_folder: program.parent().expect("the program's folder").to_owned(),
        };
        sandbox.write(".aws/credentials", &credentials);
        sandbox.write(".aws/config", &config);
        sandbox.write(".bashrc", "PS1='$ '\nHISTFILE=$HOME/.bash_history\neval \"$(multicred init bash)\"\n");
        fs::create_dir(sandbox.home().join("run")).expect("a runtime folder");
        fs::set_permissions(sandbox.home().join("run"), fs::Permissions::from_mode(0o700)).expect("chmod");
        sandbox
    }

    pub fn home(&self) -> &Path {
        self.home.path()
    }

    pub fn rc_file(&self) -> PathBuf {
        self.home().join(".bashrc")
    }

    /// What the shell gets; nothing else of whoever runs this.
    pub fn environment(&self) -> BTreeMap<String, OsString> {
        let mut path = OsString::from(&self.program_folder);
        path.push(":/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
        let mut environment = BTreeMap::from([
            ("HOME".to_owned(), self.home().into()),
            ("PATH".to_owned(), path),
            ("SHELL".to_owned(), "/bin/bash".into()),
            ("USER".to_owned(), "you".into()),
            ("XDG_RUNTIME_DIR".to_owned(), self.home().join("run").into()),
            // Its store lasts as long as the sandbox: no passphrase is worth typing.
            ("MULTICRED_KEY".to_owned(), "file".into()),
            ("AWS_ENDPOINT_URL".to_owned(), self.sts.url().into()),
            ("MULTICRED_SIGNIN_ENDPOINT".to_owned(), self.sign_in.url().into()),
            ("MULTICRED_CONSOLE_ENDPOINT".to_owned(), self.sign_in.url().into()),
            ("AWS_EC2_METADATA_DISABLED".to_owned(), "true".into()),
        ]);
        for name in ["TERM", "LANG", "LC_ALL", "COLORTERM"] {
            if let Some(value) = std::env::var_os(name) {
                environment.insert(name.to_owned(), value);
            }
        }
        environment
    }

    fn write(&self, name: &str, text: &str) {
        let path = self.home().join(name);
        fs::create_dir_all(path.parent().expect("a folder")).expect("the folder is made");
        fs::write(&path, text).expect("the file is written");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).expect("chmod");
    }
}

/// Fills the world, and writes the AWS files of a person in it.
fn files(world: &mut World) -> (String, String) {
    let key = world.user(DEV, "alice");
    let alice = format!("arn:aws:iam::{DEV}:user/alice");
    let serial = world.mfa_any(&alice);
    let admin = world.role(Role::new(PROD, "Admin").trust(&alice).requires_mfa().max_session_duration(43_200));
    let auditor = world.role(Role::new(PROD, "Auditor").trust(&admin));
    let deployer = world.role(Role::new(DEV, "Deployer").trust(DEV));
    let saml = world.saml_session(&deployer, "alice@example.com", 240);
    let credentials = format!(
        "# alice's long-term key\n[alice]\naws_access_key_id = {}\naws_secret_access_key = {}\n\n\
         # pasted from a SAML sign-in, minutes ago\n[deploy]\naws_access_key_id = {}\naws_secret_access_key = {}\n\
         aws_session_token = {}\nexpiration = {}\n",
        key.access_key_id,
        key.secret,
        saml.access_key_id,
        saml.secret,
        saml.session_token,
        saml.expiration(),
    );
    let config = format!(
        "[profile alice]\nregion = eu-west-1\nmfa_serial = {serial}\n\n\
         [profile admin]\nrole_arn = {admin}\nsource_profile = alice\nmfa_serial = {serial}\nregion = eu-central-1\n\n\
         [profile auditor]\nrole_arn = {auditor}\nsource_profile = admin\n",
    );
    (credentials, config)
}
