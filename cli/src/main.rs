//! `xebec`, the one binary: masters, node agents, and the client that talks to them.
//!
//! ```text
//! args      what was typed            settings   flags > environment > file > default
//! daemon    server, agent, dev        kubeconfig where the cluster is and who we are
//! verbs     one file a client verb    client     one gRPC channel, errors with advice
//!                                     print      tables, JSON, YAML, names
//! ```
//!
//! The client speaks gRPC only; what kubectl does over REST is no business of this crate.

mod advice;
mod args;
mod client;
mod daemon;
mod kubeconfig;
mod manifest;
mod merge;
mod print;
mod settings;
mod verbs;

use std::process::ExitCode;

use clap::Parser;

use args::{Arguments, Command};

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match start(arguments) {
        Ok(code) => code,
        Err(error) if print::is_closed_pipe(&error) => ExitCode::SUCCESS, // `xebec get pods | head`
        Err(error) => {
            eprintln!("{}", advice::explain(&error));
            ExitCode::FAILURE
        }
    }
}

fn start(arguments: Arguments) -> anyhow::Result<ExitCode> {
    let runtime = runtime(&arguments.command)?;
    let code = runtime.block_on(run(arguments));
    // A thread may still sit in a read of standard input; nobody needs it any more.
    runtime.shutdown_background();
    code
}

/// Daemons use every core; a client needs one thread.
fn runtime(command: &Command) -> std::io::Result<tokio::runtime::Runtime> {
    let mut builder = match command {
        Command::Server(_) | Command::Agent(_) | Command::Dev(_) => tokio::runtime::Builder::new_multi_thread(),
        _ => tokio::runtime::Builder::new_current_thread(),
    };
    builder.enable_all().build()
}

async fn run(arguments: Arguments) -> anyhow::Result<ExitCode> {
    let connection = &arguments.connection;
    match arguments.command {
        Command::Server(arguments) => daemon::server::run(arguments).await?,
        Command::Agent(arguments) => daemon::agent::run(arguments).await?,
        Command::Dev(arguments) => daemon::dev::run(arguments).await?,
        Command::Token(command) => verbs::token::run(connection, command).await?,
        Command::Cluster(command) => verbs::cluster::run(connection, command).await?,
        Command::Snapshot(command) => verbs::snapshot::run(connection, command).await?,
        Command::Get(arguments) => verbs::get::run(connection, arguments).await?,
        Command::Describe(arguments) => verbs::describe::run(connection, arguments).await?,
        Command::Apply(arguments) => verbs::apply::run(connection, arguments).await?,
        Command::Create(arguments) => verbs::create::run(connection, arguments).await?,
        Command::Delete(arguments) => verbs::delete::run(connection, arguments).await?,
        Command::Scale(arguments) => verbs::scale::run(connection, arguments).await?,
        Command::Logs(arguments) => verbs::logs::run(connection, arguments).await?,
        Command::Exec(arguments) => return verbs::exec::run(connection, arguments).await,
        Command::PortForward(arguments) => verbs::port_forward::run(connection, arguments).await?,
        Command::Top(arguments) => verbs::top::run(connection, arguments).await?,
        Command::Events(arguments) => verbs::events::run(connection, arguments).await?,
        Command::Completion(arguments) => verbs::completion::run(&arguments)?,
        Command::Version(arguments) => verbs::version::run(connection, &arguments).await?,
    }
    Ok(ExitCode::SUCCESS)
}
