//! Objects that are served in more than one version or group.
//!
//! They are stored once, in the form of one row. The other row turns what a client writes into that form, and what is stored
//! into its own; both know every object.

use serde_json::Value;

use super::Kind;

/// How the objects of one row are kept as those of another.
pub struct KeptAs {
    /// The row in whose form they are stored.
    pub kind: &'static Kind,
    /// From the form that is stored to the form that is served.
    pub read: fn(&mut Value),
    /// From the form that is served to the form that is stored.
    pub write: fn(&mut Value),
}

impl Kind {
    /// The row in whose form the objects are stored: this one, unless it says otherwise.
    pub fn stored(&self) -> &Kind {
        self.kept_as.map_or(self, |kept| kept.kind)
    }

    /// Whether there are objects in the store that are of this row's form.
    pub fn is_kept(&self) -> bool {
        self.is_stored() && self.kept_as.is_none()
    }

    /// Turns an object as it is stored into one of this kind. Versions of custom kinds have schemas, and so defaults, of their
    /// own.
    pub fn read_stored(&self, object: &mut Value) {
        if let Some(kept) = self.kept_as {
            (kept.read)(object);
            name(object, self);
            if self.custom.is_some() {
                self.strategy.default(object);
            }
        }
    }

    /// Turns an object of this kind into the form in which it is stored.
    pub fn write_stored(&self, object: &mut Value) {
        if let Some(kept) = self.kept_as {
            (kept.write)(object);
            name(object, kept.kind);
        }
    }
}

fn name(object: &mut Value, kind: &Kind) {
    if let Some(map) = object.as_object_mut() {
        map.insert("apiVersion".into(), kind.api_version().into());
        map.insert("kind".into(), kind.kind.into());
    }
}
