use super::*;

const COLUMNS: [Column; 5] =
    [Column::kept("NAME"), Column::kept("STATE"), Column::spare(1, "A"), Column::spare(2, "B"), Column::remark("WHY")];

fn table(most: Option<usize>, rows: &[[&str; 5]]) -> String {
    let rows: Vec<[Cell<'_>; 5]> = rows.iter().map(|row| row.map(cell)).collect();
    let natural = [0, 1, 2, 3, 4].map(|column| rows.iter().map(|row| row[column].width()).max().unwrap());
    let shape = Shape::of(&COLUMNS, &natural, most);
    let mut text = Vec::new();
    shape.write(&mut text, &shape.heads(&COLUMNS), false).unwrap();
    for row in &rows {
        shape.write(&mut text, row, true).unwrap();
    }
    String::from_utf8(text).unwrap()
}

#[test]
fn a_pipe_gets_one_line_a_row_with_as_many_fields_in_each() {
    let long = "x".repeat(300);
    let text = table(None, &[["a", "ready", "1", "", ""], [&long, "ready", "", "2", "because of this"]]);
    let lines: Vec<Vec<&str>> =
        text.lines().map(|line| line.split("  ").map(str::trim).filter(|field| !field.is_empty()).collect()).collect();
    assert_eq!(lines[0], ["NAME", "STATE", "A", "B", "WHY"]);
    assert_eq!(lines[1], ["a", "ready", "1", "-"]);
    assert_eq!(lines[2], [&*long, "ready", "-", "2", "because of this"]);
    assert_eq!(lines.len(), 3);
}

#[test]
fn a_terminal_gets_what_fits_and_what_says_least_goes_first() {
    let row = ["somebody", "ready", "111", "22222", ""];
    assert_eq!(table(Some(30), &[row]), "NAME      STATE  A    B\nsomebody  ready  111  22222\n");
    assert_eq!(table(Some(26), &[row]), "NAME      STATE  A\nsomebody  ready  111\n");
    assert_eq!(table(Some(19), &[row]), "NAME      STATE\nsomebody  ready\n");
    assert_eq!(table(Some(5), &[row]), "NAME      STATE\nsomebody  ready\n");
    let nothing = ["somebody", "ready", "", "22222", ""];
    assert_eq!(table(Some(30), &[nothing]), "NAME      STATE  B\nsomebody  ready  22222\n");
}

#[test]
fn a_very_long_name_is_whole_on_a_line_of_its_own() {
    let long = "a-name-of-thirty-columns-as-is";
    let text = table(Some(40), &[["short", "ready", "1", "2", ""], [long, "ready", "1", "2", ""]]);
    let expected = format!("{:27}  STATE  A  B\n{:27}  ready  1  2\n{long}\n{:27}  ready  1  2\n", "NAME", "short", "");
    assert_eq!(text, expected);
}

#[test]
fn a_remark_stands_beside_its_row_where_it_can_be_read_and_else_below() {
    let row = ["a", "broken", "", "", "one two three four five six seven"];
    assert_eq!(
        table(Some(44), &[row]),
        "NAME  STATE   WHY\na     broken  one two three four five six\n              seven\n"
    );
    assert_eq!(table(Some(30), &[row]), "NAME  STATE\na     broken\n    one two three four five\n    six seven\n");
}

#[test]
fn wide_letters_take_two_columns_and_control_characters_none() {
    let rows = [["漢字", "ready", "", "", ""], ["a\u{1b}[2Jb", "ready", "", "", ""]];
    assert_eq!(table(Some(80), &rows), "NAME    STATE\n漢字    ready\na?[2Jb  ready\n");
}

#[test]
fn lines_end_at_blanks_and_words_stay_whole() {
    assert_eq!(wrapped("", 5), [""]);
    assert_eq!(wrapped("one two", 7), ["one two"]);
    assert_eq!(wrapped("one two", 6), ["one", "two"]);
    assert_eq!(wrapped("/a/very/long/path is it", 6), ["/a/very/long/path", "is it"]);
    assert_eq!(wrapped("one", 0), ["one"]);
}
