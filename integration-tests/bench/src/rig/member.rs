//! How our member is started.

use std::path::Path;
use std::process::Command;

use super::Setup;

pub(super) fn command(program: &Path, threads: usize, setup: &Setup<'_>) -> Command {
    let seats = setup.addresses.iter().enumerate();
    let seats: Vec<String> = seats.map(|(index, (_, peer))| format!("{}={peer}", index + 1)).collect();
    let (client, _) = setup.addresses[setup.index];
    let mut command = Command::new(program);
    command.arg("--data-dir").arg(setup.dir.join("data"));
    command.args(["--id", &(setup.index + 1).to_string(), "--members", &seats.join(",")]);
    command.args(["--client-address", &client.to_string(), "--threads", &threads.to_string()]);
    command.arg("--tls-dir").arg(setup.tls);
    command
}
