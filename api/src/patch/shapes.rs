//! How strategic merge patches treat the lists of each kind.
//!
//! A [`Shape`] names the fields of an object that are not merged in the plain way. Fields it does not name merge as in RFC
//! 7386: objects field by field, lists as a whole. The merge keys are those of the Kubernetes API.

/// How a field merges.
#[derive(Debug)]
pub enum Merge {
    /// An object with fields that need care.
    Object(&'static Shape),
    /// A list of objects told apart by `key`.
    List {
        /// The field that tells items apart.
        key: &'static str,
        /// The shape of an item.
        item: &'static Shape,
    },
    /// A list of plain values without order: a patch adds to it.
    Set,
}

/// The fields of an object that need care.
#[derive(Debug)]
pub struct Shape {
    /// Field and how it merges.
    pub fields: &'static [(&'static str, Merge)],
}

impl Shape {
    /// How the field merges, if it needs care.
    pub fn field(&self, name: &str) -> Option<&'static Merge> {
        self.fields.iter().find(|row| row.0 == name).map(|row| &row.1)
    }
}

const fn shape(fields: &'static [(&'static str, Merge)]) -> Shape {
    Shape { fields }
}

const fn list(key: &'static str, item: &'static Shape) -> Merge {
    Merge::List { key, item }
}

const META: (&str, Merge) = ("metadata", Merge::Object(&METADATA));

static LEAF: Shape = shape(&[]);
static METADATA: Shape = shape(&[("ownerReferences", list("uid", &LEAF)), ("finalizers", Merge::Set)]);
static CONDITIONS: Shape = shape(&[("conditions", list("type", &LEAF))]);

static CONTAINER: Shape = shape(&[
    ("env", list("name", &LEAF)),
    ("ports", list("containerPort", &LEAF)),
    ("volumeMounts", list("mountPath", &LEAF)),
    ("volumeDevices", list("devicePath", &LEAF)),
]);

static POD_SPEC: Shape = shape(&[
    ("containers", list("name", &CONTAINER)),
    ("initContainers", list("name", &CONTAINER)),
    ("ephemeralContainers", list("name", &CONTAINER)),
    ("volumes", list("name", &LEAF)),
    ("imagePullSecrets", list("name", &LEAF)),
    ("hostAliases", list("ip", &LEAF)),
    ("topologySpreadConstraints", list("topologyKey", &LEAF)),
    ("schedulingGates", list("name", &LEAF)),
    ("resourceClaims", list("name", &LEAF)),
]);

static POD_STATUS: Shape = shape(&[
    ("conditions", list("type", &LEAF)),
    ("podIPs", list("ip", &LEAF)),
    ("hostIPs", list("ip", &LEAF)),
    ("resourceClaimStatuses", list("name", &LEAF)),
]);

static TEMPLATE: Shape = shape(&[META, ("spec", Merge::Object(&POD_SPEC))]);
static REPLICA_SET_SPEC: Shape = shape(&[("template", Merge::Object(&TEMPLATE))]);
static DEPLOYMENT_SPEC: Shape = shape(&[("template", Merge::Object(&TEMPLATE))]);
static SERVICE_SPEC: Shape = shape(&[("ports", list("port", &LEAF))]);
static NODE_SPEC: Shape = shape(&[("podCIDRs", Merge::Set)]);
static NODE_STATUS: Shape = shape(&[("conditions", list("type", &LEAF)), ("addresses", list("type", &LEAF))]);

/// A kind with nothing but metadata that needs care.
pub static PLAIN: Shape = shape(&[META]);
/// Pod.
pub static POD: Shape = shape(&[META, ("spec", Merge::Object(&POD_SPEC)), ("status", Merge::Object(&POD_STATUS))]);
/// Deployment.
pub static DEPLOYMENT: Shape =
    shape(&[META, ("spec", Merge::Object(&DEPLOYMENT_SPEC)), ("status", Merge::Object(&CONDITIONS))]);
/// ReplicaSet.
pub static REPLICA_SET: Shape =
    shape(&[META, ("spec", Merge::Object(&REPLICA_SET_SPEC)), ("status", Merge::Object(&CONDITIONS))]);
/// Service.
pub static SERVICE: Shape =
    shape(&[META, ("spec", Merge::Object(&SERVICE_SPEC)), ("status", Merge::Object(&CONDITIONS))]);
/// Node.
pub static NODE: Shape = shape(&[META, ("spec", Merge::Object(&NODE_SPEC)), ("status", Merge::Object(&NODE_STATUS))]);
/// Namespace.
pub static NAMESPACE: Shape = shape(&[META, ("status", Merge::Object(&CONDITIONS))]);
/// ServiceAccount.
pub static SERVICE_ACCOUNT: Shape =
    shape(&[META, ("secrets", list("name", &LEAF)), ("imagePullSecrets", list("name", &LEAF))]);
