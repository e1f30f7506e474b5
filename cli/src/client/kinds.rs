//! Words to kinds: `po`, `pods`, `Pod`, `deployments.apps`, `pod/web-1`, `all`.

use anyhow::{Result, bail};
use xebec_proto::v1::{Kind, KindsRequest};

use super::Session;

/// A word that names no kind of this cluster.
#[derive(Debug, thiserror::Error)]
#[error("this cluster has no kind {word:?}")]
pub(crate) struct UnknownKind {
    word: String,
    /// What there is to get.
    pub(crate) known: Vec<String>,
}

/// The kinds that the cluster serves.
pub(crate) struct Kinds(Vec<Kind>);

/// A kind, and the names asked for; none means all of it.
#[derive(Debug, PartialEq)]
pub(crate) struct Selected {
    /// The kind.
    pub(crate) kind: Kind,
    /// In the order given.
    pub(crate) names: Vec<String>,
}

impl Kinds {
    /// Asks the cluster.
    pub(crate) async fn fetch(session: &Session) -> Result<Kinds> {
        let answer = session.objects().kinds(session.request(KindsRequest {})).await?;
        Ok(Kinds(answer.into_inner().kinds))
    }

    /// The kind that `word` names.
    pub(crate) fn find(&self, word: &str) -> Result<&Kind, UnknownKind> {
        let lower = word.to_ascii_lowercase();
        let (name, group) = lower.split_once('.').map_or((lower.as_str(), None), |(name, group)| (name, Some(group)));
        let found = self.0.iter().find(|kind| is_called(kind, name) && group.is_none_or(|group| in_group(kind, group)));
        found.ok_or_else(|| self.unknown(word))
    }

    /// The kind of a manifest.
    pub(crate) fn find_manifest(&self, api_version: &str, kind: &str) -> Result<&Kind, UnknownKind> {
        let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
        let matches = |known: &&Kind| known.group == group && known.version == version && known.kind == kind;
        self.0.iter().find(matches).ok_or_else(|| self.unknown(&format!("{api_version} {kind}")))
    }

    /// What a command line's words name.
    pub(crate) fn select(&self, words: &[String]) -> Result<Vec<Selected>> {
        let Some(first) = words.first() else { bail!("name a kind, for example `pods`") };
        if words.iter().any(|word| word.contains('/')) {
            return words.iter().map(|word| self.select_one(word)).collect();
        }
        let kinds = first.split(',').map(|word| self.expand(word)).collect::<Result<Vec<_>, _>>()?;
        let names = &words[1..];
        Ok(kinds.into_iter().flatten().map(|kind| Selected { kind: kind.clone(), names: names.to_vec() }).collect())
    }

    fn select_one(&self, word: &str) -> Result<Selected> {
        match word.split_once('/') {
            Some((kind, name)) if !name.is_empty() && !name.contains('/') => {
                Ok(Selected { kind: self.find(kind)?.clone(), names: vec![name.to_owned()] })
            }
            _ => bail!(
                "{word:?} is not KIND/NAME; either all words are KIND/NAME, or the first is a kind and the others names"
            ),
        }
    }

    /// `all` and other categories stand for several kinds, each in the version that comes first.
    fn expand(&self, word: &str) -> Result<Vec<&Kind>, UnknownKind> {
        let same = |one: &Kind, other: &Kind| (&one.group, &one.plural) == (&other.group, &other.plural);
        let mut members: Vec<&Kind> = Vec::new();
        for kind in self.0.iter().filter(|kind| kind.categories.iter().any(|category| category == word)) {
            if !members.iter().any(|member| same(member, kind)) {
                members.push(kind);
            }
        }
        if members.is_empty() { self.find(word).map(|kind| vec![kind]) } else { Ok(members) }
    }

    fn unknown(&self, word: &str) -> UnknownKind {
        let can_be_got = |kind: &&Kind| kind.verbs.iter().any(|verb| verb == "get");
        let mut known: Vec<String> = Vec::new();
        for kind in self.0.iter().filter(can_be_got) {
            if !known.contains(&kind.plural) {
                known.push(kind.plural.clone());
            }
        }
        UnknownKind { word: word.to_owned(), known }
    }
}

fn is_called(kind: &Kind, name: &str) -> bool {
    kind.plural == name
        || kind.singular == name
        || kind.kind.eq_ignore_ascii_case(name)
        || kind.short_names.iter().any(|short| short == name)
}

fn in_group(kind: &Kind, group: &str) -> bool {
    kind.group == group || format!("{}.{}", kind.version, kind.group) == group
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(group: &str, kind: &str, plural: &str, short: &str) -> Kind {
        Kind {
            group: group.to_owned(),
            version: "v1".to_owned(),
            kind: kind.to_owned(),
            plural: plural.to_owned(),
            singular: kind.to_ascii_lowercase(),
            short_names: vec![short.to_owned()],
            categories: vec!["all".to_owned()],
            namespaced: true,
            verbs: Vec::new(),
        }
    }

    fn kinds() -> Kinds {
        Kinds(vec![kind("", "Pod", "pods", "po"), kind("apps", "Deployment", "deployments", "deploy")])
    }

    fn check(words: &[&str], expected: &[(&str, &[&str])]) {
        let words: Vec<_> = words.iter().map(|word| (*word).to_owned()).collect();
        let selected = kinds().select(&words).expect("known kinds");
        let found: Vec<_> = selected.iter().map(|one| (one.kind.plural.as_str(), one.names.clone())).collect();
        let expected: Vec<_> = expected
            .iter()
            .map(|(kind, names)| (*kind, names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>()))
            .collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn every_way_to_name_a_kind_is_understood() {
        for word in ["po", "pods", "pod", "Pod", "PODS"] {
            check(&[word], &[("pods", &[])]);
        }
        check(&["deployments.apps"], &[("deployments", &[])]);
        check(&["deploy.v1.apps"], &[("deployments", &[])]);
    }

    #[test]
    fn names_follow_a_kind_or_a_slash() {
        check(&["pod", "a", "b"], &[("pods", &["a", "b"])]);
        check(&["pod/a", "deploy/b"], &[("pods", &["a"]), ("deployments", &["b"])]);
        check(&["po,deploy"], &[("pods", &[]), ("deployments", &[])]);
        check(&["all"], &[("pods", &[]), ("deployments", &[])]);
    }

    #[test]
    fn what_cannot_be_meant_is_refused() {
        for words in [&["pod/a", "b"][..], &["pod/"], &["pod/a/b"], &["pdo"], &["pods.apps"]] {
            let words: Vec<_> = words.iter().map(|word| (*word).to_owned()).collect();
            assert!(kinds().select(&words).is_err(), "{words:?}");
        }
    }
}
