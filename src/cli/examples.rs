//! The examples below each command's `--help`, and in its manual page: short, real, and held against the command line by
//! a test. A command without one fails that test.

use clap::Command;

/// What an example does, and what is typed.
pub type Example = (&'static str, &'static str);

/// By command; the program itself has no name here.
const EXAMPLES: &[(&str, &[Example])] = &[
    (
        "",
        &[
            ("in ~/.bashrc", r#"eval "$(multicred init bash)""#),
            ("whose are the keys of ~/.aws/credentials? Store them", "multicred import --all"),
            ("be the role Admin of the account prod in this shell", "multicred as prod/Admin"),
            ("be nobody again", "multicred as -"),
        ],
    ),
    (
        "init",
        &[
            ("in ~/.bashrc", r#"eval "$(multicred init bash)""#),
            ("in ~/.config/fish/config.fish", "multicred init fish | source"),
            ("with a prompt of your own", r#"eval "$(multicred init zsh --prompt none)""#),
        ],
    ),
    (
        "as",
        &[
            ("be the role Admin of the account prod", "multicred as prod/Admin"),
            ("be a profile of ~/.aws/config, in another region", "multicred as auditor --region eu-west-1"),
            ("look, and change nothing", "multicred as prod/Admin --read-only"),
            ("no credential in the environment: programs ask the agent", "multicred as prod/Admin --live"),
            ("be whom you were before; be nobody", "multicred as --back; multicred as -"),
        ],
    ),
    ("renew", &[("new credentials for whom this shell is", "multicred renew")]),
    (
        "deactivate",
        &[
            ("your own variables again, and no function of multicred's", "multicred deactivate"),
            ("the same, but the credentials stay", "multicred deactivate --keep-creds"),
        ],
    ),
    (
        "status",
        &[
            ("who this shell is", "multicred status"),
            ("the same for a script", "multicred status --json"),
            ("how the profiles of ~/.aws/credentials stand", "multicred status --profiles"),
        ],
    ),
    (
        "whoami",
        &[
            ("whom AWS takes this shell for", "multicred whoami"),
            ("whom it takes a program for that runs as somebody", "multicred exec prod/Admin -- multicred whoami"),
        ],
    ),
    (
        "list",
        &[
            ("everybody", "multicred list"),
            ("the roles of one account", "multicred list --account prod --kind role"),
            ("whom you can be without being asked", "multicred list --state ready --state renewable"),
            ("every credential, and every account", "multicred list --credentials; multicred list --accounts"),
        ],
    ),
    ("stats", &[("how much there is of everything, and how often it was used", "multicred stats")]),
    (
        "show",
        &[
            ("all that is known of a role", "multicred show prod/Admin"),
            ("of the owner of a key", "multicred show AKIAIOSFODNN7EXAMPLE"),
        ],
    ),
    (
        "tree",
        &[
            ("everybody", "multicred tree"),
            ("all who are assumed from alice", "multicred tree alice"),
            ("a picture", "multicred tree --dot | dot -Tsvg > tree.svg"),
        ],
    ),
    ("why", &[("what it takes to be that role, and where each setting stands", "multicred why prod/Admin")]),
    (
        "history",
        &[
            ("the last fifty things that happened", "multicred history"),
            ("what was done as one role today", "multicred history prod/Admin --since 24h"),
            ("what this shell did", "multicred history --shell $$ -n 10"),
        ],
    ),
    ("config", &[("every setting, and the line that says so", "multicred config")]),
    (
        "exec",
        &[
            ("a program as somebody", "multicred exec prod/Admin -- aws s3 ls"),
            ("one that must change nothing", "multicred exec --read-only prod/Admin -- terraform plan"),
            ("one that runs for hours", "multicred exec --live prod/Admin -- terraform apply"),
        ],
    ),
    (
        "env",
        &[
            ("for this shell and no longer", r#"eval "$(multicred env prod/Admin)""#),
            ("for a container", "multicred env prod/Admin --format docker > aws.env"),
            ("for a program that reads profiles only", "multicred env prod/Admin --to-profile legacy"),
        ],
    ),
    ("credential-process", &[("in ~/.aws/config: credential_process = …", "multicred credential-process prod/Admin")]),
    (
        "console",
        &[
            ("in the browser, as somebody", "multicred console prod/Admin"),
            ("on the page of a service, for a working day", "multicred console prod/Admin --service s3 --duration 8h"),
            ("the link alone", "multicred console prod/Admin --print"),
        ],
    ),
    (
        "serve",
        &[
            ("for what is started elsewhere: . ./live.sh", "multicred serve prod/Admin > live.sh"),
            ("for a container", "multicred serve prod/Admin --format docker > live.env"),
        ],
    ),
    (
        "import",
        &[
            ("every section of ~/.aws/credentials", "multicred import --all"),
            ("one section, under a name of your own", "multicred import --profile default --label alice"),
            ("what aws sts printed", "aws sts get-session-token | multicred import -"),
            ("what another tool keeps: first only say what", "multicred import --from aws-vault --dry-run"),
            ("each time that a file changes", "multicred import --watch ~/.aws/credentials"),
        ],
    ),
    (
        "add",
        &[
            ("a key that is typed, its secret never shown", "multicred add alice"),
            ("that of the environment", "multicred add alice --env"),
        ],
    ),
    (
        "account",
        &[
            ("give an account its short name", "multicred account 222233334444 --alias prod"),
            ("a red prompt for everybody in it", "multicred account prod --color red"),
            ("ask before anybody is somebody in it", "multicred account prod --protect"),
        ],
    ),
    (
        "link",
        &[
            ("prod/Admin is assumed from alice", "multicred link prod/Admin --parent dev/user/alice"),
            ("and is it so?", "multicred link prod/Admin --parent alice --external-id 42 --verify"),
        ],
    ),
    ("unlink", &[("prod/Admin is assumed from nobody", "multicred unlink prod/Admin")]),
    (
        "label",
        &[
            ("a short name for a role", "multicred label prod/Admin admin"),
            ("take it away", "multicred label admin --remove"),
        ],
    ),
    (
        "rotate",
        &[
            ("a new key for alice", "multicred rotate alice"),
            ("for everybody whose key is old", "multicred rotate --older-than 90d"),
            ("what was interrupted", "multicred rotate --pending"),
        ],
    ),
    (
        "remove",
        &[
            ("somebody, with every credential", "multicred remove prod/Admin"),
            ("one credential of theirs", "multicred remove alice --key AKIAIOSFODNN7EXAMPLE"),
        ],
    ),
    (
        "forget",
        &[
            ("what can be obtained again, of everybody", "multicred forget"),
            ("of one, pasted sessions too", "multicred forget prod/Admin --imports"),
        ],
    ),
    (
        "sync",
        &[
            ("a profile for everybody", "multicred sync --all"),
            ("for one more; then: aws --profile prod/Admin s3 ls", "multicred sync prod/Admin"),
            ("take them out again", "multicred sync --remove"),
        ],
    ),
    (
        "setup",
        &[
            ("what would be done", "multicred setup --dry-run"),
            ("temporary keys in the place of long-lived ones", "multicred setup --temporary"),
        ],
    ),
    (
        "refresh",
        &[
            ("all that are kept up", "multicred refresh"),
            ("two of them, for as long as they can be", "multicred refresh -p work,ci --duration 12h"),
        ],
    ),
    (
        "unsetup",
        &[
            ("the files as they were before setup", "multicred unsetup"),
            ("what a file held at first, from the store", "multicred unsetup --original ~/.aws/credentials > first"),
        ],
    ),
    ("backup", &[("the store in one file, still sealed", "multicred backup /mnt/usb/multicred-backup.db")]),
    ("restore", &[("a backup in the place of the store", "multicred restore /mnt/usb/multicred-backup.db")]),
    (
        "doctor",
        &[
            ("what is wrong, and what mends it", "multicred doctor"),
            ("open every seal, and hold the clock against AWS's", "multicred doctor --check"),
        ],
    ),
    (
        "key",
        &[
            ("what opens the store", "multicred key list"),
            ("one more way: a code to print and lock away", "multicred key add recovery"),
        ],
    ),
    ("key list", &[("what opens the store", "multicred key list")]),
    (
        "key add",
        &[
            ("a passphrase", "multicred key add passphrase"),
            ("what a password manager prints", "multicred key add command -- pass show multicred"),
        ],
    ),
    ("key remove", &[("the way with the number 2 of key list", "multicred key remove 2")]),
    ("key rotate", &[("seal every secret anew", "multicred key rotate")]),
    ("agent", &[("what it holds", "multicred agent status")]),
    (
        "agent start",
        &[
            ("in the background", "multicred agent start"),
            ("under a service manager", "multicred agent start --foreground"),
        ],
    ),
    ("agent stop", &[("its keys are gone with it", "multicred agent stop")]),
    ("agent status", &[("which keys it holds, and for how long", "multicred agent status")]),
    ("lock", &[("before you leave", "multicred lock")]),
    ("unlock", &[("so that nothing asks until it is locked again", "multicred unlock")]),
    (
        "completions",
        &[
            ("in ~/.bashrc", r#"eval "$(multicred completions bash)""#),
            ("in ~/.zshrc, after compinit", r#"eval "$(multicred completions zsh)""#),
            ("in ~/.config/fish/config.fish", "multicred completions fish | source"),
        ],
    ),
    (
        "man",
        &[
            ("read a page", "multicred man exec | man -l -"),
            ("where man finds them", "multicred man --dir ~/.local/share/man/man1"),
        ],
    ),
];

/// The examples of a command, which is written as it is typed: `key add`; that of the program is empty.
pub fn of(command: &str) -> &'static [Example] {
    EXAMPLES.iter().find(|(name, _)| *name == command).map_or(&[], |(_, examples)| examples)
}

/// The commands that have examples.
pub fn commands() -> impl Iterator<Item = &'static str> {
    EXAMPLES.iter().map(|(name, _)| *name)
}

/// A command line whose every command shows its examples below its help.
pub(super) fn shown_by(command: Command) -> Command {
    with_examples(command, "")
}

fn with_examples(command: Command, name: &str) -> Command {
    let command = command.mut_subcommands(|inner| {
        let inner_name = [name, inner.get_name()].join(" ").trim_start().to_owned();
        with_examples(inner, &inner_name)
    });
    match of(name) {
        [] => command,
        examples => command.after_help(text(examples)),
    }
}

/// As they stand in the help: what it does as a comment, so that the whole can be pasted.
fn text(examples: &[Example]) -> String {
    let lines = examples.iter().map(|(what, line)| format!("\n  # {what}\n  {line}"));
    format!("Examples:{}", lines.collect::<String>())
}
