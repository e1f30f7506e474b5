//! Amounts of what a node has and a pod asks for, as whole numbers.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::api::resource::Quantity;

/// What kube-scheduler assumes of a container that requests no cpu, when it scores (not when it filters).
const ASSUMED_MILLI_CPU: i64 = 100;
/// The same for memory: 200 MB.
const ASSUMED_MEMORY: i64 = 200 * 1024 * 1024;

/// Amounts of each resource. Additions saturate, so that absurd requests fit nowhere instead of wrapping around.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Resources {
    /// Thousandths of a core.
    pub milli_cpu: i64,
    /// Bytes.
    pub memory: i64,
    /// Bytes.
    pub ephemeral_storage: i64,
    /// Number of pods.
    pub pods: i64,
    /// Devices and huge pages by their full resource name.
    pub extended: BTreeMap<String, i64>,
}

impl Resources {
    /// Reads a resource list as it stands in `requests`, `capacity` or `allocatable`. What does not parse counts as
    /// nothing: the registry has validated it.
    pub fn from_list(list: &BTreeMap<String, Quantity>) -> Self {
        let mut resources = Self::default();
        for (name, quantity) in list {
            resources.set(name, quantity);
        }
        resources
    }

    fn set(&mut self, name: &str, quantity: &Quantity) {
        match name {
            "cpu" => self.milli_cpu = milli(quantity),
            "memory" => self.memory = whole(quantity),
            "ephemeral-storage" => self.ephemeral_storage = whole(quantity),
            "pods" => self.pods = whole(quantity),
            _ => {
                self.extended.insert(name.to_owned(), whole(quantity));
            }
        }
    }

    /// Adds `other` to this.
    pub fn add(&mut self, other: &Self) {
        self.combine(other, i64::saturating_add);
    }

    /// Takes `other` from this.
    pub fn subtract(&mut self, other: &Self) {
        self.combine(other, i64::saturating_sub);
    }

    /// Keeps the larger of both, resource by resource.
    pub fn raise_to(&mut self, other: &Self) {
        self.combine(other, Ord::max);
    }

    fn combine(&mut self, other: &Self, with: fn(i64, i64) -> i64) {
        self.milli_cpu = with(self.milli_cpu, other.milli_cpu);
        self.memory = with(self.memory, other.memory);
        self.ephemeral_storage = with(self.ephemeral_storage, other.ephemeral_storage);
        self.pods = with(self.pods, other.pods);
        for (name, amount) in &other.extended {
            let mine = self.extended.entry(name.clone()).or_default();
            *mine = with(*mine, *amount);
        }
    }

    /// The same with the amounts assumed for scoring where no cpu or memory is requested.
    pub fn assumed(&self) -> Self {
        let mut assumed = self.clone();
        if assumed.milli_cpu == 0 {
            assumed.milli_cpu = ASSUMED_MILLI_CPU;
        }
        if assumed.memory == 0 {
            assumed.memory = ASSUMED_MEMORY;
        }
        assumed
    }
}

fn milli(quantity: &Quantity) -> i64 {
    parse(quantity).map_or(0, |q| q.milli_value())
}

fn whole(quantity: &Quantity) -> i64 {
    parse(quantity).map_or(0, |q| q.value())
}

fn parse(quantity: &Quantity) -> Option<xebec_api::quantity::Quantity> {
    quantity.0.parse().ok()
}
