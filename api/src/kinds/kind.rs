//! A row of the kind table, and the behaviour all kinds share.
//!
//! [`Kind`]'s methods are what the registry calls: they do what is the same for every kind (metadata, generation, status
//! kept apart from spec) and then ask the row's [`Strategy`].

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::hash::{Hash, Hasher};
use std::time::Duration;

use serde_json::{Value, json};

use super::strategy::{Plain, Strategy};
use super::subresource::Subresource;
use super::version::KeptAs;
use crate::custom::Custom;
use crate::defaults::{self, Fill};
use crate::field::FieldErrors;
use crate::schema::{self, UnknownField};
use crate::table::Column;
use crate::validation::rule::{self, Rule};
use crate::{validation, value};

/// Whether objects live in namespaces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// One set of names for the whole cluster.
    Cluster,
    /// A set of names for each namespace.
    Namespaced,
}

/// What may be done with a kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verb {
    /// Reads one object.
    Get,
    /// Reads many.
    List,
    /// Follows changes.
    Watch,
    /// Makes one.
    Create,
    /// Replaces one.
    Update,
    /// Changes parts of one.
    Patch,
    /// Removes one.
    Delete,
    /// Removes many.
    DeleteCollection,
}

impl Verb {
    /// All of them, in alphabetical order.
    pub const ALL: &'static [Self] = &[
        Self::Create,
        Self::Delete,
        Self::DeleteCollection,
        Self::Get,
        Self::List,
        Self::Patch,
        Self::Update,
        Self::Watch,
    ];

    /// The word in discovery and in RBAC rules.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Get => "get",
            Self::List => "list",
            Self::Watch => "watch",
            Self::Create => "create",
            Self::Update => "update",
            Self::Patch => "patch",
            Self::Delete => "delete",
            Self::DeleteCollection => "deletecollection",
        }
    }
}

/// A row of the kind table.
pub struct Kind {
    /// The API group; empty for the core group.
    pub group: &'static str,
    /// The version.
    pub version: &'static str,
    /// The kind, as objects name it.
    pub kind: &'static str,
    /// The kind of a list of these; empty: the kind with `List` behind it.
    pub list_kind: &'static str,
    /// The resource, as paths name it.
    pub plural: &'static str,
    /// One of them, as people name it.
    pub singular: &'static str,
    /// Abbreviations for people.
    pub short_names: &'static [&'static str],
    /// Sets of kinds for people, such as `all`.
    pub categories: &'static [&'static str],
    /// Whether objects live in namespaces.
    pub scope: Scope,
    /// The parts and actions with a path of their own.
    pub subresources: &'static [Subresource],
    /// What may be done.
    pub verbs: &'static [Verb],
    /// What a name of an object must be.
    pub name_rule: fn(&str) -> crate::names::NameResult,
    /// Whether `metadata.generation` counts changes of what is wanted.
    pub generation: bool,
    /// Whether an update must say which version it replaces.
    pub needs_version: bool,
    /// Whether who makes one also says what its status is.
    pub creates_with_status: bool,
    /// How long after its last change an object goes by itself; `None`: it stays.
    pub time_to_live: Option<Duration>,
    /// What a table of these shows.
    pub columns: &'static [Column],
    /// The fields that field selectors may ask for, besides name and namespace, of an object as it is stored.
    pub selectable: fn(&Value) -> Vec<(&'static str, String)>,
    /// What fills a field that the client leaves out.
    pub defaults: &'static [Fill],
    /// What single fields must be.
    pub rules: &'static [Rule],
    /// What is special about the kind.
    pub strategy: &'static dyn Strategy,
    /// What is particular to a kind that a definition added; `None` for built-in kinds.
    pub custom: Option<&'static Custom>,
    /// The row whose objects these are, for a second version or group of the same objects.
    pub kept_as: Option<&'static KeptAs>,
}

impl Kind {
    /// What most rows share: a namespaced kind of the core group with every verb and no behaviour of its own.
    pub(crate) const BASE: Self = Self {
        group: "",
        version: "v1",
        kind: "",
        list_kind: "",
        plural: "",
        singular: "",
        short_names: &[],
        categories: &[],
        scope: Scope::Namespaced,
        subresources: &[],
        verbs: Verb::ALL,
        name_rule: crate::names::dns_subdomain,
        generation: false,
        needs_version: false,
        creates_with_status: false,
        time_to_live: None,
        columns: &[],
        selectable: |_| Vec::new(),
        defaults: &[],
        rules: &[],
        strategy: &Plain,
        custom: None,
        kept_as: None,
    };

    /// `v1`, or `apps/v1`.
    pub fn api_version(&self) -> String {
        if self.group.is_empty() { self.version.to_owned() } else { format!("{}/{}", self.group, self.version) }
    }

    /// `pods`, or `deployments.apps`.
    pub fn resource(&self) -> String {
        if self.group.is_empty() { self.plural.to_owned() } else { format!("{}.{}", self.plural, self.group) }
    }

    /// The kind of a list of these.
    pub fn list_kind(&self) -> String {
        if self.list_kind.is_empty() { format!("{}List", self.kind) } else { self.list_kind.to_owned() }
    }

    /// Whether objects live in namespaces.
    pub fn is_namespaced(&self) -> bool {
        self.scope == Scope::Namespaced
    }

    /// Whether objects are kept. Those of a kind that can only be created are questions, answered on the spot.
    pub fn is_stored(&self) -> bool {
        self.verbs.contains(&Verb::Get)
    }

    /// Whether that verb, as [`Verb::as_str`] names it, is among the kind's.
    pub fn allows(&self, verb: &str) -> bool {
        self.verbs.iter().any(|own| own.as_str() == verb)
    }

    /// Whether the kind has that subresource.
    pub fn has(&self, subresource: Subresource) -> bool {
        self.subresources.contains(&subresource)
    }

    pub(crate) fn is_called(&self, name: &str) -> bool {
        self.plural == name || self.singular == name || self.short_names.contains(&name)
    }

    pub(super) fn is_in(&self, rest: &str) -> bool {
        rest.is_empty() || rest == self.group || rest == format!("{}.{}", self.version, self.group)
    }

    /// The values that field selectors may ask for.
    pub fn selectable_fields(&self, object: &Value) -> BTreeMap<&'static str, String> {
        let mut fields: BTreeMap<_, _> = (self.selectable)(object).into_iter().collect();
        fields.extend(self.custom.iter().flat_map(|custom| custom.selectable(object)));
        fields.insert("metadata.name", value::text(object, "/metadata/name").unwrap_or_default().to_owned());
        if self.is_namespaced() {
            fields.insert(
                "metadata.namespace",
                value::text(object, "/metadata/namespace").unwrap_or_default().to_owned(),
            );
        }
        fields
    }

    /// Drops what is `null`, and fills in `apiVersion`, `kind` and every default.
    pub fn apply_defaults(&self, object: &mut Value) {
        self.drop_nulls(object);
        value::fill(object, "apiVersion", self.api_version());
        value::fill(object, "kind", self.kind);
        defaults::fill(self.defaults, object);
        self.strategy.default(object);
    }

    /// Makes a new object ready to be stored: no status from the client, the first generation.
    pub fn prepare_create(&self, object: &mut Value) {
        if self.has(Subresource::Status) && !self.creates_with_status {
            remove(object, "status");
        }
        if let Some(metadata) = value::child(object, "metadata") {
            ["deletionTimestamp", "deletionGracePeriodSeconds", "selfLink"]
                .iter()
                .for_each(|key| remove(metadata, key));
            remove(metadata, "generation");
            if self.generation {
                metadata["generation"] = json!(1);
            }
        }
        self.strategy.prepare_create(object);
    }

    /// Makes an update ready to be stored: what the system owns, and the status, stay as they are; a change of what is
    /// wanted counts up the generation.
    pub fn prepare_update(&self, new: &mut Value, old: &Value) {
        keep_system_metadata(new, old);
        if self.has(Subresource::Status) {
            copy(new, old, "status");
        }
        self.strategy.prepare_update(new, old);
        // A status that is kept apart is the same on both sides by now; another is part of what is wanted.
        let wanted = |key: &str| !["apiVersion", "kind", "metadata"].contains(&key);
        let changed = keys(new, old).iter().any(|key| wanted(key) && new.get(key) != old.get(key));
        if self.generation && (changed || self.strategy.wants_changed(new, old)) {
            count_up(new, old);
        }
    }

    /// Makes an update of the status ready to be stored: all but status, labels, annotations and finalizers stays.
    pub fn prepare_status_update(&self, new: &mut Value, old: &Value) {
        keep_system_metadata(new, old);
        if let (Some(to), Some(from)) = (value::child(new, "metadata"), old.get("metadata")) {
            copy(to, from, "ownerReferences");
        }
        for key in keys(new, old).iter().filter(|k| *k != "status" && *k != "metadata") {
            copy(new, old, key);
        }
        self.strategy.prepare_status_update(new, old);
    }

    /// Makes an update of a part ready to be stored: all but that part stays.
    pub fn prepare_part_update(&self, part: Subresource, new: &mut Value, old: &Value) {
        if part == Subresource::Status {
            return self.prepare_status_update(new, old);
        }
        let proposed = std::mem::replace(new, old.clone());
        self.strategy.take_part(part, new, &proposed);
        if self.generation && new.get("spec") != old.get("spec") {
            count_up(new, old);
        }
    }

    /// Everything that is wrong with a new object.
    pub fn validate_create(&self, object: &Value) -> FieldErrors {
        let mut errors = validation::metadata::validate(self, object);
        rule::check(self.rules, object, &mut errors);
        errors.extend(self.strategy.validate(object));
        errors.extend(self.check_rules(object, None, &errors));
        errors
    }

    /// What the expressions of a custom kind have against an object.
    fn check_rules(&self, object: &Value, old: Option<&Value>, others: &FieldErrors) -> FieldErrors {
        self.custom.map(|custom| custom.check_rules(object, old, others)).unwrap_or_default()
    }

    /// Everything that is wrong with an update, status updates included.
    pub fn validate_update(&self, new: &Value, old: &Value) -> FieldErrors {
        let mut errors = self.validate_changed(new, old);
        errors.extend(self.strategy.validate_update(new, old));
        errors
    }

    /// Everything that is wrong with an update of a part.
    pub fn validate_part_update(&self, part: Subresource, new: &Value, old: &Value) -> FieldErrors {
        let mut errors = self.validate_changed(new, old);
        errors.extend(self.strategy.validate_part_update(part, new, old));
        errors
    }

    fn validate_changed(&self, new: &Value, old: &Value) -> FieldErrors {
        let mut errors = validation::metadata::validate(self, new);
        errors.extend(validation::metadata::validate_update(new, old));
        rule::check(self.rules, new, &mut errors);
        rule::check_change(self.rules, new, old, &mut errors);
        errors.extend(self.newly_wrong(new, old));
        errors.extend(self.check_rules(new, Some(old), &errors));
        errors
    }

    /// What the strategy has against the object. Schemas of custom kinds become stricter while there are objects, so what was
    /// wrong before in the same way may stay.
    fn newly_wrong(&self, new: &Value, old: &Value) -> FieldErrors {
        let found = self.strategy.validate(new);
        if found.is_empty() || self.custom.is_none() {
            return found;
        }
        let before = self.strategy.validate(old);
        found.into_iter().filter(|error| before.iter().all(|known| known != error)).collect()
    }

    /// How long an object of this kind may take to end when the client does not say; `None` where deletion is at once.
    pub fn grace_seconds(&self, object: &Value) -> Option<i64> {
        self.strategy.grace_seconds(object)
    }

    /// Fields the kind does not have, or an error where a field has the wrong type.
    pub fn check_schema(&self, object: &Value) -> Result<Vec<UnknownField>, crate::Status> {
        if let Some(custom) = self.custom {
            return custom.unknown(object).map_err(|error| schema::to_status(self, &error));
        }
        let schema = schema::builtin();
        let Some(of) = schema.of_kind(self.group, self.version, self.kind) else { return Ok(Vec::new()) };
        schema::check(schema, of, object).map_err(|error| schema::to_status(self, &error))
    }
}

/// The members of either.
fn keys(new: &Value, old: &Value) -> BTreeSet<String> {
    [new, old].into_iter().flat_map(|v| value::entries(v, "")).map(|entry| entry.0.clone()).collect()
}

fn count_up(new: &mut Value, old: &Value) {
    let generation = value::number(old, "/metadata/generation").unwrap_or(0);
    new["metadata"]["generation"] = json!(generation + 1);
}

fn remove(object: &mut Value, key: &str) {
    if let Some(map) = object.as_object_mut() {
        map.remove(key);
    }
}

fn copy(to: &mut Value, from: &Value, key: &str) {
    match from.get(key) {
        Some(value) => to[key] = value.clone(),
        None => remove(to, key),
    }
}

fn keep_system_metadata(new: &mut Value, old: &Value) {
    const SYSTEM: [&str; 6] =
        ["uid", "creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds", "generation", "selfLink"];
    let (Some(to), Some(from)) = (value::child(new, "metadata"), old.get("metadata")) else { return };
    for key in SYSTEM {
        copy(to, from, key);
    }
}

impl fmt::Debug for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Kind({}/{})", self.api_version(), self.kind)
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.kind)
    }
}

impl Kind {
    fn identity(&self) -> (&'static str, &'static str, &'static str) {
        (self.group, self.version, self.kind)
    }
}

impl PartialEq for Kind {
    fn eq(&self, other: &Self) -> bool {
        self.identity() == other.identity()
    }
}

impl Eq for Kind {}

impl PartialOrd for Kind {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Kind {
    fn cmp(&self, other: &Self) -> Ordering {
        self.identity().cmp(&other.identity())
    }
}

impl Hash for Kind {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.identity().hash(state);
    }
}
