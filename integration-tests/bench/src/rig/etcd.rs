//! How etcd is started: its defaults, mutual TLS between peers as we have it, and room for the data.

use std::path::Path;
use std::process::Command;

use super::Setup;

/// Its default of 2 GiB is too little for a long run.
const QUOTA: u64 = 8 << 30;

pub(super) fn command(program: &Path, setup: &Setup<'_>) -> Command {
    let (client, peer) = setup.addresses[setup.index];
    let (client, peer) = (format!("http://{client}"), format!("https://{peer}"));
    let name = |index: usize| format!("m{}", index + 1);
    let all = setup.addresses.iter().enumerate();
    let all: Vec<String> = all.map(|(index, (_, peer))| format!("{}=https://{peer}", name(index))).collect();
    let mut command = Command::new(program);
    command.args(["--name", &name(setup.index)]).arg("--data-dir").arg(setup.dir.join("data"));
    command.args(["--listen-client-urls", &client, "--advertise-client-urls", &client]);
    command.args(["--listen-peer-urls", &peer, "--initial-advertise-peer-urls", &peer]);
    command.args(["--initial-cluster", &all.join(","), "--initial-cluster-state", "new"]);
    command.args(["--initial-cluster-token", "bench", "--quota-backend-bytes", &QUOTA.to_string()]);
    command.args(["--logger", "zap", "--log-level", "error", "--peer-client-cert-auth"]);
    let files = [("trusted-ca-file", "ca.pem"), ("cert-file", "leaf.pem"), ("key-file", "key.pem")];
    for (option, file) in files {
        command.arg(format!("--peer-{option}")).arg(setup.tls.join(file));
    }
    command
}
