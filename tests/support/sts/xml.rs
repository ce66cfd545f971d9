//! The little XML that STS answers are made of. A tree and no template, so that a fault can change one field.

use std::fmt::Write as _;

/// The namespace of an answer of STS.
pub const STS: &str = "https://sts.amazonaws.com/doc/2011-06-15/";
/// The namespace of an answer of IAM.
pub const IAM: &str = "https://iam.amazonaws.com/doc/2010-05-08/";

/// One element, with text or with children.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Element {
    name: String,
    content: Content,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Content {
    Text(String),
    Children(Vec<Element>),
}

impl Element {
    /// `<name>text</name>`
    pub fn text(name: &str, text: impl Into<String>) -> Self {
        Self { name: name.to_owned(), content: Content::Text(text.into()) }
    }

    /// `<name>children</name>`
    pub fn node(name: &str, children: Vec<Self>) -> Self {
        Self { name: name.to_owned(), content: Content::Children(children) }
    }

    /// Sets the text of every element of this name, however deep.
    pub fn set(&mut self, name: &str, text: &str) {
        if self.name == name {
            self.content = Content::Text(text.to_owned());
        } else if let Content::Children(children) = &mut self.content {
            for child in children {
                child.set(name, text);
            }
        }
    }

    /// Removes every element of this name below this one.
    pub fn remove(&mut self, name: &str) {
        if let Content::Children(children) = &mut self.content {
            children.retain(|child| child.name != name);
            for child in children {
                child.remove(name);
            }
        }
    }

    /// The document, with the namespace on this, its root.
    pub fn document(&self, namespace: &str) -> String {
        let mut out = String::new();
        self.write(&mut out, 0, &format!(" xmlns=\"{namespace}\""));
        out
    }

    fn write(&self, out: &mut String, depth: usize, attributes: &str) {
        let indent = "  ".repeat(depth);
        // Writing to a String cannot fail.
        let _ = write!(out, "{indent}<{}{attributes}>", self.name);
        match &self.content {
            Content::Text(text) => out.push_str(&escape(text)),
            Content::Children(children) => {
                out.push('\n');
                for child in children {
                    child.write(out, depth + 1, "");
                }
                out.push_str(&indent);
            }
        }
        let _ = writeln!(out, "</{}>", self.name);
    }
}

/// Escapes markup, and writes control characters as references. XML 1.0 allows neither form of most of them,
/// but some clients read the reference, and a hostile answer is meant to reach the program under test.
fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            control if control.is_control() => {
                let _ = write!(out, "&#x{:x};", u32::from(control));
            }
            other => out.push(other),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_carries_the_namespace_once_and_escapes_text() {
        let tree = Element::node("A", vec![Element::text("B", "<&\u{1b}>"), Element::node("C", vec![])]);
        assert_eq!(
            tree.document(STS),
            "<A xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\">\n  <B>&lt;&amp;&#x1b;&gt;</B>\n  <C>\n  </C>\n</A>\n"
        );
    }

    #[test]
    fn a_field_can_be_changed_or_removed_at_any_depth() {
        let mut tree =
            Element::node("A", vec![Element::node("B", vec![Element::text("C", "1"), Element::text("D", "2")])]);
        tree.set("C", "3");
        tree.remove("D");
        assert_eq!(tree, Element::node("A", vec![Element::node("B", vec![Element::text("C", "3")])]));
    }
}
