//! The client's verbs, one file each: ask, then print.

pub(crate) mod apply;
pub(crate) mod cluster;
pub(crate) mod completion;
pub(crate) mod create;
pub(crate) mod delete;
pub(crate) mod describe;
pub(crate) mod events;
pub(crate) mod exec;
pub(crate) mod get;
pub(crate) mod logs;
pub(crate) mod port_forward;
pub(crate) mod scale;
pub(crate) mod snapshot;
pub(crate) mod token;
pub(crate) mod top;
pub(crate) mod version;

use crate::args::Output;

/// `web-1` or `pod/web-1`: verbs that are about pods alone take both.
fn pod_name(word: &str) -> anyhow::Result<&str> {
    match word.split_once('/') {
        None => Ok(word),
        Some(("pod" | "pods" | "po", name)) => Ok(name),
        Some((kind, _)) => anyhow::bail!("this works on pods, not on {kind}; `xebec get pods` names them"),
    }
}

/// Whether a document is asked for, and not columns or names.
fn wants_document(output: Output) -> bool {
    matches!(output, Output::Json | Output::Yaml)
}
