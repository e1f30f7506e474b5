//! The ServiceAccount tokens that a pod's volumes show: which, and when each is to be renewed.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use k8s_openapi::api::core::v1::{PodSpec, ServiceAccountTokenProjection};

use crate::moment::Moment;
use crate::restart::retry_delay;

/// When a projection does not say.
const DEFAULT_SECONDS: i64 = 3600;
/// Part of its life after which a token is renewed.
const RENEWED_AFTER: f64 = 0.8;
/// A token that lives for longer is renewed daily all the same.
const RENEWED_AT_LEAST: Duration = Duration::from_secs(24 * 60 * 60);

/// Names a token within a pod. Projections that agree in both share it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct TokenKey {
    /// For whom; empty: for the API.
    pub audience: String,
    /// For how long it is asked for.
    pub seconds: i64,
}

/// A token, and until when it need not be renewed.
#[derive(Clone, PartialEq, Eq)]
pub struct HeldToken {
    token: String,
    renew_at: Moment,
}

impl std::fmt::Debug for HeldToken {
    /// Without the token.
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "a token to be renewed at {:?}", self.renew_at)
    }
}

/// A token that could not be had lately.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Refused {
    times: u32,
    retry_at: Moment,
}

/// The tokens of one pod.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tokens {
    held: BTreeMap<TokenKey, HeldToken>,
    refused: BTreeMap<TokenKey, Refused>,
}

impl TokenKey {
    /// The token of a projection.
    pub fn of(source: &ServiceAccountTokenProjection) -> TokenKey {
        let seconds = source.expiration_seconds.unwrap_or(DEFAULT_SECONDS);
        TokenKey { audience: source.audience.clone().unwrap_or_default(), seconds }
    }
}

impl Tokens {
    /// Keeps a token that was granted now for so many seconds.
    pub fn put(&mut self, key: TokenKey, token: String, granted: Duration, now: Moment) {
        let renew_at = now.after(granted.mul_f64(RENEWED_AFTER).min(RENEWED_AT_LEAST));
        self.refused.remove(&key);
        self.held.insert(key, HeldToken { token, renew_at });
    }

    /// Notes that a token could not be had now. The oftener that happens in a row, the longer it is not asked for.
    pub fn refused(&mut self, key: TokenKey, now: Moment) {
        let times = self.refused.get(&key).map_or(0, |refused| refused.times).saturating_add(1);
        self.refused.insert(key, Refused { times, retry_at: now.after(retry_delay(times)) });
    }

    /// What was refused may be granted now: something has changed.
    pub fn retry_now(&mut self) {
        self.refused.clear();
    }

    /// The token, if it is there.
    pub fn get(&self, key: &TokenKey) -> Option<&str> {
        self.held.get(key).map(|held| held.token.as_str())
    }

    /// Those that the pod's volumes show and that are missing, or to be renewed, and that were not refused just now.
    pub fn due(&self, spec: &PodSpec, now: Moment) -> Vec<TokenKey> {
        named_by(spec).into_iter().filter(|key| self.due_at(key) <= now).collect()
    }

    /// When a token is to be asked for next; `None` where the pod's volumes show none.
    pub fn wake(&self, spec: &PodSpec) -> Option<Moment> {
        named_by(spec).iter().map(|key| self.due_at(key)).min()
    }

    fn due_at(&self, key: &TokenKey) -> Moment {
        let renewed = self.held.get(key).map_or(Moment::default(), |held| held.renew_at);
        self.refused.get(key).map_or(renewed, |refused| renewed.max(refused.retry_at))
    }
}

/// Every token that the pod's volumes show.
fn named_by(spec: &PodSpec) -> BTreeSet<TokenKey> {
    let projected = spec.volumes.iter().flatten().filter_map(|volume| volume.projected.as_ref());
    let sources = projected.flat_map(|projected| projected.sources.iter().flatten());
    sources.filter_map(|source| source.service_account_token.as_ref()).map(TokenKey::of).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn spec() -> PodSpec {
        let token = |path: &str, audience: &str| json!({"serviceAccountToken": {"path": path, "audience": audience, "expirationSeconds": 1000}});
        let sources = json!([token("a", "vault"), token("b", "vault"), {"serviceAccountToken": {"path": "c"}}]);
        let volumes = json!([{"name": "v", "projected": {"sources": sources}}]);
        serde_json::from_value(json!({"containers": [], "volumes": volumes})).unwrap()
    }

    #[test]
    fn a_token_is_due_when_it_is_missing_and_at_four_fifths_of_its_life() {
        let (mut tokens, spec) = (Tokens::default(), spec());
        let [api, vault] = <[TokenKey; 2]>::try_from(tokens.due(&spec, Moment(0))).unwrap();
        assert_eq!((api.audience.as_str(), api.seconds), ("", 3600));
        assert_eq!((vault.audience.as_str(), vault.seconds), ("vault", 1000));
        tokens.put(api, "t".into(), Duration::from_secs(3600), Moment(0));
        tokens.put(vault.clone(), "v".into(), Duration::from_secs(1000), Moment(0));
        assert_eq!(tokens.get(&vault), Some("v"));
        assert!(tokens.due(&spec, Moment(799_999)).is_empty());
        assert_eq!(tokens.due(&spec, Moment(800_000)), [vault]);
    }

    #[test]
    fn what_is_refused_is_asked_for_ever_more_rarely() {
        let (mut tokens, spec, mut now, mut pauses) = (Tokens::default(), spec(), Moment(0), Vec::new());
        for _ in 0..8 {
            tokens.due(&spec, now).into_iter().for_each(|key| tokens.refused(key, now));
            assert!(tokens.due(&spec, now).is_empty());
            let next = tokens.wake(&spec).unwrap();
            pauses.push(next.since(now).as_secs());
            now = next;
        }
        assert_eq!(pauses, [1, 2, 4, 8, 16, 32, 60, 60]);
        let [api, vault] = <[TokenKey; 2]>::try_from(tokens.due(&spec, now)).unwrap();
        tokens.put(api.clone(), "t".into(), Duration::from_secs(1000), now);
        tokens.refused(vault.clone(), now);
        let aged = now.after(Duration::from_secs(800));
        assert_eq!(tokens.due(&spec, aged), [api.clone(), vault.clone()]);
        tokens.refused(api, aged);
        tokens.refused(vault.clone(), aged);
        assert_eq!(tokens.wake(&spec), Some(aged.after(Duration::from_secs(1))), "a success starts anew");
        tokens.retry_now();
        assert_eq!(tokens.due(&spec, aged).len(), 2);
    }

    #[test]
    fn a_long_life_is_renewed_daily() {
        let mut tokens = Tokens::default();
        let spec = spec();
        for key in tokens.due(&spec, Moment(0)) {
            tokens.put(key, "t".into(), Duration::from_secs(365 * 24 * 3600), Moment(0));
        }
        assert!(tokens.due(&spec, Moment(86_399_999)).is_empty());
        assert_eq!(tokens.due(&spec, Moment(86_400_000)).len(), 2);
    }
}
