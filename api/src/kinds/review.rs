//! Reviews: questions to the API about who somebody is and what they may do. They are created, answered in `status`, and not
//! kept.

use k8s_openapi::api::authentication::v1::TokenReview;
use k8s_openapi::api::authorization::v1::{
    LocalSubjectAccessReview, SelfSubjectAccessReview, SelfSubjectRulesReview, SubjectAccessReview,
    SubjectAccessReviewSpec,
};
use serde_json::Value;

use super::{Kind, Scope, Strategy, Verb};
use crate::field::{FieldError, FieldErrors, FieldPath};
use crate::validation;
use crate::value::text;

const AUTHORIZATION: Kind =
    Kind { group: "authorization.k8s.io", scope: Scope::Cluster, verbs: &[Verb::Create], ..Kind::BASE };

/// May I?
pub static SELF_SUBJECT_ACCESS_REVIEW: Kind = Kind {
    kind: "SelfSubjectAccessReview",
    plural: "selfsubjectaccessreviews",
    singular: "selfsubjectaccessreview",
    strategy: &SelfAccess,
    ..AUTHORIZATION
};

/// May they?
pub static SUBJECT_ACCESS_REVIEW: Kind = Kind {
    kind: "SubjectAccessReview",
    plural: "subjectaccessreviews",
    singular: "subjectaccessreview",
    strategy: &Access,
    ..AUTHORIZATION
};

/// May they, in this namespace?
pub static LOCAL_SUBJECT_ACCESS_REVIEW: Kind = Kind {
    kind: "LocalSubjectAccessReview",
    plural: "localsubjectaccessreviews",
    singular: "localsubjectaccessreview",
    scope: Scope::Namespaced,
    strategy: &LocalAccess,
    ..AUTHORIZATION
};

/// What may I?
pub static SELF_SUBJECT_RULES_REVIEW: Kind = Kind {
    kind: "SelfSubjectRulesReview",
    plural: "selfsubjectrulesreviews",
    singular: "selfsubjectrulesreview",
    strategy: &SelfRules,
    ..AUTHORIZATION
};

/// Who am I?
pub static SELF_SUBJECT_REVIEW: Kind = Kind {
    group: "authentication.k8s.io",
    kind: "SelfSubjectReview",
    plural: "selfsubjectreviews",
    singular: "selfsubjectreview",
    ..AUTHORIZATION
};

/// Whose token is this?
pub static TOKEN_REVIEW: Kind = Kind {
    group: "authentication.k8s.io",
    kind: "TokenReview",
    plural: "tokenreviews",
    singular: "tokenreview",
    strategy: &Token,
    ..AUTHORIZATION
};

struct SelfAccess;

impl Strategy for SelfAccess {
    fn validate(&self, review: &Value) -> FieldErrors {
        validation::typed(review, |review: &SelfSubjectAccessReview, errors| {
            let spec = &review.spec;
            one_question(spec.resource_attributes.is_some(), spec.non_resource_attributes.is_some(), errors);
        })
    }
}

struct Access;

impl Strategy for Access {
    fn validate(&self, review: &Value) -> FieldErrors {
        validation::typed(review, |review: &SubjectAccessReview, errors| about_somebody(&review.spec, errors))
    }
}

/// One question, about a user or groups.
fn about_somebody(spec: &SubjectAccessReviewSpec, errors: &mut FieldErrors) {
    one_question(spec.resource_attributes.is_some(), spec.non_resource_attributes.is_some(), errors);
    let groups = spec.groups.as_ref().is_some_and(|groups| !groups.is_empty());
    let named = groups || spec.user.as_ref().is_some_and(|user| !user.is_empty());
    errors.require(named, || FieldError::required(&FieldPath::new("spec.user"), "a user or a group must be named"));
}

struct LocalAccess;

impl Strategy for LocalAccess {
    fn validate(&self, review: &Value) -> FieldErrors {
        let mut errors = validation::typed(review, |review: &LocalSubjectAccessReview, errors| {
            about_somebody(&review.spec, errors);
        });
        let path = FieldPath::new("spec.resourceAttributes.namespace");
        let (own, asked) = (text(review, "/metadata/namespace"), text(review, "/spec/resourceAttributes/namespace"));
        errors.require(own == asked, || {
            FieldError::invalid(&path, asked.unwrap_or_default(), "must match metadata.namespace")
        });
        errors.require(review.pointer("/spec/nonResourceAttributes").is_none(), || {
            let why = "paths that are no resources are in no namespace";
            FieldError::forbidden(&FieldPath::new("spec.nonResourceAttributes"), why)
        });
        errors
    }
}

struct Token;

impl Strategy for Token {
    fn validate(&self, review: &Value) -> FieldErrors {
        validation::typed(review, |review: &TokenReview, errors| {
            let shown = review.spec.token.as_ref().is_some_and(|token| !token.is_empty());
            errors.require(shown, || FieldError::required(&FieldPath::new("spec.token"), "the token to look at"));
        })
    }
}

struct SelfRules;

impl Strategy for SelfRules {
    fn validate(&self, review: &Value) -> FieldErrors {
        let named = text(review, "/spec/namespace").is_some_and(|namespace| !namespace.is_empty());
        validation::typed(review, |_: &SelfSubjectRulesReview, errors| {
            errors.require(named, || {
                FieldError::required(&FieldPath::new("spec.namespace"), "rules are reviewed for a namespace")
            });
        })
    }
}

fn one_question(resource: bool, path: bool, errors: &mut FieldErrors) {
    errors.require(resource != path, || {
        let why = "either resourceAttributes or nonResourceAttributes must be given, and not both";
        FieldError::required(&FieldPath::new("spec.resourceAttributes"), why)
    });
}
