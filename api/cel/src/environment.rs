//! What an expression may speak of.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::signature::{Library, Overload};
use crate::{Field, Type, functions};

type Functions = BTreeMap<(String, bool), Vec<Arc<Overload>>>;

/// The variables and functions of expressions.
#[derive(Clone, Debug)]
pub struct Environment {
    variables: BTreeMap<Arc<str>, Field>,
    functions: Arc<Functions>,
    objects: Vec<Arc<str>>,
}

/// Makes an [`Environment`].
#[derive(Debug, Default)]
pub struct EnvironmentBuilder {
    functions: Functions,
}

impl EnvironmentBuilder {
    /// With the functions of every CEL, and those of cel-go's extensions that Kubernetes has.
    pub fn standard() -> Self {
        functions::standard_libraries().iter().fold(Self::default(), |builder, library| builder.library(library))
    }

    /// With more functions.
    #[must_use]
    pub fn library(mut self, library: Library) -> Self {
        for overload in library.iter().map(Overload::read) {
            let name = (overload.name.clone(), overload.method);
            self.functions.entry(name).or_default().push(Arc::new(overload));
        }
        self
    }

    /// The environment, without variables yet.
    pub fn build(self) -> Environment {
        Environment { variables: BTreeMap::new(), functions: Arc::new(self.functions), objects: Vec::new() }
    }
}

impl Environment {
    /// With one variable more. Its name may have dots, as `variables.image` has.
    #[must_use]
    pub fn with(self, name: &str, of: Type) -> Self {
        self.with_field(name, Field::new(of))
    }

    /// The same for a variable of which it is known how large it can be.
    #[must_use]
    pub fn with_field(mut self, name: &str, field: Field) -> Self {
        self.variables.insert(name.into(), field);
        self
    }

    /// In which objects can be written whose type has this name or begins with it, as `Object.spec{…}` does. They are maps.
    #[must_use]
    pub fn with_objects(mut self, root: &str) -> Self {
        self.objects.push(root.into());
        self
    }

    pub(crate) fn variable(&self, name: &str) -> Option<(&Arc<str>, &Field)> {
        self.variables.get_key_value(name)
    }

    pub(crate) fn functions(&self, name: &str, method: bool) -> &[Arc<Overload>] {
        self.functions.get(&(name.to_owned(), method)).map_or(&[], Vec::as_slice)
    }

    /// Whether objects of that type can be written.
    pub(crate) fn has_object(&self, name: &str) -> bool {
        let within =
            |root: &Arc<str>| name.strip_prefix(&**root).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'));
        self.objects.iter().any(within)
    }
}
