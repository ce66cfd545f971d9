//! How a half-typed command line can go on: what the word at the cursor stands for, read from clap's own tree, so that no
//! command and no flag is ever missing. Pure: names are somebody else's to look up.

pub mod line;
pub mod reply;
mod values;

use clap::{Arg, ArgAction, Command, ValueHint};

pub use values::{Names, Value, of as value_of};

/// A word that may be typed, and what it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// The whole word.
    pub word: String,
    /// What it is, in one line; may be empty.
    pub about: String,
}

impl Candidate {
    /// A word and what it is.
    pub fn new(word: impl Into<String>, about: impl Into<String>) -> Self {
        Self { word: word.into(), about: about.into() }
    }
}

/// What the word at the cursor may become.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// One of these.
    Words(Vec<Candidate>),
    /// A name that begins with `start`; `lead` is what stands before it in the word (`--parent=`). Or one of the words.
    Names {
        /// Of what.
        of: Names,
        /// Before the name, in the same word.
        lead: String,
        /// What is typed of the name.
        start: String,
        /// Words that may stand there as well.
        or: Vec<Candidate>,
    },
    /// The path of a file.
    File,
    /// The shell knows: behind `--` stands another program's command line.
    OfProgram,
}

/// A half-typed line: what is wanted, and the store that it names so far.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reading {
    /// What the word at the cursor may become.
    pub wanted: Wanted,
    /// The value of `--store`.
    pub store: Option<String>,
}

/// Where in the command line the words so far have led.
struct Position<'c> {
    root: &'c Command,
    command: &'c Command,
    /// As it is typed: `key add`.
    name: String,
    /// How many values without a flag there were.
    positionals: usize,
    /// The flag whose value comes next.
    pending: Option<&'c Arg>,
    /// Whether `--` has been there.
    is_past_flags: bool,
    /// The flags that there were.
    given: Vec<&'c str>,
    store: Option<String>,
}

/// Reads the words before the cursor's, without the program's name, and the cursor's word up to the cursor.
pub fn read(root: &Command, before: &[String], current: &str) -> Reading {
    let mut position = Position {
        root,
        command: root,
        name: String::new(),
        positionals: 0,
        pending: None,
        is_past_flags: false,
        given: Vec::new(),
        store: None,
    };
    for word in before {
        position.take(word);
    }
    let wanted = position.wanted(current);
    Reading { wanted, store: position.store }
}

impl<'c> Position<'c> {
    /// Goes past one word.
    fn take(&mut self, word: &str) {
        if let Some(flag) = self.pending.take() {
            // A flag whose value may be left out takes no other flag for it.
            if !(is_optional(flag) && word.starts_with('-')) {
                return self.note_value(flag, word);
            }
        }
        match word {
            _ if self.is_past_flags => self.positionals += 1,
            "--" => self.is_past_flags = true,
            _ if word.starts_with("--") => self.take_long(word),
            _ if word.starts_with('-') && word.len() > 1 => self.take_short(word),
            _ => self.take_plain(word),
        }
    }

    fn take_long(&mut self, word: &str) {
        let (name, value) = word.split_once('=').map_or((word, None), |(name, value)| (name, Some(value)));
        let Some(flag) = self.flags().find(|flag| flag.get_long() == name.strip_prefix("--")) else { return };
        self.given.push(flag.get_id().as_str());
        match value {
            Some(value) => self.note_value(flag, value),
            None if flag.get_action().takes_values() => self.pending = Some(flag),
            None => {}
        }
    }

    /// The last of some short flags may want a value.
    fn take_short(&mut self, word: &str) {
        for (index, letter) in word.char_indices().skip(1) {
            let Some(flag) = self.flags().find(|flag| flag.get_short() == Some(letter)) else { return };
            self.given.push(flag.get_id().as_str());
            if flag.get_action().takes_values() {
                if index + letter.len_utf8() == word.len() {
                    self.pending = Some(flag);
                }
                return;
            }
        }
    }

    fn take_plain(&mut self, word: &str) {
        match self.command.find_subcommand(word) {
            Some(inner) => {
                self.command = inner;
                self.name = below(&self.name, inner);
                self.positionals = 0;
            }
            None => self.positionals += 1,
        }
    }

    fn note_value(&mut self, flag: &Arg, value: &str) {
        if flag.get_id() == "store" {
            self.store = Some(value.to_owned());
        }
    }

    /// Every flag that may stand here; `renew` takes those of `as`.
    fn flags(&self) -> impl Iterator<Item = &'c Arg> + use<'c> {
        let of = if self.command.get_name() == "renew" { self.root.find_subcommand("as") } else { Some(self.command) };
        let is_root = std::ptr::eq(self.command, self.root);
        let everywhere = self.root.get_arguments().filter(move |_| !is_root);
        of.into_iter().flat_map(Command::get_arguments).chain(everywhere).filter(|arg| !arg.is_positional())
    }

    fn wanted(&self, current: &str) -> Wanted {
        if let Some(flag) = self.pending.filter(|flag| !(is_optional(flag) && current.starts_with('-'))) {
            return self.values(flag, "", current);
        }
        let last = self.command.get_positionals().find(|arg| arg.is_last_set());
        if self.is_past_flags && last.is_some() {
            return Wanted::OfProgram;
        }
        if let Some((name, value)) = current.split_once('=').filter(|_| current.starts_with("--")) {
            let flag = self.flags().find(|flag| flag.get_long() == name.strip_prefix("--"));
            return match flag.filter(|flag| flag.get_action().takes_values()) {
                Some(flag) => self.values(flag, &format!("{name}="), value),
                None => Wanted::Words(Vec::new()),
            };
        }
        let plain = self.plain(current);
        match plain {
            _ if !current.starts_with('-') || self.is_past_flags => plain,
            // A bare dash is also a name: nobody's.
            Wanted::Names { of: Names::IdentityOrNobody, or, .. } if current == "-" => {
                Wanted::Words(or.into_iter().chain(self.flag_words(current)).collect())
            }
            _ => Wanted::Words(self.flag_words(current)),
        }
    }

    /// What may stand here that is no flag.
    fn plain(&self, current: &str) -> Wanted {
        if self.command.has_subcommands() {
            return Wanted::Words(verbs(self.command, current));
        }
        let positionals: Vec<&Arg> = self.command.get_positionals().filter(|arg| !arg.is_last_set()).collect();
        let has_program = self.command.get_positionals().any(Arg::is_last_set);
        let many = positionals.last().filter(|arg| matches!(arg.get_action(), ArgAction::Append));
        match positionals.get(self.positionals).or(many) {
            Some(arg) => self.values(arg, "", current),
            None if has_program && "--".starts_with(current) => {
                Wanted::Words(vec![Candidate::new("--", "the program and its arguments follow")])
            }
            None => Wanted::Words(Vec::new()),
        }
    }

    fn values(&self, arg: &Arg, lead: &str, start: &str) -> Wanted {
        // Of several in one word the last is half-typed.
        let several = arg.get_value_delimiter().and_then(|delimiter| start.rsplit_once(delimiter));
        let last = several.map_or(start, |(_, last)| last);
        let lead = &*[lead, &start[..start.len() - last.len()]].concat();
        let start = last;
        let listed: Vec<Candidate> = arg
            .get_possible_values()
            .iter()
            .filter(|value| !value.is_hide_set())
            .map(|value| {
                let about = value.get_help().map(ToString::to_string).unwrap_or_default();
                Candidate::new(value.get_name(), first_line(&about))
            })
            .collect();
        if !listed.is_empty() {
            return Wanted::Words(led(listed, lead, start));
        }
        let root = self.root;
        match value_of(&self.name, arg.get_id().as_str()) {
            Some(Value::Words(words)) => {
                let words = words.iter().map(|word| Candidate::new(*word, ""));
                Wanted::Words(led(words.collect(), lead, start))
            }
            Some(Value::Verb) => Wanted::Words(verbs(root, start)),
            Some(Value::Names(of)) => {
                let nobody = (of == Names::IdentityOrNobody).then(|| Candidate::new("-", "nobody"));
                let or = led(nobody.into_iter().collect(), lead, start);
                Wanted::Names { of, lead: lead.to_owned(), start: start.to_owned(), or }
            }
            _ if is_path(arg) => Wanted::File,
            _ => Wanted::Words(Vec::new()),
        }
    }

    /// The flags that begin so, but for those that were given and count once.
    fn flag_words(&self, start: &str) -> Vec<Candidate> {
        let is_spent = |flag: &&Arg| {
            self.given.contains(&flag.get_id().as_str()) && !matches!(flag.get_action(), ArgAction::Append)
        };
        let offered = self.flags().filter(|flag| !flag.is_hide_set() && !is_spent(flag));
        let word = |flag: &Arg| {
            let about = flag.get_help().map(ToString::to_string).unwrap_or_default();
            Some(Candidate::new(format!("--{}", flag.get_long()?), first_line(&about)))
        };
        let mut words: Vec<Candidate> = offered.filter_map(word).collect();
        words.push(Candidate::new("--help", "Print help"));
        words.retain(|candidate| candidate.word.starts_with(start));
        words
    }
}

/// A command as it is typed: `key add`.
fn below(name: &str, inner: &Command) -> String {
    if name.is_empty() { inner.get_name().to_owned() } else { format!("{name} {}", inner.get_name()) }
}

/// Whether a flag may stand without a value.
fn is_optional(flag: &Arg) -> bool {
    flag.get_num_args().is_some_and(|range| range.min_values() == 0)
}

/// Whether an argument is the path of a file, by the type of its value.
pub fn is_path(arg: &Arg) -> bool {
    matches!(arg.get_value_hint(), ValueHint::AnyPath | ValueHint::FilePath | ValueHint::DirPath)
}

fn verbs(command: &Command, start: &str) -> Vec<Candidate> {
    let shown = command.get_subcommands().filter(|inner| !inner.is_hide_set() && inner.get_name().starts_with(start));
    let about = |inner: &Command| inner.get_about().map(ToString::to_string).unwrap_or_default();
    shown.map(|inner| Candidate::new(inner.get_name(), first_line(&about(inner)))).collect()
}

/// Those that go on from what is typed, as whole words.
fn led(words: Vec<Candidate>, lead: &str, start: &str) -> Vec<Candidate> {
    let fitting = words.into_iter().filter(|candidate| candidate.word.starts_with(start));
    fitting.map(|candidate| Candidate { word: format!("{lead}{}", candidate.word), ..candidate }).collect()
}

fn first_line(text: &str) -> &str {
    text.lines().next().unwrap_or_default()
}

#[cfg(test)]
mod tests;
