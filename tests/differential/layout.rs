//! How files are written: what every reader of them must see through.

use super::random::Random;

type Section = (String, Vec<(&'static str, String)>);

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layout {
    /// Decides for each line how it is written.
    pub seed: u64,
    /// Odd spacing, upper case, quotes, a colon for an equals sign, comments in lines of their own.
    pub odd: bool,
    pub crlf: bool,
    /// Comments behind values of the config.
    pub comments_behind: bool,
}

impl Layout {
    /// Names that need no quotes have them at times.
    pub fn profile_header(&self, name: &str) -> String {
        let is_plain = name.chars().all(|c| c.is_ascii_alphanumeric() || "-_./@".contains(c));
        if !is_plain || (self.odd && name.len().is_multiple_of(2)) {
            format!("profile \"{name}\"")
        } else {
            format!("profile {name}")
        }
    }

    pub fn write(&self, sections: Vec<Section>, is_config: bool) -> String {
        let mut random = Random::seeded(self.seed);
        let mut sections = sections;
        random.shuffle(&mut sections);
        let mut text = String::new();
        for (header, mut lines) in sections {
            random.shuffle(&mut lines);
            text.push_str(&self.header(&header, &mut random));
            for (key, value) in lines {
                text.push_str(&self.line(key, &value, &mut random));
                let may_have_comment = self.comments_behind && is_config && !value.is_empty();
                text.push_str(if may_have_comment { random.pick(&["", " # for now"]) } else { "" });
                text.push('\n');
            }
        }
        if self.crlf { text.replace('\n', "\r\n") } else { text }
    }

    fn header(&self, name: &str, random: &mut Random) -> String {
        if !self.odd {
            return format!("[{name}]\n");
        }
        let before = random.pick(&["", "\n", "# not = a setting\n", "; [profile nobody]\n\n"]);
        let behind = random.pick(&["", " ", " # of mine", "\t; of mine"]);
        format!("{before}[{name}]{behind}\n")
    }

    fn line(&self, key: &str, value: &str, random: &mut Random) -> String {
        if !self.odd {
            return format!("{key} = {value}");
        }
        let before = random.pick(&["", "", "\n", "# role_arn = arn:aws:iam::999999999999:role/Nobody\n"]);
        let key = if random.percent(20) { key.to_uppercase() } else { key.to_owned() };
        let between = random.pick(&["=", " = ", "  =\t", ": ", "= "]);
        let behind = random.pick(&["", "", " ", "\t"]);
        format!("{before}{key}{between}{value}{behind}")
    }
}
