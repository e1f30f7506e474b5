//! The query of a URL, and the options that verbs read from it.

use std::time::Duration;

use xebec_api::table::IncludeObject;
use xebec_api::{FieldError, FieldErrors, FieldPath, FieldSelector, Kind, LabelSelector, Status};

use super::path::percent_decode;
use crate::registry::{
    DeleteOptions, FieldValidation, Freshness, ListOptions, Propagation, WatchFrom, WatchOptions, WriteOptions,
};

const VERSION_MATCH: &str = "resourceVersionMatch";

/// How a resource version is meant.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Match {
    Exact,
    NotOlderThan,
}

/// Names and values, in their order.
#[derive(Debug, Default)]
pub(super) struct Query(Vec<(String, String)>);

impl Query {
    pub(super) fn parse(raw: &str) -> Result<Query, Status> {
        let pairs = raw.split('&').filter(|pair| !pair.is_empty()).map(pair);
        let pairs: Option<Vec<(String, String)>> = pairs.collect();
        pairs.map(Query).ok_or_else(|| Status::bad_request("the query is not properly encoded"))
    }

    /// The first value of that name; empty when there is none.
    pub(super) fn text(&self, name: &str) -> &str {
        self.0.iter().find(|(key, _)| key == name).map_or("", |(_, value)| value)
    }

    /// All values of that name, in their order.
    pub(super) fn all(&self, name: &str) -> Vec<String> {
        self.0.iter().filter(|(key, _)| key == name).map(|(_, value)| value.clone()).collect()
    }

    fn has(&self, name: &str) -> bool {
        self.0.iter().any(|(key, _)| key == name)
    }

    /// Present and not denied.
    pub(super) fn flag(&self, name: &str) -> bool {
        self.has(name) && !matches!(self.text(name), "false" | "0" | "False")
    }

    pub(super) fn number(&self, name: &str) -> Result<Option<u64>, Status> {
        match self.text(name) {
            "" => Ok(None),
            text => text.parse().map(Some).map_err(|_| invalid(name, text, "must be a number of at least 0")),
        }
    }

    pub(super) fn include_object(&self) -> Result<IncludeObject, Status> {
        let word = self.text("includeObject");
        IncludeObject::parse(word)
            .ok_or_else(|| Status::bad_request(format!("unrecognized includeObject value: \"{word}\"")))
    }

    fn selectors(&self, kind: &Kind) -> Result<(LabelSelector, FieldSelector), Status> {
        let labels = self.text("labelSelector");
        let labels = LabelSelector::parse(labels)
            .map_err(|e| Status::bad_request(format!("unable to parse the label selector \"{labels}\": {e}")))?;
        let fields = FieldSelector::parse(self.text("fieldSelector"))?;
        fields.check(kind)?;
        Ok((labels, fields))
    }

    pub(super) fn list(&self, kind: &Kind) -> Result<ListOptions, Status> {
        let (labels, fields) = self.selectors(kind)?;
        let limit = self.number("limit")?.unwrap_or_default();
        let continue_token = Some(self.text("continue").to_owned()).filter(|token| !token.is_empty());
        let freshness = self.freshness(limit > 0, continue_token.is_some())?;
        Ok(ListOptions {
            labels,
            fields,
            limit: usize::try_from(limit).unwrap_or(usize::MAX),
            continue_token,
            freshness,
        })
    }

    /// What of resource version, match and continue may go together, as the API has it.
    fn freshness(&self, limited: bool, continued: bool) -> Result<Freshness, Status> {
        let version = self.version()?;
        let matches = self.version_match(version, continued)?;
        match (matches, version) {
            (_, Some(version)) if continued && version > 0 => {
                Err(Status::bad_request("specifying resource version is not allowed when using continue"))
            }
            (_, None) => Ok(Freshness::Latest),
            (Some(Match::Exact), Some(version)) => Ok(Freshness::Exact(version)),
            (_, Some(0)) => Ok(Freshness::Any),
            (None, Some(version)) if limited => Ok(Freshness::Exact(version)),
            (_, Some(version)) => Ok(Freshness::NotOlderThan(version)),
        }
    }

    fn version_match(&self, version: Option<u64>, continued: bool) -> Result<Option<Match>, Status> {
        if self.has("sendInitialEvents") {
            return Err(list_invalid("sendInitialEvents", "sendInitialEvents is forbidden for list"));
        }
        let forbidden = |why| Err(list_invalid(VERSION_MATCH, why));
        let matches = match self.text(VERSION_MATCH) {
            "" => return Ok(None),
            "Exact" => Match::Exact,
            "NotOlderThan" => Match::NotOlderThan,
            word => return Err(invalid(VERSION_MATCH, word, "supported values: \"Exact\", \"NotOlderThan\"")),
        };
        match (matches, version) {
            (_, None) => forbidden("resourceVersionMatch is forbidden unless resourceVersion is provided"),
            _ if continued => forbidden("resourceVersionMatch is forbidden when continue is provided"),
            (Match::Exact, Some(0)) => {
                forbidden("resourceVersionMatch \"exact\" is forbidden for resourceVersion \"0\"")
            }
            _ => Ok(Some(matches)),
        }
    }

    /// Of a read of one object.
    pub(super) fn get_freshness(&self) -> Result<Freshness, Status> {
        Ok(match self.version()? {
            None => Freshness::Latest,
            Some(0) => Freshness::Any,
            Some(version) => Freshness::NotOlderThan(version),
        })
    }

    fn version(&self) -> Result<Option<u64>, Status> {
        match self.text("resourceVersion") {
            "" => Ok(None),
            text => text.parse().map(Some).map_err(|_| invalid("resourceVersion", text, "must be a revision")),
        }
    }

    pub(super) fn watch(&self, kind: &Kind) -> Result<WatchOptions, Status> {
        let (labels, fields) = self.selectors(kind)?;
        let version = self.version()?;
        let initial = self.flag("sendInitialEvents");
        let matches = self.text(VERSION_MATCH);
        if self.has("sendInitialEvents") && matches != "NotOlderThan" {
            return Err(list_invalid(
                VERSION_MATCH,
                "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan",
            ));
        }
        if !self.has("sendInitialEvents") && !matches.is_empty() {
            return Err(list_invalid(
                VERSION_MATCH,
                "resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided",
            ));
        }
        let from = match (initial, version) {
            (true, version) => WatchFrom::InitialEvents(version.filter(|version| *version > 0)),
            (false, None) => WatchFrom::Latest,
            (false, Some(0)) => WatchFrom::Any,
            (false, Some(version)) => WatchFrom::After(version),
        };
        let timeout = self.number("timeoutSeconds")?.filter(|seconds| *seconds > 0).map(Duration::from_secs);
        Ok(WatchOptions { labels, fields, from, bookmarks: self.flag("allowWatchBookmarks"), timeout })
    }

    pub(super) fn write(&self) -> Result<WriteOptions, Status> {
        let field_validation = match self.text("fieldValidation") {
            "" | "Warn" => FieldValidation::Warn,
            "Ignore" => FieldValidation::Ignore,
            "Strict" => FieldValidation::Strict,
            word => return Err(invalid("fieldValidation", word, "supported values: \"Ignore\", \"Strict\", \"Warn\"")),
        };
        Ok(WriteOptions {
            dry_run: self.dry_run()?,
            field_manager: self.text("fieldManager").to_owned(),
            field_validation,
        })
    }

    /// Only an apply can be forced.
    pub(super) fn refuse_force(&self) -> Result<(), Status> {
        if !self.has("force") {
            return Ok(());
        }
        let error = FieldError::forbidden(&FieldPath::new("force"), "may not be specified for non-apply patch");
        Err(Status::invalid_options("PatchOptions", &FieldErrors::from_iter([error])))
    }

    fn dry_run(&self) -> Result<bool, Status> {
        match self.text("dryRun") {
            "" => Ok(false),
            "All" => Ok(true),
            word => Err(invalid("dryRun", word, "supported values: \"All\"")),
        }
    }

    /// What the query says beyond the body of a delete.
    pub(super) fn delete(&self, mut options: DeleteOptions) -> Result<DeleteOptions, Status> {
        match self.text("gracePeriodSeconds") {
            "" => {}
            text => {
                let seconds = text.parse().map_err(|_| invalid("gracePeriodSeconds", text, "must be a number"))?;
                options.grace_period_seconds = Some(seconds);
            }
        }
        let orphan = self.has("orphanDependents").then(|| self.flag("orphanDependents"));
        if let Some(propagation) = Propagation::of(self.text("propagationPolicy"), orphan)? {
            options.propagation = Some(propagation);
        }
        options.dry_run |= self.dry_run()?;
        Ok(options)
    }
}

fn pair(raw: &str) -> Option<(String, String)> {
    let (name, value) = raw.split_once('=').unwrap_or((raw, ""));
    let decode = |text: &str| percent_decode(&text.replace('+', " "));
    Some((decode(name)?, decode(value)?))
}

fn invalid(field: &str, value: &str, why: &str) -> Status {
    let error = FieldError::invalid(&FieldPath::new(field), value, why);
    Status::invalid_options("ListOptions", &FieldErrors::from_iter([error]))
}

fn list_invalid(field: &str, why: &str) -> Status {
    let error = FieldError::forbidden(&FieldPath::new(field), why);
    Status::invalid_options("ListOptions", &FieldErrors::from_iter([error]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn query(raw: &str) -> Query {
        Query::parse(raw).unwrap()
    }

    fn pods() -> &'static Kind {
        xebec_api::find("", "v1", "pods").unwrap()
    }

    #[test]
    fn freshness_follows_the_rules_of_the_api() {
        let cases = [
            ("", Some(Freshness::Latest)),
            ("resourceVersion=0", Some(Freshness::Any)),
            ("resourceVersion=7", Some(Freshness::NotOlderThan(7))),
            ("resourceVersion=7&limit=2", Some(Freshness::Exact(7))),
            ("resourceVersion=7&resourceVersionMatch=Exact", Some(Freshness::Exact(7))),
            ("resourceVersion=0&resourceVersionMatch=Exact", None),
            ("resourceVersionMatch=Exact", None),
            ("resourceVersion=x", None),
            ("resourceVersion=7&resourceVersionMatch=Newest", None),
            ("resourceVersion=7&continue=abc", None),
        ];
        for (raw, expected) in cases {
            assert_eq!(query(raw).list(pods()).ok().map(|options| options.freshness), expected, "{raw}");
        }
    }

    #[test]
    fn watches_begin_where_they_say() {
        let cases = [
            ("", Some(WatchFrom::Latest)),
            ("resourceVersion=0", Some(WatchFrom::Any)),
            ("resourceVersion=7", Some(WatchFrom::After(7))),
            ("sendInitialEvents=true&resourceVersionMatch=NotOlderThan", Some(WatchFrom::InitialEvents(None))),
            (
                "sendInitialEvents=true&resourceVersionMatch=NotOlderThan&resourceVersion=7",
                Some(WatchFrom::InitialEvents(Some(7))),
            ),
            ("sendInitialEvents=true", None),
            ("resourceVersionMatch=NotOlderThan", None),
        ];
        for (raw, expected) in cases {
            assert_eq!(query(raw).watch(pods()).ok().map(|options| options.from), expected, "{raw}");
        }
    }

    #[test]
    fn selectors_are_decoded_and_checked() {
        let options = query("labelSelector=app%20in%20(a%2Cb)&fieldSelector=spec.nodeName%3Dn1").list(pods()).unwrap();
        assert!(!options.labels.is_everything() && !options.fields.is_empty());
        assert_eq!(query("labelSelector=%3D%3D").list(pods()).unwrap_err().code, 400);
        assert_eq!(query("fieldSelector=spec.color=red").list(pods()).unwrap_err().code, 400);
        assert!(Query::parse("a=%zz").is_err());
    }
}
