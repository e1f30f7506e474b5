//! The parameters of a policy: objects that its binding names or selects, from the watch cache.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use xebec_api::Kind;
use xebec_api::cel::Value;

use super::binding::{Binding, ParamRef, Which};
use crate::cache::Cache;
use crate::registry::Stored;

/// As many namespaces' parameters as one binding remembers; beyond that it begins again.
const MOST: usize = 256;

/// The parameters that a binding has found, by namespace, each with the revision of their kind. So their objects are looked for and
/// converted once a change, not once a request.
#[derive(Default)]
pub(super) struct Memo(Mutex<BTreeMap<Option<String>, Known>>);

/// What a policy runs with: once for each.
pub(super) type Params = Arc<[Value]>;

/// Parameters, and the revision that they are of.
type Known = (u64, Params);

impl Binding {
    /// The parameters for a request in that namespace: `null` once where there are to be none, nothing where there are none and
    /// that is allowed. An error says why the policy cannot be evaluated.
    pub(super) fn params(&self, cache: &Cache, namespace: Option<&str>) -> Result<Params, String> {
        let (Some((api_version, word)), Some(reference)) = (&self.policy.param_kind, &self.params) else {
            return Ok([Value::Null].into());
        };
        let kind = cache.catalogue().find_api_version(api_version, word);
        let kind = kind.ok_or_else(|| {
            format!("failed to configure policy: failed to find resource referenced by paramKind: '{api_version}, Kind={word}'")
        })?;
        let namespace = place(kind, reference, namespace)?;
        let found =
            self.memo.of(namespace, cache.kind_revision(kind), |namespace| find(cache, kind, reference, namespace));
        if found.is_empty() && !reference.allows_none {
            return Err("no params found for policy binding with `Deny` parameterNotFoundAction".to_owned());
        }
        Ok(found)
    }
}

impl Memo {
    fn of(&self, namespace: Option<&str>, revision: u64, find: impl FnOnce(Option<&str>) -> Params) -> Params {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let key = namespace.map(str::to_owned);
        if let Some((_, found)) = known.get(&key).filter(|(at, _)| *at == revision) {
            return found.clone();
        }
        if known.len() >= MOST {
            known.clear();
        }
        let found = find(namespace);
        known.insert(key, (revision, found.clone()));
        found
    }
}

/// The namespace of the parameters: that of the binding, or else that of the request.
fn place<'a>(kind: &Kind, reference: &'a ParamRef, request: Option<&'a str>) -> Result<Option<&'a str>, String> {
    match (kind.is_namespaced(), reference.namespace.as_deref(), request) {
        (false, None, _) => Ok(None),
        (false, Some(_), _) => {
            Err("paramRef.namespace must not be provided for a cluster-scoped `paramKind`".to_owned())
        }
        (true, Some(own), _) => Ok(Some(own)),
        (true, None, Some(request)) => Ok(Some(request)),
        (true, None, None) => {
            Err("cannot use namespaced paramRef in policy binding that matches cluster-scoped resources".to_owned())
        }
    }
}

fn find(cache: &Cache, kind: &Kind, reference: &ParamRef, namespace: Option<&str>) -> Params {
    let found: Vec<Stored> = match &reference.which {
        Which::Named(name) => cache.get(kind, namespace, name).into_iter().collect(),
        Which::Selected(selector) => {
            let mut all = cache.list(kind, namespace);
            all.retain(|stored| selector.matches(&stored.object.meta().labels));
            all
        }
    };
    let value = |stored: Stored| {
        let mut object = stored.to_value();
        kind.read_stored(&mut object);
        Value::from(&object)
    };
    found.into_iter().map(value).collect()
}
