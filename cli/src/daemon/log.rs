//! The daemons' log: lines on standard error, for journald or a file to keep.

use tracing_subscriber::EnvFilter;

/// What is logged when `XEBEC_LOG` says nothing: our own news, and only trouble of what we stand on.
const DEFAULT: &str = "info,openraft=error,sled=warn,h2=warn,hyper=warn,tonic=warn,rustls=warn";

/// Starts it. `XEBEC_LOG` takes what `RUST_LOG` does elsewhere: `debug`, or `info,xebec_store=debug`.
pub(super) fn start() -> anyhow::Result<()> {
    let directives = std::env::var("XEBEC_LOG").unwrap_or_else(|_| DEFAULT.to_owned());
    let filter =
        EnvFilter::try_new(&directives).map_err(|error| anyhow::anyhow!("XEBEC_LOG is {directives:?}: {error}"))?;
    let color = std::io::IsTerminal::is_terminal(&std::io::stderr());
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_ansi(color).init();
    Ok(())
}
