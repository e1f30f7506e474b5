//! The functions of every CEL, and of the extensions that Kubernetes has: one file a subject, each a table of rows.

mod arithmetic;
mod compare;
mod convert;
mod encoders;
mod format;
mod lists;
mod net;
mod optionals;
mod regexes;
mod semver;
mod sets;
mod strings;
mod times;
mod urls;

use crate::signature::Library;

pub use convert::parse_duration;
pub(crate) use convert::{duration_text, timestamp_text};
pub use urls::is_url;

/// All of them, for [`crate::EnvironmentBuilder::library`].
pub fn standard_libraries() -> &'static [Library] {
    &[
        arithmetic::LIBRARY,
        compare::LIBRARY,
        convert::LIBRARY,
        encoders::LIBRARY,
        format::LIBRARY,
        lists::LIBRARY,
        net::LIBRARY,
        optionals::LIBRARY,
        regexes::LIBRARY,
        semver::LIBRARY,
        sets::LIBRARY,
        strings::LIBRARY,
        times::LIBRARY,
        urls::LIBRARY,
    ]
}
