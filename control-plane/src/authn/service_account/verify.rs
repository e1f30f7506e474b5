//! Whether a token whose signature is right is still good, decided from its content, the time, and what exists.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use super::claims::{Claims, Reference};
use super::{ISSUER, TokenHolder, groups, user_name};
use crate::authn::User;
use crate::authn::jwt::JwtError;

/// The clocks of two masters may differ by this much: a token of one that begins in the other's near future is good.
const CLOCK_SKEW: i64 = 30;
/// An object that is being deleted keeps its tokens until its grace is over, and this much longer.
const DELETION_LEEWAY: SignedDuration = SignedDuration::from_secs(60);

/// Why a token is refused.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum Refusal {
    /// It is no token of ours.
    #[error(transparent)]
    Jwt(#[from] JwtError),
    /// Made by somebody who is not this cluster.
    #[error("the token has another issuer")]
    Issuer,
    /// Too late.
    #[error("the token has expired")]
    Expired,
    /// Too early.
    #[error("the token is not valid yet")]
    NotYet,
    /// For somebody else.
    #[error("the token is for other audiences: {have:?}, not {want:?}")]
    Audience {
        /// Whom it is for.
        have: Vec<String>,
        /// Who asks.
        want: Vec<String>,
    },
    /// Its subject is not the account it names.
    #[error("the token contradicts itself")]
    Subject,
    /// Account, pod, secret or node do not exist (any more).
    #[error("the {what} that the token belongs to does not exist any more")]
    Gone {
        /// `service account`, `pod`, `secret` or `node`.
        what: &'static str,
    },
}

/// What is asked of the cluster.
pub trait World {
    /// The object of the core group.
    fn find(&self, plural: &str, namespace: Option<&str>, name: &str) -> Option<Found>;
}

/// As much as counts of an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// Its uid.
    pub uid: String,
    /// Its deletion timestamp (RFC 3339), once it is being deleted.
    pub deleted: Option<String>,
}

/// Whom the token stands for, before the first of these audiences that it is for.
pub fn holder(claims: &Claims, wanted: &[String], world: &dyn World, now: Timestamp) -> Result<TokenHolder, Refusal> {
    if claims.iss != ISSUER {
        return Err(Refusal::Issuer);
    }
    dates(claims, now.as_second())?;
    let audiences: Vec<String> = wanted.iter().filter(|audience| claims.aud.contains(audience)).cloned().collect();
    if audiences.is_empty() {
        return Err(Refusal::Audience { have: claims.aud.clone(), want: wanted.to_vec() });
    }
    let own = &claims.kubernetes;
    if claims.sub != user_name(&own.namespace, &own.serviceaccount.name) {
        return Err(Refusal::Subject);
    }
    all_exist(claims, world, now)?;
    Ok(TokenHolder { user: user(claims), audiences })
}

fn dates(claims: &Claims, now: i64) -> Result<(), Refusal> {
    if now >= claims.exp {
        return Err(Refusal::Expired);
    }
    if now.saturating_add(CLOCK_SKEW) < claims.nbf {
        return Err(Refusal::NotYet);
    }
    Ok(())
}

fn all_exist(claims: &Claims, world: &dyn World, now: Timestamp) -> Result<(), Refusal> {
    let own = &claims.kubernetes;
    let namespace = Some(own.namespace.as_str());
    let exists = |plural, namespace, of: &Reference, what| {
        let found = world.find(plural, namespace, &of.name).filter(|found| found.uid == of.uid);
        found.filter(|found| lives(found, now)).map(drop).ok_or(Refusal::Gone { what })
    };
    exists("serviceaccounts", namespace, &own.serviceaccount, "service account")?;
    if let Some(pod) = &own.pod {
        // The node is where the pod was; a pod that is still there vouches for itself.
        return exists("pods", namespace, pod, "pod");
    }
    if let Some(secret) = &own.secret {
        exists("secrets", namespace, secret, "secret")?;
    }
    own.node.as_ref().map_or(Ok(()), |node| exists("nodes", None, node, "node"))
}

fn lives(found: &Found, now: Timestamp) -> bool {
    let Some(deleted) = &found.deleted else { return true };
    let ends = deleted.parse::<Timestamp>().ok().and_then(|at| at.checked_add(DELETION_LEEWAY).ok());
    ends.is_some_and(|ends| now < ends)
}

fn user(claims: &Claims) -> User {
    let own = &claims.kubernetes;
    let mut user = User::new(claims.sub.clone(), groups(&own.namespace));
    user.uid = Some(own.serviceaccount.uid.clone());
    user.extra = extra(claims);
    user
}

fn extra(claims: &Claims) -> BTreeMap<String, Vec<String>> {
    let mut extra = BTreeMap::new();
    let mut put = |key: &str, value: String| extra.insert(format!("authentication.kubernetes.io/{key}"), vec![value]);
    put("credential-id", format!("JTI={}", claims.jti));
    for (what, reference) in [("pod", &claims.kubernetes.pod), ("node", &claims.kubernetes.node)] {
        let Some(reference) = reference else { continue };
        put(&format!("{what}-name"), reference.name.clone());
        if !reference.uid.is_empty() {
            put(&format!("{what}-uid"), reference.uid.clone());
        }
    }
    extra
}

#[cfg(test)]
mod tests {
    use super::super::claims::{Bound, Draft};
    use super::*;

    /// Objects as `plural/name uid`, or `plural/name uid deletionTimestamp`.
    struct Objects(Vec<&'static str>);

    impl World for Objects {
        fn find(&self, plural: &str, _: Option<&str>, name: &str) -> Option<Found> {
            let lines = self.0.iter().map(|line| line.split(' ').collect::<Vec<_>>());
            let mut found = lines.filter(|words| words[0] == format!("{plural}/{name}"));
            let words = found.next()?;
            Some(Found { uid: words[1].to_owned(), deleted: words.get(2).map(|at| (*at).to_owned()) })
        }
    }

    fn reference(name: &str) -> Reference {
        Reference { name: name.into(), uid: format!("uid-{name}") }
    }

    fn claims(bound: Bound) -> Claims {
        let (namespace, account) = ("shop".to_owned(), reference("till"));
        let audiences = vec![ISSUER.to_owned(), "vault".to_owned()];
        Draft { namespace, account, audiences, seconds: 3600, bound, now: 1000, id: "t1".into() }.claims()
    }

    fn check(claims: &Claims, objects: &[&'static str], at: i64, expect: Result<(), Refusal>) {
        let now = Timestamp::from_second(at).unwrap();
        let found = holder(claims, &[ISSUER.to_owned()], &Objects(objects.to_vec()), now);
        assert_eq!(found.map(drop), expect);
    }

    const ALL: [&str; 3] = ["serviceaccounts/till uid-till", "pods/p uid-p", "nodes/n uid-n"];

    fn on_pod() -> Claims {
        claims(Bound::Pod { pod: reference("p"), node: Some(reference("n")) })
    }

    #[test]
    fn a_token_is_good_between_its_dates() {
        let claims = claims(Bound::Account);
        check(&claims, &ALL, 1000, Ok(()));
        check(&claims, &ALL, 980, Ok(()));
        check(&claims, &ALL, 900, Err(Refusal::NotYet));
        check(&claims, &ALL, 4599, Ok(()));
        check(&claims, &ALL, 4600, Err(Refusal::Expired));
    }

    #[test]
    fn a_token_ends_with_what_it_is_bound_to() {
        let gone = |what| Err(Refusal::Gone { what });
        check(&on_pod(), &ALL, 1000, Ok(()));
        check(&on_pod(), &ALL[..2], 1000, Ok(()));
        check(&on_pod(), &[ALL[0]], 1000, gone("pod"));
        check(&on_pod(), &[ALL[0], "pods/p another"], 1000, gone("pod"));
        check(&on_pod(), &["serviceaccounts/till another", ALL[1]], 1000, gone("service account"));
        check(&claims(Bound::Node(reference("n"))), &ALL[..2], 1000, gone("node"));
        check(&claims(Bound::Secret(reference("s"))), &ALL, 1000, gone("secret"));
    }

    #[test]
    fn a_pod_that_is_ending_keeps_its_tokens_for_a_while() {
        let ending = [ALL[0], "pods/p uid-p 1970-01-01T00:20:00Z"];
        check(&on_pod(), &ending, 1200, Ok(()));
        check(&on_pod(), &ending, 1259, Ok(()));
        check(&on_pod(), &ending, 1260, Err(Refusal::Gone { what: "pod" }));
    }

    #[test]
    fn a_token_is_for_its_audiences() {
        let ask = |wanted: &[&str]| {
            let wanted: Vec<String> = wanted.iter().map(|word| (*word).to_owned()).collect();
            let now = Timestamp::from_second(1000).unwrap();
            holder(&claims(Bound::Account), &wanted, &Objects(ALL.to_vec()), now).map(|holder| holder.audiences)
        };
        assert_eq!(ask(&["vault", "other"]), Ok(vec!["vault".to_owned()]));
        assert!(matches!(ask(&["other"]), Err(Refusal::Audience { .. })));
    }

    #[test]
    fn the_holder_is_the_account_with_its_groups_and_its_pod() {
        let user = user(&on_pod());
        assert_eq!(user.name, "system:serviceaccount:shop:till");
        assert_eq!(user.uid.as_deref(), Some("uid-till"));
        assert_eq!(user.groups, ["system:authenticated", "system:serviceaccounts", "system:serviceaccounts:shop"]);
        let extra = |key: &str| user.extra[&format!("authentication.kubernetes.io/{key}")][0].as_str();
        let told = ["credential-id", "pod-name", "pod-uid", "node-name", "node-uid"].map(extra);
        assert_eq!(told, ["JTI=t1", "p", "uid-p", "n", "uid-n"]);
    }

    #[test]
    fn contradictions_are_refused() {
        let mut other = claims(Bound::Account);
        other.sub = "system:serviceaccount:kube-system:admin".into();
        check(&other, &ALL, 1000, Err(Refusal::Subject));
        let mut foreign = claims(Bound::Account);
        foreign.iss = "https://elsewhere".into();
        check(&foreign, &ALL, 1000, Err(Refusal::Issuer));
    }
}
