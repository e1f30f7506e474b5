//! Manifests: files, directories, standard input; YAML with several documents, JSON, and Lists taken apart.

use std::io::Read;
use std::path::{Path, PathBuf};

use serde_json::Value;

/// More than any honest manifest; a file is read whole.
const LARGEST: u64 = 64 * 1024 * 1024;

/// One object of a file.
#[derive(Debug)]
pub(crate) struct Manifest {
    /// As written.
    pub(crate) object: Value,
    /// Where it was read, for errors.
    pub(crate) origin: String,
}

/// Why there is nothing to work with.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ManifestError {
    /// A file or directory.
    #[error("cannot read {}", path.display())]
    Read {
        /// Which.
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
    /// Not YAML, not JSON.
    #[error("{origin}: {reason}")]
    Syntax {
        /// The file.
        origin: String,
        /// With line and column.
        reason: Box<serde_saphyr::Error>,
    },
    /// YAML, but no object.
    #[error("{origin}: {field} is needed at the top of every object")]
    Incomplete {
        /// The file and the document's number.
        origin: String,
        /// What is missing.
        field: &'static str,
    },
    /// A directory without manifests, or files with nothing but comments.
    #[error("there are no objects in {}", names.join(", "))]
    Nothing {
        /// What was given.
        names: Vec<String>,
    },
}

impl Manifest {
    /// `apiVersion`
    pub(crate) fn api_version(&self) -> &str {
        self.object["apiVersion"].as_str().unwrap_or_default()
    }

    /// `kind`
    pub(crate) fn kind(&self) -> &str {
        self.object["kind"].as_str().unwrap_or_default()
    }

    /// `metadata.name`
    pub(crate) fn name(&self) -> &str {
        self.object["metadata"]["name"].as_str().unwrap_or_default()
    }

    /// `metadata.namespace`
    pub(crate) fn namespace(&self) -> Option<&str> {
        self.object["metadata"]["namespace"].as_str()
    }
}

/// Reads all, in the order given; directories by name.
pub(crate) fn read_all(paths: &[PathBuf]) -> Result<Vec<Manifest>, ManifestError> {
    let mut manifests = Vec::new();
    for path in paths {
        for file in files(path)? {
            let origin = if is_stdin(&file) { "standard input".to_owned() } else { file.display().to_string() };
            manifests.extend(parse(&text(&file)?, &origin)?);
        }
    }
    if manifests.is_empty() {
        return Err(ManifestError::Nothing { names: paths.iter().map(|path| path.display().to_string()).collect() });
    }
    Ok(manifests)
}

fn is_stdin(path: &Path) -> bool {
    path.as_os_str() == "-"
}

/// The file itself, or the manifests of a directory, not of those below it.
fn files(path: &Path) -> Result<Vec<PathBuf>, ManifestError> {
    if is_stdin(path) || !path.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let failed = |source| ManifestError::Read { path: path.to_owned(), source };
    let entries = std::fs::read_dir(path).map_err(failed)?;
    let paths = entries.map(|entry| entry.map(|entry| entry.path())).collect::<Result<Vec<_>, _>>().map_err(failed)?;
    let mut files: Vec<_> = paths.into_iter().filter(|path| path.is_file() && is_manifest(path)).collect();
    files.sort();
    Ok(files)
}

fn is_manifest(path: &Path) -> bool {
    path.extension().is_some_and(|extension| ["yaml", "yml", "json"].iter().any(|known| extension == *known))
}

fn text(path: &Path) -> Result<String, ManifestError> {
    let failed = |source| ManifestError::Read { path: path.to_owned(), source };
    let mut text = String::new();
    if is_stdin(path) {
        std::io::stdin().take(LARGEST).read_to_string(&mut text).map_err(failed)?;
    } else {
        let file = std::fs::File::open(path).map_err(failed)?;
        file.take(LARGEST).read_to_string(&mut text).map_err(failed)?;
    }
    Ok(text)
}

/// JSON is YAML, so one parser reads both. Documents that are empty are no objects and no errors.
fn parse(text: &str, origin: &str) -> Result<Vec<Manifest>, ManifestError> {
    let documents: Vec<Value> = serde_saphyr::from_multiple(text)
        .map_err(|reason| ManifestError::Syntax { origin: origin.to_owned(), reason: Box::new(reason) })?;
    let several = documents.len() > 1;
    let numbered = documents.into_iter().enumerate().filter(|(_, document)| !document.is_null());
    let named = numbered.map(|(index, document)| {
        let origin = if several { format!("{origin}, document {}", index + 1) } else { origin.to_owned() };
        unpack(document, &origin)
    });
    Ok(named.collect::<Result<Vec<_>, _>>()?.into_iter().flatten().collect())
}

/// A List stands for its items.
fn unpack(document: Value, origin: &str) -> Result<Vec<Manifest>, ManifestError> {
    let is_list = document["kind"].as_str().is_some_and(|kind| kind.ends_with("List"));
    match document {
        Value::Object(mut list) if is_list && list.get("items").is_some_and(Value::is_array) => {
            let Some(Value::Array(items)) = list.remove("items") else { return Ok(Vec::new()) };
            items.into_iter().map(|item| complete(item, origin)).collect()
        }
        document => Ok(vec![complete(document, origin)?]),
    }
}

fn complete(object: Value, origin: &str) -> Result<Manifest, ManifestError> {
    let missing = |field| ManifestError::Incomplete { origin: origin.to_owned(), field };
    for field in ["apiVersion", "kind"] {
        if object[field].as_str().is_none_or(str::is_empty) {
            return Err(missing(field));
        }
    }
    let metadata = &object["metadata"];
    if ["name", "generateName"].iter().all(|field| metadata[*field].as_str().is_none_or(str::is_empty)) {
        return Err(missing("metadata.name"));
    }
    Ok(Manifest { object, origin: origin.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(text: &str) -> Result<Vec<String>, String> {
        let parsed = parse(text, "file").map_err(|error| error.to_string())?;
        Ok(parsed.iter().map(|manifest| format!("{}/{}", manifest.kind(), manifest.name())).collect())
    }

    #[test]
    fn documents_lists_and_json_are_all_objects() {
        let text = "---\n# nothing\n---\napiVersion: v1\nkind: Pod\nmetadata: {name: a}\n---\n\
                    {\"apiVersion\": \"v1\", \"kind\": \"List\", \"items\": [{\"apiVersion\": \"v1\", \"kind\": \"Pod\", \"metadata\": {\"name\": \"b\"}}]}\n";
        assert_eq!(names(text).expect("good"), ["Pod/a", "Pod/b"]);
    }

    #[test]
    fn what_is_missing_is_named_with_its_place() {
        assert_eq!(names("kind: Pod").expect_err("bad"), "file: apiVersion is needed at the top of every object");
        let second = "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\n---\napiVersion: v1\nkind: Pod\n";
        assert_eq!(
            names(second).expect_err("bad"),
            "file, document 2: metadata.name is needed at the top of every object"
        );
        assert!(names("just words").is_err());
    }

    #[test]
    fn malformed_yaml_is_told_with_its_line() {
        let error = names("apiVersion: v1\nkind: [Pod\n").expect_err("bad");
        assert!(error.starts_with("file: ") && error.contains('2'), "{error}");
    }

    #[test]
    fn a_directory_is_read_by_name_and_only_its_manifests() {
        let folder = tempfile::tempdir().expect("a folder");
        for (name, text) in [
            ("b.yaml", "apiVersion: v1\nkind: B\nmetadata: {name: b}"),
            ("a.json", "{\"apiVersion\":\"v1\",\"kind\":\"A\",\"metadata\":{\"name\":\"a\"}}"),
            ("notes.txt", "x"),
        ] {
            std::fs::write(folder.path().join(name), text).expect("written");
        }
        let read = read_all(&[folder.path().to_owned()]).expect("good");
        assert_eq!(read.iter().map(Manifest::kind).collect::<Vec<_>>(), ["A", "B"]);
    }
}
