//! Where a daemon's settings come from, decided once for all of them.

use std::path::{Path, PathBuf};

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

/// Why settings cannot be had.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SettingsError {
    /// The `--config` file, or a token file.
    #[error("cannot read {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
    /// It is not YAML, or holds a setting that does not exist or has another type.
    #[error("{} is not a valid configuration file: {reason}", path.display())]
    Parse {
        /// The file.
        path: PathBuf,
        /// With line and column.
        reason: Box<serde_saphyr::Error>,
    },
    /// A value that no setting of this name takes.
    #[error("--{flag}: {value:?} is not {expected}")]
    Value {
        /// The flag, without dashes.
        flag: &'static str,
        /// What was given.
        value: String,
        /// What would have been right.
        expected: &'static str,
    },
    /// A setting without which there is no going on.
    #[error("--{flag} is needed: {why}")]
    Missing {
        /// The flag, without dashes.
        flag: &'static str,
        /// What it is for.
        why: &'static str,
    },
    /// The settings do not survive being laid over each other.
    #[error("cannot combine settings")]
    Combine(#[source] serde_json::Error),
}

/// The effective settings. For each one, the first of these that says anything counts:
///
/// 1. the flag on the command line,
/// 2. the environment variable `XEBEC_<FLAG>` (clap has put it into `given` where the flag was absent),
/// 3. the file that `--config` or `XEBEC_CONFIG` names, in YAML with the flags' names as keys,
/// 4. the default, which the daemon supplies where this function leaves `None`.
///
/// Lists are not joined: a list given at a higher level replaces the one below. A key in the file that is no setting is an
/// error, not a surprise later.
pub(crate) fn resolve<S: Serialize + DeserializeOwned>(given: &S, file: Option<&Path>) -> Result<S, SettingsError> {
    let mut layered = match file {
        None => Map::new(),
        Some(path) => said(&read::<S>(path)?)?,
    };
    layered.extend(said(given)?);
    serde_json::from_value(Value::Object(layered)).map_err(SettingsError::Combine)
}

fn read<S: DeserializeOwned>(path: &Path) -> Result<S, SettingsError> {
    let text = text(path)?;
    serde_saphyr::from_str(&text)
        .map_err(|reason| SettingsError::Parse { path: path.to_owned(), reason: Box::new(reason) })
}

fn text(path: &Path) -> Result<String, SettingsError> {
    std::fs::read_to_string(path).map_err(|source| SettingsError::Read { path: path.to_owned(), source })
}

/// Only what was said: no nulls.
fn said<S: Serialize>(settings: &S) -> Result<Map<String, Value>, SettingsError> {
    match serde_json::to_value(settings).map_err(SettingsError::Combine)? {
        Value::Object(all) => Ok(all.into_iter().filter(|(_, value)| !value.is_null()).collect()),
        _ => Ok(Map::new()),
    }
}

/// A token given directly, or in a file.
pub(crate) fn token(direct: Option<&str>, file: Option<&Path>) -> Result<Option<String>, SettingsError> {
    match (direct, file) {
        (Some(token), _) => Ok(Some(token.trim().to_owned())),
        (None, Some(path)) => Ok(Some(text(path)?.trim().to_owned())),
        (None, None) => Ok(None),
    }
}

/// Parses a setting, or says which flag was wrong and what it takes.
pub(crate) fn parse<T: std::str::FromStr>(
    flag: &'static str,
    value: &str,
    expected: &'static str,
) -> Result<T, SettingsError> {
    value.parse().map_err(|_| SettingsError::Value { flag, value: value.to_owned(), expected })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::ServerArguments;

    fn file(text: &str) -> tempfile::NamedTempFile {
        let file = tempfile::NamedTempFile::new().expect("a temporary file");
        std::fs::write(file.path(), text).expect("it is ours to write");
        file
    }

    #[test]
    fn what_was_typed_wins_over_the_file_and_the_file_over_nothing() {
        let file = file("name: from-file\ndata-dir: /srv/x\nnode-monitor-grace: 9s\n");
        let given = ServerArguments { name: Some("typed".to_owned()), ..ServerArguments::default() };
        let resolved = resolve(&given, Some(file.path())).expect("both are good");
        assert_eq!(resolved.name.as_deref(), Some("typed"));
        assert_eq!(resolved.data_dir.as_deref(), Some(Path::new("/srv/x")));
        assert_eq!(resolved.node_monitor_grace.map(|span| span.to_string()).as_deref(), Some("9s"));
        assert_eq!(resolved.listen, None);
    }

    #[test]
    fn a_list_replaces_the_one_below() {
        let file = file("tls-san: [a, b]\n");
        let given = ServerArguments { tls_san: vec!["c".to_owned()], ..ServerArguments::default() };
        assert_eq!(resolve(&given, Some(file.path())).expect("good").tls_san, ["c"]);
        assert_eq!(resolve(&ServerArguments::default(), Some(file.path())).expect("good").tls_san, ["a", "b"]);
    }

    #[test]
    fn a_setting_that_does_not_exist_is_named() {
        let file = file("nmae: x\n");
        let error = resolve(&ServerArguments::default(), Some(file.path())).expect_err("no such setting");
        assert!(error.to_string().contains("nmae"), "{error}");
    }
}
