//! `xebec server`: one master.

use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::time::Duration;

use anyhow::{Context, Result};
use xebec_control_plane::audit::{AuditConfig, AuditPlace};
use xebec_control_plane::server::{Join, Master, ServerConfig};

use super::signals::Signals;
use super::{host, log};
use crate::args::ServerArguments;
use crate::settings::{self, SettingsError};

const DATA_DIR: &str = "/var/lib/xebec/server";

/// Runs until asked to end.
pub(crate) async fn run(arguments: ServerArguments) -> Result<()> {
    log::start()?;
    let signals = Signals::catch()?;
    let settings = settings::resolve(&arguments, arguments.config.as_deref())?;
    let copy = settings.write_kubeconfig.clone();
    let config = config(settings)?;
    let mut asked_to_end = pin!(signals.wait());
    loop {
        let master = Master::start(config.clone()).await.context("start the master")?;
        if let Some(path) = &copy {
            copy_kubeconfig(&master.admin_kubeconfig(), path)?;
        }
        greet(&master);
        tokio::select! {
            () = &mut asked_to_end => {
                master.shutdown().await;
                return Ok(());
            }
            // Removed: an error. Left behind by its cluster: it starts again, and joins the new one.
            dismissal = master.dismissed() => master.step_down(dismissal).await?,
        }
    }
}

/// The configuration that `settings` mean; what they leave open has its default here or in `ServerConfig`.
fn config(settings: ServerArguments) -> Result<ServerConfig> {
    let defaults = ServerConfig::default();
    let listen = |flag, value: Option<&str>, default| {
        value.map_or(Ok(default), |text| settings::parse(flag, text, "ADDRESS:PORT, for example 0.0.0.0:6443"))
    };
    let cidr = |flag, value: Option<&str>, default| {
        value.map_or(Ok(default), |text| settings::parse(flag, text, "a network, for example 10.42.0.0/16"))
    };
    Ok(ServerConfig {
        listen: listen("listen", settings.listen.as_deref(), defaults.listen)?,
        peer_listen: listen("peer-listen", settings.peer_listen.as_deref(), defaults.peer_listen)?,
        cluster_cidr: cidr("cluster-cidr", settings.cluster_cidr.as_deref(), defaults.cluster_cidr)?,
        service_cidr: cidr("service-cidr", settings.service_cidr.as_deref(), defaults.service_cidr)?,
        join: join(&settings)?,
        audit: audit(&settings),
        name: settings.name.map_or_else(host::name, Ok)?,
        data_dir: settings.data_dir.unwrap_or_else(|| PathBuf::from(DATA_DIR)),
        advertise_address: advertise(settings.advertise_address)?,
        cluster_init: settings.cluster_init.unwrap_or(false),
        extra_sans: settings.tls_san,
        node_monitor_grace: settings.node_monitor_grace.map_or(defaults.node_monitor_grace, |span| span.0),
        unreachable_toleration: settings.unreachable_toleration.map_or(defaults.unreachable_toleration, |span| span.0),
        ..defaults
    })
}

/// What is recorded, and where.
fn audit(settings: &ServerArguments) -> AuditConfig {
    const DAY: Duration = Duration::from_secs(24 * 60 * 60);
    let defaults = AuditConfig::default();
    let place = settings.audit_log_path.as_ref().map(|path| match path.as_os_str().to_str() {
        Some("none") => AuditPlace::Off,
        _ => AuditPlace::File(path.clone()),
    });
    AuditConfig {
        place: place.unwrap_or(defaults.place),
        max_bytes: settings.audit_log_maxsize.map_or(defaults.max_bytes, |megabytes| megabytes.max(1) << 20),
        max_backups: settings.audit_log_maxbackup.unwrap_or(defaults.max_backups),
        max_age: settings.audit_log_maxage.map_or(defaults.max_age, |days| DAY * days),
    }
}

pub(crate) fn advertise(given: Option<String>) -> Result<String> {
    match given {
        Some(address) => Ok(address),
        None => Ok(host::default_address().context("--advertise-address is needed")?.to_string()),
    }
}

/// Both or neither of `--server` and a token.
fn join(settings: &ServerArguments) -> Result<Option<Join>, SettingsError> {
    let token = settings::token(settings.token.as_deref(), settings.token_file.as_deref())?;
    match (&settings.server, token) {
        (None, None) => Ok(None),
        (Some(server), Some(token)) => Ok(Some(Join {
            server: settings::parse("server", server, "the address of a master, for example https://10.0.0.1:6443")?,
            token: settings::parse(
                "token",
                &token,
                "a join token; `xebec token create --role server` on a master prints one",
            )
            .map_err(without_secret)?,
        })),
        (Some(_), None) => Err(SettingsError::Missing {
            flag: "token",
            why: "joining takes an invitation; `xebec token create --role server` on a master prints one",
        }),
        (None, Some(_)) => {
            Err(SettingsError::Missing { flag: "server", why: "the token does not say where the cluster is" })
        }
    }
}

/// A token that is nearly right holds most of a secret.
pub(super) fn without_secret(error: SettingsError) -> SettingsError {
    match error {
        SettingsError::Value { flag, expected, .. } => {
            SettingsError::Value { flag, value: "(not shown)".to_owned(), expected }
        }
        other => other,
    }
}

fn copy_kubeconfig(from: &Path, to: &Path) -> Result<()> {
    let text = std::fs::read(from).with_context(|| format!("read {}", from.display()))?;
    if let Some(folder) = to.parent() {
        std::fs::create_dir_all(folder).with_context(|| format!("make {}", folder.display()))?;
    }
    let mut options = std::fs::OpenOptions::new();
    let file = options.write(true).create(true).truncate(true).mode(0o600).open(to);
    let written = file.and_then(|mut file| std::io::Write::write_all(&mut file, &text));
    written.with_context(|| format!("write {}", to.display()))
}

/// What the first master's log opens with: how the others come. The tokens in it end after a day.
fn greet(master: &Master) {
    eprintln!("The administrator's kubeconfig is {}", master.admin_kubeconfig().display());
    if let Some(commands) = master.join_commands() {
        eprintln!("More masters join with:\n  {}\nWorkers join with:\n  {}", commands.server, commands.agent);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings() -> ServerArguments {
        ServerArguments {
            name: Some("m1".to_owned()),
            advertise_address: Some("10.0.0.1".to_owned()),
            ..ServerArguments::default()
        }
    }

    #[test]
    fn what_is_not_said_has_its_default() {
        let config = config(settings()).expect("complete");
        assert_eq!((config.name.as_str(), config.listen.port(), config.cluster_init), ("m1", 6443, false));
        assert_eq!(config.data_dir, Path::new(DATA_DIR));
    }

    #[test]
    fn a_wrong_value_names_its_flag() {
        let wrong = ServerArguments { listen: Some("here".to_owned()), ..settings() };
        let error = config(wrong).expect_err("refused").to_string();
        assert_eq!(error, "--listen: \"here\" is not ADDRESS:PORT, for example 0.0.0.0:6443");
    }

    #[test]
    fn half_an_invitation_is_refused_and_a_broken_token_is_not_shown() {
        let half = ServerArguments { server: Some("https://m1:6443".to_owned()), ..settings() };
        assert!(config(half.clone()).expect_err("refused").to_string().starts_with("--token is needed"));
        let broken = ServerArguments { token: Some("XB1secret".to_owned()), ..half };
        let error = config(broken).expect_err("refused").to_string();
        assert!(error.starts_with("--token") && !error.contains("XB1secret"), "{error}");
    }
}
