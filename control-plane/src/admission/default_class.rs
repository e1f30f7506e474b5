//! Objects that name no class get the default one: claims a StorageClass, Ingresses an IngressClass. Of several defaults the newest
//! counts, so that one can be replaced without a gap.

use std::cmp::Reverse;
use std::sync::Arc;

use serde_json::json;
use xebec_api::Status;
use xebec_api::value::text;

use super::{Admission, AdmissionRequest, Operation};
use crate::cache::Cache;

/// What is given a class.
struct Classed {
    plugin: &'static str,
    /// Group and plural of the object.
    of: (&'static str, &'static str),
    /// The field that names the class.
    field: &'static str,
    /// The annotation that named it before there was a field.
    old_annotation: &'static str,
    /// Group and plural of the class.
    class: (&'static str, &'static str),
    /// The annotation of the default class.
    default_annotation: &'static str,
}

static STORAGE: Classed = Classed {
    plugin: "DefaultStorageClass",
    of: ("", "persistentvolumeclaims"),
    field: "storageClassName",
    old_annotation: "/metadata/annotations/volume.beta.kubernetes.io~1storage-class",
    class: ("storage.k8s.io", "storageclasses"),
    default_annotation: "storageclass.kubernetes.io/is-default-class",
};

static INGRESS: Classed = Classed {
    plugin: "DefaultIngressClass",
    of: ("networking.k8s.io", "ingresses"),
    field: "ingressClassName",
    old_annotation: "/metadata/annotations/kubernetes.io~1ingress.class",
    class: ("networking.k8s.io", "ingressclasses"),
    default_annotation: "ingressclass.kubernetes.io/is-default-class",
};

/// See the module.
pub struct DefaultClass {
    classed: &'static Classed,
    cache: Arc<Cache>,
}

impl DefaultClass {
    /// For claims.
    pub fn storage(cache: Arc<Cache>) -> Self {
        Self { classed: &STORAGE, cache }
    }

    /// For Ingresses.
    pub fn ingress(cache: Arc<Cache>) -> Self {
        Self { classed: &INGRESS, cache }
    }

    fn default_class(&self) -> Option<String> {
        let (group, plural) = self.classed.class;
        let kind = xebec_api::find(group, "v1", plural)?;
        let stored = self.cache.list(kind, None);
        let metas = stored.iter().map(|stored| stored.object.meta());
        let defaults = metas.filter(|meta| {
            meta.annotations.get(self.classed.default_annotation).is_some_and(|is_default| is_default == "true")
        });
        let newest = defaults.min_by_key(|meta| (Reverse(meta.creation_timestamp.clone()), meta.name.clone()));
        newest.map(|meta| meta.name.clone())
    }
}

impl Admission for DefaultClass {
    fn name(&self) -> &'static str {
        self.classed.plugin
    }

    fn mutate(&self, request: &mut AdmissionRequest<'_>) -> Result<(), Status> {
        let is_new = request.operation == Operation::Create && request.subresource.is_none();
        if !is_new || (request.kind.group, request.kind.plural) != self.classed.of {
            return Ok(());
        }
        // An empty name is a name: it asks for no class.
        let named = request.object["spec"].get(self.classed.field).is_some_and(|name| !name.is_null());
        if named || text(request.object, self.classed.old_annotation).is_some() {
            return Ok(());
        }
        if let Some(class) = self.default_class() {
            request.object["spec"][self.classed.field] = json!(class);
        }
        Ok(())
    }
}
