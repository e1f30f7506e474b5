//! Requests as a line of text, for tables in tests.

use super::Attributes;
use crate::authn::User;

/// Puts `user[+group] verb group/resource[/subresource] [namespace [name]]`, or `user[+group] verb /path`, as a question. `core` is
/// the core group, `-` no namespace.
pub(super) fn ask<R>(request: &str, answer: impl FnOnce(&Attributes<'_>) -> R) -> R {
    let words: Vec<&str> = request.split(' ').collect();
    let (name, group) = words[0].split_once('+').unwrap_or((words[0], ""));
    let user = User::new(name, (!group.is_empty()).then(|| group.to_owned()));
    let path = words[2].starts_with('/').then_some(words[2]);
    let mut parts = words[2].split('/').filter(|_| path.is_none());
    let (group, resource, subresource) = (parts.next(), parts.next(), parts.next());
    answer(&Attributes {
        user: &user,
        verb: words[1],
        group: group.filter(|group| *group != "core").unwrap_or(""),
        resource: resource.unwrap_or(""),
        subresource: subresource.unwrap_or(""),
        namespace: words.get(3).copied().filter(|word| *word != "-"),
        name: words.get(4).copied(),
        path,
    })
}
