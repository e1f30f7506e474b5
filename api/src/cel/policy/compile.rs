//! From a policy's spec to its expressions, and everything that is wrong with them.

use serde_json::Value as Json;

use super::conditions::{Conditions, expression};
use super::{Annotation, How, Mutation, Policy, Validation, Variable};
use crate::cel::admission::policies;
use crate::cel::{Environment, Expression, MAX_LEVELS, Type};
use crate::field::{FieldError, FieldErrors, FieldPath};
use crate::value::{list, text};

/// The reason of a refusal that names none.
const REASON: &str = "Invalid";

/// The most characters of a variable's name.
const MAX_NAME: usize = 63;

/// The most variables: each may need all before it.
const MAX_VARIABLES: usize = 1000;

/// A policy by its whole object; what cannot be compiled, which validation keeps out, is left out.
pub fn compile(policy: &Json) -> Policy {
    read(policy, &mut FieldErrors::new())
}

/// Everything that is wrong with a policy's expressions.
pub fn check(policy: &Json) -> FieldErrors {
    let mut errors = FieldErrors::new();
    read(policy, &mut errors);
    errors
}

fn read(policy: &Json, errors: &mut FieldErrors) -> Policy {
    let (spec, path) = (policy.get("spec").unwrap_or(&Json::Null), FieldPath::new("spec"));
    let params = spec.get("paramKind").is_some_and(|kind| !kind.is_null());
    let own = policies(params);
    let conditions = Conditions::compile(list(spec, "/matchConditions"), &own, &path.child("matchConditions"), errors);
    let mut reader = Reader { spec, path, environment: own.with_objects("Object").with_objects("JSONPatch"), errors };
    let variables = reader.variables();
    Policy {
        conditions,
        fails_closed: text(spec, "/failurePolicy") != Some("Ignore"),
        variables,
        validations: reader.each("validations", Reader::validation),
        annotations: reader.each("auditAnnotations", Reader::annotation),
        mutations: reader.each("mutations", Reader::mutation),
    }
}

struct Reader<'a> {
    spec: &'a Json,
    path: FieldPath,
    environment: Environment,
    errors: &'a mut FieldErrors,
}

impl Reader<'_> {
    fn each<T>(&mut self, field: &str, read: fn(&mut Self, &Json, &FieldPath) -> Option<T>) -> Vec<T> {
        let (spec, path) = (self.spec, self.path.child(field));
        let all = list(spec, &format!("/{field}")).iter().enumerate();
        all.filter_map(|(index, item)| read(self, item, &path.index(index))).collect()
    }

    fn compile(&mut self, source: &str, of: &Type, at: &FieldPath) -> Option<Expression> {
        expression(source, of, &self.environment, at, self.errors)
    }

    /// Each sees those before it.
    fn variables(&mut self) -> Vec<Variable> {
        let (spec, path) = (self.spec, self.path.child("variables"));
        let mut all: Vec<Variable> = Vec::new();
        let variables = list(spec, "/variables");
        if variables.len() > MAX_VARIABLES {
            let why = format!("must have at most {MAX_VARIABLES} items");
            self.errors.push(FieldError::invalid(&path, variables.len(), why));
            return all;
        }
        for (index, item) in variables.iter().enumerate() {
            all.extend(self.variable(item, &path.index(index), &all));
        }
        all
    }

    fn variable(&mut self, item: &Json, path: &FieldPath, before: &[Variable]) -> Option<Variable> {
        let name = text(item, "/name")?.to_owned();
        let begins = |name: &str| name.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_');
        let plain = |name: &str| name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        self.errors.require(name.len() <= MAX_NAME && begins(&name) && plain(&name), || {
            let why = format!("must be an identifier of at most {MAX_NAME} letters, digits and underscores");
            FieldError::invalid(&path.child("name"), name.as_str(), why)
        });
        let expression = self.compile(text(item, "/expression")?, &Type::Dyn, &path.child("expression"))?;
        let direct = before.iter().enumerate().filter(|(_, other)| expression.uses(&variable_name(&other.name)));
        let mut needs: Vec<usize> =
            direct.flat_map(|(index, other)| other.needs.iter().copied().chain([index])).collect();
        needs.sort_unstable();
        needs.dedup();
        let levels = expression.levels() + needs.iter().map(|index| before[*index].levels).max().unwrap_or_default();
        self.errors.require(levels <= MAX_LEVELS, || {
            let why = format!(
                "with the variables that it uses it may make a value of {levels} levels, more than {MAX_LEVELS}"
            );
            FieldError::invalid(&path.child("expression"), expression.text(), why)
        });
        let of = expression.result_type().clone();
        self.environment = self.environment.clone().with(&variable_name(&name), of);
        Some(Variable { name, expression, needs, levels })
    }

    fn validation(&mut self, item: &Json, path: &FieldPath) -> Option<Validation> {
        let source = text(item, "/expression")?;
        let message = text(item, "/message").map(str::trim);
        let at = path.child("message");
        self.errors.require(message.is_none_or(|message| !message.is_empty()), || {
            FieldError::invalid(&at, "", "message must be non-empty if specified")
        });
        self.errors.require(message.is_none_or(|message| !message.contains('\n')), || {
            FieldError::invalid(&at, message.unwrap_or_default(), "message must not contain line breaks")
        });
        self.errors.require(message.is_some() || !source.trim().contains('\n'), || {
            FieldError::required(&at, "message must be specified if expression contains line breaks")
        });
        let expression = self.compile(source, &Type::Bool, &path.child("expression"));
        let message_expression = text(item, "/messageExpression")
            .and_then(|source| self.compile(source, &Type::String, &path.child("messageExpression")));
        Some(Validation {
            expression: expression?,
            message: message.map(str::to_owned),
            message_expression,
            reason: text(item, "/reason").unwrap_or(REASON).to_owned(),
        })
    }

    /// A note is a text, or nothing.
    fn annotation(&mut self, item: &Json, path: &FieldPath) -> Option<Annotation> {
        let (key, source) = (text(item, "/key")?, text(item, "/valueExpression")?);
        let at = path.child("valueExpression");
        let expression = self.compile(source, &Type::Dyn, &at)?;
        let of = expression.result_type();
        self.errors.require(matches!(of, Type::String | Type::Null | Type::Dyn), || {
            FieldError::invalid(&at, source, format!("must evaluate to string or null, not {of}"))
        });
        Some(Annotation { key: key.to_owned(), expression })
    }

    fn mutation(&mut self, item: &Json, path: &FieldPath) -> Option<Mutation> {
        let object = || Type::Opaque("Object".into());
        let patches = || Type::list(Type::Opaque("JSONPatch".into()));
        let (field, of, how) = match text(item, "/patchType")? {
            "ApplyConfiguration" => ("applyConfiguration", object(), How::Apply),
            "JSONPatch" => ("jsonPatch", patches(), How::Patch),
            _ => return None,
        };
        let other = if how == How::Apply { "jsonPatch" } else { "applyConfiguration" };
        self.errors.require(item.get(other).is_none(), || {
            FieldError::invalid(&path.child(other), "", format!("must not be set with this patchType; {field} is"))
        });
        let at = path.child(field);
        let Some(source) = text(item, &format!("/{field}/expression")) else {
            self.errors.push(FieldError::required(&at, "must be specified with this patchType"));
            return None;
        };
        let expression = self.compile(source, &of, &at.child("expression"))?;
        Some(Mutation { expression, how })
    }
}

/// What expressions call a variable.
pub(super) fn variable_name(name: &str) -> String {
    format!("variables.{name}")
}
