//! `authorizer`: an expression asks who may do what.
//!
//! Each question is one value more: `authorizer.group('').resource('pods').namespace('default').check('create').allowed()`.
//! Nothing is asked before `check`.

use std::fmt;
use std::sync::Arc;

use xebec_cel::{Arguments, EvaluationError, Library, Opaque, Row, Value};

type Answer = Result<Value, EvaluationError>;

/// What a question costs: two fit into one expression.
const COST: u64 = 350_000;

/// Whoever knows who may do what.
pub trait Authorizer: fmt::Debug + Send + Sync {
    /// The answer.
    fn decide(&self, check: &Check) -> Decision;
}

/// A question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Check {
    /// A service account, by namespace and name; the user of the request if there is none.
    pub service_account: Option<(String, String)>,
    /// What is to be done.
    pub verb: String,
    /// To what.
    pub subject: Subject,
}

/// What something is done to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Subject {
    /// A path that is no resource.
    Path(String),
    /// A resource.
    Resource(Resource),
}

/// A resource; what is not said is empty.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Resource {
    /// Its API group.
    pub group: String,
    /// Its plural name.
    pub resource: String,
    /// A part of it.
    pub subresource: String,
    /// The namespace.
    pub namespace: String,
    /// The object.
    pub name: String,
}

/// An answer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Decision {
    /// Whether it is allowed.
    pub allowed: bool,
    /// Why.
    pub reason: String,
    /// Why there is no real answer, if there is none.
    pub error: Option<String>,
}

/// The variable `authorizer` of a request.
pub fn authorizer(authorizer: Arc<dyn Authorizer>) -> Value {
    Value::opaque(Asker { authorizer, service_account: None })
}

/// The variable `authorizer.requestResource` of a request.
pub fn request_resource(authorizer: Arc<dyn Authorizer>, resource: Resource) -> Value {
    Value::opaque(ResourceCheck { asker: Asker { authorizer, service_account: None }, resource })
}

pub(super) const LIBRARY: Library = &[
    Row::new("authorizer.path(string) -> pathCheck", |a| {
        let asker: &Asker = a.opaque(0)?;
        let path = a.text(1)?.to_owned();
        if path.is_empty() {
            return Err(EvaluationError::invalid("path must not be empty"));
        }
        Ok(Value::opaque(PathCheck { asker: asker.clone(), path }))
    }),
    Row::new("authorizer.group(string) -> groupCheck", |a| {
        let asker: &Asker = a.opaque(0)?;
        Ok(Value::opaque(GroupCheck { asker: asker.clone(), group: a.text(1)?.to_owned() }))
    }),
    Row::new("authorizer.serviceAccount(string, string) -> authorizer", service_account),
    Row::new("groupCheck.resource(string) -> resourceCheck", |a| {
        let of: &GroupCheck = a.opaque(0)?;
        let resource = Resource { group: of.group.clone(), resource: a.text(1)?.to_owned(), ..Resource::default() };
        Ok(Value::opaque(ResourceCheck { asker: of.asker.clone(), resource }))
    }),
    Row::new("resourceCheck.subresource(string) -> resourceCheck", |a| narrowed(a, |of, text| of.subresource = text)),
    Row::new("resourceCheck.namespace(string) -> resourceCheck", |a| narrowed(a, |of, text| of.namespace = text)),
    Row::new("resourceCheck.name(string) -> resourceCheck", |a| narrowed(a, |of, text| of.name = text)),
    Row::new("resourceCheck.fieldSelector(string) -> resourceCheck", |a| a.value(0).cloned()),
    Row::new("resourceCheck.labelSelector(string) -> resourceCheck", |a| a.value(0).cloned()),
    Row::new("pathCheck.check(string) -> decision", |a| {
        let of: &PathCheck = a.opaque(0)?;
        ask(a, &of.asker, Subject::Path(of.path.clone()))
    }),
    Row::new("resourceCheck.check(string) -> decision", |a| {
        let of: &ResourceCheck = a.opaque(0)?;
        ask(a, &of.asker, Subject::Resource(of.resource.clone()))
    }),
    Row::new("decision.allowed() -> bool", |a| Ok(Value::Bool(a.opaque::<Decision>(0)?.allowed))),
    Row::new("decision.reason() -> string", |a| Ok(Value::text(a.opaque::<Decision>(0)?.reason.as_str()))),
    Row::new("decision.errored() -> bool", |a| Ok(Value::Bool(a.opaque::<Decision>(0)?.error.is_some()))),
    Row::new("decision.error() -> string", |a| {
        Ok(Value::text(a.opaque::<Decision>(0)?.error.clone().unwrap_or_default()))
    }),
];

#[derive(Clone, Debug)]
struct Asker {
    authorizer: Arc<dyn Authorizer>,
    service_account: Option<(String, String)>,
}

#[derive(Debug)]
struct PathCheck {
    asker: Asker,
    path: String,
}

#[derive(Debug)]
struct GroupCheck {
    asker: Asker,
    group: String,
}

#[derive(Clone, Debug)]
struct ResourceCheck {
    asker: Asker,
    resource: Resource,
}

/// Questions are equal to nothing.
macro_rules! opaque {
    ($($of:ty => $name:literal),*) => {
        $(impl Opaque for $of {
            fn type_name(&self) -> &'static str {
                $name
            }

            fn is_equal(&self, _other: &dyn Opaque) -> bool {
                false
            }
        })*
    };
}

opaque!(Asker => "authorizer", PathCheck => "pathCheck", GroupCheck => "groupCheck", ResourceCheck => "resourceCheck",
    Decision => "decision");

fn service_account(a: &mut Arguments<'_>) -> Answer {
    let asker: &Asker = a.opaque(0)?;
    let (namespace, name) = (a.text(1)?, a.text(2)?);
    crate::names::dns_label(namespace).map_err(|why| EvaluationError::invalid(format!("namespace {why}")))?;
    crate::names::dns_subdomain(name).map_err(|why| EvaluationError::invalid(format!("service account {why}")))?;
    Ok(Value::opaque(Asker { service_account: Some((namespace.to_owned(), name.to_owned())), ..asker.clone() }))
}

fn narrowed(a: &mut Arguments<'_>, narrow: fn(&mut Resource, String)) -> Answer {
    let mut of: ResourceCheck = a.opaque::<ResourceCheck>(0)?.clone();
    narrow(&mut of.resource, a.text(1)?.to_owned());
    Ok(Value::opaque(of))
}

fn ask(a: &mut Arguments<'_>, asker: &Asker, subject: Subject) -> Answer {
    let verb = a.text(1)?.to_owned();
    a.budget.take(COST)?;
    let check = Check { service_account: asker.service_account.clone(), verb, subject };
    Ok(Value::opaque(asker.authorizer.decide(&check)))
}
