//! All FlowSchemas and priority levels, ready to be asked.

use std::hash::{DefaultHasher, Hash, Hasher};

use serde_json::Value;

use super::defaults;
use super::flow::FlowSchema;
use super::level::LevelSpec;
use crate::authn::User;
use crate::request_info::RequestInfo;

/// What the cluster's objects say. Objects that cannot be read are left out; the mandatory ones are always there.
#[derive(Clone, Debug)]
pub struct Config {
    schemas: Vec<FlowSchema>,
    levels: Vec<LevelSpec>,
}

/// Where a request belongs.
pub(super) struct Match<'a> {
    pub(super) schema: &'a FlowSchema,
    pub(super) level: &'a LevelSpec,
    /// A number that is the same for all requests of the flow.
    pub(super) flow: u64,
}

impl Config {
    /// What these FlowSchemas and PriorityLevelConfigurations say. A schema without its level is left out.
    pub fn new(schemas: &[Value], levels: &[Value]) -> Config {
        let mut levels: Vec<LevelSpec> = levels.iter().filter_map(LevelSpec::read).collect();
        for mandatory in defaults::mandatory_levels().iter().filter_map(LevelSpec::read) {
            if !levels.iter().any(|level| level.name == mandatory.name) {
                levels.push(mandatory);
            }
        }
        let has_level = |schema: &FlowSchema| levels.iter().any(|level| level.name == schema.level);
        let mut schemas: Vec<FlowSchema> = schemas.iter().filter_map(FlowSchema::read).filter(has_level).collect();
        for mandatory in defaults::mandatory_schemas().iter().filter_map(FlowSchema::read) {
            if !schemas.iter().any(|schema| schema.name == mandatory.name) {
                schemas.push(mandatory);
            }
        }
        schemas.sort_by(|a, b| a.precedence.cmp(&b.precedence).then_with(|| a.name.cmp(&b.name)));
        Config { schemas, levels }
    }

    /// What a cluster begins with.
    pub fn suggested() -> Config {
        Config::new(&defaults::schemas(), &defaults::levels())
    }

    pub(super) fn levels(&self) -> &[LevelSpec] {
        &self.levels
    }

    pub(super) fn level(&self, name: &str) -> Option<&LevelSpec> {
        self.levels.iter().find(|level| level.name == name)
    }

    /// The first schema that fits; every authenticated request fits the last one.
    pub(super) fn find(&self, user: &User, request: &RequestInfo) -> Option<Match<'_>> {
        let schema = self.schemas.iter().find(|schema| schema.matches(user, request))?;
        let level = self.level(&schema.level)?;
        // Keys that are the same in every process, so that masters deal alike.
        let mut hasher = DefaultHasher::new();
        (schema.name.as_str(), schema.flow(user, request)).hash(&mut hasher);
        Some(Match { schema, level, flow: hasher.finish() })
    }
}
