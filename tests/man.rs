//! `man`: manual pages that roff takes without a word.

use std::collections::BTreeSet;
use std::fs;

use crate::help::helps;
use crate::support::env::Hermetic;

#[test]
fn the_page_of_multicred_is_the_one_without_a_name() {
    let env = Hermetic::new();
    let page = env.run(&["man"]);
    page.ok().stdout_has(".TH multicred 1").stdout_has("multicred\\-as(1)").stdout_has(".SH EXAMPLES");
    page.nowhere("complete(1)");
    env.run(&["man", "key", "add"]).ok().stdout_has(".TH multicred-key-add 1");
    for hidden in [["complete"].as_slice(), &["bogus"], &["agent", "fetch"], &["key", "bogus"]] {
        env.run(&[&["man"], hidden].concat()).code(2).stdout_is("").stderr_has("there is no command");
    }
}

#[test]
fn there_is_a_page_of_every_command_and_none_of_what_is_hidden() {
    let mut env = Hermetic::new();
    let folder = env.path("share/man/man1");
    let told = env.run(&["man", "--dir", &folder.to_string_lossy()]);
    told.ok().stdout_is("");
    let files: BTreeSet<String> =
        fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    let page = |command: &String| format!("{}.1", ["multicred", command].join(" ").trim_end().replace(' ', "-"));
    assert_eq!(files, helps().keys().map(page).collect());
    told.stderr_has(&format!("{} pages", files.len()));
    for file in &files {
        let text = fs::read_to_string(folder.join(file)).unwrap();
        for hidden in ["shell\\-pid", "detached", "what the shell function calls"] {
            assert!(!text.contains(hidden), "{file} has {hidden}");
        }
    }
    env.write("file", "");
    env.run(&["man", "--dir", "file/below"]).code(1).stderr_has("cannot be written");
}

#[test]
fn groff_renders_each_page_without_a_warning_and_with_every_example_as_it_is_typed() {
    let env = Hermetic::new();
    let folder = env.path("man1");
    env.run(&["man", "--dir", &folder.to_string_lossy()]).ok();
    for command in helps().keys() {
        let name = ["multicred", command].join(" ").trim_end().replace(' ', "-");
        let page = folder.join(format!("{name}.1"));
        let words = ["-man", "-Tascii", "-ww", "-b", "-z", &page.to_string_lossy()];
        env.program("groff", &words).run().ok().stderr_is("");
        let words = ["-man", "-Tascii", "-P-cbou", "-rLL=200n", &page.to_string_lossy()];
        let rendered = env.program("groff", &words).run();
        rendered.ok().stdout_has("NAME").stdout_has("SYNOPSIS");
        for (_, line) in multicred::cli::examples::of(command) {
            rendered.stdout_has(&line.replace('…', "..."));
        }
    }
}
