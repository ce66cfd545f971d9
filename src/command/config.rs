//! `config`: every setting, its value, and where that comes from. Changes nothing.

use serde_json::{Value, json};

use crate::cli::Global;
use crate::context::Context;
use crate::error::Failure;
use crate::resolve::{ResolveError, store_path};
use crate::settings::Settings;
use crate::table::{self, Column, cell, optional};

/// A setting, its value, and where that comes from.
type Row = (&'static str, Option<String>, String);

pub(super) fn run(context: &Context, global: &Global) -> Result<(), Failure> {
    let file = context.settings_file();
    let settings = Settings::read(file.clone()).map_err(ResolveError::from)?;
    let mut rows = places(context, global);
    rows.extend(settings.rows().map(|(name, value, place)| (name, Some(value.to_owned()), place)));
    if global.json {
        let values: Vec<Value> =
            rows.iter().map(|(name, value, from)| json!({ "setting": name, "value": value, "from": from })).collect();
        let file = file.map(|path| path.display().to_string());
        return Ok(context.answer_json(&json!({ "file": file, "settings": values }))?);
    }
    let columns = [Column::kept("SETTING"), Column::kept("VALUE"), Column::kept("FROM")];
    let rows = rows.iter().map(|(name, value, from)| [cell(*name), optional(value.as_deref()), cell(from.as_str())]);
    Ok(table::print(context, columns, rows)?)
}

/// Where things are: not in the file of settings, but as much a setting as what is.
fn places(context: &Context, global: &Global) -> Vec<Row> {
    let from = |variable: &str| match context.variable(variable) {
        Some(_) => variable.to_owned(),
        None => "default".to_owned(),
    };
    let of_store = if global.store.is_some() { "--store".to_owned() } else { from("MULTICRED_STORE") };
    let store = store_path(context, global.store.as_deref()).ok().map(|path| path.display().to_string());
    let files = context.aws_files().ok();
    let file = |path: Option<&std::path::PathBuf>| path.map(|path| path.display().to_string());
    vec![
        ("file", context.settings_file().map(|path| path.display().to_string()), from("XDG_CONFIG_HOME")),
        ("store", store, of_store),
        ("aws_config_file", file(files.as_ref().map(|files| &files.0)), from("AWS_CONFIG_FILE")),
        (
            "aws_shared_credentials_file",
            file(files.as_ref().map(|files| &files.1)),
            from("AWS_SHARED_CREDENTIALS_FILE"),
        ),
    ]
}
