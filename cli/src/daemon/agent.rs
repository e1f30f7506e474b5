//! `xebec agent`: one node.

use std::path::PathBuf;

use anyhow::{Context, Result};
use xebec_node_agent::{Agent, AgentConfig};

use super::server::without_secret;
use super::signals::Signals;
use super::{host, log};
use crate::args::AgentArguments;
use crate::settings::{self, SettingsError};

const DATA_DIR: &str = "/var/lib/xebec/agent";

/// Runs until asked to end. The node's pods go on without it.
pub(crate) async fn run(arguments: AgentArguments) -> Result<()> {
    log::start()?;
    let signals = Signals::catch()?;
    let settings = settings::resolve(&arguments, arguments.config.as_deref())?;
    let agent = Agent::start(config(settings)?).await.context("start the agent")?;
    signals.wait().await;
    agent.shutdown().await;
    Ok(())
}

/// The configuration that `settings` mean; what they leave open has its default here or in `AgentConfig`.
fn config(settings: AgentArguments) -> Result<AgentConfig> {
    let defaults = AgentConfig::default();
    let node_address = match settings.node_address.as_deref() {
        Some(text) => settings::parse("node-address", text, "an IP address")?,
        None => host::default_address().context("--node-address is needed")?,
    };
    Ok(AgentConfig {
        node_name: settings.node_name.map_or_else(host::name, Ok)?,
        data_dir: settings.data_dir.unwrap_or_else(|| PathBuf::from(DATA_DIR)),
        servers: settings.server,
        token: token(settings.token.as_deref(), settings.token_file.as_deref())?,
        node_address,
        containerd_address: settings.containerd_address,
        containerd_binary: settings.containerd_binary.unwrap_or(defaults.containerd_binary),
        runtime: settings.runtime.unwrap_or(defaults.runtime),
        root_cgroup: settings.root_cgroup.unwrap_or(defaults.root_cgroup),
        labels: labels(&settings.node_label)?,
        taints: settings.node_taint,
        max_pods: settings.max_pods.unwrap_or(defaults.max_pods),
        ..defaults
    })
}

/// Checked here, so that a broken one is refused before anything starts.
fn token(direct: Option<&str>, file: Option<&std::path::Path>) -> Result<Option<String>, SettingsError> {
    let token = settings::token(direct, file)?;
    let expected = "a join token; `xebec token create --role agent` on a master prints one";
    let check = |text: &String| {
        settings::parse::<xebec_proto::token::JoinToken>("token", text, expected).map_err(without_secret)
    };
    token.as_ref().map(check).transpose()?;
    Ok(token)
}

fn labels(given: &[String]) -> Result<std::collections::BTreeMap<String, String>, SettingsError> {
    let pair = |label: &String| {
        let wrong = || SettingsError::Value { flag: "node-label", value: label.clone(), expected: "key=value" };
        label.split_once('=').map(|(key, value)| (key.to_owned(), value.to_owned())).ok_or_else(wrong)
    };
    given.iter().map(pair).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_pairs() {
        let read = labels(&["a=b".to_owned(), "disk=ssd=fast".to_owned()]).expect("pairs");
        assert_eq!(read["disk"], "ssd=fast");
        assert!(labels(&["lonely".to_owned()]).is_err());
    }
}
